//! Lists and counts of a workspace, newest first.
//!
//! Conditions are part of what is read and not of the search, so that a read ends after a known number of rows, however few
//! of them fit. The workspace that most messages are of has no index; of another one the messages are found through theirs,
//! and their deliveries beside them.

use super::{
    super::{
        rows::{self, signed},
        session::{Fault, Session},
    },
    selection, walk,
};
use crate::{
    ids::{DeliveryId, EndpointId, MessageId, WorkspaceId},
    store::{
        Delivery, DeliveryState, EndedState, Filter, Message, MessageFilter, Page, Selected,
        Selection, Tally, TallyOf, Word,
    },
};
use bytes::Bytes;

/// Rows that a page looks at: some tens of milliseconds.
const PAGE_ROWS_MAX: i64 = 5_000;
/// Rows that a count looks at.
const COUNT_ROWS_MAX: i64 = 50_000;

/// The deliveries of workspace `$1` that are looked at, from `$2` on and below `$3`, `$4` at most. `of_message` is the message's
/// id, and all there is of one without deliveries.
macro_rules! deliveries {
    (default) => {
        "SELECT newest.*, event_type, workspace, newest.message_id AS of_message
         FROM (SELECT * FROM deliveries WHERE id >= $2 AND id < $3 ORDER BY id DESC LIMIT $4) AS newest
         CROSS JOIN LATERAL (SELECT event_type, workspace FROM messages WHERE messages.id = newest.message_id LIMIT 1) AS told"
    };
    // The condition is that of an index, word for word, and rows are compared as a whole because that index alone has their order:
    // of two that would do, the database may take the one that goes past everybody else's. The ids of a message's deliveries
    // follow its own, within its millisecond.
    (other) => {
        "SELECT beside.*, event_type, workspace, messages.id AS of_message FROM messages
         LEFT JOIN LATERAL (SELECT * FROM deliveries WHERE deliveries.message_id = messages.id
                 AND deliveries.id > 'dlv_' || substr(messages.id, 5)
                 AND deliveries.id < 'dlv_' || substr(messages.id, 5, 10) || '~' AND deliveries.id < $3
             ORDER BY id DESC LIMIT $4) AS beside ON TRUE
         WHERE workspace <> 'default' AND (workspace, messages.id) >= ($1, 'msg_' || substr($2, 5))
             AND (workspace, messages.id) < ($1, 'msg_' || substr($3, 5))
         ORDER BY workspace DESC, messages.id DESC, beside.id DESC LIMIT $4"
    };
}

/// The order of what is looked at: that in which it is found, so that a page ends as soon as it is full.
macro_rules! newest_first {
    (default) => {
        "id DESC"
    };
    (other) => {
        "of_message DESC, id DESC"
    };
}

macro_rules! page {
    ($of:ident) => {
        concat!(
            "SELECT * FROM (",
            deliveries!($of),
            ") AS looked_at
             WHERE id IS NOT NULL AND workspace = $1 AND (CAST($5 AS TEXT) IS NULL OR state = $5)
                 AND (CAST($6 AS TEXT) IS NULL OR endpoint_id = $6) AND (CAST($7 AS TEXT) IS NULL OR event_type = $7)
             ORDER BY ",
            newest_first!($of),
            " LIMIT $8"
        )
    };
}

/// The last place that is looked at, and the one behind it. Before the deliveries of a message without any is what is older.
macro_rules! edge {
    ($of:ident) => {
        concat!(
            "SELECT coalesce(id, 'dlv_' || substr(of_message, 5)) AS id FROM (SELECT id, of_message FROM (",
            deliveries!($of),
            ") AS looked_at WHERE CAST($1 AS TEXT) IS NOT NULL ORDER BY ",
            newest_first!($of),
            " OFFSET $5 LIMIT 2) AS edge"
        )
    };
}

