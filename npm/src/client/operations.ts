// Types and operations of the native API. Generated from docs/openapi.json; do not change it by hand.

/** What became of a batch. */
export interface AcceptedBatch {
  /** In the order of the request. */
  events: AcceptedEvent[];
}

/** A delivery of an event that was just published. */
export interface AcceptedDelivery {
  /** Where it goes. */
  endpoint_id: string;
  /** Names it. */
  id: string;
  /** Its state at this moment. */
  status: DeliveryStatus;
}

/** What became of an event. It is on the disk. */
export interface AcceptedEvent {
  /** One for each endpoint that it goes to. */
  deliveries: AcceptedDelivery[];
  /** The same request came before; this is what it got. */
  duplicate?: boolean;
  /** Its type, as the provider documents it. */
  event_type: string;
  /** Names the message; the same on every attempt (`webhook-id`). */
  message_id: string;
}

/** What was acknowledged, or what would be. */
export type AcknowledgeAnswer = AcknowledgedMany | Preview;

/** Dead letters to be acknowledged: `ids`, or those that fit a `filter`. */
export interface AcknowledgeMany {
  /** Nothing changes; the answer says what would. */
  dry_run?: boolean | null;
  /** `{}` means all. */
  filter?: DeadLetterFilter | null;
  /** At most 1,000. */
  ids?: string[] | null;
}

/** A dead letter that its owner has taken note of. */
export interface Acknowledged {
  /** Always true. */
  acknowledged: boolean;
  /** Which one. */
  id: string;
}

/** Dead letters that their owner has taken note of. */
export interface AcknowledgedMany {
  /** How many. */
  acknowledged: number;
  /** There may be more: ask again. */
  more: boolean;
}

/** Whether the owner has taken note of a dead letter. */
export type Acknowledgement = boolean | Either;

/** One request to a receiver. */
export interface Attempt {
  /** What went wrong, for people; its words may change. Null when there was an answer. */
  detail: string | null;
  /** How long it took. */
  duration_ms: number;
  /** Names it. */
  id: string;
  /** Within the delivery, from 1. */
  number: number;
  /** How it ended. */
  outcome: AttemptOutcome;
  /** Beginning of the answer's body, at most 4 KiB. */
  response: string;
  /** What the answer asked for with `Retry-After`. */
  retry_after_s: number | null;
  /** When it began. */
  started_at: string;
  /** Status of the answer. */
  status: number | null;
}

/** How an attempt ended. */
export type AttemptOutcome = "response" | "timeout" | "connect" | "dns" | "tls" | "blocked_address" | "invalid_response";

/** A page of a delivery's attempts, in their order. */
export interface Attempts {
  /** The entries. */
  attempts: Attempt[];
  /** The `after` of the next page; null on the last one. */
  next: string | null;
  /** When the next attempt is due; null when none is planned. */
  next_attempt_at: string | null;
}

/** When failures pause an endpoint. */
export type AutoPause = "never" | { consecutive_deliveries: number; } | { consecutive_attempts: number; } | { failing_for: FailingFor; } | "no_success_since_delivery_began";

/** What changes about an endpoint. What is left out stays. */
export interface ChangeEndpoint {
  /** Event types it wants. */
  events?: Subscription | null;
  /** Conditions that its events must fulfil as well; null takes them away. */
  filter?: Filter | null;
  /** For people; null takes it away. */
  name?: string | null;
  /** Events of which part of an account. */
  scope?: Scope | null;
  /** The signing secret, in place of every other one; null removes them. */
  secret?: string | null;
  /** What is different for it. */
  settings?: EndpointSettings | null;
  /** How its deliveries are signed; null is the provider's own way. */
  signature?: Signature | null;
  /** Setting it active resets the failure counters and lets out what was held. */
  status?: EndpointStatus | null;
  /** Where events are sent. */
  url?: string | null;
}

/** What of a client certificate a receiver sees as well. */
export interface ClientCertificate {
  /** When it expires. */
  not_after: string;
  /** Of the certificate, in hexadecimal. */
  sha256: string;
}

/** What a 4xx means. */
export type ClientErrors = "retried" | "final";

/** Waits before probes. */
export interface CoolDown {
  /** The first one. */
  base_ms: number;
  /** The longest one. */
  cap_ms: number;
  /** By how much each is longer. */
  factor: number;
}

/** A count that may have been cut short. */
export interface Count {
  /** There may be more. */
  at_least: boolean;
  /** How many. */
  count: number;
}

/** An endpoint to be made. */
export interface CreateEndpoint {
  /** Event types it wants; left out, all. */
  events?: Subscription | null;
  /** Conditions that its events must fulfil as well. */
  filter?: Filter | null;
  /** For people, at most 200 bytes. */
  name?: string | null;
  /** Whose events it takes: `cleanmails`, `smartlead`, `sendemall`, `platform`, `standard` for events of your own, or `countersign` for those about other endpoints. */
  provider: string;
  /** Events of which part of an account; left out, all of it. */
  scope?: Scope | null;
  /** The signing secret; never shown again. Some providers have one made when none is given. */
  secret?: string | null;
  /** What is different for it. */
  settings?: EndpointSettings | null;
  /** How its deliveries are signed in place of the provider's own signature. */
  signature?: Signature | null;
  /** Left out: active. */
  status?: EndpointStatus | null;
  /** Where they are sent: absolute, https, at most 2,048 bytes. */
  url: string;
}

/** A key to be made. */
export interface CreateKey {
  /** From then on it is refused. Left out: never. */
  expires_at?: string | null;
  /** For people. */
  name?: string | null;
  /** What it is for. */
  role: Role;
  /** Where it works: the name of a workspace, or `*` for every one of them. Left out: the workspace of the request. */
  workspace?: string | null;
}

/** Deliveries to be sent again: `ids`, or those that fit a `filter`. */
export interface CreateReplay {
  /** Nothing is sent; the answer says what would be. */
  dry_run?: boolean | null;
  /** `{}` means all. */
  filter?: SelectionFilter | null;
  /** At most 1,000. */
  ids?: string[] | null;
  /** Left out: dead letters. */
  of?: ReplayOf | null;
  /** How many become due in a second, at most; left out, 10. */
  per_second?: number | null;
}

