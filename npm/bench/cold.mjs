// Import and first verification in a process that does nothing else. Started by run.mjs for each contender and run.

const { name, headers, body } = JSON.parse(process.env.BENCH_REQUEST);
const secret = process.env.BENCH_SECRET;
const bytes = Buffer.from(body, "base64");

const TASKS = {
  countersign: async () => {
    const { createVerifier } = await import("countersign");
    return createVerifier({ provider: "sendemall", secrets: secret }).verify({ headers, body: bytes }).ok;
  },
  "createHmac snippet": async () => {
    const { default: crypto } = await import("node:crypto");
    const expected = `sha256=${crypto.createHmac("sha256", secret).update(bytes).digest("hex")}`;
    return crypto.timingSafeEqual(Buffer.from(headers["x-sendemall-signature"]), Buffer.from(expected));
  },
  WebCrypto: async () => {
    const { subtle } = globalThis.crypto;
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const key = await subtle.importKey("raw", Buffer.from(secret), algorithm, false, ["verify"]);
    return subtle.verify("HMAC", key, Buffer.from(headers["x-sendemall-signature"].slice(7), "hex"), bytes);
  },
  "@octokit/webhooks-methods": async () => {
    const { verify } = await import("@octokit/webhooks-methods");
    return verify(secret, bytes.toString(), headers["x-hub-signature-256"]);
  },
  standardwebhooks: async () => {
    const { Webhook } = await import("standardwebhooks");
    new Webhook(secret).verify(bytes, headers, { jsonParse: false });
    return true;
  },
  svix: async () => {
    const { Webhook } = await import("svix");
    new Webhook(secret).verify(bytes, headers);
    return true;
  },
  stripe: async () => {
    const { default: Stripe } = await import("stripe");
    return Stripe.webhooks.signature.verifyHeader(bytes, headers["stripe-signature"], secret);
  },
};

const cpu = process.cpuUsage();
const wall = performance.now();
const ok = await TASKS[name]();
const wallMs = performance.now() - wall;
const { user, system } = process.cpuUsage(cpu);
process.stdout.write(JSON.stringify({ ok, wallMs, cpuMs: (user + system) / 1000 }));
