// SmartLead: a Slack message for every reply, as the guide's recipe writes it.
//
//     app.post("/hooks/smartlead", slackOnReply(process.env));
//
// Needs SMARTLEAD_SECRET and SLACK_WEBHOOK_URL. The recipe's own sample has no campaign name; what is missing is left open.

import { webhook } from "countersign/express";
import { escaped, postToWebhook } from "./slack.mjs";

const REPLY_CHARS = 100;

export const slackOnReply = (env) =>
  webhook({
    provider: "smartlead",
    secrets: env.SMARTLEAD_SECRET,
    async onEvent(event) {
      if (!event.known || event.type !== "EMAIL_REPLIED") return;
      const { lead, campaign_name, campaign_id, reply } = event.payload;
      const start = [...(reply?.body ?? "")].slice(0, REPLY_CHARS).join("");
      const field = (title, value, short) => ({ title, value: escaped(value), short });
      await postToWebhook(env.SLACK_WEBHOOK_URL, {
        text: `🎉 New reply from ${escaped(lead?.first_name ?? lead?.email ?? "a lead")}!`,
        attachments: [
          {
            color: "good",
            fields: [
              field("Lead", lead?.email ?? "unknown", true),
              field("Campaign", campaign_name ?? campaign_id, true),
              field("Reply", `${start}...`, false),
            ],
          },
        ],
      });
    },
  });