/** A workspace to be made. */
export interface CreateWorkspace {
  /** 1 to 63 of the characters a-z, 0-9, _ and -, the first a letter or digit. */
  id: string;
  /** For people. */
  name?: string | null;
}

/** Which dead letters are meant: those that fit everything that is given. */
export interface DeadLetterFilter {
  /** Whether their owner has taken note of them; left out, false. */
  acknowledged?: Acknowledgement | null;
  /** Published then or later. */
  created_since?: string | null;
  /** Published before. */
  created_until?: string | null;
  /** Given up then or later. */
  died_since?: string | null;
  /** Given up before. */
  died_until?: string | null;
  /** Where to. */
  endpoint_id?: string | null;
  /** Of which event type. */
  event_type?: string | null;
  /** Why they were given up. */
  reason?: DeadLetterReason | null;
}

/** Why a delivery was given up. */
export type DeadLetterReason = "exhausted" | "gone" | "client_error" | "skipped";

/** A page of dead letters, newest first. */
export interface DeadLetters {
  /** The entries; there may be few or none of them, and still another page. */
  dead_letters: Delivery[];
  /** The `after` of the next page; null on the last one. */
  next: string | null;
}

/** Which delivered deliveries are meant: those that fit everything that is given. */
export interface DeliveredFilter {
  /** Published then or later. */
  created_since?: string | null;
  /** Published before. */
  created_until?: string | null;
  /** Delivered then or later. */
  delivered_since?: string | null;
  /** Delivered before. */
  delivered_until?: string | null;
  /** Where to. */
  endpoint_id?: string | null;
  /** Of which event type. */
  event_type?: string | null;
}

/** A page of deliveries, newest first. */
export interface Deliveries {
  /** The entries; there may be few or none of them, and still another page. */
  deliveries: Delivery[];
  /** The `after` of the next page; null on the last one. */
  next: string | null;
}

/** One message to one endpoint. */
export interface Delivery {
  /** When the owner of a dead letter took note of it. */
  acknowledged_at: string | null;
  /** Attempts so far. */
  attempt_count: number;
  /** When the event was published. */
  created_at: string;
  /** Where it goes. */
  endpoint_id: string;
  /** Of its message. */
  event_type: string;
  /** Names it. */
  id: string;
  /** What it delivers. */
  message_id: string;
  /** When the next attempt is due; null when none is planned. */
  next_attempt_at: string | null;
  /** Of a dead letter. */
  reason: DeadLetterReason | null;
  /** Its state. */
  status: DeliveryStatus;
  /** When its state changed last. */
  updated_at: string;
}

/** A delivery with its attempts. */
export interface DeliveryDetails {
  /** When the owner of a dead letter took note of it. */
  acknowledged_at: string | null;
  /** Attempts so far. */
  attempt_count: number;
  /** In their order. */
  attempts: Attempt[];
  /** When the event was published. */
  created_at: string;
  /** Where it goes. */
  endpoint_id: string;
  /** Of its message. */
  event_type: string;
  /** Names it. */
  id: string;
  /** What it delivers. */
  message_id: string;
  /** When the next attempt is due; null when none is planned. */
  next_attempt_at: string | null;
  /** Of a dead letter. */
  reason: DeadLetterReason | null;
  /** Its state. */
  status: DeliveryStatus;
  /** When its state changed last. */
  updated_at: string;
}

/** State of a delivery. */
export type DeliveryStatus = "pending" | "sending" | "delivered" | "dead_lettered" | "waiting" | "held" | "cancelled";

/** What is said of an event type, in place of what was said before. */
export interface DescribeEventType {
  /** For people, at most 2,000 bytes. */
  description?: string | null;
  /** JSON Schema (2020-12, 2019-09 or draft 07) of the whole payload as it is published, at most 64 KiB. References stay within it. Null or left out: nothing is checked. */
  schema?: unknown | null;
}

/** A filter to be tried. */
export interface DryRun {
  /** The filter; left out, the endpoint's own. */
  filter?: Filter | null;
  /** How many of the last events of its provider are looked at; left out, 100. */
  last?: number | null;
  /** An event that was not published, in place of the last ones. */
  payload?: Record<string, unknown> | null;
}

/** What would have become of events. */
export type DryRunAnswer = { /** As many as were asked for were looked at, or all there are. False when the search was given up. */ complete: boolean; /** Each, newest first. */ events: DryRunEvent[]; /** How many the filter kept back. */ filtered: number; /** How many were looked at. */ looked_at: number; /** How many would have gone out. */ matched: number; /** How many the endpoint does not subscribe to. */ not_subscribed: number; /** How many have no body any more. */ without_body: number; } | DryRunEvent;

/** What would have become of an event. */
export interface DryRunEvent {
  /** When it was published. */
  created_at?: string | null;
  /** Its type. */
  event_type: string;
  /** Whether it would have gone out; null when nobody can tell. */
  matches: boolean | null;
  /** Of one that was published. */
  message_id?: string | null;
  /** Conditions that do not hold. */
  misses: Miss[];
  /** Why not. */
  reason: DryRunReason | null;
}

/** Why an event would not have gone out. */
export type DryRunReason = "not_subscribed" | "filter" | "body_forgotten";

/** `any` */
export type Either = "any";

/** A receiver of events. */
export interface Endpoint {
  /** What it shows to a receiver that asks who is calling. */
  client_certificate: ClientCertificate | null;
  /** When it was made. */
  created_at: string;
  /** Event types it wants, under their documented names; `*` alone stands for all. */
  events: string[];
  /** Deliveries that were given up since the last success. */
  exhausted_in_a_row: number;
  /** Attempts that failed since the last success. */
  failed_in_a_row: number;
  /** Since when it fails. */
  failing_since: string | null;
  /** Conditions that its events must fulfil as well. */
  filter: Filter | null;
  /** Names it. */
  id: string;
  /** When it last took a delivery. */
  last_success_at: string | null;
  /** For people. */
  name: string | null;
  /** The same for providers whose ids are numbers. */
  number: number;
  /** When a probe may go out. */
  probe_at: string | null;
  /** Whose events it takes. */
  provider: string;
  /** Why it is not active. */
  reason: StatusReason | null;
  /** Events of which part of an account. */
  scope: Scope;
  /** Whether deliveries are signed. */
  secret_set: boolean;
  /** The lives of its secrets, newest first. The secrets themselves are never shown. */
  secrets: SecretLife[];
  /** What is different for it. */
  settings: EndpointSettings;
  /** How its deliveries are signed in place of the provider's own signature. */
  signature: Signature | null;
  /** Since when it has this status. */
  since: string;
  /** Whether it is sent anything. */
  status: EndpointStatus;
  /** Where they are sent. */
  url: string;
  /** Where it belongs. */
  workspace: string;
}

