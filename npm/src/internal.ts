/** The modules of this package that are not the kernel. */
export type ModuleName = "toolkit" | "events" | "explain";

/** The kernel, and the smaller one of `countersign/slim`. */
export type KernelName = "kernel" | "slim";

/** Modules that `countersign/init` was given; they stand in for the built-in ones. */
export const provided: { [Name in KernelName | ModuleName]?: WebAssembly.Module } = {};

/** What has been started, so that a module that comes too late is refused and not ignored. */
export const started = { kernel: false, slim: false, toolkit: false, events: false, explain: false };

/** Where a verifier keeps its signer. For `countersign/testing` only: receivers verify. */
export const SIGN: unique symbol = Symbol("countersign.sign");

/** Option of `createVerifier` by which its keys become those of a signer. For `countersign/testing` only. */
export const SIGNER: unique symbol = Symbol("countersign.signer");

/** A message to be signed. */
export interface Message {
  readonly id: string | undefined;
  readonly timestamp: string | undefined;
  readonly body: Uint8Array | string;
  readonly method: string | undefined;
  readonly url: string | undefined;
  /** Further headers to be signed. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}
