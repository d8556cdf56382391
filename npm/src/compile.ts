import { CountersignError } from "./errors.js";

/**
 * Compiles a module that travels as text. Synchronous, so that no entry needs top-level await and `require` works.
 * Workers refuse this: they take the `workerd` entry, which never comes here.
 */
export function compiled(base64: string): WebAssembly.Module {
  try {
    return new WebAssembly.Module(decoded(base64));
  } catch (cause) {
    throw new CountersignError(
      "wasm_unavailable",
      "This runtime does not compile WebAssembly from bytes. Bundle with the condition `workerd` or `edge-light`, or " +
        'hand over compiled modules first, with initKernel and initToolkit of "countersign/init".',
      { cause },
    );
  }
}

interface Base64Source {
  fromBase64?(base64: string): Uint8Array<ArrayBuffer>;
}

interface BufferSource {
  from(text: string, encoding: "base64"): Uint8Array<ArrayBuffer>;
}

/** By the quickest way that the runtime has: the loop takes milliseconds, which a program pays each time it starts. */
function decoded(base64: string): Uint8Array<ArrayBuffer> {
  const { fromBase64 } = Uint8Array as Base64Source;
  if (typeof fromBase64 === "function") return fromBase64.call(Uint8Array, base64);
  const { Buffer } = globalThis as { Buffer?: BufferSource };
  if (typeof Buffer?.from === "function") return Buffer.from(base64, "base64");
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i += 1) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