macro_rules! tally {
    ($of:ident) => {
        concat!(
            "SELECT fits, state, count(*) AS n, CAST(coalesce(sum(attempts_total), 0) AS BIGINT) AS attempts FROM
             (SELECT state, attempts_total, id IS NOT NULL AND workspace = $1
                  AND (CAST($5 AS TEXT) IS NULL OR endpoint_id = $5) AS fits FROM (",
            deliveries!($of),
            ") AS looked_at) AS counted GROUP BY fits, state ORDER BY state"
        )
    };
}

pub(super) const PAGE_DEFAULT: &str = page!(default);
pub(super) const PAGE_OTHER: &str = page!(other);

/// As above, of messages; `$1` to `$4` likewise.
macro_rules! messages {
    (default) => {
        "SELECT * FROM messages WHERE id >= $2 AND id < $3 ORDER BY id DESC LIMIT $4"
    };
    (other) => {
        "SELECT * FROM messages WHERE workspace <> 'default' AND (workspace, id) >= ($1, $2) AND (workspace, id) < ($1, $3)
         ORDER BY workspace DESC, id DESC LIMIT $4"
    };
}

macro_rules! messages_page {
    ($of:ident) => {
        concat!(
            "SELECT * FROM (",
            messages!($of),
            ") AS looked_at WHERE workspace = $1 AND (CAST($5 AS TEXT) IS NULL OR provider = $5)
                 AND (CAST($6 AS TEXT) IS NULL OR event_type = $6)
             ORDER BY id DESC LIMIT $7"
        )
    };
}

#[cfg(test)]
pub(super) const MESSAGES_OTHER: &str = messages_page!(other);

macro_rules! messages_edge {
    ($of:ident) => {
        concat!(
            "SELECT id FROM (",
            messages!($of),
            ") AS looked_at WHERE CAST($1 AS TEXT) IS NOT NULL ORDER BY id DESC OFFSET $5 LIMIT 2"
        )
    };
}

macro_rules! messages_counted {
    ($of:ident) => {
        concat!(
            "SELECT count(*) AS looked_at, count(*) FILTER (WHERE workspace = $1) AS n FROM (",
            messages!($of),
            ") AS looked_at"
        )
    };
}

/// Texts for the workspace that most messages are of, and for another one.
type Texts = [&'static str; 2];

fn of(workspace: &WorkspaceId, [default, other]: Texts) -> &'static str {
    match workspace.is_default() {
        true => default,
        false => other,
    }
}

pub(in super::super) async fn deliveries(
    session: &Session,
    filter: &Filter,
) -> Result<Selected<Delivery>, Fault> {
    // These have an index of their own.
    if filter.state == Some(DeliveryState::DeadLettered) {
        let selection = Selection {
            endpoint_id: filter.endpoint_id.clone(),
            event_type: filter.event_type.clone(),
            created_since_ms: filter.created_since_ms,
            created_until_ms: filter.created_until_ms,
            ..Selection::all(filter.workspace.clone(), EndedState::DeadLettered)
        };
        let page = Page {
            after: filter.after.clone(),
            newest_first: true,
            limit: filter.limit,
        };
        return selection::select(session, &selection, &page).await;
    }
    let low = DeliveryId::floor(filter.created_since_ms.unwrap_or(0));
    let until = DeliveryId::floor(filter.created_until_ms.unwrap_or(u64::MAX));
    let high = filter
        .after
        .as_ref()
        .map_or(&until, |after| after.min(&until));
    let workspace = filter.workspace.as_str();
    let (low, high) = (low.as_str(), high.as_str());
    let (state, endpoint) = (
        filter.state.map(Word::word),
        filter.endpoint_id.as_ref().map(EndpointId::as_str),
    );
    let limit = i64::from(filter.limit);
    let read = walk::page(
        session,
        of(&filter.workspace, [PAGE_DEFAULT, PAGE_OTHER]),
        &[
            &workspace,
            &low,
            &high,
            &PAGE_ROWS_MAX,
            &state,
            &endpoint,
            &filter.event_type,
            &limit,
        ],
        filter.limit,
    )
    .await?;
    let found: Vec<Delivery> = read
        .rows
        .iter()
        .map(rows::delivery)
        .collect::<Result<_, _>>()?;
    let sql = of(&filter.workspace, [edge!(default), edge!(other)]);
    let next = match (read.is_full, found.last()) {
        // Whether anything is behind it, other than what is left of its own message: nothing.
        (true, Some(last)) => {
            let id = last.id.as_str();
            let (first, second): (Option<DeliveryId>, Option<DeliveryId>) =
                walk::edge(session, sql, &[&workspace, &low, &id, &2_i64, &0_i64]).await?;
            let nothing = DeliveryId::before_those_of(&last.message_id);
            let behind = first.filter(|first| *first != nothing).or(second);
            behind.map(|_| last.id.clone())
        }
        _ => {
            let (rows_max, place) = (PAGE_ROWS_MAX + 1, PAGE_ROWS_MAX - 1);
            let (last, behind): (Option<DeliveryId>, Option<DeliveryId>) =
                walk::edge(session, sql, &[&workspace, &low, &high, &rows_max, &place]).await?;
            behind.and(last)
        }
    };
    Ok(Selected { found, next })
}

pub(in super::super) async fn messages(
    session: &Session,
    filter: &MessageFilter,
) -> Result<Selected<Message, MessageId>, Fault> {
    let low = MessageId::floor(filter.created_since_ms.unwrap_or(0));
    let until = MessageId::floor(filter.created_until_ms.unwrap_or(u64::MAX));
    let high = filter
        .after
        .as_ref()
        .map_or(&until, |after| after.min(&until));
    let workspace = filter.workspace.as_str();
    let (low, high) = (low.as_str(), high.as_str());
    let limit = i64::from(filter.limit);
    let read = walk::page(
        session,
        of(
            &filter.workspace,
            [messages_page!(default), messages_page!(other)],
        ),
        &[
            &workspace,
            &low,
            &high,
            &PAGE_ROWS_MAX,
            &filter.provider,
            &filter.event_type,
            &limit,
        ],
        filter.limit,
    )
    .await?;
    let found: Vec<Message> = read
        .rows
        .iter()
        .map(rows::message)
        .collect::<Result<_, _>>()?;
    let sql = of(
        &filter.workspace,
        [messages_edge!(default), messages_edge!(other)],
    );
    let next = match (read.is_full, found.last()) {
        (true, Some(last)) => {
            let id = last.id.as_str();
            let (behind, _): (Option<MessageId>, _) =
                walk::edge(session, sql, &[&workspace, &low, &id, &1_i64, &0_i64]).await?;
            behind.map(|_| last.id.clone())
        }
        _ => {
            let (rows_max, place) = (PAGE_ROWS_MAX + 1, PAGE_ROWS_MAX - 1);
            let (last, behind): (Option<MessageId>, Option<MessageId>) =
                walk::edge(session, sql, &[&workspace, &low, &high, &rows_max, &place]).await?;
            behind.and(last)
        }
    };
    Ok(Selected { found, next })
}

/// A message and its body, if that is still kept.
pub(in super::super) async fn body(
    session: &Session,
    message: &MessageId,
) -> Result<Option<(Message, Option<Bytes>)>, Fault> {
    let sql =
        "SELECT messages.*, body FROM messages LEFT JOIN bodies ON message_id = id WHERE id = $1";
    let Some(row) = session.row(sql, &[&message.as_str()]).await? else {
        return Ok(None);
    };
    let body: Option<Vec<u8>> = row.try_get("body")?;
    Ok(Some((rows::message(&row)?, body.map(Bytes::from))))
}

pub(in super::super) async fn tally(session: &Session, asked: &TallyOf) -> Result<Tally, Fault> {
    let (low, high) = (
        DeliveryId::floor(asked.since_ms),
        DeliveryId::floor(u64::MAX),
    );
    let workspace = asked.workspace.as_str();
    let endpoint = asked.endpoint.as_ref().map(EndpointId::as_str);
    let found = session
        .rows(
            of(&asked.workspace, [tally!(default), tally!(other)]),
            &[
                &workspace,
                &low.as_str(),
                &high.as_str(),
                &COUNT_ROWS_MAX,
                &endpoint,
            ],
        )
        .await?;
    let mut tally = Tally::default();
    let mut looked_at: u64 = 0;
    for row in &found {
        let count = rows::number(row, "n")?;
        looked_at = looked_at.saturating_add(count);
        if row.try_get("fits")? {
            tally.deliveries.push((rows::word(row, "state")?, count));
            let attempts = rows::number(row, "attempts")?;
            tally.attempts = tally.attempts.saturating_add(attempts);
        }
    }
    let (low, high) = (MessageId::floor(asked.since_ms), MessageId::floor(u64::MAX));
    let counted = session
        .row(
            of(
                &asked.workspace,
                [messages_counted!(default), messages_counted!(other)],
            ),
            &[&workspace, &low.as_str(), &high.as_str(), &COUNT_ROWS_MAX],
        )
        .await?;
    if let Some(counted) = counted {
        tally.messages = rows::number(&counted, "n")?;
        looked_at = looked_at.max(rows::number(&counted, "looked_at")?);
    }
    tally.at_least = signed(looked_at) >= COUNT_ROWS_MAX;
    Ok(tally)
}
