import { bodyAlreadyParsed, bodyMissing } from "./errors.js";

/** The raw body: bytes as they arrived, or text that is taken as UTF-8. */
export type Body = Uint8Array | ArrayBuffer | SharedArrayBuffer | DataView | string;

/** A view on the bytes of `body`, without a copy. */
export function bytesOf(body: Exclude<Body, string>): Uint8Array {
  if (body instanceof Uint8Array) return body;
  const bytes = bytesOrNull(body);
  if (bytes !== null) return bytes;
  throw typeof body === "object" && body !== null ? bodyAlreadyParsed() : bodyMissing();
}

/** A view on the bytes of anything that is made of bytes, from any realm; `null` for everything else. */
export function bytesOrNull(value: unknown): Uint8Array | null {
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  const tag = Object.prototype.toString.call(value);
  if (tag === "[object ArrayBuffer]" || tag === "[object SharedArrayBuffer]") {
    try {
      return new Uint8Array(value as ArrayBuffer);
    } catch {
      return null;
    }
  }
  return null;
}
