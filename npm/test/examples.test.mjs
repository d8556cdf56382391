// The recipes of examples/, with a server in place of Slack, HubSpot, the CRM and SendEmAll that notes what it is sent. What is
// expected are the bodies of the providers' documents.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import express from "express";
import { Redis } from "ioredis";
import { crmOnReply } from "../examples/crm-on-reply.mjs";
import { hubspotOnReply } from "../examples/hubspot-on-reply.mjs";
import { meetingAlert } from "../examples/meeting-alert.mjs";
import { pauseOnBounceSpike } from "../examples/pause-on-bounce-spike.mjs";
import { queueInRedis, work } from "../examples/queue-in-redis.mjs";
import { slackOnReply } from "../examples/slack-on-reply.mjs";
import { PACKAGE } from "../scripts/paths.mjs";
import { REDIS_MISSING, startRedis } from "./redis.mjs";
import { post, SECRET, serving, signed } from "./support.mjs";

/** The guide's own example of a reply, which has no campaign_name. */
const SMARTLEAD_REPLY = {
  event: "EMAIL_REPLIED",
  timestamp: "2024-01-15T11:00:00Z",
  campaign_id: 123,
  lead_id: 789,
  email_account_id: 456,
  sequence_number: 1,
  reply: {
    subject: "Re: Quick question",
    body: "Thanks for reaching out. I'm interested...",
    received_at: "2024-01-15T11:00:00Z",
    message_id: "reply-abc123",
  },
  lead: { email: "lead@example.com", first_name: "Jane", last_name: "Doe" },
};

const SENDEMALL_REPLY = {
  event: "email.replied",
  id: "evt_reply_001",
  timestamp: "2026-04-06T14:23:17Z",
  data: {
    campaign_id: "cmp_abc123",
    campaign_name: "Q2 Series B Outreach",
    lead_id: "lead_xyz789",
    lead_email: "sarah@example.com",
    lead_name: "Sarah Chen",
    lead_company: "Acme Corp",
    sequence_step: 1,
    reply_sentiment: "positive",
    reply_preview: "Thanks for reaching out. We're actually looking at this right now. Can you do Thursday at 2pm?",
    thread_id: "thrd_def456",
  },
};

/** Serves a recipe beside a server that answers as `answers` says and notes every call; `use` gets `send(payload)` and the calls. */
async function trying(recipe, answers, use) {
  const calls = [];
  const service = express();
  service.use(express.json(), (request, response) => {
    const { method, url, body, headers } = request;
    const { authorization, "x-user-context": user } = headers;
    calls.push({ method, url, body, key: authorization ?? user });
    const { status = 200, json = {} } = answers({ method, url, body }, calls.length) ?? {};
    response.status(status).json(json);
  });
  await serving(service, async (api) => {
    const env = {
      SMARTLEAD_SECRET: SECRET,
      SENDEMALL_SECRET: SECRET,
      SLACK_WEBHOOK_URL: `${api}/services/T/B/X`,
      SLACK_API: `${api}/slack`,
      SLACK_TOKEN: "xoxb-token",
      HUBSPOT_API: api,
      HUBSPOT_TOKEN: "pat-token",
      CRM_URL: `${api}/crm`,
      SENDEMALL_API: api,
      SENDEMALL_API_KEY: "api-key",
    };
    const app = express();
    app.post("/hook", recipe(env));
    await serving(app, async (url) => {
      const send = async (provider, payload) => {
        const body = JSON.stringify(payload);
        return (await post(`${url}/hook`, body, signed(provider, body))).status;
      };
      await use(send, calls);
    });
  });
}

const quietly = (context) => context.mock.method(console, "error", () => {});
const slackOk = ({ url }) => (url === "/slack/chat.postMessage" ? { json: { ok: true } } : {});

