// The package as `require` gets it.
module.exports = {
  countersign: require("countersign"),
  client: require("countersign/client"),
  events: require("countersign/events"),
  explain: require("countersign/explain"),
  express: require("countersign/express"),
  dedupe: require("countersign/dedupe"),
  fastify: require("countersign/fastify"),
  hono: require("countersign/hono"),
  lambda: require("countersign/lambda"),
  node: require("countersign/node"),
  receiver: require("countersign/receiver"),
  fetch: require("countersign/fetch"),
  init: require("countersign/init"),
  slim: require("countersign/slim"),
  testing: require("countersign/testing"),
};
