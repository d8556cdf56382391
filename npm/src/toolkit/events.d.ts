// The part of the generated glue that this package calls. scripts/build.mjs puts the glue itself beside it. Events cross as
// JSON text.

export function initSync(source: { module: WebAssembly.Module }): unknown;

export function parseEvents(source: string, headers: string | undefined, body: Uint8Array): string;

export function render(event: string, provider: string): string;

export function idempotencyKey(event: string, policy: string | undefined): string;

export function orderingKey(event: string, scope: string | undefined): string;