describe("slack-on-reply (S43)", () => {
  const slack = (payload) =>
    trying(
      slackOnReply,
      () => {},
      async (send, calls) => {
        assert.equal(await send("smartlead", payload), 200);
        payload = calls;
      },
    ).then(() => payload);

  // Holds: S43
  test("posts the guide's message", async () => {
    const [{ method, url, body }] = await slack({ ...SMARTLEAD_REPLY, campaign_name: "Cold Outreach Q1" });
    assert.deepEqual([method, url], ["POST", "/services/T/B/X"]);
    assert.deepEqual(body, {
      text: "🎉 New reply from Jane!",
      attachments: [
        {
          color: "good",
          fields: [
            { title: "Lead", value: "lead@example.com", short: true },
            { title: "Campaign", value: "Cold Outreach Q1", short: true },
            { title: "Reply", value: "Thanks for reaching out. I'm interested......", short: false },
          ],
        },
      ],
    });
  });

  // Holds: S43
  test("cuts after 100 characters, and no character in two", async () => {
    const reply = { body: `${"é".repeat(98)}🎉🎉🎉` };
    const [{ body }] = await slack({ ...SMARTLEAD_REPLY, reply });
    assert.equal(body.attachments[0].fields[2].value, `${"é".repeat(98)}🎉🎉...`);
  });

  // Holds: S43, R-S8
  test("does without what is missing, and calls nobody by accident", async () => {
    const { lead: _lead, reply: _reply, ...bare } = SMARTLEAD_REPLY;
    const [{ body }] = await slack(bare);
    assert.equal(body.text, "🎉 New reply from a lead!");
    assert.deepEqual(
      body.attachments[0].fields.map(({ value }) => value),
      ["unknown", "123", "..."],
    );
    const [hostile] = await slack({ ...SMARTLEAD_REPLY, reply: { body: "<!channel> & you" } });
    assert.equal(hostile.body.attachments[0].fields[2].value, "&lt;!channel&gt; &amp; you...");
    assert.deepEqual(await slack({ ...SMARTLEAD_REPLY, event: "EMAIL_OPENED" }), []);
  });

  // Holds: S39
  test("a Slack that fails makes the webhook come again", async (context) => {
    quietly(context);
    await trying(
      slackOnReply,
      () => ({ status: 503 }),
      async (send) => {
        assert.equal(await send("smartlead", SMARTLEAD_REPLY), 500);
      },
    );
  });
});

describe("hubspot-on-reply (S42)", () => {
  const search =
    (results) =>
    ({ url }) => ({ json: url.endsWith("/search") ? { total: results.length, results } : {} });

  // Holds: S42
  test("finds the contact by address and sets the guide's three properties", async () => {
    await trying(hubspotOnReply, search([{ id: "51" }]), async (send, calls) => {
      assert.equal(await send("smartlead", SMARTLEAD_REPLY), 200);
      const filters = [{ propertyName: "email", operator: "EQ", value: "lead@example.com" }];
      const key = "Bearer pat-token";
      assert.deepEqual(calls, [
        {
          method: "POST",
          url: "/crm/v3/objects/contacts/search",
          body: { filterGroups: [{ filters }], limit: 1 },
          key,
        },
        {
          method: "PATCH",
          url: "/crm/v3/objects/contacts/51",
          body: {
            properties: {
              lead_status: "Engaged",
              last_activity: "2024-01-15T11:00:00Z",
              reply_text: "Thanks for reaching out. I'm interested...",
            },
          },
          key,
        },
      ]);
    });
  });

  // Holds: S42, R-S8
  test("does nothing when there is no contact, no address or no reply, and leaves out what is missing", async () => {
    await trying(hubspotOnReply, search([]), async (send, calls) => {
      assert.equal(await send("smartlead", SMARTLEAD_REPLY), 200);
      assert.equal(calls.length, 1);
      assert.equal(await send("smartlead", { ...SMARTLEAD_REPLY, lead: { first_name: "Jane" } }), 200);
      assert.equal(await send("smartlead", { ...SMARTLEAD_REPLY, event: "EMAIL_SENT" }), 200);
      assert.equal(calls.length, 1);
    });
    await trying(hubspotOnReply, search([{ id: "51" }]), async (send, calls) => {
      assert.equal(await send("smartlead", { ...SMARTLEAD_REPLY, reply: null }), 200);
      assert.deepEqual(calls[1].body.properties, { lead_status: "Engaged", last_activity: "2024-01-15T11:00:00Z" });
    });
  });

  // Holds: S39
  test("a HubSpot that fails makes the webhook come again", async (context) => {
    quietly(context);
    await trying(
      hubspotOnReply,
      () => ({ status: 429 }),
      async (send) => {
        assert.equal(await send("smartlead", SMARTLEAD_REPLY), 500);
      },
    );
  });
});