/** What is different for an endpoint. What is left out is as the provider's document or the configuration has it; a change leaves what it does not name, and null sets one back. */
export interface EndpointSettings {
  /** When failures pause the endpoint. */
  auto_pause?: AutoPause | null;
  /** What a 4xx means, except 408, 410, 425 and 429. */
  client_errors?: ClientErrors | null;
  /** Requests under way at a time. */
  concurrency?: number | null;
  /** Held deliveries that go out in a second once it is active again. */
  drain_per_second?: number | null;
  /** Headers of your own: at most 20, 4 KiB together. Stored and shown in clear. */
  headers?: Record<string, string> | null;
  /** How much waits vary. */
  jitter?: Jitter | null;
  /** Which events wait for each other. */
  ordering?: Ordering | null;
  /** Whether it comes back by itself after such a pause. */
  probing?: Probing | null;
  /** Requests that begin. */
  rate_limit?: RateLimit | null;
  /** Waits before retries. */
  schedule?: Schedule | null;
  /** False leaves out `webhook-id`, `webhook-timestamp` and `webhook-signature`. */
  standard_headers?: boolean | null;
  /** Which answers are a success. */
  success?: Success | null;
  /** For one attempt. */
  timeout_ms?: number | null;
}

/** Counts of one endpoint. */
export interface EndpointStats {
  /** There may be more than were counted; the newest are. */
  at_least: boolean;
  /** Attempts of these deliveries. */
  attempts: number;
  /** Deliveries of what was published since, by state. */
  deliveries: Record<string, number>;
  /** Deliveries that have not ended, of any age. */
  open: Record<string, number>;
  /** States of these of which there may be more. */
  open_at_least: DeliveryStatus[];
  /** From when on `deliveries` are counted. */
  since: string;
}

/** Whether an endpoint is sent anything. */
export type EndpointStatus = "active" | "paused" | "disabled";

/** An endpoint that was just made or changed. */
export interface EndpointWarned {
  /** What it shows to a receiver that asks who is calling. */
  client_certificate: ClientCertificate | null;
  /** When it was made. */
  created_at: string;
  /** Event types it wants, under their documented names; `*` alone stands for all. */
  events: string[];
  /** Deliveries that were given up since the last success. */
  exhausted_in_a_row: number;
  /** Attempts that failed since the last success. */
  failed_in_a_row: number;
  /** Since when it fails. */
  failing_since: string | null;
  /** Conditions that its events must fulfil as well. */
  filter: Filter | null;
  /** Names it. */
  id: string;
  /** When it last took a delivery. */
  last_success_at: string | null;
  /** For people. */
  name: string | null;
  /** The same for providers whose ids are numbers. */
  number: number;
  /** When a probe may go out. */
  probe_at: string | null;
  /** Whose events it takes. */
  provider: string;
  /** Why it is not active. */
  reason: StatusReason | null;
  /** Events of which part of an account. */
  scope: Scope;
  /** A secret that was made here. This is the only time that it is shown. */
  secret?: string | null;
  /** Whether deliveries are signed. */
  secret_set: boolean;
  /** The lives of its secrets, newest first. The secrets themselves are never shown. */
  secrets: SecretLife[];
  /** What is different for it. */
  settings: EndpointSettings;
  /** How its deliveries are signed in place of the provider's own signature. */
  signature: Signature | null;
  /** Since when it has this status. */
  since: string;
  /** Whether it is sent anything. */
  status: EndpointStatus;
  /** Where they are sent. */
  url: string;
  /** What its owner should know, for people. */
  warnings: string[];
  /** Where it belongs. */
  workspace: string;
}

/** A page of endpoints, oldest first. */
export interface Endpoints {
  /** The entries. */
  endpoints: Endpoint[];
  /** The `after` of the next page; null on the last one. */
  next: string | null;
}

/** What a workspace says of an event type. */
export interface EventType {
  /** When it was described first. */
  created_at: string;
  /** For people. */
  description: string | null;
  /** As the provider documents it. */
  name: string;
  /** Whose event it is. */
  provider: string;
  /** JSON Schema that payloads are checked against when they are published; null checks nothing. */
  schema: unknown;
  /** When it was described last. */
  updated_at: string;
}

/** A page of event types, by provider and name. */
export interface EventTypes {
  /** The entries. */
  event_types: EventType[];
  /** The `after` of the next page; null on the last one. */
  next: string | null;
}

/** Waits of which each is longer than the one before. */
export interface Exponential {
  /** The first one. */
  base_ms: number;
  /** The longest one. */
  cap_ms: number;
  /** By how much each is longer. */
  factor: number;
  /** How many. */
  retries: number;
}

/** How long an endpoint may fail. */
export interface FailingFor {
  /** In milliseconds. */
  limit_ms: number;
}

/** Conditions on an event, an object whose entries must all hold: `type` is the event type, names that begin with `/` are JSON pointers into the body, and `and`, `or` and `not` join filters. */
export type Filter = Record<string, unknown>;

/** What becomes of held deliveries: `all`, `none`, or what was published since a moment goes out, oldest first. The others become dead letters. */
export type Held = "all" | "none" | { since: string; };

/** A text or a number. */
export type Id = string | number;

/** A request with its body and a page of its events. */
export interface InboundDetails {
  /** Its body, where that is text. */
  body?: string | null;
  /** Its body, where that is no text. */
  body_base64?: string | null;
  /** Length of its body. */
  body_bytes: number;
  /** Of its body, in hexadecimal. */
  body_sha256: string;
  /** Its events, in the order of the body. */
  events: InboundEvent[];
  /** Events in its body. */
  events_total: number;
  /** Names it. */
  id: string;
  /** The `after` of the next page of events; null on the last one. */
  next: string | null;
  /** Whose events it has. */
  provider: string;
  /** When it arrived. */
  received_at: string;
  /** Of the signature. */
  scheme: string | null;
  /** The source that it came by. */
  source: string;
  /** What vouched for it. */
  verified: VerifiedBy;
  /** Where it belongs. */
  workspace: string;
}

