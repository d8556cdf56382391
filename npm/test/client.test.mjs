// The client of the API, against a running host: from a workspace to a replay.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ApiError, Client } from "countersign/client";
import { PACKAGE } from "../scripts/paths.mjs";
import { HOST_MISSING, startHost } from "./host.mjs";
import { skipWithout } from "./needs.mjs";
import { serving } from "./support.mjs";

const skip = skipWithout(!HOST_MISSING, HOST_MISSING);

/** Asks until the answer is there. */
async function until(ask) {
  for (let tries = 0; tries < 1_000; tries++) {
    const found = await ask();
    if (found) return found;
    await sleep(20);
  }
  throw new Error("it did not happen");
}

const refused = (code, status) => (error) =>
  error instanceof ApiError && error.code === code && error.status === status;

describe("a running host", { skip, timeout: 120_000 }, () => {
  let host;
  let url;

  before(async () => {
    host = await startHost();
    url = host.url;
  });
  after(() => host.stop());

  test("makes a workspace, a key and an endpoint, publishes, lists and replays", async () => {
    const root = new Client({ url });
    await root.createWorkspace({ id: "acme", name: "Acme" });
    const { key } = await root.createKey({ role: "manage", workspace: "acme" });
    const client = new Client({ url: `${url}/`, key });

    let accept = false;
    const arrived = [];
    await serving(
      (request, response) => {
        arrived.push(request.headers["webhook-id"]);
        request.resume().on("end", () => response.writeHead(accept ? 200 : 410).end());
      },
      async (receiver) => {
        const made = await client.createEndpoint({ provider: "platform", url: `${receiver}/hook`, secret: "s3cret" });
        assert.equal(made.workspace, "acme");
        assert.ok(made.warnings.some((warning) => warning.includes("http")));

        const event = { provider: "platform", payload: { type: "open", email_id: "m" } };
        const { message_id } = await client.publishEvent(event, { idempotencyKey: "once" });
        const again = await client.publishEvent(event, { idempotencyKey: "once" });
        assert.deepEqual([again.message_id, again.duplicate], [message_id, true]);
        const dead = await until(async () => (await client.listDeadLetters()).dead_letters[0]);
        assert.deepEqual([dead.message_id, dead.reason], [message_id, "gone"]);

        accept = true;
        assert.equal((await client.pingEndpoint(made.id, { resume: true })).resumed, true);
        const filter = { endpoint_id: made.id };
        const preview = await client.createReplay({ filter, dry_run: true });
        assert.deepEqual([preview.count, preview.sample], [1, [dead.id]]);
        const replay = await client.createReplay({ filter, per_second: 100 });
        assert.equal(replay.matched, 1);
        const shown = await until(async () => {
          const delivery = await client.showDelivery(dead.id);
          return delivery.status === "delivered" && delivery;
        });
        assert.deepEqual(
          shown.attempts.map(({ status }) => status),
          [410, 200],
        );
        assert.deepEqual((await client.messagePayload(message_id)).email_id, "m");
        assert.ok(arrived.includes(message_id));

        const { events } = await client.publishBatch({
          events: ["a", "b", "c"].map((id) => ({ ...event, event_id: id })),
        });
        assert.equal(events.length, 3);
        const listed = [];
        for await (const message of client.entries((after) =>
          client.listMessages({ limit: 2, ...(after && { after }) }),
        )) {
          listed.push(message.id);
        }
        assert.deepEqual(listed, [...events.map((one) => one.message_id).reverse(), message_id]);
        assert.equal(await client.deleteEndpoint(made.id), undefined);
      },
    );
  });

  test("says what the server says is wrong, by its code", async () => {
    const client = new Client({ url });
    await assert.rejects(client.showEndpoint("ep_none"), refused("not_found", 404));
    await assert.rejects(client.createEndpoint({ provider: "platform" }), (error) => {
      assert.deepEqual([error.code, error.problem.field, error.name], ["missing_field", "url", "ApiError"]);
      return true;
    });
    await assert.rejects(new Client({ url, key: "csk_none" }).listKeys(), refused("unauthorized", 401));
    await assert.rejects(new Client({ url, workspace: "nowhere" }).listKeys(), refused("workspace_unknown", 404));
    const ended = AbortSignal.abort();
    await assert.rejects(client.showVersion({ signal: ended }), { name: "AbortError" });
  });
});

describe("without a host", () => {
  test("an answer of something else is told as such, and a redirect is not followed", async () => {
    const paths = [];
    await serving(
      (request, response) => {
        paths.push(request.url);
        if (request.url === "/v1/keys") response.writeHead(302, { location: "/stolen" }).end();
        else response.writeHead(502).end("<html>");
      },
      async (server) => {
        const client = new Client({ url: server, key: "csk_a" });
        await assert.rejects(client.showVersion(), refused("no_problem", 502));
        await assert.rejects(client.listKeys(), refused("no_problem", 302));
        await assert.rejects(client.showEventType("a/b", "c?d"), refused("no_problem", 502));
        assert.deepEqual(paths, ["/v1/version", "/v1/keys", "/v1/event-types/a%2Fb/c%3Fd"]);
      },
    );
    assert.throws(() => new Client({ url: "hooks.example.com" }), TypeError);
  });

  test("there is a method for every operation of the description", () => {
    const { paths } = JSON.parse(readFileSync(`${PACKAGE}../docs/openapi.json`, "utf8"));
    const names = Object.values(paths).flatMap((methods) => Object.values(methods).map((one) => one.operationId));
    assert.ok(names.length > 40);
    for (const name of names) {
      const method = name.replaceAll(/_([a-z])/g, (_, letter) => letter.toUpperCase());
      assert.equal(typeof Client.prototype[method], "function", method);
    }
  });
});
