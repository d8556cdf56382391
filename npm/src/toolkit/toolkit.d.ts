// The part of the generated glue that this package calls. scripts/build.mjs puts the glue itself beside it.

export function initSync(source: { module: WebAssembly.Module }): unknown;

export function readEvent(
  provider: string,
  body: Uint8Array,
):
  | { ok: true; type: string; known: boolean; id: string | null; timestamp: string | null }
  | { ok: false; code: string; path: string; message: string };