/** An event of a request. */
export interface InboundEvent {
  /** The event, normalised. */
  event: unknown;
  /** What became of it: which messages were made of it, and why others were not. */
  passed_on: unknown;
  /** In the body, from 0. */
  place: number;
  /** What it means, normalised. */
  type: string;
}

/** A request that another sender posted. */
export interface InboundRequest {
  /** Length of its body. */
  body_bytes: number;
  /** Of its body, in hexadecimal. */
  body_sha256: string;
  /** Events in its body. */
  events_total: number;
  /** Names it. */
  id: string;
  /** Whose events it has. */
  provider: string;
  /** When it arrived. */
  received_at: string;
  /** Of the signature. */
  scheme: string | null;
  /** The source that it came by. */
  source: string;
  /** What vouched for it. */
  verified: VerifiedBy;
  /** Where it belongs. */
  workspace: string;
}

/** A page of requests, newest first. */
export interface InboundRequests {
  /** The entries. */
  inbound: InboundRequest[];
  /** The `after` of the next page; null on the last one. */
  next: string | null;
}

/** How much waits vary. */
export interface Jitter {
  /** By how much they may be longer. */
  lengthen_percent: number;
  /** By how much they may be shorter. */
  shorten_percent: number;
}

/** A key of the API, without its text. */
export interface Key {
  /** When it was made. */
  created_at: string;
  /** From then on it is refused. */
  expires_at: string | null;
  /** Names the key; it is not the key. */
  id: string;
  /** For people. */
  name: string | null;
  /** What it is for. */
  role: Role;
  /** Where it works; `*` in every workspace. */
  workspace: string;
}

/** A page of keys, oldest first. */
export interface Keys {
  /** The entries. */
  keys: Key[];
  /** The `after` of the next page; null on the last one. */
  next: string | null;
}

/** A new key. */
export interface MadeKey {
  /** When it was made. */
  created_at: string;
  /** From then on it is refused. */
  expires_at: string | null;
  /** Names the key; it is not the key. */
  id: string;
  /** The key itself. This is the only time that it is shown. */
  key: string;
  /** For people. */
  name: string | null;
  /** What it is for. */
  role: Role;
  /** Where it works; `*` in every workspace. */
  workspace: string;
}

/** A published event. */
export interface Message {
  /** When it was published. */
  created_at: string;
  /** Its type, as the provider documents it. */
  event_type: string;
  /** Names it; the same on every attempt (`webhook-id`). */
  id: string;
  /** Whose event it is. */
  provider: string;
  /** Where it belongs. */
  workspace: string;
}

/** A message with its deliveries and their attempts. */
export interface MessageDetails {
  /** When it was published. */
  created_at: string;
  /** One for each endpoint that it went to. */
  deliveries: DeliveryDetails[];
  /** Its type, as the provider documents it. */
  event_type: string;
  /** Names it; the same on every attempt (`webhook-id`). */
  id: string;
  /** Whose event it is. */
  provider: string;
  /** Where it belongs. */
  workspace: string;
}

/** A page of messages, newest first. */
export interface Messages {
  /** The entries; there may be few or none of them, and still another page. */
  messages: Message[];
  /** The `after` of the next page; null on the last one. */
  next: string | null;
}

/** A condition that does not hold. */
export interface Miss {
  /** Where it is in the filter. */
  condition: string;
  /** Of which kind is what was found instead: `absent`, `null`, `boolean`, `number`, `text`, `list`, `object`, or `held` for what `not` refuses. */
  found: string;
}

/** Of events with the same key the next one goes out when the one before has ended. */
export type Ordering = "none" | "lead" | "campaign" | "lead_in_campaign" | { pointer: string; };

/** A sample to be sent. */
export interface Ping {
  /** A type of the endpoint's provider; left out, a ping without content is sent. */
  event_type?: string | null;
  /** When it succeeds, the endpoint is set active, as if its owner had done it. Left out: false. */
  resume?: boolean | null;
}

/** What came of a sample. It is neither kept nor counted. */
export interface Pinged {
  /** What went wrong, for people; its words may change. Null when there was an answer. */
  detail: string | null;
  /** How long it took. */
  duration_ms: number;
  /** What was sent as `webhook-id`. No message has it. */
  message_id: string;
  /** How it ended. */
  outcome: AttemptOutcome;
  /** Beginning of the answer's body, at most 4 KiB. */
  response: string;
  /** The endpoint was set active by it. */
  resumed: boolean;
  /** When it was sent. */
  started_at: string;
  /** Status of the answer. */
  status: number | null;
  /** Whether a delivery with this answer would count as delivered. */
  success: boolean;
}

/** What a request would do. */
export interface Preview {
  /** There may be more. */
  at_least: boolean;
  /** How many fit. */
  count: number;
  /** Always true. */
  dry_run: boolean;
  /** The ids of the first ones. */
  sample: string[];
}

/** How an endpoint that was paused for failures is tried again. */
export interface Probing {
  /** When a probe goes out. */
  cool_down: CoolDown;
}

/** An error: `application/problem+json` (RFC 9457). Nothing was stored. */
export interface Problem {
  /** Stable name of the problem. */
  code: string;
  /** What is wrong and what to do, for people; its words may change. */
  detail: string;
  /** Of a batch: what is wrong with which event. */
  errors?: ProblemOfEvent[];
  /** The field, header or parameter that it is about. */
  field?: string | null;
  /** The status. */
  status: number;
  /** The status in words. */
  title: string;
  /** Always `about:blank`; `code` tells problems apart. */
  type: string;
}

/** What is wrong with one event of a batch. */
export interface ProblemOfEvent {
  /** Stable name of the problem. */
  code: string;
  /** What is wrong and what to do, for people. */
  detail: string;
  /** The field that it is about. */
  field: string | null;
  /** Its place in the batch, from 0. */
  index: number;
}

