// Every way at once, by path: none may disturb another.

import { coreHash } from "countersign";
import { coreHash as slimHash } from "countersign/slim";
import receive from "./receive.mjs";
import slim from "./slim.mjs";
import verify from "./verify.mjs";

const ways = { receive, slim, verify };

export default {
  fetch(request, env, context) {
    const { pathname } = new URL(request.url);
    if (pathname === "/hashes") return Response.json({ coreHash, slimHash });
    return ways[pathname.slice(1)].fetch(request, env, context);
  },
};
