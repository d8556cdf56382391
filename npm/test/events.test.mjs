import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { idempotencyKey, normalize, orderingKey, render } from "countersign/events";
import { PACKAGE, PROJECT } from "../scripts/paths.mjs";
import { OUTBOUND } from "./insight/samples.mjs";
import { PAYLOADS } from "./support.mjs";

/** What a pattern finds in a file, sorted. */
const names = (file, pattern) => [...readFileSync(file, "utf8").matchAll(pattern)].map(([, name]) => name).sort();

const delivery = (source) => OUTBOUND.find((one) => one.source === source);
const eventOf = (source, changes = {}) => {
  const body = JSON.stringify({ ...PAYLOADS[source], ...changes });
  const [event] = normalize(source, { headers: delivery(source).headers, body }).events;
  return event;
};

describe("normalised events", () => {
  // Holds: R-X6
  test("the four senders say the same in one shape", () => {
    const [cleanmails, smartlead, sendemall, platform] = ["cleanmails", "smartlead", "sendemall", "platform"].map(
      (source) => eventOf(source),
    );
    assert.deepEqual([cleanmails.type, smartlead.type], ["email.replied", "email.replied"]);
    assert.deepEqual([sendemall.type, platform.type], ["email.bounced", "email.bounced"]);
    assert.deepEqual([cleanmails.lead.id, smartlead.lead.id], ["42", "789"]);
    assert.deepEqual(sendemall.bounce, { kind: "hard", code: "550" });
    assert.deepEqual(platform.original, PAYLOADS.platform);
    assert.equal(smartlead.occurred_at, "2024-11-25T11:00:00.000Z");
  });

  test("there is a TypeScript type for every type, source, policy and scope of the core", () => {
    const core = (file, pattern) => names(`${PROJECT}core/src/${file}`, pattern);
    const ours = (file, type) => {
      const text = readFileSync(`${PACKAGE}src/${file}`, "utf8");
      const [, union] = new RegExp(`export type ${type} =([^]*?);\\n\\n`).exec(text);
      return [...union.matchAll(/"([a-z_.]+)"/g)].map(([, name]) => name).sort();
    };
    assert.deepEqual(
      ours("normalized.ts", "NormalizedType"),
      core("event/types.rs", /^ {4}\w+ = "([a-z_.]+)", \w+;/gm),
    );
    const variants = (file, name) => {
      const [, body] = new RegExp(`pub enum ${name} \\{([^}]*)\\}`).exec(
        readFileSync(`${PROJECT}core/src/${file}`, "utf8"),
      );
      const found = [...body.matchAll(/^ {4}([A-Z]\w+),/gm)].map(([, variant]) => variant);
      return found.map((variant) => variant.replace(/(?!^)[A-Z]/g, "_$&").toLowerCase()).sort();
    };
    assert.deepEqual(ours("normalizing.ts", "KeyPolicy"), variants("key.rs", "KeyPolicy"));
    assert.deepEqual(ours("normalizing.ts", "OrderScope"), variants("key.rs", "OrderScope"));
    const four = ours("verifier.ts", "Provider");
    assert.deepEqual([...ours("normalized.ts", "EventSource"), ...four].sort(), variants("event/source.rs", "Source"));
  });

  // Holds: S40, R-X7
  test("an unknown event is no error, and no field has another type than is written down", () => {
    const event = eventOf("sendemall", {
      event: "email.zzz",
      data: { lead_email: 7, bounce_type: [], sequence_step: "3" },
    });
    assert.equal(event.type, "other");
    assert.equal(event.provider_event, "email.zzz");
    assert.deepEqual([event.lead, event.bounce], [undefined, undefined]);
  });

  test("what cannot be read is a result, never an exception", () => {
    for (const source of ["cleanmails", "smartlead", "sendemall", "platform", "resend", "sendgrid", "mailgun"]) {
      for (const body of ["", "{", "null", "7", "[".repeat(100_000), Buffer.from([0xff])]) {
        const { ok, code, path, message } = normalize(source, { body });
        assert.equal(ok, false, `${source} ${body.slice(0, 9)}`);
        assert.ok(["json_invalid", "wrong_type", "missing_field"].includes(code), code);
        assert.equal(typeof path, "string");
        assert.ok(message.length > 0);
      }
    }
    for (const source of ["nobody", "", "__proto__"])
      assert.equal(normalize(source, { body: "{}" }).code, "unknown_provider");
    assert.throws(() => normalize("resend", { body: {} }), { code: "body_already_parsed" });
    assert.throws(() => normalize("resend", { body: "{}", headers: [7] }), { code: "headers_invalid" });
  });
});

describe("rendering", () => {
  test("an event that is rendered for its own provider reads back as it was", () => {
    for (const { source } of OUTBOUND) {
      const event = eventOf(source);
      const { ok, body } = render(event, source);
      assert.equal(ok, true, source);
      const [again] = normalize(source, { headers: delivery(source).headers, body }).events;
      const { original: _first, ...before } = event;
      const { original: _second, ...after } = again;
      assert.deepEqual(after, before, source);
    }
  });

  test("an event goes to another provider, and what is missing is named", () => {
    const event = eventOf("smartlead");
    const rendered = JSON.parse(render({ ...event, event_id: "evt_1" }, "sendemall").body);
    assert.deepEqual([rendered.event, rendered.data.lead_email], ["email.replied", "lead@example.com"]);
    const { ok, code, path } = render(eventOf("platform"), "smartlead");
    assert.deepEqual([ok, code], [false, "missing_field"]);
    assert.ok(path.length > 0);
    assert.equal(render({ ...event, type: "email.complained" }, "platform").code, "not_expressible");
    assert.equal(render({ ...event, occurred_at: "yesterday" }, "smartlead").code, "time_invalid");
    assert.equal(render(event, "nobody").code, "unknown_provider");
  });
});

describe("keys", () => {
  const event = eventOf("smartlead");

  // Holds: S37
  test("repeats have one key, other events another, and policies are what they are called", () => {
    assert.equal(idempotencyKey(event), '["smartlead","id","r1"]');
    const { dedupe: _, ...without } = event;
    assert.equal(idempotencyKey(without), idempotencyKey(event, "fields"));
    assert.notEqual(idempotencyKey({ ...without, step: 2 }), idempotencyKey(without));
    assert.ok(idempotencyKey(event, "smartlead_guide").includes("EMAIL_REPLIED"));
    assert.equal(idempotencyKey(without, "smartlead_reference"), null);
  });

  // Holds: S38, R-E15
  test("order is told by a key and a moment", () => {
    const order = Date.parse("2024-11-25T11:00:00Z");
    assert.deepEqual(orderingKey(event), { key: '["smartlead","lead in campaign",null,"123","789"]', order });
    assert.equal(orderingKey(event, "campaign").key, '["smartlead","campaign",null,"123",null]');
    const { occurred_at: _, ...timeless } = event;
    assert.equal(orderingKey(timeless).order, null);
  });

  test("what is no event, policy or scope is the caller's mistake", () => {
    const cycle = {};
    cycle.cycle = cycle;
    for (const wrong of [
      null,
      undefined,
      7,
      "event",
      [],
      {},
      { type: "email.sent" },
      cycle,
      { toJSON: () => undefined },
    ]) {
      for (const call of [idempotencyKey, orderingKey, (one) => render(one, "smartlead")]) {
        assert.throws(() => call(wrong), { name: "CountersignError", code: "wrong_type" });
      }
    }
    assert.throws(() => idempotencyKey(event, "best"), { code: "unknown_option" });
    assert.throws(() => orderingKey(event, "all"), { code: "unknown_option" });
  });
});
