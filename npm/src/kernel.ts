import { type Body, bytesOf } from "./body.js";
import { CountersignError, type ErrorCode } from "./errors.js";
import { type HeadersLike, headerPairs, headerValue } from "./headers.js";
import { type KernelName, provided, started } from "./internal.js";
import type { InnerHasher } from "./native.js";

/** Version of the kernel's interface that this file speaks. */
const ABI_VERSION = 1;
/** Length that marks an absent part of a frame. */
const ABSENT = 0xffff_ffff;
/** Bytes of one count or length in a frame. */
const WORD = 4;
/** Room that is asked for at first; holds nearly every request, so that it is asked for once. */
const ROOM_BYTES_MIN = 16 * 1024;
/** Above this the room is not kept, so that the kernel can give the memory back to itself. */
const ROOM_BYTES_KEPT = 1024 * 1024;
/** Longest frame that the kernel takes. */
const FRAME_BYTES_MAX = 64 * 1024 * 1024;
/** Codes from here on are no verdicts on a request. */
const FIRST_MISTAKE = 32;
const SECRET_INVALID = 8;
/** UTF-8 bytes that one UTF-16 unit can need. */
const UTF8_BYTES_MAX = 3;
const COLON = 0x3a;
/** Bytes of an inner hash. */
const HASH_BYTES = 32;
const EMPTY = new Uint8Array(0);
/** Header values from this length on are faster with the encoder than character by character. */
const ENCODE_CHARS_MIN = 40;

/** A request too large for the kernel; not a number of the kernel's. */
export const TOO_LARGE = -1;

interface KernelExports {
  readonly memory: WebAssembly.Memory;
  abi_version(): number;
  input(bytes: number): number;
  output(): number;
  output_len(): number;
  result(): number;
  verifier_new(bytes: number): number;
  signer_new(bytes: number): number;
  verifier_free(handle: number): void;
  verifier_headers(handle: number): number;
  verifier_answers(handle: number): number;
  verify(handle: number, bytes: number, now: number): number;
  inner_blocks?(handle: number): number;
  verify_around(handle: number, bytes: number, now: number): number;
  verify_hashed(handle: number, bytes: number, now: number): number;
  sign(handle: number, bytes: number, now: number): number;
  code_text(code: number): number;
}

/** A request as it arrived. */
export interface VerifyRequest {
  readonly headers: HeadersLike;
  /** The raw bytes, before any parsing. */
  readonly body: Body;
  /** Needed only by schemes that sign it. */
  readonly method?: string | undefined;
  /** The full URL as the sender wrote it; needed only by schemes that sign it. */
  readonly url?: string | undefined;
}

/** A part of a frame; `null` is an absent one. */
export type Part = string | Uint8Array | null;

/** What native code hashes for each secret: its block, and then the signed content. */
export interface InnerHash {
  /** In the order of the secrets; none where native hashing is not possible. */
  readonly blocks: readonly Uint8Array[];
  /** The content is the body and nothing else. */
  readonly bodyAlone: boolean;
}

/** Name and sentence of one of the kernel's codes. */
export interface CodeText {
  readonly code: ErrorCode;
  readonly message: string;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * The one kernel of this copy of the package. Translates values to frames and back and decides nothing.
 *
 * Invariant: `#bytes` and `#view` are used only after `#views()` where the kernel ran in between, because any call may
 * grow the memory. Growth detaches the old buffer, and a detached array has length 0: cheaper to see than `memory.buffer`.
 */
export class Kernel {
  /** Counts the instances. Handles are valid only within the generation that made them. */
  generation = 0;

  readonly #module: () => WebAssembly.Module;
  readonly #name: KernelName;
  #exports: KernelExports | null = null;
  #bytes = new Uint8Array(0);
  #view = new DataView(new ArrayBuffer(0));
  /** Place and size of the input buffer, as far as it is kept between calls. */
  #room = 0;
  #roomBytes = 0;
  #record = 0;
  /** A view on `#bytes` from the place of the first header. */
  #header = this.#bytes;
  #headerAt = -1;
  readonly #texts = new Map<number, CodeText>();

  constructor(module: () => WebAssembly.Module, name: KernelName = "kernel") {
    this.#module = module;
    this.#name = name;
  }

  /** Builds a keyed verifier, or a signer, and returns its handle. */
  keyedNew(frame: Uint8Array, isSigner: boolean): number {
    const exports = this.#running();
    const room = this.#reserve(frame.length);
    this.#bytes.set(frame, room);
    const handle = this.#guarded(() =>
      isSigner ? exports.signer_new(frame.length) : exports.verifier_new(frame.length),
    );
    if (handle !== 0) return handle;
    this.#views();
    throw this.#mistake(this.#view.getUint32(this.#record, true));
  }

