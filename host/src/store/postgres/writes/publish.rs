//! Keeping messages with their deliveries.

use super::{
    super::{
        rows::{foreign, id, number, signed, text, word},
        session::Fault,
        writer::{Count, Writing},
    },
    ordering::Places,
    standing::{self, Standings},
};
use crate::{
    ids::{DeliveryId, MessageId},
    store::{
        DeliveryState, Idempotency, NewBatch, NewMessage, Published, PublishedBatch, Receipt,
        Stored, Word,
    },
};
use std::collections::{HashMap, HashSet};

/// What is known of idempotency keys: the digest of what came with each, its messages, and since when.
pub(in super::super) type Known = HashMap<String, (Vec<u8>, String, u64)>;

/// The keys of messages.
pub(in super::super) fn keys_asked<'a>(messages: &[&'a NewMessage]) -> Vec<&'a str> {
    let keys = messages.iter().filter_map(|message| {
        let idempotency = message.idempotency.as_ref()?;
        Some(&*idempotency.key)
    });
    keys.collect()
}

pub(in super::super) async fn known(writing: &Writing, keys: &[&str]) -> Result<Known, Fault> {
    let mut known = Known::new();
    if keys.is_empty() {
        return Ok(known);
    }
    let sql = "SELECT key, request_sha256, message_id, created_at_ms FROM idempotency_keys WHERE key = ANY($1)";
    for row in writing.session.rows(sql, &[&keys]).await? {
        known.insert(
            row.try_get("key")?,
            (
                row.try_get("request_sha256")?,
                row.try_get("message_id")?,
                number(&row, "created_at_ms")?,
            ),
        );
    }
    Ok(known)
}

/// Each for itself, of different idempotency keys.
pub(in super::super) async fn publish(
    writing: &Writing,
    messages: &[&NewMessage],
    standings: &Standings,
    known: Known,
) -> Result<Vec<Published>, Fault> {
    let mut done = Vec::with_capacity(messages.len());
    let mut kept = Vec::with_capacity(messages.len());
    for message in messages {
        let answer = match what_is_known(writing, message.idempotency.as_ref(), &known).await? {
            Some(Repeat::One(receipt)) => Some(Published::Duplicate(receipt)),
            Some(Repeat::Many(_) | Repeat::Other) => Some(Published::Conflict),
            None => is_stale(writing, message, standings).then_some(Published::Stale),
        };
        if answer.is_none() {
            kept.push(*message);
        }
        done.push(answer);
    }
    remember_own(writing, &kept).await?;
    let mut named = keep(writing, &kept, standings).await?.into_iter();
    Ok(done
        .into_iter()
        .map(|answer| match answer {
            Some(answer) => answer,
            None => Published::Stored(stored(writing, named.next().unwrap_or_default())),
        })
        .collect())
}

pub(super) fn stored(writing: &Writing, waiting: Vec<DeliveryId>) -> Stored {
    let fence = writing.generation();
    Stored { waiting, fence }
}

pub(in super::super) async fn batch(
    writing: &Writing,
    batch: &NewBatch,
) -> Result<PublishedBatch, Fault> {
    let messages: Vec<_> = batch.messages.iter().collect();
    let mut keys = keys_asked(&messages);
    keys.extend(batch.idempotency.as_ref().map(|one| &*one.key));
    let asked = standing::asked(&messages, &[]);
    let (known, standings) =
        futures_util::future::try_join(known(writing, &keys), standing::lock(writing, &asked))
            .await?;
    match what_is_known(writing, batch.idempotency.as_ref(), &known).await? {
        None => {}
        Some(Repeat::Many(receipts)) => return Ok(PublishedBatch::Duplicate(receipts)),
        Some(Repeat::One(_) | Repeat::Other) => return Ok(PublishedBatch::Conflict(None)),
    }
    let mut done = Vec::with_capacity(messages.len());
    let mut kept = Vec::with_capacity(messages.len());
    for (place, message) in messages.iter().enumerate() {
        done.push(
            match what_is_known(writing, message.idempotency.as_ref(), &known).await? {
                None => {
                    kept.push(*message);
                    None
                }
                Some(Repeat::One(receipt)) => Some(Published::Duplicate(receipt)),
                Some(Repeat::Many(_) | Repeat::Other) => {
                    return Ok(PublishedBatch::Conflict(Some(place)));
                }
            },
        );
    }
    // Also of those that came before, as the answer is one for all.
    if messages
        .iter()
        .any(|message| is_stale(writing, message, &standings))
    {
        return Ok(PublishedBatch::Stale);
    }
    remember_own(writing, &kept).await?;
    let mut named = keep(writing, &kept, &standings).await?.into_iter();
    let mut ids = Vec::with_capacity(messages.len());
    let mut answers = Vec::with_capacity(messages.len());
    for (message, answer) in messages.iter().zip(done) {
        let answer = answer.unwrap_or_else(|| {
            Published::Stored(stored(writing, named.next().unwrap_or_default()))
        });
        ids.push(match &answer {
            Published::Duplicate(receipt) => receipt.message_id.as_str().to_owned(),
            _ => message.id.as_str().to_owned(),
        });
        answers.push(answer);
    }
    if let (Some(key), Some(first)) = (&batch.idempotency, messages.first()) {
        let ids = serde_json::to_string(&ids).map_err(|error| foreign(error.to_string()))?;
        remember(writing, &[(key, ids, first.created_at_ms)]).await?;
    }
    Ok(PublishedBatch::Done(answers))
}