describe("crm-on-reply (E37)", () => {
  // Holds: E37
  test("updates the contact and tells #sales-replies of a positive reply", async () => {
    await trying(crmOnReply, slackOk, async (send, calls) => {
      assert.equal(await send("sendemall", SENDEMALL_REPLY), 200);
      const [crm, slack] = calls;
      assert.deepEqual([crm.method, crm.url], ["PUT", "/crm/contacts/sarah%40example.com"]);
      assert.deepEqual(crm.body, {
        email: "sarah@example.com",
        status: "replied",
        sentiment: "positive",
        last_activity: "2026-04-06T14:23:17Z",
      });
      assert.deepEqual([slack.url, slack.key], ["/slack/chat.postMessage", "Bearer xoxb-token"]);
      assert.deepEqual(slack.body, {
        channel: "#sales-replies",
        text:
          "Positive reply from Sarah Chen at Acme Corp: Thanks for reaching out. We're actually looking at this right now. " +
          "Can you do Thursday at 2pm?",
      });
    });
  });

  // Holds: E37
  test("tells nobody of other replies, and does without what is missing", async () => {
    await trying(crmOnReply, slackOk, async (send, calls) => {
      const replied = (data) => send("sendemall", { ...SENDEMALL_REPLY, data });
      for (const reply_sentiment of ["neutral", "negative", "out_of_office", "unsubscribe", "of tomorrow", null]) {
        assert.equal(await replied({ ...SENDEMALL_REPLY.data, reply_sentiment }), 200);
      }
      assert.deepEqual([...new Set(calls.map(({ method }) => method))], ["PUT"]);
      calls.length = 0;
      assert.equal(await replied({ reply_sentiment: "positive" }), 200);
      assert.deepEqual(
        calls.map(({ body }) => body.text),
        ["Positive reply from a lead: "],
      );
    });
  });

  test("Slack's own way of failing makes the webhook come again", async (context) => {
    quietly(context);
    const refused = ({ url }) => ({ json: url.startsWith("/slack") ? { ok: false, error: "channel_not_found" } : {} });
    await trying(crmOnReply, refused, async (send) => assert.equal(await send("sendemall", SENDEMALL_REPLY), 500));
  });
});

describe("meeting-alert (E38)", () => {
  // Holds: E38, R-E10
  test("tells #meetings of each of the article's words, as whole words and with any apostrophe", async () => {
    await trying(meetingAlert, slackOk, async (send, calls) => {
      const replied = (reply_preview) =>
        send("sendemall", { ...SENDEMALL_REPLY, data: { ...SENDEMALL_REPLY.data, reply_preview } });
      const meant = [
        "My CALENDAR is open",
        "schedule?",
        "Thursday at 2pm",
        "on friday,",
        "Next  week",
        "I am available.",
        "let’s talk",
        "Let's talk!",
      ];
      for (const preview of meant) assert.equal(await replied(preview), 200);
      assert.equal(calls.length, meant.length);
      for (const { body } of calls) {
        assert.deepEqual(body, {
          channel: "#meetings",
          text: "Possible meeting request from Sarah Chen. Check reply.",
        });
      }
      for (const preview of ["I am unavailable", "rescheduled", "No thanks", "", null])
        assert.equal(await replied(preview), 200);
      assert.equal(await send("sendemall", { ...SENDEMALL_REPLY, event: "email.opened" }), 200);
      assert.equal(calls.length, meant.length);
    });
  });
});

