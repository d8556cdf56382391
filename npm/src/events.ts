import type { Provider } from "./verifier.js";

/** Fields that a provider sends beyond its documents are kept. */
export interface OtherFields {
  readonly [field: string]: unknown;
}

/** An id as the provider writes it. The same provider may write it either way. */
export type Id = number | string;

/**
 * Documented fields that may be absent or null, and others.
 *
 * These are the types of the provider's documents. A sender that deviates from them in an optional field is not refused: the
 * value is in the payload as it came, of whatever type. Look at `typeof` before you rely on one, or read the delivery with
 * `normalize` of `countersign/events`, whose fields have the stated types whatever was sent. Required fields are checked.
 */
export type Fields<Documented> = OtherFields & { readonly [Name in keyof Documented]?: Documented[Name] | null };

// Cleanmails. Source: its webhook page; rules C23 to C25 and R-C8.

/** Every field is optional: the document shows one event only, and lead and campaign events know different things. */
export type CleanmailsData = Fields<{
  lead_id: Id;
  lead_email: string;
  lead_name: string;
  lead_company: string;
  campaign_id: Id;
  /** Name of the campaign. */
  campaign: string;
  sender_id: Id;
  /** Address of the sender. */
  sender: string;
  /** With angle brackets. */
  message_id: string;
}>;

export interface CleanmailsPayload<Type extends string> extends OtherFields {
  readonly event: Type;
  readonly workspace_id: Id;
  readonly timestamp: string;
  readonly data: CleanmailsData;
}

export type CleanmailsType =
  | "email.sent"
  | "email.opened"
  | "email.clicked"
  | "email.replied"
  | "email.bounced"
  | "lead.unsubscribed"
  | "lead.created"
  | "lead.validated"
  | "campaign.started"
  | "campaign.completed"
  | "campaign.paused";

type CleanmailsPayloads = { readonly [Type in CleanmailsType]: CleanmailsPayload<Type> };

// SmartLead. Source: its guide and its event reference; rules S8 to S17 and R-S8.

export type SmartleadLead = Fields<{
  email: string;
  first_name: string;
  last_name: string;
  company_name: string;
  custom_fields: OtherFields;
}>;

/** The mail that the event is about. */
export type SmartleadEmail = Fields<{ subject: string; message_id: string }>;

export type SmartleadLink = Fields<{ url: string; clicked_at: string }>;

export type SmartleadReply = Fields<{ subject: string; body: string; received_at: string; message_id: string }>;

/** Only these four are promised; the rest is sent when it is known. */
export type SmartleadPayload<Type extends string, More = unknown> = {
  readonly event: Type;
  readonly timestamp: string;
  readonly campaign_id: Id;
  readonly lead_id: Id;
} & Fields<
  {
    campaign_name: string;
    email_account_id: Id;
    sequence_number: number;
    lead: SmartleadLead;
    email: SmartleadEmail;
  } & More
>;

export interface SmartleadOpened {
  /** Opens so far. */
  opened_count: number;
  first_opened_at: string;
  /** When this open happened; `timestamp` repeats the first open. */
  last_opened_at: string;
}

export interface SmartleadBounced {
  /** `hard` in the documents. */
  bounce_type: string;
  bounce_reason: string;
}

type SmartleadPayloads = {
  readonly EMAIL_SENT: SmartleadPayload<"EMAIL_SENT">;
  readonly EMAIL_OPENED: SmartleadPayload<"EMAIL_OPENED", SmartleadOpened>;
  readonly EMAIL_CLICKED: SmartleadPayload<"EMAIL_CLICKED", { link: SmartleadLink }>;
  readonly EMAIL_REPLIED: SmartleadPayload<"EMAIL_REPLIED", { reply: SmartleadReply }>;
  readonly EMAIL_BOUNCED: SmartleadPayload<"EMAIL_BOUNCED", SmartleadBounced>;
  readonly EMAIL_UNSUBSCRIBED: SmartleadPayload<"EMAIL_UNSUBSCRIBED">;
};

export type SmartleadType = keyof SmartleadPayloads;

// SendEmAll. Source: its developer article; rules E17 to E24 and R-E12.

export interface SendemallCampaign {
  /** `cmp_…` */
  campaign_id: Id;
  campaign_name: string;
}

