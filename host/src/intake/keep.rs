//! From a verified request to what is kept of it.

use super::{IntakeError, Posted, Verified};
use crate::{
    clock::rfc3339,
    config::{Check, Reader, Source},
    context::Context,
    ids::{InboundId, WorkspaceId},
    publish::{Prepared, overlap},
    registry::Candidate,
    rules::RulesError,
    store::{
        Inbound, KEYS_KEPT, NewInbound, NewInboundEvent, NewKey, NewMessage, VerifiedBy, Workspace,
    },
    worker::Worker,
};
use bytes::Bytes;
use countersign_core::{provider::Provider, standard::SOURCE, subscription::Overlap};
use countersign_guest::{
    self as guest, Format, PassedOn, Receive, Received, ReceivedEvent, Rejection, Target,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{sync::Arc, time::Duration};

/// Events that the rules are asked about at a time: some hundredths of a second, and a few MiB of their memory.
const EVENTS_A_CALL: u32 = 500;
/// How long an event is recognised when it comes again. Senders try again for a day at most; what people send again by hand may
/// be older.
const EVENTS_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Beyond the window of a signed timestamp, for clocks that are set.
const SPARE: Duration = Duration::from_secs(60);
/// Headers that only verifiers have to do with.
const PRIVATE: [&str; 2] = ["authorization", "cookie"];

/// A request that has been read.
pub(super) struct Read {
    pub(super) inbound: NewInbound,
    /// The messages of each event, with places for their first attempts.
    pub(super) prepared: Vec<Vec<Prepared>>,
    /// The version of what it was matched against.
    pub(super) catalogue: Option<u64>,
}

/// Endpoints that get events in one format.
struct Endpoints {
    provider: &'static str,
    candidates: Vec<Candidate>,
}

/// Asks the rules what a request says and to whom it goes.
pub(super) fn read(
    context: &Context,
    worker: &Arc<Worker>,
    posted: &Posted,
    verified: Verified,
    id: InboundId,
    now_ms: u64,
) -> Result<Read, IntakeError> {
    let workspace = workspace(context, &posted.source)?;
    let catalogue = context.registry.version();
    let formats = formats(context, &workspace.id);
    let mut question = question(posted, verified, &id, now_ms, &formats);
    question.workspace_id = workspace.number.to_string();
    question.overlap = overlap(context);
    let (mut events, mut prepared, mut used_once) = (Vec::new(), Vec::new(), None);
    loop {
        let received = ask(context, question.clone())?;
        if let Some(signed) = received.used_once {
            used_once = Some(once(&posted.source, &signed, now_ms));
        }
        for event in received.events {
            let keeper = Keeper {
                context,
                worker,
                workspace: &workspace.id,
                source: &posted.source,
                catalogue,
                now_ms,
            };
            let (event, messages) = keeper.keep(event, &formats);
            events.push(event);
            prepared.push(messages);
        }
        if !received.more {
            break;
        }
        question.first = question.first.saturating_add(EVENTS_A_CALL);
    }
    let source = &posted.source;
    let inbound = NewInbound {
        request: Inbound {
            id,
            workspace: workspace.id,
            source: source.name.clone(),
            provider: source.reader.name().to_owned(),
            verified: verified.by,
            scheme: scheme(source).map(str::to_owned),
            received_at_ms: now_ms,
            events_total: events.len() as u64,
            body_sha256: Sha256::digest(&posted.body).into(),
            body_bytes: posted.body.len() as u64,
        },
        body: posted.body.clone(),
        used_once,
        events,
    };
    Ok(Read {
        inbound,
        prepared,
        catalogue,
    })
}

fn scheme(source: &Source) -> Option<&str> {
    match &source.check {
        Check::Signature(signature) => Some(&signature.scheme),
        Check::Open | Check::Token { .. } => None,
    }
}

/// The workspace that the events of a source belong to. One that is not there yet may be made at any time.
fn workspace(context: &Context, source: &Source) -> Result<Workspace, IntakeError> {
    let config = context.config.current();
    let name = source.workspace.as_ref();
    let name = name.unwrap_or(&config.inbound.workspace);
    let found = context.workspaces.find(name);
    found.ok_or(IntakeError::NoWorkspace)
}

fn formats(context: &Context, workspace: &WorkspaceId) -> Vec<Endpoints> {
    let providers = Provider::ALL.iter().map(|provider| provider.name());
    let found = providers.chain([SOURCE]).map(|provider| Endpoints {
        provider,
        candidates: context.registry.candidates(workspace, provider),
    });
    found
        .filter(|endpoints| !endpoints.candidates.is_empty())
        .collect()
}

fn question(
    posted: &Posted,
    verified: Verified,
    id: &InboundId,
    now_ms: u64,
    formats: &[Endpoints],
) -> Receive {
    let source = &posted.source;
    let is_signed = verified.by == VerifiedBy::Signature;
    let format = |endpoints: &Endpoints| Format {
        provider: endpoints.provider.to_owned(),
        endpoints: endpoints.candidates.iter().map(target).collect(),
    };
    let headers = posted.headers.iter();
    Receive {
        reader: match &source.reader {
            Reader::Known(known) => guest::Reader::Source(known.name().to_owned()),
            Reader::Own(places) => guest::Reader::Own {
                name: source.name.clone(),
                places: places.clone(),
            },
        },
        scheme: scheme(source).filter(|_| is_signed).map(str::to_owned),
        headers: headers
            .filter(|(name, _)| !PRIVATE.contains(&name.as_str()))
            .cloned()
            .collect(),
        body: posted.body.to_vec(),
        first: 0,
        most: EVENTS_A_CALL,
        id: id.bare().to_owned(),
        received_at: rfc3339(now_ms),
        workspace_id: String::new(),
        fields: source.fields.clone(),
        overlap: Overlap::Each,
        formats: formats.iter().map(format).collect(),
    }
}

fn target(candidate: &Candidate) -> Target {
    Target {
        rules: candidate.rules.clone(),
        state: candidate.state,
        ordering: candidate.settings.ordering.clone(),
    }
}

fn ask(context: &Context, question: Receive) -> Result<Received, IntakeError> {
    match context.rules.guest.receive(question) {
        // Enough for any event of a sensible shape.
        Err(RulesError::Memory) => Err(IntakeError::Unreadable(Rejection {
            field: "payload".to_owned(),
            code: "payload_too_complex".to_owned(),
            message: "the body has too many parts to be read within the limits".to_owned(),
        })),
        answer => answer?.map_err(IntakeError::Unreadable),
    }
}

/// What all events of a request share.
struct Keeper<'a> {
    context: &'a Context,
    worker: &'a Arc<Worker>,
    workspace: &'a WorkspaceId,
    source: &'a Source,
    /// What the endpoints are of, at least.
    catalogue: Option<u64>,
    now_ms: u64,
}