/** Events to be published, all or none. */
export interface PublishBatch {
  /** 1 to 1,000 events. */
  events: PublishEvent[];
}

/** An event to be published. */
export interface PublishEvent {
  /** The open or click came from a machine; it is not delivered. Left out: false. */
  bot?: boolean | null;
  /** The client (tenant of an agency account) that it belongs to, for SmartLead's client scope. */
  client_id?: Id | null;
  /** Recognises the event when it comes again within 24 hours: 1 to 255 visible ASCII characters. In place of the header `Idempotency-Key`. */
  event_id?: string | null;
  /** The event, in the provider's documented shape. Its bytes are sent as the provider would send them. */
  payload: Record<string, unknown>;
  /** Whose event it is: `cleanmails`, `smartlead`, `sendemall`, `platform`, or `standard` for one of your own. */
  provider: string;
}

/** Requests that begin. */
export interface RateLimit {
  /** At once after a pause; left out, one. */
  burst?: number | null;
  /** On average. */
  per_second: number;
}

/** Another name for a workspace. */
export interface RenameWorkspace {
  /** For people; null takes it away. */
  name?: string | null;
}

/** A replay: many deliveries that are sent again, one after the other. */
export interface Replay {
  /** When it began. */
  created_at: string;
  /** Those that fit this. */
  filter: ReplayFilter;
  /** Names it. */
  id: string;
  /** Only so many that were named; null when all that fit are meant. */
  ids: number | null;
  /** How many fitted when it began. */
  matched: number;
  /** There may have been more. */
  matched_at_least: boolean;
  /** Which deliveries it is about. */
  of: ReplayOf;
  /** How many become due in a second, at most. */
  per_second: number;
  /** How many were sent again. */
  replayed: number;
  /** How many were left as they were. */
  skipped: number;
  /** What it has come to. */
  status: ReplayStatus;
  /** When it last did something. */
  updated_at: string;
}

/** A replay that has begun, or what one would do. */
export type ReplayAnswer = Replay | Preview;

/** The conditions of a replay. */
export interface ReplayFilter {
  /** Whether their owner has taken note of them. */
  acknowledged?: boolean | null;
  /** Published then or later. */
  created_since?: string | null;
  /** Published before. */
  created_until?: string | null;
  /** Delivered then or later. */
  delivered_since?: string | null;
  /** Delivered before. */
  delivered_until?: string | null;
  /** Given up then or later. */
  died_since?: string | null;
  /** Given up before. */
  died_until?: string | null;
  /** Where to. */
  endpoint_id?: string | null;
  /** Of which event type. */
  event_type?: string | null;
  /** Why they were given up. */
  reason?: DeadLetterReason | null;
}

/** Which ended deliveries a replay is about. */
export type ReplayOf = "dead_lettered" | "delivered";

/** What a replay has come to. */
export type ReplayStatus = "running" | "paused" | "completed" | "cancelled";

/** A page of replays, newest first. */
export interface Replays {
  /** The `after` of the next page; null on the last one. */
  next: string | null;
  /** The entries. */
  replays: Replay[];
}

/** An endpoint to be set active. */
export interface Resume {
  /** What becomes of what was held; left out, all goes out. */
  held?: Held | null;
}

/** What a key is for. */
export type Role = "admin" | "manage" | "publish" | "read";

/** A new secret beside the present one. */
export interface RotateSecret {
  /** How long the old ones live on, 0 to 604,800 seconds; left out, a day. */
  overlap_s?: number | null;
  /** The secret; left out, one is made and shown once. */
  secret?: string | null;
  /** When the new one begins to sign headers that hold one signature, 0 to `overlap_s`; left out, at its end. */
  switch_s?: number | null;
}

/** Waits before retries, at most 100 of at most 30 days. Shown as `delays_ms`. */
export type Schedule = string | { /** One before each retry. */ delays_ms: number[]; } | { /** How they grow. */ exponential: Exponential; };

/** Events of which part of an account (SmartLead). */
export type Scope = { level: "user"; } | { /** Which one. */ client_id: Id; level: "client"; } | { /** Which one. */ campaign_id: Id; level: "campaign"; };

/** How long a secret lives. */
export interface SecretLife {
  /** When it was set. */
  created_at: string;
  /** From then on it signs nothing; null for the newest. */
  expires_at: string | null;
  /** Until then it signs headers that hold one signature; null for the newest. */
  signs_until: string | null;
}

/** Which ended deliveries are meant; `{}` means all. */
export type SelectionFilter = DeadLetterFilter | DeliveredFilter;

/** A delivery that is sent again. */
export interface SentAgain {
  /** Which one. */
  id: string;
  /** `pending`, or `waiting` behind another of its ordering key. */
  status: DeliveryStatus;
}

/** Counts of the whole server. */
export interface ServerStats {
  /** States of which there may be more than were counted. */
  at_least: DeliveryStatus[];
  /** Their deliveries, by state. */
  deliveries: Record<string, number>;
  /** SHA-256 of the rules in use. */
  guest_sha256: string;
  /** Requests to receivers that are under way. */
  in_flight: number;
  /** Messages that are kept. */
  messages: number;
}

/** A client certificate to be set. */
export interface SetClientCertificate {
  /** PEM: the endpoint's own certificate, then intermediate ones, at most 10. */
  certificate: string;
  /** PEM without a password: RSA, ECDSA P-256 or P-384, or Ed25519. Never shown. */
  private_key: string;
}

/** A signature scheme with its options. */
export interface Signature {
  /** Its options; left out, none. */
  options?: Record<string, string>;
  /** Its name, such as `stripe`, `github` or `generic-hmac`. */
  scheme: string;
}

/** Why an endpoint is not active. */
export type StatusReason = "failing" | "gone" | "manual";

/** Event types that an endpoint wants, in any spelling of the providers. An empty one and `["*"]` mean all. */
export type Subscription = string[] | Record<string, boolean> | string;

/** Which answers are a success. */
export type Success = "any2xx" | "only200";

/** What vouched for a request of another sender. */
export type VerifiedBy = "signature" | "token" | "open";

/** Which versions are in use. */
export interface Version {
  /** SHA-256 of the rules in use. */
  guest_sha256: string;
  /** SHA-256 of the kernel, which signs. */
  kernel_sha256: string;
  /** Of the program. */
  version: string;
  /** Of the wasm runtime. */
  wasmtime: string;
}

