//! What a transaction must know of endpoints, and keep as it is until its end.

use super::super::{
    rows::{id, number, optional_number},
    session::Fault,
    writer::Writing,
};
use crate::{
    ids::EndpointId,
    store::{Ended, NewMessage},
};
use std::collections::{BTreeSet, HashMap};

/// What concerns all deliveries of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Standing {
    pub(in super::super) version: u64,
    /// The host that works it.
    pub(in super::super) owner: Option<i64>,
    pub(in super::super) deleted: bool,
    pub(in super::super) active: bool,
    /// Since when it is so, or is not.
    pub(in super::super) since_ms: u64,
    /// Held deliveries older than this are not wanted.
    pub(in super::super) skip_before_ms: Option<u64>,
}

/// Endpoints are never taken out of the table; one that is missing would have none to receive anything.
const MISSING: Standing = Standing {
    version: 0,
    owner: None,
    deleted: true,
    active: false,
    since_ms: 0,
    skip_before_ms: None,
};

/// Some endpoints.
#[derive(Debug, Default)]
pub(in super::super) struct Standings(HashMap<EndpointId, Standing>);

impl Standings {
    pub(in super::super) fn of(&self, endpoint: &EndpointId) -> Standing {
        self.0.get(endpoint).copied().unwrap_or(MISSING)
    }
}

const COLUMNS: &str =
    "SELECT id, version, owner, state = 'active' AS active, deleted_at_ms IS NOT NULL AS deleted,
    since_ms, skip_held_before_ms FROM endpoints WHERE id = ANY($1) ORDER BY id";

/// Which endpoints are asked for.
#[derive(Debug, Default)]
pub(in super::super) struct Asked<'a> {
    /// They must not change before the end.
    shared: BTreeSet<&'a str>,
    /// Nobody else may add to the order of their keys, or take from it, before the end.
    ordered: BTreeSet<&'a str>,
}

impl Asked<'_> {
    /// Deliveries are among them that go out one after the other.
    pub(in super::super) fn is_ordered(&self) -> bool {
        !self.ordered.is_empty()
    }
}

/// Those that messages go to, and those of which an outcome makes room for the next one of a key.
pub(in super::super) fn asked<'a>(messages: &[&'a NewMessage], ended: &[&'a Ended]) -> Asked<'a> {
    let mut asked = Asked::default();
    for delivery in messages.iter().flat_map(|message| &message.deliveries) {
        let set = match delivery.order_key {
            Some(_) => &mut asked.ordered,
            None => &mut asked.shared,
        };
        set.insert(delivery.endpoint_id.as_str());
    }
    for ended in ended {
        if ended.order_key.is_some() {
            asked.ordered.insert(ended.endpoint_id.as_str());
        }
    }
    asked
}

/// How the endpoints are. Changes of them by other hosts wait for the end of this transaction.
pub(in super::super) async fn lock(
    writing: &Writing,
    asked: &Asked<'_>,
) -> Result<Standings, Fault> {
    let mut standings = Standings::default();
    let shared: Vec<_> = asked.shared.difference(&asked.ordered).copied().collect();
    let ordered: Vec<_> = asked.ordered.iter().copied().collect();
    let (shared, ordered) = futures_util::future::try_join(
        rows(writing, &shared, "FOR KEY SHARE"),
        rows(writing, &ordered, "FOR NO KEY UPDATE"),
    )
    .await?;
    for row in shared.iter().chain(&ordered) {
        standings.0.insert(id(row, "id")?, read(row)?);
    }
    Ok(standings)
}

async fn rows(
    writing: &Writing,
    endpoints: &[&str],
    how: &str,
) -> Result<Vec<tokio_postgres::Row>, Fault> {
    match endpoints.is_empty() {
        true => Ok(Vec::new()),
        false => {
            let sql = format!("{COLUMNS} {how}");
            writing.session.rows(&sql, &[&endpoints]).await
        }
    }
}

/// How one endpoint is; nobody else changes it, or the order of its keys, before the end of the transaction.
pub(in super::super) async fn lock_one(
    writing: &Writing,
    endpoint: &EndpointId,
) -> Result<Standing, Fault> {
    let found = rows(writing, &[endpoint.as_str()], "FOR NO KEY UPDATE").await?;
    found.first().map_or(Ok(MISSING), read)
}

/// The same for several.
pub(in super::super) async fn lock_all(
    writing: &Writing,
    endpoints: &BTreeSet<&str>,
) -> Result<Standings, Fault> {
    let asked = Asked {
        shared: BTreeSet::new(),
        ordered: endpoints.clone(),
    };
    lock(writing, &asked).await
}

fn read(row: &tokio_postgres::Row) -> Result<Standing, Fault> {
    Ok(Standing {
        version: number(row, "version")?,
        owner: row.try_get("owner")?,
        deleted: row.try_get("deleted")?,
        active: row.try_get("active")?,
        since_ms: number(row, "since_ms")?,
        skip_before_ms: optional_number(row, "skip_held_before_ms")?,
    })
}
