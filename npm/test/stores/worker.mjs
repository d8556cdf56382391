// The stores of Workers in the real runtime, reached over HTTP: POST /<store>/<method> with the arguments as JSON.

import { DurableObject } from "cloudflare:workers";
import { durableObjectClient, durableObjectStore, kvStore } from "countersign/dedupe";
import { webhookHandler } from "countersign/fetch";

/** The object that remembers. */
export class Dedupe extends DurableObject {
  #store = durableObjectStore(this.ctx.storage);

  claim(key, owner, leaseMs) {
    return this.#store.claim(key, owner, leaseMs);
  }

  confirm(key, keepMs) {
    return this.#store.confirm(key, keepMs);
  }

  release(key, owner) {
    return this.#store.release(key, owner);
  }

  sweep() {
    return this.#store.sweep();
  }

  async count() {
    return (await this.ctx.storage.list()).size;
  }
}

/** The client, and the object itself for what the client has not. */
function storeOf(namespace, name, method) {
  const client = durableObjectClient(namespace, { name });
  return method in client ? client : namespace.get(namespace.idFromName(name));
}

let handled = 0;
let receive;

export default {
  async fetch(request, env, context) {
    const [, name, method] = new URL(request.url).pathname.split("/");
    if (method === "hook") {
      receive ??= webhookHandler({
        provider: "sendemall",
        secrets: env.SECRET,
        dedupe: { store: durableObjectClient(env.Dedupe) },
        onEvent: () => {
          handled += 1;
        },
      });
      const response = await receive(request, context);
      return new Response(String(handled), { status: response.status });
    }
    const store = name === "kv" ? kvStore(env.KV) : storeOf(env.Dedupe, name, method);
    const args = await request.json();
    const result = await store[method](...args);
    return Response.json({ result: result ?? null });
  },
};