/// Whether an endpoint has changed since the message was matched against it, or there may be others that it would match.
pub(in super::super) fn is_stale(
    writing: &Writing,
    message: &NewMessage,
    standings: &Standings,
) -> bool {
    let other_catalogue = message
        .catalogue
        .is_some_and(|version| version != writing.catalogue());
    other_catalogue
        || message.deliveries.iter().any(|delivery| {
            let standing = standings.of(&delivery.endpoint_id);
            standing.deleted || standing.version != delivery.endpoint_version
        })
}

/// Keeps messages. Returns of each the deliveries that wait: for another of their key, or for the host that works their
/// endpoint.
pub(in super::super) async fn keep(
    writing: &Writing,
    messages: &[&NewMessage],
    standings: &Standings,
) -> Result<Vec<Vec<DeliveryId>>, Fault> {
    if messages.is_empty() {
        return Ok(Vec::new());
    }
    let keys: HashSet<_> = messages
        .iter()
        .flat_map(|message| &message.deliveries)
        .filter_map(|delivery| Some((delivery.endpoint_id.clone(), delivery.order_key.clone()?)))
        .collect();
    let mut places = Places::of(writing, &keys).await?;
    let mut rows = Deliveries::default();
    let mut named = Vec::with_capacity(messages.len());
    let host = writing.generation();
    for message in messages {
        let mut waiting = Vec::new();
        for delivery in &message.deliveries {
            let (mut state, mut place) = (delivery.state, None);
            if let Some(key) = &delivery.order_key {
                let (next, taken) = places.next((delivery.endpoint_id.clone(), key.clone()));
                place = Some(signed(next));
                if taken {
                    state = DeliveryState::Waiting;
                    waiting.push(delivery.id.clone());
                }
            }
            let own = host.is_some() && standings.of(&delivery.endpoint_id).owner == host;
            if !own && state == DeliveryState::Sending {
                state = DeliveryState::Pending;
                waiting.push(delivery.id.clone());
            }
            if !own && state == DeliveryState::Pending {
                writing.due_elsewhere();
            }
            if state == DeliveryState::Sending {
                writing.note("leased", &delivery.id, 1, state.word());
            }
            rows.push(message, delivery, state, place, host);
        }
        named.push(waiting);
    }
    let count = i64::try_from(messages.len()).unwrap_or(i64::MAX);
    writing.count(Count::Messages, count);
    futures_util::future::try_join3(
        insert_messages(writing, messages),
        insert_bodies(writing, messages),
        rows.insert(writing),
    )
    .await?;
    Ok(named)
}

async fn insert_messages(writing: &Writing, messages: &[&NewMessage]) -> Result<(), Fault> {
    let of = |text: fn(&NewMessage) -> &str| -> Vec<&str> {
        messages.iter().map(|message| text(message)).collect()
    };
    let times: Vec<_> = messages
        .iter()
        .map(|message| signed(message.created_at_ms))
        .collect();
    let sql = "INSERT INTO messages (id, workspace, provider, event_type, created_at_ms)
         SELECT * FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[])";
    let session = &writing.session;
    session
        .execute(
            sql,
            &[
                &of(|message| message.id.as_str()),
                &of(|message| message.workspace.as_str()),
                &of(|message| &message.provider),
                &of(|message| &message.event_type),
                &times,
            ],
        )
        .await?;
    Ok(())
}

