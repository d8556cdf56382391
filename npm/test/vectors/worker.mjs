// The suite inside a Worker.

import * as countersign from "countersign";
import { sign } from "countersign/testing";
import { runVectors } from "./suite.mjs";

export default {
  async fetch(request) {
    return Response.json(runVectors("workerd", { ...countersign, sign }, await request.json()));
  },
};