/** Endpoints, messages and keys that are apart from those of other workspaces. */
export interface Workspace {
  /** When it was made. */
  created_at: string;
  /** The name that its owner chose. */
  id: string;
  /** For people. */
  name: string | null;
  /** The same for providers whose accounts are numbers. */
  number: number;
}

/** Counts of one workspace. */
export interface WorkspaceStats {
  /** There may be more than were counted; the newest are. */
  at_least: boolean;
  /** Attempts of these deliveries. */
  attempts: number;
  /** Deliveries of these messages, by state. */
  deliveries: Record<string, number>;
  /** Its endpoints. */
  endpoints: number;
  /** What was published since. */
  messages: number;
  /** From when on `messages` and `deliveries` are counted. */
  since: string;
}

/** A page of workspaces, by id. */
export interface Workspaces {
  /** The `after` of the next page; null on the last one. */
  next: string | null;
  /** The entries. */
  workspaces: Workspace[];
}

/** Parameters of {@link Operations.listDeadLetters}. */
export interface ListDeadLettersQuery {
  /** Whether their owner has taken note of them; left out, false. */
  acknowledged?: Acknowledgement;
  /** The `next` of the page before. */
  after?: string;
  /** Published then or later. */
  created_since?: string;
  /** Published before. */
  created_until?: string;
  /** Given up then or later. */
  died_since?: string;
  /** Given up before. */
  died_until?: string;
  /** Where to. */
  endpoint_id?: string;
  /** Of which event type. */
  event_type?: string;
  /** Entries of a page, at most; 50 when it is left out. */
  limit?: number;
  /** Why they were given up. */
  reason?: DeadLetterReason;
}

/** Parameters of {@link Operations.countDeadLetters}. */
export interface CountDeadLettersQuery {
  /** Whether their owner has taken note of them; left out, false. */
  acknowledged?: Acknowledgement;
  /** Published then or later. */
  created_since?: string;
  /** Published before. */
  created_until?: string;
  /** Given up then or later. */
  died_since?: string;
  /** Given up before. */
  died_until?: string;
  /** Where to. */
  endpoint_id?: string;
  /** Of which event type. */
  event_type?: string;
  /** Why they were given up. */
  reason?: DeadLetterReason;
}

/** Parameters of {@link Operations.listDeliveries}. */
export interface ListDeliveriesQuery {
  /** The `next` of the page before. */
  after?: string;
  /** Only what was published then or later. */
  created_since?: string;
  /** Only what was published before. */
  created_until?: string;
  /** Only those to this endpoint. */
  endpoint_id?: string;
  /** Only those of this event type. */
  event_type?: string;
  /** Entries of a page, at most; 50 when it is left out. */
  limit?: number;
  /** Only those in this state. */
  status?: DeliveryStatus;
}

/** Parameters of {@link Operations.listAttempts}. */
export interface ListAttemptsQuery {
  /** The `next` of the page before. */
  after?: string;
  /** Entries of a page, at most; 50 when it is left out. */
  limit?: number;
}

/** Parameters of {@link Operations.listEndpoints}. */
export interface ListEndpointsQuery {
  /** The `next` of the page before. */
  after?: string;
  /** Entries of a page, at most; 50 when it is left out. */
  limit?: number;
}

/** Parameters of {@link Operations.endpointStats}. */
export interface EndpointStatsQuery {
  /** What was published then or later; left out: in the last 24 hours. */
  since?: string;
}

/** Parameters of {@link Operations.listEventTypes}. */
export interface ListEventTypesQuery {
  /** The `next` of the page before. */
  after?: string;
  /** Entries of a page, at most; 50 when it is left out. */
  limit?: number;
  /** Only those of this provider. */
  provider?: string;
}

/** Parameters of {@link Operations.listInbound}. */
export interface ListInboundQuery {
  /** The `next` of the page before. */
  after?: string;
  /** Entries of a page, at most; 50 when it is left out. */
  limit?: number;
  /** Only those that came by this source. */
  source?: string;
}

/** Parameters of {@link Operations.showInbound}. */
export interface ShowInboundQuery {
  /** The `next` of the page before. */
  after?: string;
  /** Entries of a page, at most; 50 when it is left out. */
  limit?: number;
}

/** Parameters of {@link Operations.listKeys}. */
export interface ListKeysQuery {
  /** The `next` of the page before. */
  after?: string;
  /** Entries of a page, at most; 50 when it is left out. */
  limit?: number;
}

/** Parameters of {@link Operations.listMessages}. */
export interface ListMessagesQuery {
  /** The `next` of the page before. */
  after?: string;
  /** Only what was published then or later. */
  created_since?: string;
  /** Only what was published before. */
  created_until?: string;
  /** Only those of this event type. */
  event_type?: string;
  /** Entries of a page, at most; 50 when it is left out. */
  limit?: number;
  /** Only those of this provider. */
  provider?: string;
}

/** Parameters of {@link Operations.listReplays}. */
export interface ListReplaysQuery {
  /** The `next` of the page before. */
  after?: string;
  /** Entries of a page, at most; 50 when it is left out. */
  limit?: number;
}

/** Parameters of {@link Operations.listWorkspaces}. */
export interface ListWorkspacesQuery {
  /** The `next` of the page before. */
  after?: string;
  /** Entries of a page, at most; 50 when it is left out. */
  limit?: number;
}

/** Parameters of {@link Operations.workspaceStats}. */
export interface WorkspaceStatsQuery {
  /** What was published then or later; left out: in the last 24 hours. */
  since?: string;
}

/** What every call takes. */
export interface CallOptions {
  /** Ends the call before its time. */
  signal?: AbortSignal;
}

/** What calls take that may be repeated. */
export interface IdempotentOptions extends CallOptions {
  /** Under one key the server does it once, however often it is sent within 24 hours: 1 to 255 visible ASCII characters. */
  idempotencyKey?: string;
}

/** What is sent. */
export interface Sent {
  query?: object | undefined;
  body?: unknown;
  options?: IdempotentOptions | undefined;
}