async fn insert_bodies(writing: &Writing, messages: &[&NewMessage]) -> Result<(), Fault> {
    let ids: Vec<_> = messages.iter().map(|message| message.id.as_str()).collect();
    let bodies: Vec<_> = messages.iter().map(|message| &*message.body).collect();
    let sql = "INSERT INTO bodies (message_id, body) SELECT * FROM UNNEST($1::text[], $2::bytea[])";
    writing.session.execute(sql, &[&ids, &bodies]).await?;
    Ok(())
}

/// Rows of deliveries, column by column.
#[derive(Default)]
struct Deliveries<'a> {
    ids: Vec<&'a str>,
    messages: Vec<&'a str>,
    endpoints: Vec<&'a str>,
    states: Vec<&'static str>,
    due: Vec<Option<i64>>,
    created: Vec<i64>,
    keys: Vec<Option<&'a str>>,
    places: Vec<Option<i64>>,
    leased_by: Vec<Option<i64>>,
}

impl<'a> Deliveries<'a> {
    fn push(
        &mut self,
        message: &'a NewMessage,
        delivery: &'a crate::store::NewDelivery,
        state: DeliveryState,
        place: Option<i64>,
        host: Option<i64>,
    ) {
        let at = signed(message.created_at_ms);
        self.ids.push(delivery.id.as_str());
        self.messages.push(message.id.as_str());
        self.endpoints.push(delivery.endpoint_id.as_str());
        self.states.push(state.word());
        self.due.push(match state {
            DeliveryState::Held | DeliveryState::Waiting => None,
            _ => Some(at),
        });
        self.created.push(at);
        self.keys.push(delivery.order_key.as_deref());
        self.places.push(place);
        let sending = state == DeliveryState::Sending;
        self.leased_by.push(host.filter(|_| sending));
    }

    async fn insert(&self, writing: &Writing) -> Result<(), Fault> {
        if self.ids.is_empty() {
            return Ok(());
        }
        let sql = "INSERT INTO deliveries (id, message_id, endpoint_id, state, next_attempt_at_ms, created_at_ms, updated_at_ms,
                                 order_key, order_place, leased_by, attempts_total, attempts_in_round)
             SELECT id, message_id, endpoint_id, state, due, created, created, order_key, place, leased_by, 0, 0
             FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[], $8::bigint[],
                         $9::bigint[])
                 AS given (id, message_id, endpoint_id, state, due, created, order_key, place, leased_by)";
        let session = &writing.session;
        session
            .execute(
                sql,
                &[
                    &self.ids,
                    &self.messages,
                    &self.endpoints,
                    &self.states,
                    &self.due,
                    &self.created,
                    &self.keys,
                    &self.places,
                    &self.leased_by,
                ],
            )
            .await?;
        Ok(())
    }
}

/// Keeps what is told about endpoints, in the same step as what it tells of. Whether a delivery is held is what its endpoint
/// says now: nobody is asked again because an endpoint changed meanwhile.
pub(in super::super) async fn keep_operational(
    writing: &Writing,
    messages: &[NewMessage],
) -> Result<(), Fault> {
    if messages.is_empty() {
        return Ok(());
    }
    let endpoints = messages.iter().flat_map(|message| &message.deliveries);
    let endpoints = endpoints.map(|delivery| delivery.endpoint_id.as_str());
    let standings = standing::lock_all(writing, &endpoints.collect()).await?;
    let mut kept = messages.to_vec();
    for message in &mut kept {
        message
            .deliveries
            .retain(|delivery| !standings.of(&delivery.endpoint_id).deleted);
        for delivery in &mut message.deliveries {
            delivery.state = match standings.of(&delivery.endpoint_id).active {
                true => DeliveryState::Pending,
                false => DeliveryState::Held,
            };
        }
    }
    keep(writing, &kept.iter().collect::<Vec<_>>(), &standings).await?;
    Ok(())
}

async fn remember_own(writing: &Writing, messages: &[&NewMessage]) -> Result<(), Fault> {
    let keys: Vec<_> = messages
        .iter()
        .filter_map(|message| {
            let key = message.idempotency.as_ref()?;
            Some((key, message.id.to_string(), message.created_at_ms))
        })
        .collect();
    remember(writing, &keys).await
}

