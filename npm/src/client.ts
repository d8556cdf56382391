import { Operations, type Problem, type Sent } from "./client/operations.js";

export * from "./client/operations.js";

/** Where a client sends its calls, and as whom. */
export interface ClientSettings {
  /** Address of the server, such as `https://hooks.example.com`. */
  url: string;
  /** A key of its API (`csk_…`), or its token. Left out for a server without a token on the same machine. */
  key?: string;
  /** The workspace of every call, for keys that work in all of them. Left out: the key's own, or `default`. */
  workspace?: string;
  /** Longest time of a call, in milliseconds; 30,000 when it is left out. */
  timeoutMs?: number;
  /** Sends requests in place of the global `fetch`. */
  fetch?: typeof globalThis.fetch;
}

/**
 * The server says no. Tell problems apart by `code`, not by the text of the message. With status 503 it is worth another try.
 */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  /** Stable name of the problem; `no_problem` when what answered is not Countersign. */
  readonly code: string;
  /** What the server says; absent when what answered is not Countersign. */
  readonly problem: Problem | undefined;

  constructor(status: number, problem: Problem | undefined) {
    const text = problem
      ? `${problem.code}: ${problem.detail}`
      : `the answer is no problem document (status ${status})`;
    super(text);
    this.status = status;
    this.code = problem?.code ?? "no_problem";
    this.problem = problem;
  }
}

/** A page of a list, and the entries that it has. */
type Page = { next: string | null };
type EntryOf<P> = Extract<P[keyof P], readonly unknown[]>[number];

/** A client of one server. It sends each call once; one that may be repeated has an `idempotencyKey`, or changes nothing. */
export class Client extends Operations {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #timeoutMs: number;
  readonly #fetch: typeof globalThis.fetch;

  constructor({ url, key, workspace, timeoutMs = 30_000, fetch = globalThis.fetch }: ClientSettings) {
    super();
    if (!/^https?:\/\//.test(url)) throw new TypeError("url must be an address such as https://hooks.example.com");
    this.#url = url.replace(/\/+$/, "");
    this.#headers = {
      accept: "application/json",
      ...(key && { authorization: `Bearer ${key}` }),
      ...(workspace && { "countersign-workspace": workspace }),
    };
    this.#timeoutMs = timeoutMs;
    // Called as a function of nobody: browsers refuse it as anyone's method.
    this.#fetch = (...request) => fetch(...request);
  }

  /**
   * The entries of a list, page by page: `list` asks for the page that begins after a place.
   *
   * ```js
   * for await (const message of client.entries((after) => client.listMessages({ after }))) console.log(message.id);
   * ```
   */
  async *entries<P extends Page>(list: (after: string | undefined) => Promise<P>): AsyncGenerator<EntryOf<P>, void> {
    let after: string | undefined;
    do {
      const page = await list(after);
      for (const field of Object.values(page)) if (Array.isArray(field)) yield* field;
      after = page.next ?? undefined;
    } while (after !== undefined);
  }

  protected override async call<T>(method: string, path: string, { query, body, options }: Sent): Promise<T> {
    const parameters = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null);
    const search = new URLSearchParams(parameters.map(([name, value]) => [name, String(value)])).toString();
    const limit = AbortSignal.timeout(this.#timeoutMs);
    const answer = await this.#fetch(`${this.#url}${path}${search && `?${search}`}`, {
      method,
      headers: {
        ...this.#headers,
        ...(body !== undefined && { "content-type": "application/json" }),
        ...(options?.idempotencyKey !== undefined && { "idempotency-key": options.idempotencyKey }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      // A server that sends callers elsewhere must not get their key there.
      redirect: "manual",
      signal: options?.signal ? AbortSignal.any([options.signal, limit]) : limit,
    });
    const text = await answer.text();
    if (!answer.ok) throw new ApiError(answer.status, problemIn(text));
    // What the description promises, and its tests hold the server to.
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }
}

function problemIn(text: string): Problem | undefined {
  try {
    const problem = JSON.parse(text);
    return typeof problem?.code === "string" && typeof problem.detail === "string" ? problem : undefined;
  } catch {
    return undefined;
  }
}
