// What the server has seen, for GET /received. A real receiver has a queue or a database here.

/** Requests that are kept. */
const KEPT = 10_000;

const events = [];
const attempts = new Map();

/** The how manieth request with this message id it is, counted from 1. */
export function attempt(messageId) {
  if (messageId === null) return 1;
  const count = (attempts.get(messageId) ?? 0) + 1;
  attempts.delete(messageId);
  attempts.set(messageId, count);
  if (attempts.size > KEPT) attempts.delete(attempts.keys().next().value);
  return count;
}

/** Notes a request. */
export function note(messageId, provider, type, code, attempt) {
  events.push({ messageId, provider, type, ok: code === null, code, attempt, receivedAtMs: Date.now() });
  if (events.length > KEPT) events.shift();
}

/** All that was noted. */
export const received = () => ({ events });