/// Each key with its messages, one id or several as a JSON array. If another host has kept one of the keys meanwhile, nothing
/// of the transaction is, and it is looked up once more.
async fn remember(writing: &Writing, keys: &[(&Idempotency, String, u64)]) -> Result<(), Fault> {
    if keys.is_empty() {
        return Ok(());
    }
    let mut sorted: Vec<_> = keys.iter().collect();
    // In one order everywhere, so that two hosts with the same keys do not wait for each other.
    sorted.sort_unstable_by(|one, other| one.0.key.cmp(&other.0.key));
    let sql = "INSERT INTO idempotency_keys (key, request_sha256, message_id, created_at_ms)
         SELECT key, sha256, message_id, created
         FROM UNNEST($1::text[], $2::bytea[], $3::text[], $4::bigint[]) AS given (key, sha256, message_id, created)
         ON CONFLICT (key) DO UPDATE SET request_sha256 = excluded.request_sha256,
             message_id = excluded.message_id, created_at_ms = excluded.created_at_ms
         WHERE idempotency_keys.created_at_ms < $5";
    let (mut names, mut digests) = (Vec::new(), Vec::new());
    let (mut messages, mut times) = (Vec::new(), Vec::new());
    let mut valid_since_ms = u64::MAX;
    for (key, ids, created_at_ms) in sorted {
        names.push(&*key.key);
        digests.push(key.request_sha256.as_slice());
        messages.push(&**ids);
        times.push(signed(*created_at_ms));
        valid_since_ms = valid_since_ms.min(key.valid_since_ms);
    }
    let session = &writing.session;
    let kept = session
        .execute(
            sql,
            &[&names, &digests, &messages, &times, &signed(valid_since_ms)],
        )
        .await?;
    match usize::try_from(kept) == Ok(keys.len()) {
        true => Ok(()),
        false => Err(Fault::Again),
    }
}

/// What a key that is still valid stands for.
enum Repeat {
    One(Receipt),
    Many(Vec<Receipt>),
    /// Another request.
    Other,
}

async fn what_is_known(
    writing: &Writing,
    idempotency: Option<&Idempotency>,
    known: &Known,
) -> Result<Option<Repeat>, Fault> {
    let Some(idempotency) = idempotency else {
        return Ok(None);
    };
    let found = known
        .get(&idempotency.key)
        .filter(|(_, _, created_at_ms)| *created_at_ms >= idempotency.valid_since_ms);
    let Some((sha256, messages, _)) = found else {
        return Ok(None);
    };
    if *sha256 != idempotency.request_sha256 {
        return Ok(Some(Repeat::Other));
    }
    if !messages.starts_with('[') {
        return Ok(Some(Repeat::One(receipt(writing, messages).await?)));
    }
    let ids: Vec<String> = serde_json::from_str(messages).map_err(|_| foreign(messages))?;
    let mut receipts = Vec::with_capacity(ids.len());
    for id in ids {
        receipts.push(receipt(writing, &id).await?);
    }
    Ok(Some(Repeat::Many(receipts)))
}

async fn receipt(writing: &Writing, message: &str) -> Result<Receipt, Fault> {
    let message_id = MessageId::parse(message).ok_or_else(|| foreign(message))?;
    let session = &writing.session;
    let sql = "SELECT event_type FROM messages WHERE id = $1";
    let row = session.row(sql, &[&message_id.as_str()]).await?;
    let row = row.ok_or_else(|| foreign(message))?;
    let event_type = text(&row, "event_type")?.to_owned();
    let (low, high) = DeliveryId::span(&message_id);
    let sql = "SELECT id, endpoint_id, state FROM deliveries WHERE id BETWEEN $1 AND $2
             OR id IN (SELECT delivery_id FROM deliveries_apart WHERE message_id = $3) ORDER BY id";
    let mut deliveries = Vec::new();
    for row in session
        .rows(sql, &[&low.as_str(), &high.as_str(), &message_id.as_str()])
        .await?
    {
        deliveries.push((
            id(&row, "id")?,
            id(&row, "endpoint_id")?,
            word(&row, "state")?,
        ));
    }
    Ok(Receipt {
        message_id,
        event_type,
        deliveries,
    })
}
