// SmartLead: a reply updates the contact in HubSpot, as the guide's recipe does. Who is no contact stays none.
//
//     app.post("/hooks/smartlead", hubspotOnReply(process.env));
//
// Needs SMARTLEAD_SECRET and HUBSPOT_TOKEN, and the properties lead_status, last_activity and reply_text in HubSpot.

import { webhook } from "countersign/express";

const CONTACTS = "/crm/v3/objects/contacts";

export const hubspotOnReply = (env) =>
  webhook({
    provider: "smartlead",
    secrets: env.SMARTLEAD_SECRET,
    async onEvent(event) {
      if (!event.known || event.type !== "EMAIL_REPLIED") return;
      const { lead, timestamp, reply } = event.payload;
      if (!lead?.email) return;
      const filters = [{ propertyName: "email", operator: "EQ", value: lead.email }];
      const found = await hubspot(env, "POST", `${CONTACTS}/search`, { filterGroups: [{ filters }], limit: 1 });
      const [contact] = found.results;
      if (contact === undefined) return;
      const properties = { lead_status: "Engaged", last_activity: timestamp, reply_text: reply?.body ?? undefined };
      await hubspot(env, "PATCH", `${CONTACTS}/${encodeURIComponent(contact.id)}`, { properties });
    },
  });

async function hubspot({ HUBSPOT_TOKEN, HUBSPOT_API = "https://api.hubapi.com" }, method, path, body) {
  const headers = { authorization: `Bearer ${HUBSPOT_TOKEN}`, "content-type": "application/json" };
  const signal = AbortSignal.timeout(5_000);
  const response = await fetch(HUBSPOT_API + path, { method, headers, body: JSON.stringify(body), signal });
  // Thrown, so that the webhook is answered with 500 and comes again.
  if (!response.ok) throw new Error(`HubSpot answered ${response.status}`);
  return response.json();
}
