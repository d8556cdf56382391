import { CountersignError } from "./errors.js";

/** One header value, or several under one name (the first counts). */
export type HeaderValue = string | readonly string[] | null | undefined;

/**
 * Request headers in any of the usual forms: a plain object in any case, web `Headers`, a `Map`, pairs, or anything
 * with `get(name)`. Where a name occurs several times the first value counts.
 */
export type HeadersLike =
  | { readonly [name: string]: HeaderValue }
  | Iterable<readonly [string, HeaderValue]>
  | { get(name: string): HeaderValue };

type Source = { readonly [name: string]: unknown };

/** A form of `headers` that can be asked several times: what can be iterated only once becomes a list. */
export function reusable(headers: HeadersLike): HeadersLike {
  if (headers === null || typeof headers !== "object") throw headersInvalid();
  if (typeof (headers as unknown as Source)["next"] === "function") {
    return [...(headers as Iterable<readonly [string, HeaderValue]>)];
  }
  return headers;
}

/** The first value under `name`, which is in lower case. */
export function headerValue(headers: HeadersLike, name: string): string | undefined {
  // What Node makes of a request: an object with the names in lower case.
  const own = (headers as Source)[name];
  if (typeof own === "string" && Object.hasOwn(headers, name)) return own;
  return searched(headers as Source, name);
}

/** Every header as a pair. Of an object that can only be asked by name there are none. */
export function headerPairs(headers: HeadersLike): [name: string, value: string][] {
  const pairs: Iterable<unknown> = isIterable(headers) ? headers : Object.entries(headers);
  const found: [string, string][] = [];
  for (const pair of pairs) {
    if (!Array.isArray(pair)) throw headersInvalid();
    const value = first(pair[1]);
    if (typeof pair[0] === "string" && value !== undefined) found.push([pair[0], value]);
  }
  return found;
}

function searched(headers: Source, name: string): string | undefined {
  if (typeof headers["get"] === "function") {
    const found = first((headers as { get(name: string): unknown }).get(name));
    if (found !== undefined || !isIterable(headers)) return found;
  }
  if (isIterable(headers)) return searchedPairs(headers, name);
  if (Object.hasOwn(headers, name)) {
    const found = first(headers[name]);
    if (found !== undefined) return found;
  }
  for (const key of Object.keys(headers)) {
    if (key.length === name.length && key.toLowerCase() === name) {
      const found = first(headers[key]);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function searchedPairs(pairs: Iterable<unknown>, name: string): string | undefined {
  for (const pair of pairs) {
    if (!Array.isArray(pair)) throw headersInvalid();
    const [key, value] = pair as [unknown, unknown];
    if (typeof key === "string" && key.length === name.length && key.toLowerCase() === name) {
      return first(value);
    }
  }
  return undefined;
}

function first(value: unknown): string | undefined {
  const single: unknown = Array.isArray(value) ? value[0] : value;
  return typeof single === "string" ? single : undefined;
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof (value as Partial<Iterable<unknown>>)[Symbol.iterator] === "function";
}

function headersInvalid(): CountersignError {
  return new CountersignError(
    "headers_invalid",
    "The headers cannot be read. Pass req.headers, a web Headers object, a Map, or a list of [name, value] pairs.",
  );
}
