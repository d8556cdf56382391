// SendEmAll: pauses a campaign when more than 5% of over 20 events within an hour are bounces, and says so in Slack.
//
//     app.post("/hooks/sendemall", pauseOnBounceSpike(process.env));
//
// Needs SENDEMALL_SECRET, SENDEMALL_API_KEY, SLACK_TOKEN. The article names the call that pauses and not its route: set PAUSE_PATH if
// yours differs. Counts in this process; subscribe to all events, because the rate is bounces of all events seen.

import { memoryStore } from "countersign/dedupe";
import { webhook } from "countersign/express";
import { escaped, postToChannel } from "./slack.mjs";

const WINDOW_MS = 3600 * 1000;
const RATE_MAX = 0.05;
const EVENTS_MIN = 20;
/** Campaigns that are counted at a time; beyond it the one seen first is dropped. */
const CAMPAIGNS_MAX = 10_000;

export const pauseOnBounceSpike = (env, now = Date.now) => {
  const windows = new Map();
  return webhook({
    provider: "sendemall",
    secrets: env.SENDEMALL_SECRET,
    // A repeat must not count twice.
    dedupe: { store: memoryStore() },
    async onEvent(event) {
      const campaign = event.payload.data?.campaign_id;
      if (campaign === undefined || campaign === null) return;
      const counted = count(windows, String(campaign), event.type === "email.bounced", now());
      const rate = counted.bounces / counted.total;
      if (counted.isTold || rate <= RATE_MAX || counted.total <= EVENTS_MIN) return;
      // Once an hour, also when many events come while the call is under way; a call that fails is made again.
      counted.isTold = true;
      try {
        await pause(env, String(campaign));
        const text = `Campaign ${campaign} paused: ${(rate * 100).toFixed(1)}% bounce rate`;
        await postToChannel(env, env.ALERT_CHANNEL ?? "#alerts", escaped(text));
      } catch (error) {
        counted.isTold = false;
        throw error;
      }
    },
  });
};

function count(windows, campaign, isBounce, nowMs) {
  let counted = windows.get(campaign);
  if (counted === undefined || nowMs - counted.startMs > WINDOW_MS) {
    if (windows.size >= CAMPAIGNS_MAX) windows.delete(windows.keys().next().value);
    counted = { startMs: nowMs, total: 0, bounces: 0, isTold: false };
    windows.set(campaign, counted);
  }
  counted.total += 1;
  if (isBounce) counted.bounces += 1;
  return counted;
}

async function pause({ SENDEMALL_API = "https://api.sendemall.com", SENDEMALL_API_KEY, PAUSE_PATH }, campaign) {
  const path = (PAUSE_PATH ?? "/v1/campaigns/{id}/pause").replace("{id}", encodeURIComponent(campaign));
  const headers = { "x-user-context": SENDEMALL_API_KEY };
  const response = await fetch(SENDEMALL_API + path, { method: "POST", headers, signal: AbortSignal.timeout(5_000) });
  if (!response.ok) throw new Error(`SendEmAll answered ${response.status}`);
}
