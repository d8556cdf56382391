import { CountersignError } from "./errors.js";

/**
 * Compiles a module that travels as text. Synchronous, so that no entry needs top-level await and `require` works.
 * Workers refuse this: they take the `workerd` entry, which never comes here.
 */
export function compiled(base64: string): WebAssembly.Module {
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i += 1) bytes[i] = binary.charCodeAt(i);
  try {
    return new WebAssembly.Module(bytes);
  } catch (cause) {
    throw new CountersignError(
      "wasm_unavailable",
      "This runtime does not compile WebAssembly from bytes. Bundle with the condition `workerd` or `edge-light`, or " +
        'hand over compiled modules first, with initKernel and initToolkit of "countersign/init".',
      { cause },
    );
  }
}
