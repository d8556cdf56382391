// The part of the generated glue that this package calls. scripts/build.mjs puts the glue itself beside it.

export function initSync(source: { module: WebAssembly.Module }): unknown;

/** What the text that `readEvent` writes stands for. */
export type EventReading =
  | { ok: true; type: string; known: boolean; id: string | null; timestamp: string | null }
  | { ok: false; code: string; path: string; message: string };

/** The JSON text of an `EventReading`. */
export function readEvent(provider: string, body: Uint8Array): string;
