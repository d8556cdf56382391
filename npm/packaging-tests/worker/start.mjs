// Bundles worker.mjs and runs it in workerd, the runtime of Cloudflare Workers, on this machine:
//
//     SECRET_CLEANMAILS=… PORT=3000 node start.mjs
//
// `wrangler dev` does the same for your own Worker, and finds the wasm files by itself.

import { fileURLToPath } from "node:url";
import { serve } from "./workerd.mjs";

const PROVIDERS = ["cleanmails", "smartlead", "sendemall", "platform"];

const running = await serve({
  entry: fileURLToPath(new URL("worker.mjs", import.meta.url)),
  bindings: PROVIDERS.map((provider) => `SECRET_${provider.toUpperCase()}`).filter((name) => process.env[name]),
  port: Number(process.env.PORT ?? 0),
});
console.log(JSON.stringify({ listening: running.url }));

const stop = () => running.stop();
process.on("SIGTERM", stop);
process.on("SIGINT", stop);
// When whoever started us is gone, its end of our standard input is closed.
process.stdin.on("end", stop).on("error", stop).resume();
process.exitCode = await running.ended;
process.exit();