export interface SendemallLead extends SendemallCampaign {
  /** `lead_…` */
  lead_id: Id;
  lead_email: string;
  sequence_step: number;
}

export interface SendemallOpened extends SendemallLead {
  /** Opens so far. */
  open_count: number;
  first_opened_at: string;
  user_agent: string;
  ip_country: string;
}

export interface SendemallClicked extends SendemallLead {
  url: string;
}

/** The documented ones; others may be added. */
export type ReplySentiment = "positive" | "neutral" | "negative" | "out_of_office" | "unsubscribe" | (string & {});

export interface SendemallReplied extends SendemallLead {
  lead_name: string;
  lead_company: string;
  reply_sentiment: ReplySentiment;
  /** May be cut. */
  reply_preview: string;
  /** `thrd_…` */
  thread_id: Id;
}

export interface SendemallBounced extends SendemallLead {
  /** `hard` is permanent: remove the address. `soft` is temporary. */
  bounce_type: "hard" | "soft" | (string & {});
  bounce_code: string;
  bounce_message: string;
}

export interface SendemallUnsubscribed extends SendemallLead {
  /** The address is excluded from all future campaigns; mirror it. */
  suppressed_globally: boolean;
}

export interface SendemallPayload<Type extends string, Data> extends OtherFields {
  readonly event: Type;
  /** `evt_…`, the same on every delivery of this event. */
  readonly id: string;
  readonly timestamp: string;
  readonly data: Fields<Data>;
}

type SendemallDataOf = {
  readonly "email.sent": SendemallLead;
  readonly "email.delivered": SendemallLead;
  readonly "email.opened": SendemallOpened;
  readonly "email.clicked": SendemallClicked;
  readonly "email.replied": SendemallReplied;
  readonly "email.bounced": SendemallBounced;
  readonly "email.unsubscribed": SendemallUnsubscribed;
  readonly "campaign.completed": SendemallCampaign;
};

export type SendemallType = keyof SendemallDataOf;

type SendemallPayloads = {
  readonly [Type in SendemallType]: SendemallPayload<Type, SendemallDataOf[Type]>;
};

// The platform. Source: its webhook page; rules P7, P11 and R-P2.

export type PlatformPayload<Type extends string, More = unknown> = {
  readonly type: Type;
  readonly email_id: Id;
} & Fields<{ id: Id; recipient: string; timestamp: string } & More>;

type PlatformPayloads = {
  readonly "email.open": PlatformPayload<"email.open">;
  readonly "email.click": PlatformPayload<"email.click", { url: string }>;
  readonly "email.bounce": PlatformPayload<"email.bounce", { bounce_type: string }>;
  readonly "email.unsubscribe": PlatformPayload<"email.unsubscribe">;
};

export type PlatformType = keyof PlatformPayloads;

// All of them.

interface PayloadsOf {
  readonly cleanmails: CleanmailsPayloads;
  readonly smartlead: SmartleadPayloads;
  readonly sendemall: SendemallPayloads;
  readonly platform: PlatformPayloads;
}

/** What every event says. */
export interface EventBase<P extends Provider, Known extends boolean, Payload> {
  readonly provider: P;
  /** Whether the provider documents this type. */
  readonly known: Known;
  /** The provider's own id of the event, where it sends one. Use it to recognise a second delivery. */
  readonly id: string | null;
  /** When it happened, as the provider wrote it. Order by this and not by arrival. */
  readonly timestamp: string | null;
  /** The whole payload as the provider sent it, unknown fields included. */
  readonly payload: Payload;
}

/** An event of a documented type. */
export type KnownEvent<P extends Provider> = {
  [Type in keyof PayloadsOf[P]]: EventBase<P, true, PayloadsOf[P][Type]> & { readonly type: Type };
}[keyof PayloadsOf[P]];

/** An event of a type that the provider does not document: never an error, since providers add types. */
export interface OtherEvent<P extends Provider> extends EventBase<P, false, OtherFields> {
  readonly type: string;
}

/** An event of provider `P`. Check `known`, then `type` tells the payload. */
export type EventOf<P extends Provider> = P extends Provider ? KnownEvent<P> | OtherEvent<P> : never;

/** An event of any provider. */
export type WebhookEvent = EventOf<Provider>;
