// SendEmAll: tells #meetings of a reply that sounds like a meeting.
//
//     app.post("/hooks/sendemall", meetingAlert(process.env));
//
// Needs SENDEMALL_SECRET and SLACK_TOKEN. The words are the article's, matched as whole words: "unavailable" is not "available".

import { webhook } from "countersign/express";
import { escaped, postToChannel } from "./slack.mjs";

const WORDS = ["calendar", "schedule", "thursday", "friday", "next week", "available", "let's talk"];
const MEETING = new RegExp(`(?<![\\p{L}\\p{N}])(${WORDS.join("|")})(?![\\p{L}\\p{N}])`, "u");

export const meetingAlert = (env) =>
  webhook({
    provider: "sendemall",
    secrets: env.SENDEMALL_SECRET,
    async onEvent(event) {
      if (!event.known || event.type !== "email.replied") return;
      const { reply_preview, lead_name, lead_email } = event.payload.data;
      const preview = (reply_preview ?? "").toLowerCase().replace(/[‘’]/g, "'").replace(/\s+/g, " ");
      if (!MEETING.test(preview)) return;
      const who = escaped(lead_name ?? lead_email ?? "a lead");
      await postToChannel(env, "#meetings", `Possible meeting request from ${who}. Check reply.`);
    },
  });
