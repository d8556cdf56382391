// Normalised events: one shape for all senders. Names are those of the core, so that an event is the same JSON everywhere.

import type { OtherFields } from "./events.js";
import type { Provider } from "./verifier.js";

/** Platforms whose events can be normalised. */
export type EventSource = Provider | "resend" | "sendgrid" | "mailgun";

/** The types that are known. */
export type NormalizedType =
  /** Taken by the sender's provider. */
  | "email.sent"
  /** The receiving server accepted it. */
  | "email.delivered"
  /** Temporary trouble; more attempts follow. */
  | "email.delivery_delayed"
  /** Refused. */
  | "email.bounced"
  /** Never sent. */
  | "email.failed"
  | "email.opened"
  | "email.clicked"
  /** Marked as spam. */
  | "email.complained"
  /** The lead opted out. */
  | "email.unsubscribed"
  /** The lead opted in again. */
  | "email.resubscribed"
  /** An inbound message arrived. */
  | "email.received"
  /** The lead replied. */
  | "email.replied"
  | "lead.created"
  /** The address of a lead was checked. */
  | "lead.validated"
  | "campaign.started"
  | "campaign.completed"
  | "campaign.paused"
  /** To be sent later (Resend). */
  | "email.scheduled"
  /** Never sent, since the address is on the suppression list (Resend). */
  | "email.suppressed";

export interface EventLead {
  readonly id?: string;
  readonly email?: string;
  readonly first_name?: string;
  readonly last_name?: string;
  readonly full_name?: string;
  readonly company?: string;
  /** The account's own fields. */
  readonly custom_fields?: OtherFields;
}

export interface EventCampaign {
  readonly id?: string;
  readonly name?: string;
}

/** The sending account; of an inbound message, whoever sent it. */
export interface EventSender {
  readonly id?: string;
  readonly address?: string;
}

/** Why a mail did not arrive: of bounces, delays and failures. */
export interface EventBounce {
  /** `"hard"` is for good: remove the address. Absent where the source does not say. */
  readonly kind?: "hard" | "soft";
  /** `550` or `5.1.1`. */
  readonly code?: string;
  readonly reason?: string;
}

export interface EventReply {
  readonly subject?: string;
  /** May be cut. */
  readonly text?: string;
  readonly received_at?: string;
  /** `positive`, `neutral`, `negative`, `out_of_office` or `unsubscribe`; others may come. */
  readonly sentiment?: string;
  readonly message_id?: string;
}

export interface EventOpens {
  readonly count?: number;
  readonly first_at?: string;
  readonly last_at?: string;
}

/** A label that the sender gave the mail. */
export interface EventTag {
  readonly name: string;
  readonly value?: string;
}

/**
 * An event in one shape for all senders. What its source does not say is absent; what is there has the type that is written
 * here, whatever the sender wrote (numbers in ids are texts). Moments are RFC 3339 in UTC with milliseconds, so that texts sort
 * as the moments do.
 */
export interface NormalizedEvent<Type extends string = NormalizedType | (string & {})> {
  /** What happened. Resend's names are kept, known or not; of other sources an unknown name becomes `"other"`. */
  readonly type: Type;
  readonly provider: EventSource;
  /** The source's own name of the event. */
  readonly provider_event: string;
  /** Id of the event, where the source gives one. */
  readonly event_id?: string;
  /** The id that repeats of this event share, where the source gives one. `idempotencyKey` makes one for every event. */
  readonly dedupe?: string;
  /** When it happened. */
  readonly occurred_at?: string;
  /** Set by a receiver that put the time of receipt into `occurred_at`. Reading never sets it. */
  readonly occurred_at_inferred?: boolean;
  /** The account that it belongs to. */
  readonly workspace_id?: string;
  /** The mail that it is about, in the source's own terms. */
  readonly email_id?: string;
  /** `Message-ID` of that mail, without angle brackets. */
  readonly message_id?: string;
  readonly thread_id?: string;
  readonly subject?: string;
  readonly recipients?: readonly string[];
  readonly lead?: EventLead;
  readonly campaign?: EventCampaign;
  readonly sender?: EventSender;
  /** Step of the sequence. */
  readonly step?: number;
  readonly bounce?: EventBounce;
  /** Where the clicked link leads, untouched. */
  readonly url?: string;
  readonly reply?: EventReply;
  readonly opens?: EventOpens;
  readonly user_agent?: string;
  readonly country?: string;
  /** Whether the lead is excluded from all future campaigns. */
  readonly suppressed_globally?: boolean;
  readonly tags?: readonly EventTag[];
  /** The JSON as it arrived: the body, or the element of SendGrid's list. */
  readonly original: unknown;
}