/** The operations of the API. */
export abstract class Operations {
  protected abstract call<T>(method: string, path: string, sent: Sent): Promise<T>;

  /** Lists what was given up and nobody has taken note of, newest first. */
  listDeadLetters(query: ListDeadLettersQuery = {}, options?: CallOptions): Promise<DeadLetters> {
    return this.call("GET", `/v1/dead-letters`, { query, options });
  }

  /** Takes note of many dead letters. */
  acknowledgeDeadLetters(body: AcknowledgeMany, options?: CallOptions): Promise<AcknowledgeAnswer> {
    return this.call("POST", `/v1/dead-letters/acknowledge`, { body, options });
  }

  /** Counts dead letters. */
  countDeadLetters(query: CountDeadLettersQuery = {}, options?: CallOptions): Promise<Count> {
    return this.call("GET", `/v1/dead-letters/count`, { query, options });
  }

  /** Lists deliveries, newest first. */
  listDeliveries(query: ListDeliveriesQuery = {}, options?: CallOptions): Promise<Deliveries> {
    return this.call("GET", `/v1/deliveries`, { query, options });
  }

  /** Shows a delivery with its attempts. */
  showDelivery(id: string, options?: CallOptions): Promise<DeliveryDetails> {
    return this.call("GET", `/v1/deliveries/${encodeURIComponent(id)}`, { options });
  }

  /** Takes note of a dead letter; a second time is a success, too. */
  acknowledgeDelivery(id: string, options?: CallOptions): Promise<Acknowledged> {
    return this.call("POST", `/v1/deliveries/${encodeURIComponent(id)}/acknowledge`, { options });
  }

  /** Lists the attempts of a delivery, and when the next one is due. */
  listAttempts(id: string, query: ListAttemptsQuery = {}, options?: CallOptions): Promise<Attempts> {
    return this.call("GET", `/v1/deliveries/${encodeURIComponent(id)}/attempts`, { query, options });
  }

  /** Sends again what has ended, delivered or not. */
  resendDelivery(id: string, options?: CallOptions): Promise<SentAgain> {
    return this.call("POST", `/v1/deliveries/${encodeURIComponent(id)}/resend`, { options });
  }

  /** Sends a dead letter again, with the same message id. */
  retryDelivery(id: string, options?: CallOptions): Promise<SentAgain> {
    return this.call("POST", `/v1/deliveries/${encodeURIComponent(id)}/retry`, { options });
  }

  /** Lists endpoints, oldest first. */
  listEndpoints(query: ListEndpointsQuery = {}, options?: CallOptions): Promise<Endpoints> {
    return this.call("GET", `/v1/endpoints`, { query, options });
  }

  /** Makes an endpoint. */
  createEndpoint(body: CreateEndpoint, options?: CallOptions): Promise<EndpointWarned> {
    return this.call("POST", `/v1/endpoints`, { body, options });
  }

  /** Deletes an endpoint; its open deliveries are cancelled. */
  deleteEndpoint(id: string, options?: CallOptions): Promise<void> {
    return this.call("DELETE", `/v1/endpoints/${encodeURIComponent(id)}`, { options });
  }

  /** Shows an endpoint, with its health. */
  showEndpoint(id: string, options?: CallOptions): Promise<Endpoint> {
    return this.call("GET", `/v1/endpoints/${encodeURIComponent(id)}`, { options });
  }

  /** Changes what is named about an endpoint. */
  changeEndpoint(id: string, body: ChangeEndpoint, options?: CallOptions): Promise<EndpointWarned> {
    return this.call("PATCH", `/v1/endpoints/${encodeURIComponent(id)}`, { body, options });
  }

  /** Takes the client certificate away; a second time is a success, too. */
  deleteClientCertificate(id: string, options?: CallOptions): Promise<void> {
    return this.call("DELETE", `/v1/endpoints/${encodeURIComponent(id)}/client-certificate`, { options });
  }

  /** Sets the certificate for receivers that ask who is calling. */
  setClientCertificate(id: string, body: SetClientCertificate, options?: CallOptions): Promise<EndpointWarned> {
    return this.call("PUT", `/v1/endpoints/${encodeURIComponent(id)}/client-certificate`, { body, options });
  }

  /** Says which events a filter would have let through, and why not. */
  dryRunFilter(id: string, body: DryRun, options?: CallOptions): Promise<DryRunAnswer> {
    return this.call("POST", `/v1/endpoints/${encodeURIComponent(id)}/filter/dry-run`, { body, options });
  }

  /** Pauses an endpoint by hand; what is published for it is held. */
  pauseEndpoint(id: string, options?: CallOptions): Promise<Endpoint> {
    return this.call("POST", `/v1/endpoints/${encodeURIComponent(id)}/pause`, { options });
  }

  /** Sends a signed sample at once, which is neither kept nor counted. */
  pingEndpoint(id: string, body: Ping = {}, options?: CallOptions): Promise<Pinged> {
    return this.call("POST", `/v1/endpoints/${encodeURIComponent(id)}/ping`, { body, options });
  }

  /** Sets an endpoint active and says what becomes of what was held. */
  resumeEndpoint(id: string, body: Resume = {}, options?: CallOptions): Promise<Endpoint> {
    return this.call("POST", `/v1/endpoints/${encodeURIComponent(id)}/resume`, { body, options });
  }

  /** Ends the overlap: the newest secret signs alone. */
  finishRotation(id: string, options?: CallOptions): Promise<EndpointWarned> {
    return this.call("POST", `/v1/endpoints/${encodeURIComponent(id)}/secret/finish`, { options });
  }

  /** Sets a new secret beside the present one. */
  rotateSecret(id: string, body: RotateSecret, options?: CallOptions): Promise<EndpointWarned> {
    return this.call("POST", `/v1/endpoints/${encodeURIComponent(id)}/secret/rotate`, { body, options });
  }

  /** Counts the deliveries to an endpoint. */
  endpointStats(id: string, query: EndpointStatsQuery = {}, options?: CallOptions): Promise<EndpointStats> {
    return this.call("GET", `/v1/endpoints/${encodeURIComponent(id)}/stats`, { query, options });
  }

  /** Lists what a workspace says of its event types. */
  listEventTypes(query: ListEventTypesQuery = {}, options?: CallOptions): Promise<EventTypes> {
    return this.call("GET", `/v1/event-types`, { query, options });
  }