impl Keeper<'_> {
    /// An event as it is kept, with the messages that it causes: one a format, each with an id of its own, since `webhook-id`
    /// stands for the bytes that are sent.
    fn keep(
        &self,
        event: ReceivedEvent,
        formats: &[Endpoints],
    ) -> (NewInboundEvent, Vec<Prepared>) {
        let mut passed_on = Vec::new();
        let mut prepared = Vec::new();
        for (endpoints, outcome) in formats.iter().zip(event.passed_on) {
            let provider = endpoints.provider;
            passed_on.push(match outcome {
                PassedOn::Message(published) => {
                    let message = self.message(endpoints, published);
                    let id = message.message().id.as_str();
                    let told = json!({"provider": provider, "message_id": id});
                    prepared.push(message);
                    told
                }
                PassedOn::Unwanted => json!({"provider": provider, "skipped": "unwanted"}),
                PassedOn::Skipped { code, message } => {
                    json!({"provider": provider, "skipped": code, "detail": message})
                }
            });
        }
        let kept = match event.key_lasts {
            true => EVENTS_KEPT,
            false => KEYS_KEPT,
        };
        let kept = NewInboundEvent {
            event_type: event.event_type,
            key: key(
                "event",
                self.source,
                event.key.as_bytes(),
                self.now_ms,
                kept,
            ),
            event: String::from_utf8_lossy(&event.event).into_owned(),
            passed_on: Value::Array(passed_on).to_string(),
            messages: prepared
                .iter()
                .map(|prepared| prepared.message().clone())
                .collect(),
        };
        (kept, prepared)
    }

    fn message(&self, endpoints: &Endpoints, published: guest::Published) -> Prepared {
        let message = NewMessage {
            id: self
                .context
                .message_ids
                .next(self.now_ms, &*self.context.chance),
            workspace: self.workspace.clone(),
            provider: endpoints.provider.to_owned(),
            event_type: published.event_type,
            body: Bytes::from(published.body),
            created_at_ms: self.now_ms,
            idempotency: None,
            catalogue: self.catalogue,
            deliveries: Vec::new(),
        };
        Prepared::new(
            self.worker,
            message,
            published.matches,
            &endpoints.candidates,
        )
    }
}

/// What may be used once is remembered for as long as its timestamp is accepted: from the window before it to the one after.
fn once(source: &Source, signed: &[u8], now_ms: u64) -> NewKey {
    let window_s = match &source.check {
        Check::Signature(signature) => signature.window_s(),
        Check::Open | Check::Token { .. } => None,
    };
    let kept = window_s.map_or(EVENTS_KEPT, |seconds| {
        SPARE.saturating_add(Duration::from_secs(u64::from(seconds).saturating_mul(2)))
    });
    key("once", source, signed, now_ms, kept)
}

fn key(kind: &str, source: &Source, text: &[u8], now_ms: u64, kept: Duration) -> NewKey {
    let mut digest = Sha256::new();
    for part in [kind.as_bytes(), source.name.as_bytes(), text] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    let kept_ms = u64::try_from(kept.as_millis()).unwrap_or(u64::MAX);
    NewKey {
        sha256: digest.finalize().into(),
        valid_until_ms: now_ms.saturating_add(kept_ms),
    }
}
