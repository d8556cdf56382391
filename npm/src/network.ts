import { CountersignError } from "./errors.js";

const V4_BYTES = 4;
const V6_BYTES = 16;
/** Groups of an IPv6 address. */
const GROUPS = 8;
/** Longest text of an address: eight groups, the last two as IPv4. */
const ADDRESS_CHARS_MAX = 45;

/** An address and how many of its leading bits count. */
interface Network {
  readonly bytes: readonly number[];
  readonly bits: number;
}

/** A list of networks. Made once; asking costs no look-up outside. */
export class Networks {
  readonly #list: readonly Network[];

  /**
   * @param cidrs Networks such as `192.0.2.0/24` and `2001:db8::/32`, or single addresses.
   * @param option Name of the option they were given as, for the error.
   * @throws CountersignError for a text that is no network.
   */
  constructor(cidrs: readonly string[], option: string) {
    if (!Array.isArray(cidrs)) throw invalid(option, "a list of networks");
    this.#list = cidrs.map((cidr: unknown) => network(cidr, option));
  }

  get isEmpty(): boolean {
    return this.#list.length === 0;
  }

  /** Whether the address lies in one of them. What is no address lies nowhere. */
  has(address: string | null | undefined): boolean {
    const bytes = parseAddress(withoutZone(address ?? ""));
    return bytes !== null && this.#list.some((network) => contains(network, bytes));
  }
}

function contains({ bytes, bits }: Network, address: readonly number[]): boolean {
  return (
    bytes.length === address.length && bytes.every((byte, at) => ((byte ^ (address[at] ?? 0)) & mask(bits, at)) === 0)
  );
}

/** Which bits of the byte at this place count. */
function mask(bits: number, at: number): number {
  return (0xff00 >> Math.min(8, Math.max(0, bits - at * 8))) & 0xff;
}

function network(cidr: unknown, option: string): Network {
  if (typeof cidr !== "string") throw invalid(option, "a list of texts");
  const [address = "", prefix, ...more] = cidr.split("/");
  const bytes = parseAddress(address);
  const isMapped = bytes?.length === V4_BYTES && address.includes(":");
  const full = (bytes?.length ?? 0) * 8;
  // The 96 bits ahead of a mapped IPv4 address are those that say that it is one.
  const ahead = isMapped ? (V6_BYTES - V4_BYTES) * 8 : 0;
  const bits = prefix === undefined ? full : /^(0|[1-9]\d{0,2})$/.test(prefix) ? Number(prefix) - ahead : -1;
  if (bytes === null || more.length > 0 || bits < 0 || bits > full) {
    throw invalid(option, `networks such as 192.0.2.0/24 or 2001:db8::/32, and not ${JSON.stringify(cidr)}`);
  }
  if (bytes.some((byte, at) => (byte & ~mask(bits, at) & 0xff) !== 0)) {
    throw invalid(
      option,
      `networks: ${JSON.stringify(cidr)} has bits behind its prefix; set them to 0, or leave /${prefix} out`,
    );
  }
  return { bytes, bits };
}

/**
 * The bytes of an address: 4 of IPv4, 16 of IPv6; `null` for everything else. An IPv4 address inside IPv6 (`::ffff:192.0.2.1`,
 * RFC 4291 section 2.5.5.2) is an IPv4 address, which is how a server with one socket for both sees it.
 */
export function parseAddress(text: string): readonly number[] | null {
  if (text.length > ADDRESS_CHARS_MAX) return null;
  if (!text.includes(":")) return parseV4(text);
  const bytes = parseV6(text);
  if (bytes === null) return null;
  const isMapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  return isMapped ? bytes.slice(V6_BYTES - V4_BYTES) : bytes;
}

/** Four decimal numbers. Leading zeros are refused: some programs read them as octal. */
function parseV4(text: string): number[] | null {
  const parts = text.split(".");
  const isV4 =
    parts.length === V4_BYTES && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
  return isV4 ? parts.map(Number) : null;
}

/** Up to eight groups of hex digits, one run of zeros left out as `::`, the last two groups perhaps as IPv4. */
function parseV6(text: string): number[] | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const [head, tail] = halves.map((half, at) => groups(half, at === halves.length - 1));
  if (head === null || head === undefined || tail === null) return null;
  if (tail === undefined) return head.length === V6_BYTES ? head : null;
  // `::` stands for one group at least.
  const left = V6_BYTES - head.length - tail.length;
  return left >= 2 ? [...head, ...new Array<number>(left).fill(0), ...tail] : null;
}

function groups(text: string, isLast: boolean): number[] | null {
  if (text === "") return [];
  const parts = text.split(":");
  if (parts.length > GROUPS) return null;
  const bytes: number[] = [];
  for (const [at, part] of parts.entries()) {
    const v4 = isLast && at === parts.length - 1 && part.includes(".") ? parseV4(part) : null;
    if (v4 !== null) bytes.push(...v4);
    else if (/^[\da-f]{1,4}$/i.test(part)) bytes.push(Number.parseInt(part, 16) >> 8, Number.parseInt(part, 16) & 0xff);
    else return null;
  }
  return bytes;
}

/** `fe80::1%eth0` names the interface after the address. */
function withoutZone(address: string): string {
  const at = address.indexOf("%");
  return at > 0 && address.includes(":") ? address.slice(0, at) : address;
}

function invalid(option: string, wanted: string): CountersignError {
  return new CountersignError("option_invalid", `\`${option}\` takes ${wanted}.`);
}