describe("pause-on-bounce-spike (E39)", () => {
  const event = (at, type, campaign_id = "cmp_abc123") => ({
    event: type,
    id: `evt_${at}`,
    timestamp: "2026-04-06T10:05:33Z",
    data: { campaign_id },
  });

  // Holds: E15, E39, R-E9
  test("pauses at over 5% of over 20 events, once an hour, with the rate to one decimal", async () => {
    let nowMs = 0;
    await trying(
      (env) => pauseOnBounceSpike(env, () => nowMs),
      slackOk,
      async (send, calls) => {
        let at = 0;
        const sent = async (type, campaign) => {
          at += 1;
          assert.equal(await send("sendemall", event(at, type, campaign)), 200);
        };
        for (let i = 0; i < 18; i += 1) await sent("email.sent");
        await sent("email.bounced");
        await sent("email.bounced");
        assert.deepEqual(calls, [], "20 events are no sample yet");
        await sent("email.opened");
        assert.deepEqual(calls, [
          { method: "POST", url: "/v1/campaigns/cmp_abc123/pause", body: undefined, key: "api-key" },
          {
            method: "POST",
            url: "/slack/chat.postMessage",
            body: { channel: "#alerts", text: "Campaign cmp_abc123 paused: 9.5% bounce rate" },
            key: "Bearer xoxb-token",
          },
        ]);
        for (let i = 0; i < 10; i += 1) await sent("email.bounced");
        for (let i = 0; i < 30; i += 1) await sent("email.bounced", "cmp_other");
        assert.equal(calls.length, 4, "once for each campaign");
        nowMs = 3_600_001;
        for (let i = 0; i < 20; i += 1) await sent("email.bounced");
        assert.equal(calls.length, 4);
        await sent("email.bounced");
        assert.equal(calls.length, 6, "a new hour counts anew");
      },
    );
  });

  // Holds: E39
  test("exactly 5% is no spike, repeats do not count, other events are let through", async () => {
    await trying(pauseOnBounceSpike, slackOk, async (send, calls) => {
      for (let at = 0; at < 39; at += 1) await send("sendemall", event(at, "email.sent"));
      await send("sendemall", event(100, "email.bounced"));
      await send("sendemall", event(101, "email.bounced", null));
      for (let i = 0; i < 5; i += 1) assert.equal(await send("sendemall", event(100, "email.bounced")), 200);
      assert.equal(calls.length, 0, "1 of 40");
      await send("sendemall", event(102, "email.bounced"));
      assert.equal(calls.length, 0, "2 of 41 is 4.9%");
      await send("sendemall", event(103, "email.bounced"));
      assert.equal(calls.length, 2);
      assert.equal(calls[1].body.text, "Campaign cmp_abc123 paused: 7.1% bounce rate");
    });
  });

  test("a call that fails is made again", async (context) => {
    quietly(context);
    const once = (call, at) => (at === 1 ? { status: 500 } : slackOk(call));
    await trying(pauseOnBounceSpike, once, async (send, calls) => {
      const statuses = [];
      for (let at = 0; at < 22; at += 1) statuses.push(await send("sendemall", event(at, "email.bounced")));
      assert.deepEqual(statuses.slice(-2), [500, 200]);
      assert.deepEqual(
        calls.map(({ url }) => url.split("/").at(-1)),
        ["pause", "pause", "chat.postMessage"],
      );
    });
  });
});

describe("queue-in-redis", { skip: REDIS_MISSING, timeout: 30_000 }, () => {
  // Holds: S34, S39, S41, E36
  test("what was answered with 200 is worked on once, in order, also after a worker failed", async () => {
    const { port, stop } = await startRedis();
    const clients = [new Redis(port, "127.0.0.1"), new Redis(port, "127.0.0.1"), new Redis(port, "127.0.0.1")];
    const [redis, first, second] = clients;
    try {
      const recipe = () => queueInRedis(redis, { provider: "sendemall", secrets: SECRET });
      await trying(
        recipe,
        () => {},
        async (send) => {
          for (const id of ["evt_1", "evt_2", "evt_1", "evt_3"]) {
            assert.equal(await send("sendemall", { ...SENDEMALL_REPLY, id }), 200);
          }
        },
      );
      const seen = [];
      const failing = work(
        first,
        "w",
        (event) => {
          if (event.id === "evt_2") throw new Error("killed");
          seen.push(event.id);
        },
        new AbortController().signal,
      );
      await assert.rejects(failing, /killed/);
      const stopping = new AbortController();
      const working = work(second, "w", (event) => void seen.push(event.id), stopping.signal);
      for (let tries = 0; seen.length < 3 && tries < 200; tries += 1) await sleep(20);
      stopping.abort();
      await working;
      assert.deepEqual(seen, ["evt_1", "evt_2", "evt_3"]);
      assert.equal((await redis.xpending("countersign:events", "workers"))[0], 0);
    } finally {
      for (const client of clients) client.disconnect();
      await stop();
    }
  });

  // Holds: R-S15
  test("a Redis that is gone answers 503, so that nothing is lost", async (context) => {
    quietly(context);
    const { port, stop } = await startRedis();
    const redis = new Redis(port, "127.0.0.1", { maxRetriesPerRequest: 0, retryStrategy: () => null });
    redis.on("error", () => {});
    await redis.ping();
    await stop();
    const recipe = () => queueInRedis(redis, { provider: "sendemall", secrets: SECRET });
    await trying(
      recipe,
      () => {},
      async (send) => assert.equal(await send("sendemall", SENDEMALL_REPLY), 503),
    );
    redis.disconnect();
  });
});

test("every recipe is listed in the README, tested here, and says in its first line what it does", () => {
  const readme = readFileSync(`${PACKAGE}README.md`, "utf8");
  const own = readFileSync(new URL(import.meta.url), "utf8");
  for (const file of readdirSync(`${PACKAGE}examples`)) {
    assert.match(readFileSync(`${PACKAGE}examples/${file}`, "utf8"), /^\/\/ \S/, file);
    if (file === "slack.mjs") continue;
    assert.ok(readme.includes(`examples/${file}`), file);
    assert.ok(own.includes(`../examples/${file}`), file);
  }
});
