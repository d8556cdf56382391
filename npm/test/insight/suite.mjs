// What is asked of `countersign/explain` and `countersign/events` in every runtime. Uses nothing of Node.

/** What `explain` says of every case, and what `normalize` and the rest make of every sample. */
export function runInsight({ explain }, { normalize, render, idempotencyKey, orderingKey }, { cases, samples }) {
  return {
    explained: cases.map(({ options, request }) => {
      const { now, ...rest } = options;
      return explain({ ...rest, now: () => now }, { ...request, body: bytesOf(request.body) });
    }),
    read: samples.map(({ source, headers, body }) => {
      const { events } = normalize(source, { headers, body: bytesOf(body) });
      return events.map((event) => ({
        event,
        rendered: ["cleanmails", "smartlead", "sendemall", "platform"].map((provider) => render(event, provider)),
        keys: [idempotencyKey(event), idempotencyKey(event, "fields")],
        order: orderingKey(event, "lead"),
      }));
    }),
  };
}

const bytesOf = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