  /** Forgets what was said of an event type. */
  forgetEventType(provider: string, name: string, options?: CallOptions): Promise<void> {
    return this.call("DELETE", `/v1/event-types/${encodeURIComponent(provider)}/${encodeURIComponent(name)}`, { options });
  }

  /** Shows what a workspace says of an event type. */
  showEventType(provider: string, name: string, options?: CallOptions): Promise<EventType> {
    return this.call("GET", `/v1/event-types/${encodeURIComponent(provider)}/${encodeURIComponent(name)}`, { options });
  }

  /** Describes an event type, in place of what was said before. */
  describeEventType(provider: string, name: string, body: DescribeEventType, options?: CallOptions): Promise<EventType> {
    return this.call("PUT", `/v1/event-types/${encodeURIComponent(provider)}/${encodeURIComponent(name)}`, { body, options });
  }

  /** Publishes an event. */
  publishEvent(body: PublishEvent, options?: IdempotentOptions): Promise<AcceptedEvent> {
    return this.call("POST", `/v1/events`, { body, options });
  }

  /** Publishes up to 1,000 events, all or none. */
  publishBatch(body: PublishBatch, options?: IdempotentOptions): Promise<AcceptedBatch> {
    return this.call("POST", `/v1/events/batch`, { body, options });
  }

  /** Lists what other senders posted, newest first. */
  listInbound(query: ListInboundQuery = {}, options?: CallOptions): Promise<InboundRequests> {
    return this.call("GET", `/v1/inbound`, { query, options });
  }

  /** Shows a request of another sender, with its body and its events. */
  showInbound(id: string, query: ShowInboundQuery = {}, options?: CallOptions): Promise<InboundDetails> {
    return this.call("GET", `/v1/inbound/${encodeURIComponent(id)}`, { query, options });
  }

  /** Lists keys, oldest first. */
  listKeys(query: ListKeysQuery = {}, options?: CallOptions): Promise<Keys> {
    return this.call("GET", `/v1/keys`, { query, options });
  }

  /** Makes a key, which is shown this once. */
  createKey(body: CreateKey, options?: CallOptions): Promise<MadeKey> {
    return this.call("POST", `/v1/keys`, { body, options });
  }

  /** Revokes a key from the next request on. */
  revokeKey(id: string, options?: CallOptions): Promise<void> {
    return this.call("DELETE", `/v1/keys/${encodeURIComponent(id)}`, { options });
  }

  /** Shows what a key is for, and not the key. */
  showKey(id: string, options?: CallOptions): Promise<Key> {
    return this.call("GET", `/v1/keys/${encodeURIComponent(id)}`, { options });
  }

  /** Lists messages, newest first. */
  listMessages(query: ListMessagesQuery = {}, options?: CallOptions): Promise<Messages> {
    return this.call("GET", `/v1/messages`, { query, options });
  }

  /** Shows a message with its deliveries and their attempts. */
  showMessage(id: string, options?: CallOptions): Promise<MessageDetails> {
    return this.call("GET", `/v1/messages/${encodeURIComponent(id)}`, { options });
  }

  /** Shows the body of a message, as it is sent. */
  messagePayload(id: string, options?: CallOptions): Promise<unknown> {
    return this.call("GET", `/v1/messages/${encodeURIComponent(id)}/payload`, { options });
  }

  /** Lists replays, newest first. */
  listReplays(query: ListReplaysQuery = {}, options?: CallOptions): Promise<Replays> {
    return this.call("GET", `/v1/replays`, { query, options });
  }

  /** Sends many deliveries again, not too fast. */
  createReplay(body: CreateReplay, options?: CallOptions): Promise<ReplayAnswer> {
    return this.call("POST", `/v1/replays`, { body, options });
  }

  /** Shows a replay, with its progress. */
  showReplay(id: string, options?: CallOptions): Promise<Replay> {
    return this.call("GET", `/v1/replays/${encodeURIComponent(id)}`, { options });
  }

  /** Ends a replay; what it has sent stays sent. */
  cancelReplay(id: string, options?: CallOptions): Promise<Replay> {
    return this.call("POST", `/v1/replays/${encodeURIComponent(id)}/cancel`, { options });
  }

  /** Pauses a replay. */
  pauseReplay(id: string, options?: CallOptions): Promise<Replay> {
    return this.call("POST", `/v1/replays/${encodeURIComponent(id)}/pause`, { options });
  }

  /** Lets a paused replay go on. */
  resumeReplay(id: string, options?: CallOptions): Promise<Replay> {
    return this.call("POST", `/v1/replays/${encodeURIComponent(id)}/resume`, { options });
  }

  /** Counts what the whole server keeps. */
  serverStats(options?: CallOptions): Promise<ServerStats> {
    return this.call("GET", `/v1/stats`, { options });
  }

  /** Shows which versions are in use. */
  showVersion(options?: CallOptions): Promise<Version> {
    return this.call("GET", `/v1/version`, { options });
  }

  /** Lists workspaces, by name. */
  listWorkspaces(query: ListWorkspacesQuery = {}, options?: CallOptions): Promise<Workspaces> {
    return this.call("GET", `/v1/workspaces`, { query, options });
  }

  /** Makes a workspace. */
  createWorkspace(body: CreateWorkspace, options?: CallOptions): Promise<Workspace> {
    return this.call("POST", `/v1/workspaces`, { body, options });
  }

  /** Shows a workspace. */
  showWorkspace(id: string, options?: CallOptions): Promise<Workspace> {
    return this.call("GET", `/v1/workspaces/${encodeURIComponent(id)}`, { options });
  }

  /** Gives a workspace another name for people. */
  renameWorkspace(id: string, body: RenameWorkspace, options?: CallOptions): Promise<Workspace> {
    return this.call("PATCH", `/v1/workspaces/${encodeURIComponent(id)}`, { body, options });
  }

  /** Counts what was published in a workspace lately. */
  workspaceStats(id: string, query: WorkspaceStatsQuery = {}, options?: CallOptions): Promise<WorkspaceStats> {
    return this.call("GET", `/v1/workspaces/${encodeURIComponent(id)}/stats`, { query, options });
  }
}
