// What stands behind a KV namespace: the binding of the Workers runtime speaks to it over HTTP.

const values = new Map();

export default {
  async fetch(request) {
    const url = new URL(request.url);
    if (request.method === "PUT") {
      // KV refuses shorter times and longer keys.
      const ttl = Number(url.searchParams.get("expiration_ttl"));
      if (ttl < 60 || decodeURIComponent(url.pathname).length > 513) return new Response("refused", { status: 400 });
      values.set(url.pathname, await request.text());
      return new Response();
    }
    const value = values.get(url.pathname);
    return value === undefined ? new Response("not found", { status: 404 }) : new Response(value);
  },
};
