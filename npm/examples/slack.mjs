// What the recipes need of Slack. A failed call throws, so that the webhook is answered with 500 and comes again.

/** Text from strangers. Without this a reply with `<!channel>` in it would call everybody. */
export const escaped = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

/** Posts a message to an incoming webhook of Slack. */
export async function postToWebhook(url, message) {
  const response = await postJson(url, message);
  if (!response.ok) throw new Error(`Slack answered ${response.status}`);
}

/** Posts a message to a channel, as a bot. */
export async function postToChannel({ SLACK_TOKEN, SLACK_API = "https://slack.com/api" }, channel, text) {
  const response = await postJson(`${SLACK_API}/chat.postMessage`, { channel, text }, SLACK_TOKEN);
  // Slack says in the body whether it worked; the status is 200 either way.
  const { ok, error } = response.ok ? await response.json() : { ok: false, error: response.status };
  if (!ok) throw new Error(`Slack answered ${error}`);
}

function postJson(url, body, token) {
  const headers = { "content-type": "application/json; charset=utf-8" };
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  return fetch(url, { method: "POST", headers, body: JSON.stringify(body), signal: AbortSignal.timeout(5_000) });
}
