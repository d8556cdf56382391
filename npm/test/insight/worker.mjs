// The suite inside a Worker.

import * as events from "countersign/events";
import * as explain from "countersign/explain";
import { runInsight } from "./suite.mjs";

export default {
  async fetch(request) {
    return Response.json(runInsight(explain, events, await request.json()));
  },
};