  verifierFree(handle: number): void {
    this.#guarded(() => this.#running().verifier_free(handle));
  }

  /** Names of the request parts that a verifier reads, lower case, in slot order; and whether it reads the clock. */
  verifierReads(handle: number): { slots: string[]; clock: boolean } {
    this.#guarded(() => this.#running().verifier_headers(handle));
    const slots = this.#output().map((name) => name ?? "");
    return { slots, clock: this.#view.getUint32(this.#record + 4, true) === 1 };
  }

  /** Documented response bodies: accepted, refused. */
  verifierAnswers(handle: number): [string | null, string | null] {
    this.#guarded(() => this.#running().verifier_answers(handle));
    const [accepted, refused] = this.#output();
    return [accepted ?? null, refused ?? null];
  }

  /**
   * Judges a request; returns the kernel's code, or `TOO_LARGE`. This is the hot path: no arrays, no closures, one copy
   * of the body.
   */
  verify(handle: number, slots: readonly string[], request: VerifyRequest, now: number): number {
    const exports = this.#exports ?? this.#running();
    this.#views();
    const { body } = request;
    let text = "";
    let bytes: Uint8Array | null = null;
    let bodyRoom: number;
    if (typeof body === "string") {
      text = body;
      bodyRoom = body.length * UTF8_BYTES_MAX;
      if (bodyRoom > ROOM_BYTES_KEPT) {
        bytes = encoder.encode(body);
        bodyRoom = bytes.length;
      }
    } else {
      bytes = body instanceof Uint8Array ? body : bytesOf(body);
      bodyRoom = bytes.length;
    }

    const at = this.#writeSlots(slots, request, bodyRoom);
    if (at < 0) return TOO_LARGE;
    const count = slots.length + 1;
    const room = this.#room;
    let bodyBytes = bodyRoom;
    if (bytes === null) {
      bodyBytes = encoder.encodeInto(text, this.#bytes.subarray(room + at)).written;
    } else {
      this.#bytes.set(bytes, room + at);
    }
    this.#view.setUint32(room, count, true);
    this.#view.setUint32(room + WORD * count, bodyBytes, true);

    let code: number;
    try {
      code = exports.verify(handle, at + bodyBytes, now);
    } catch (cause) {
      throw this.#trapped(cause);
    }
    if (this.#roomBytes > ROOM_BYTES_KEPT) this.#roomBytes = 0;
    if (code >= FIRST_MISTAKE) throw this.#mistake(code);
    return code;
  }

  /**
   * Judges a request whose content native code hashes, for each secret one hasher: what is hashed, and every other check, is the
   * kernel's. `bodyAlone` is what `innerHash` says.
   */
  verifyHashed(
    handle: number,
    slots: readonly string[],
    request: VerifyRequest,
    now: number,
    hashers: readonly InnerHasher[],
    bodyAlone: boolean,
  ): number {
    const exports = this.#exports ?? this.#running();
    this.#views();
    const { body: given } = request;
    const body = typeof given === "string" ? encoder.encode(given) : bytesOf(given);
    if (body.length > FRAME_BYTES_MAX) return TOO_LARGE;
    const hashesBytes = HASH_BYTES * hashers.length;
    const at = this.#writeSlots(slots, request, hashesBytes);
    if (at < 0) return TOO_LARGE;
    const count = slots.length + 1;
    const frameBytes = at + hashesBytes;
    this.#view.setUint32(this.#room, count, true);
    this.#view.setUint32(this.#room + WORD * count, hashesBytes, true);
    let before: Uint8Array = EMPTY;
    let after: Uint8Array = EMPTY;
    let code = 0;
    try {
      if (!bodyAlone) {
        code = exports.verify_around(handle, frameBytes, now);
        this.#views();
        if (code === 0) [before = EMPTY, after = EMPTY] = this.#outputBytes();
      }
      if (code === 0) {
        let place = this.#room + at;
        for (const hasher of hashers) {
          const hash = hasher.hash(before, body, after);
          const view = this.#view;
          // By words, since the kernel reads it by words: the processor is slow to put single bytes together.
          for (let i = 0; i < HASH_BYTES; i += WORD) {
            const low = hash.charCodeAt(i) | (hash.charCodeAt(i + 1) << 8);
            const high = hash.charCodeAt(i + 2) | (hash.charCodeAt(i + 3) << 8);
            view.setUint32(place + i, low | (high << 16), true);
          }
          place += HASH_BYTES;
        }
        code = exports.verify_hashed(handle, frameBytes, now);
      }
    } catch (cause) {
      throw this.#trapped(cause);
    }
    if (this.#roomBytes > ROOM_BYTES_KEPT) this.#roomBytes = 0;
    if (code >= FIRST_MISTAKE) throw this.#mistake(code);
    return code;
  }

  /** What a verifier's inner hashes are made of. */
  innerHash(handle: number): InnerHash {
    // The slim kernel hashes by itself.
    const count = this.#guarded(() => this.#running().inner_blocks?.(handle) ?? 0);
    this.#views();
    const bodyAlone = this.#view.getUint32(this.#record + 4, true) === 1;
    const blocks = count === 0 ? [] : this.#outputBytes().map((block) => (block ?? EMPTY).slice());
    return { blocks, bodyAlone };
  }

  /** Writes the slots of a request and returns the place of what comes after them; -1 when it is too much. */
  #writeSlots(slots: readonly string[], request: VerifyRequest, bodyRoom: number): number {
    const count = slots.length + 1;
    const { headers } = request;
    // Place of the next part, counted from the start of the frame.
    let at = WORD * (count + 1);
    if (at + bodyRoom > this.#roomBytes) {
      if (at + bodyRoom > FRAME_BYTES_MAX) return -1;
      this.#reserve(at + bodyRoom);
    }
    let room = this.#room;
    for (let slot = 0; slot < slots.length; slot += 1) {
      const name = slots[slot] as string;
      const value = name.charCodeAt(0) === COLON ? pseudoValue(request, name) : headerValue(headers, name);
      if (typeof value === "object") {
        const needed = at + value.length + bodyRoom;
        if (needed > this.#roomBytes) {
          if (needed > FRAME_BYTES_MAX) return -1;
          room = this.#widen(needed, at);
        }
        this.#bytes.set(value, room + at);
        this.#view.setUint32(room + WORD * (slot + 1), value.length, true);
        at += value.length;
        continue;
      }
      if (value === undefined) {
        this.#view.setUint32(room + WORD * (slot + 1), ABSENT, true);
        continue;
      }
      const needed = at + value.length * UTF8_BYTES_MAX + bodyRoom;
      if (needed > this.#roomBytes) {
        if (needed > FRAME_BYTES_MAX) return -1;
        room = this.#widen(needed, at);
      }
      const written = this.#writeHeader(value, room + at);
      this.#view.setUint32(room + WORD * (slot + 1), written, true);
      at += written;
    }
    return at;
  }

  /** Index of the secret that matched in the last call. */
  get secretIndex(): number {
    this.#views();
    return this.#view.getUint32(this.#record + 4, true);
  }

  /** What the signature of the last call covers, as bits. */
  get covers(): number {
    return this.#view.getUint32(this.#record + 8, true);
  }

  /** Signed timestamp of the last call in unix seconds. */
  get timestamp(): number | null {
    return this.#view.getUint32(this.#record + 12, true) === 0 ? null : this.#view.getFloat64(this.#record + 16, true);
  }

  /** Signs a message frame; returns names and values, alternating. */
  sign(handle: number, frame: Uint8Array, now: number): string[] {
    const exports = this.#running();
    const room = this.#reserve(frame.length);
    this.#bytes.set(frame, room);
    const code = this.#guarded(() => exports.sign(handle, frame.length, now));
    if (this.#roomBytes > ROOM_BYTES_KEPT) this.#roomBytes = 0;
    if (code !== 0) throw this.#mistake(code);
    return this.#output().map((text) => text ?? "");
  }

  /** Name and sentence of a code, asked once. */
  text(code: number): CodeText {
    let text = this.#texts.get(code);
    if (text === undefined) {
      this.#guarded(() => this.#running().code_text(code));
      const [name, message] = this.#output();
      // The slim kernel has no sentences.
      const meaning = message ?? `${name ?? code}: the README of countersign says what its codes mean.`;
      text = { code: (name ?? "internal") as ErrorCode, message: meaning };
      this.#texts.set(code, text);
    }
    return text;
  }

  #running(): KernelExports {
    if (this.#exports !== null) return this.#exports;
    const module = provided[this.#name] ?? this.#module();
    started[this.#name] = true;
    const exports = new WebAssembly.Instance(module).exports as unknown as KernelExports;
    if (exports.abi_version() !== ABI_VERSION) {
      throw new CountersignError(
        "internal",
        `kernel.wasm speaks another version of the interface (${exports.abi_version()}, not ${ABI_VERSION}). ` +
          "Use the file that this version of the package ships.",
      );
    }
    this.generation += 1;
    this.#exports = exports;
    this.#roomBytes = 0;
    this.#record = exports.result();
    this.#views();
    return exports;
  }

  /** Renews the views when the memory has grown. */
  #views(): void {
    if (this.#bytes.length !== 0 || this.#exports === null) return;
    const { buffer } = this.#exports.memory;
    this.#bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
    this.#headerAt = -1;
  }

  /** Room for `bytes` in linear memory. The caller has made sure that this is not too much. */
  #reserve(bytes: number): number {
    if (bytes > FRAME_BYTES_MAX) {
      throw new CountersignError("body_too_large", "More than the 64 MiB that the core takes at once.");
    }
    if (bytes > this.#roomBytes) {
      const wanted = Math.max(bytes, ROOM_BYTES_MIN);
      this.#room = this.#guarded(() => this.#running().input(wanted));
      this.#roomBytes = wanted;
    }
    this.#views();
    return this.#room;
  }

  /** More room, with the first `kept` bytes of the frame carried over. */
  #widen(bytes: number, kept: number): number {
    const begun = this.#bytes.slice(this.#room, this.#room + kept);
    const room = this.#reserve(bytes);
    this.#bytes.set(begun, room);
    return room;
  }

  /**
   * Writes a header value. HTTP libraries give each byte of the wire as one character, so characters up to U+00FF
   * become that byte again; anything above never came over HTTP and is written as UTF-8.
   */
  #writeHeader(value: string, at: number): number {
    const { length } = value;
    if (length >= ENCODE_CHARS_MIN) {
      // The signature, which comes first and always at the same place: its view is kept.
      if (at !== this.#headerAt) {
        this.#headerAt = at;
        this.#header = this.#bytes.subarray(at);
      }
      if (encoder.encodeInto(value, this.#header).written === length) return length;
    }
    const bytes = this.#bytes;
    for (let i = 0; i < length; i += 1) {
      const unit = value.charCodeAt(i);
      if (unit > 0xff) return encoder.encodeInto(value, bytes.subarray(at)).written;
      bytes[at + i] = unit;
    }
    return length;
  }

  /** The frame that the last call wrote, as texts. */
  #output(): (string | undefined)[] {
    return this.#outputBytes().map((part) => part && decoder.decode(part));
  }

  /** The frame that the last call wrote, as views that the next call makes invalid. */
  #outputBytes(): (Uint8Array | undefined)[] {
    const exports = this.#running();
    const start = exports.output();
    const length = exports.output_len();
    this.#views();
    if (length === 0) return [];
    const count = this.#view.getUint32(start, true);
    const parts: (Uint8Array | undefined)[] = [];
    let at = start + WORD * (count + 1);
    for (let part = 0; part < count; part += 1) {
      const bytes = this.#view.getUint32(start + WORD * (part + 1), true);
      if (bytes === ABSENT) {
        parts.push(undefined);
      } else {
        parts.push(this.#bytes.subarray(at, at + bytes));
        at += bytes;
      }
    }
    return parts;
  }

  #guarded<T>(call: () => T): T {
    try {
      return call();
    } catch (cause) {
      throw cause instanceof CountersignError ? cause : this.#trapped(cause);
    }
  }

  /** Drops an instance that trapped: nothing it holds can be trusted. The next call makes a new one. */
  #trapped(cause: unknown): CountersignError {
    this.#exports = null;
    this.generation += 1;
    this.#roomBytes = 0;
    this.#bytes = new Uint8Array(0);
    return new CountersignError(
      "internal",
      "The core stopped on an error of its own and was started anew. Please report it.",
      { cause },
    );
  }

  #mistake(code: number): CountersignError {
    const { code: name, message } = this.text(code);
    const isCallers = code === SECRET_INVALID || (code >= FIRST_MISTAKE && code < 64);
    return new CountersignError(isCallers ? name : "internal", message);
  }
}

/** The value of a name that is no header. */
function pseudoValue(request: VerifyRequest, name: string): string | Uint8Array | undefined {
  switch (name) {
    case ":url":
      return request.url;
    case ":method":
      return request.method?.toUpperCase();
    case ":headers":
      return frameOf(headerPairs(request.headers).flat());
    default:
      return undefined;
  }
}

/** The bytes of a frame. */
export function frameOf(parts: readonly Part[]): Uint8Array {
  const encoded = parts.map((part) => (typeof part === "string" ? encoder.encode(part) : part));
  const lengths = WORD * (parts.length + 1);
  const total = encoded.reduce((sum, part) => sum + (part?.length ?? 0), lengths);
  const frame = new Uint8Array(total);
  const view = new DataView(frame.buffer);
  view.setUint32(0, parts.length, true);
  let at = lengths;
  encoded.forEach((part, index) => {
    view.setUint32(WORD * (index + 1), part === null ? ABSENT : part.length, true);
    if (part === null) return;
    frame.set(part, at);
    at += part.length;
  });
  return frame;
}
