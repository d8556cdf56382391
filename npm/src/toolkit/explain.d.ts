// The part of the generated glue that this package calls. scripts/build.mjs puts the glue itself beside it.

export function initSync(source: { module: WebAssembly.Module }): unknown;

export class Case {
  constructor(scheme: string, secrets: string[]);
  tolerance(seconds: number): void;
  options(pairs: string[]): void;
  target(method: string, url: string): void;
  header(name: string, value: Uint8Array): void;
  others(pairs: string[]): void;
  explain(body: Uint8Array, now: number): unknown;
  free(): void;
}

export function schemes(): string[];

/** Throws a text. For the playground. */
export function sign(signing: Case, id: string | undefined, body: Uint8Array, nowMs: number): string[];
