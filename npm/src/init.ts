import { CountersignError } from "countersign";
import { provided, started } from "./internal.js";

/**
 * Hands over the compiled `countersign/kernel.wasm`, for runtimes whose bundler loads wasm in a way of its own. Call it
 * before the first verifier is made.
 */
export function initKernel(module: WebAssembly.Module): void {
  if (started.kernel) throw tooLate("initKernel", "createVerifier");
  provided.kernel = moduleOf(module);
}

/** Hands over the compiled `countersign/kernel-slim.wasm`. Call it before the first verifier of `countersign/slim` is made. */
export function initSlim(module: WebAssembly.Module): void {
  if (started.slim) throw tooLate("initSlim", "createVerifier of countersign/slim");
  provided.slim = moduleOf(module);
}

/** Hands over the compiled `countersign/toolkit.wasm`. Call it before the first `parse`. */
export function initToolkit(module: WebAssembly.Module): void {
  if (started.toolkit) throw tooLate("initToolkit", "parse");
  provided.toolkit = moduleOf(module);
}

/** Hands over the compiled `countersign/events.wasm`. Call it before anything of `countersign/events` is used. */
export function initEvents(module: WebAssembly.Module): void {
  if (started.events) throw tooLate("initEvents", "use of countersign/events");
  provided.events = moduleOf(module);
}

/** Hands over the compiled `countersign/explain.wasm`. Call it before the first `explain`. */
export function initExplain(module: WebAssembly.Module): void {
  if (started.explain) throw tooLate("initExplain", "explain");
  provided.explain = moduleOf(module);
}

function moduleOf(module: WebAssembly.Module): WebAssembly.Module {
  if (Object.prototype.toString.call(module) === "[object WebAssembly.Module]") return module;
  throw new CountersignError(
    "option_invalid",
    "This is not a WebAssembly.Module. Compile the file first, or import it in the way of your bundler.",
  );
}

function tooLate(call: string, before: string): CountersignError {
  return new CountersignError("already_initialised", `Call ${call} before the first ${before}.`);
}
