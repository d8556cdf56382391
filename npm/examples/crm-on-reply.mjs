// SendEmAll: a reply updates the CRM; a positive one is told to #sales-replies.
//
//     app.post("/hooks/sendemall", crmOnReply(process.env));
//
// Needs SENDEMALL_SECRET, SLACK_TOKEN and CRM_URL, where PUT <CRM_URL>/contacts/<email> updates a contact.

import { webhook } from "countersign/express";
import { escaped, postToChannel } from "./slack.mjs";

export const crmOnReply = (env) =>
  webhook({
    provider: "sendemall",
    secrets: env.SENDEMALL_SECRET,
    async onEvent(event) {
      if (!event.known || event.type !== "email.replied") return;
      const { lead_email, lead_name, lead_company, reply_sentiment, reply_preview } = event.payload.data;
      if (lead_email) {
        await updateContact(env.CRM_URL, {
          email: lead_email,
          status: "replied",
          sentiment: reply_sentiment,
          last_activity: event.timestamp,
        });
      }
      if (reply_sentiment !== "positive") return;
      const who = `${lead_name ?? lead_email ?? "a lead"}${lead_company ? ` at ${lead_company}` : ""}`;
      await postToChannel(env, "#sales-replies", escaped(`Positive reply from ${who}: ${reply_preview ?? ""}`));
    },
  });

async function updateContact(crm, contact) {
  const headers = { "content-type": "application/json" };
  const url = `${crm}/contacts/${encodeURIComponent(contact.email)}`;
  const signal = AbortSignal.timeout(5_000);
  const response = await fetch(url, { method: "PUT", headers, body: JSON.stringify(contact), signal });
  if (!response.ok) throw new Error(`The CRM answered ${response.status}`);
}
