// The package as `require` gets it.
module.exports = {
  countersign: require("countersign"),
  events: require("countersign/events"),
  explain: require("countersign/explain"),
  express: require("countersign/express"),
  fetch: require("countersign/fetch"),
  init: require("countersign/init"),
  testing: require("countersign/testing"),
};
