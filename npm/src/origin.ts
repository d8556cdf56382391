import { CountersignError } from "./errors.js";
import { type HeadersLike, headerValue, reusable } from "./headers.js";
import { Networks, parseAddress } from "./network.js";

/** Most hops of `X-Forwarded-For` that are looked at, from the nearest on. No sensible chain of proxies is longer. */
const HOPS_MAX = 32;

/** What an adapter sees of a request, before anything is believed. */
export interface Arrived<Request> {
  readonly method: string | undefined;
  readonly headers: HeadersLike;
  /** The scheme and host as this server sees them, `https://host`. */
  readonly origin: string;
  /** Path and query as they stand on the request line. */
  readonly path: string;
  /** The address that the connection comes from; `null` where the platform does not say. */
  readonly peer: string | null;
  readonly request: Request;
}

/** Where requests come from: what of it is believed, and from where they are taken. */
export interface OriginOptions<Request> {
  /**
   * The full address that the sender called, for schemes that sign it: a text when it is always the same (with its query), or
   * a function of the request. Left out: what this server sees, with `X-Forwarded-Proto` and `X-Forwarded-Host` of a trusted
   * proxy.
   */
  readonly url?: string | ((request: Request) => string) | undefined;
  /**
   * Your own proxies, whose `X-Forwarded-*` headers are believed: their networks (`["10.0.0.0/8"]`), or `true` when
   * every request comes through exactly one proxy, which sets these headers itself. Left out: nobody is believed.
   */
  readonly trustProxy?: readonly string[] | true | undefined;
  /**
   * Networks that requests are taken from, IPv4 and IPv6; others get 403. Empty or left out: from everywhere. Never instead of the
   * signature. Source: R-S14.
   */
  readonly allowFrom?: readonly string[] | undefined;
  /** The sender's address, where the adapter cannot know it: `(request) => request.headers.get("cf-connecting-ip")`. */
  readonly clientAddress?: ((request: Request) => string | null | undefined) | undefined;
}

/** Reads where a request comes from and which address it was sent to. */
export class Origin<Request> {
  readonly #url: string | ((request: Request) => string) | undefined;
  readonly #clientAddress: ((request: Request) => string | null | undefined) | undefined;
  readonly #trusted: Networks | true;
  readonly #allowed: Networks;

  /**
   * @param seesPeer Whether the platform says where a connection comes from.
   * @throws CountersignError for a mistake in the options.
   */
  constructor({ url, trustProxy, allowFrom, clientAddress }: OriginOptions<Request>, seesPeer: boolean) {
    if (url !== undefined && typeof url !== "string" && typeof url !== "function") {
      throw new CountersignError(
        "option_invalid",
        "`url` takes the full address as a text, or a function of the request.",
      );
    }
    if (clientAddress !== undefined && typeof clientAddress !== "function") {
      throw new CountersignError("option_invalid", "`clientAddress` takes a function of the request.");
    }
    this.#url = url;
    this.#clientAddress = clientAddress;
    this.#trusted = trustProxy === true || new Networks(trustProxy ?? [], "trustProxy");
    if (this.#trusted !== true && !this.#trusted.isEmpty && !seesPeer) {
      throw new CountersignError(
        "option_invalid",
        "A web Request does not say which proxy it came through, so there is nothing to compare networks with. Use " +
          "trustProxy: true, if every request comes through one proxy of yours; or `url` and `clientAddress`.",
      );
    }
    this.#allowed = new Networks(allowFrom ?? [], "allowFrom");
    if (!this.#allowed.isEmpty && !seesPeer && clientAddress === undefined && trustProxy !== true) {
      throw new CountersignError(
        "option_missing",
        "`allowFrom` needs to know who calls, which a web Request does not say. In Workers add clientAddress: (request) => " +
          'request.headers.get("cf-connecting-ip"); elsewhere what your platform offers, or trustProxy: true.',
      );
    }
  }

  /** Whether a request may come in. */
  admits(arrived: Arrived<Request>): boolean {
    return this.#allowed.isEmpty || this.#allowed.has(this.#client(arrived));
  }

  /** The address that the sender called, as far as it can be told. */
  url({ headers, origin, path, peer, request }: Arrived<Request>): string {
    if (typeof this.#url === "string") return this.#url;
    if (this.#url !== undefined) return this.#url(request);
    if (!this.#trusts(peer)) return origin + path;
    const own = reusable(headers);
    const [scheme = "https", host = ""] = origin.split("://");
    return `${nearest(own, "x-forwarded-proto") ?? scheme}://${nearest(own, "x-forwarded-host") ?? host}${path}`;
  }

  #client({ headers, peer, request }: Arrived<Request>): string | null {
    if (this.#clientAddress !== undefined) return this.#clientAddress(request) ?? null;
    if (!this.#trusts(peer)) return peer;
    const hops = hopsOf(headerValue(reusable(headers), "x-forwarded-for") ?? "");
    // Each proxy adds at the end whom it talked to. The first that is none of ours is the sender; what stands before it is its
    // own claim.
    if (this.#trusted === true) return hops[0] ?? null;
    const trusted = this.#trusted;
    return hops.find((hop) => !trusted.has(hop)) ?? null;
  }

  #trusts(peer: string | null): boolean {
    return this.#trusted === true || this.#trusted.has(peer);
  }
}

/** The value that the nearest proxy has added. */
function nearest(headers: HeadersLike, name: string): string | undefined {
  const value = headerValue(headers, name);
  return value?.slice(value.lastIndexOf(",") + 1).trim();
}

/** The addresses of `X-Forwarded-For`, nearest first, without ports. */
function hopsOf(value: string): string[] {
  return value
    .split(",")
    .slice(-HOPS_MAX)
    .reverse()
    .map((hop) => withoutPort(hop.trim()));
}

function withoutPort(hop: string): string {
  const bracketed = /^\[([^\]]*)\](:\d+)?$/.exec(hop)?.[1];
  if (bracketed !== undefined) return bracketed;
  const bare = /^([^:]*):\d+$/.exec(hop)?.[1];
  return bare !== undefined && parseAddress(bare) !== null ? bare : hop;
}
