//! Reading what a selection means.
//!
//! Conditions are part of what is read and not of the search, so that a read ends after a known number of rows, however few
//! of them fit.

use super::{
    super::{
        rows::{self, signed},
        session::{Fault, Session},
    },
    walk,
};
use crate::{
    ids::{DeliveryId, EndpointId},
    store::{Counted, Delivery, EndedState, Page, Selected, Selection, Word},
};
use tokio_postgres::types::ToSql;

/// Rows that a page looks at: some tens of milliseconds.
const PAGE_ROWS_MAX: i64 = 5_000;
/// Rows that a count looks at.
const COUNT_ROWS_MAX: i64 = 100_000;

/// What is looked up of a row that is looked at, and whether it fits. Takes `$1` to `$10`, the [`Fits`].
const OF_LOOKED_AT: &str = "CROSS JOIN LATERAL
        (SELECT event_type, workspace FROM messages WHERE messages.id = looked_at.message_id LIMIT 1) AS of_message
    WHERE state = $1 AND workspace = $2
        AND (CAST($3 AS TEXT) IS NULL OR endpoint_id = $3)
        AND (CAST($4 AS TEXT) IS NULL OR event_type = $4)
        AND (CAST($5 AS TEXT) IS NULL OR dead_reason = $5)
        AND (CAST($6 AS BOOLEAN) IS NULL OR (acknowledged_at_ms IS NOT NULL) = $6)
        AND (CAST($7 AS BIGINT) IS NULL OR created_at_ms >= $7)
        AND (CAST($8 AS BIGINT) IS NULL OR created_at_ms < $8)
        AND (CAST($9 AS BIGINT) IS NULL OR updated_at_ms >= $9)
        AND (CAST($10 AS BIGINT) IS NULL OR updated_at_ms < $10)";

/// The conditions of a selection as parameters.
struct Fits {
    state: &'static str,
    workspace: String,
    endpoint: Option<String>,
    event_type: Option<String>,
    reason: Option<&'static str>,
    acknowledged: Option<bool>,
    times: [Option<i64>; 4],
}

impl Fits {
    fn new(selection: &Selection) -> Self {
        Self {
            state: selection.state.word(),
            workspace: selection.workspace.as_str().to_owned(),
            endpoint: selection.endpoint_id.as_ref().map(EndpointId::to_string),
            event_type: selection.event_type.clone(),
            reason: selection.reason.map(Word::word),
            acknowledged: selection.acknowledged,
            times: [
                selection.created_since_ms,
                selection.created_until_ms,
                selection.ended_since_ms,
                selection.ended_until_ms,
            ]
            .map(|at_ms| at_ms.map(signed)),
        }
    }

    /// With these behind them.
    fn parameters<'a>(&'a self, more: &[&'a (dyn ToSql + Sync)]) -> Vec<&'a (dyn ToSql + Sync)> {
        let [created_since, created_until, ended_since, ended_until] = &self.times;
        let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![
            &self.state,
            &self.workspace,
            &self.endpoint,
            &self.event_type,
            &self.reason,
            &self.acknowledged,
            created_since,
            created_until,
            ended_since,
            ended_until,
        ];
        parameters.extend(more);
        parameters
    }
}

/// Where the search is, each word for word the condition of an index, or none: then it goes through the deliveries
/// themselves, whose ids sort by time.
const fn place(selection: &Selection) -> &'static str {
    match (selection.state, selection.acknowledged) {
        (EndedState::DeadLettered, Some(false)) => {
            "state = 'dead_lettered' AND acknowledged_at_ms IS NULL"
        }
        (EndedState::DeadLettered, None | Some(true)) => "state = 'dead_lettered'",
        (EndedState::Delivered, _) => "TRUE",
    }
}

/// The search in the order of the page: from the bound `$near` on, `$rows` at most. Where it ends at the other bound is for whoever
/// reads it: with both here the database would take them for few rows, and go through all deliveries instead of the index.
pub(super) fn search(selection: &Selection, page: &Page, near: u32, rows: u32) -> String {
    let bound = match (&page.after, page.newest_first) {
        (None, true) => "<=",
        (Some(_), true) => "<",
        (None, false) => ">=",
        (Some(_), false) => ">",
    };
    let (place, order) = (place(selection), order(page));
    format!(
        "SELECT * FROM deliveries WHERE {place} AND id {bound} ${near} ORDER BY id {order} LIMIT ${rows}"
    )
}

/// The other bound, as a condition.
fn within(page: &Page, far: u32) -> String {
    let bound = match page.newest_first {
        true => ">=",
        false => "<=",
    };
    format!("looked_at.id {bound} ${far}")
}

/// The last row that is looked at. Takes the bounds, near and far, the number of rows, and that less one.
fn last(selection: &Selection, page: &Page) -> String {
    format!(
        "SELECT id FROM ({}) AS looked_at WHERE {} ORDER BY id {} OFFSET $4 LIMIT 2",
        search(selection, page, 1, 3),
        within(page, 2),
        order(page)
    )
}

const fn order(page: &Page) -> &'static str {
    match page.newest_first {
        true => "DESC",
        false => "ASC",
    }
}

/// Where the page begins, and where it ends at the latest.
fn bounds(selection: &Selection, page: &Page) -> (DeliveryId, DeliveryId) {
    let floor = DeliveryId::floor(selection.created_since_ms.unwrap_or(0));
    let ceiling = DeliveryId::floor(selection.created_until_ms.unwrap_or(u64::MAX));
    let after = page.after.clone();
    match page.newest_first {
        true => (
            after.map_or(ceiling.clone(), |after| after.min(ceiling)),
            floor,
        ),
        false => (
            after.map_or(floor.clone(), |after| after.max(floor)),
            ceiling,
        ),
    }
}

pub(in super::super) async fn select(
    session: &Session,
    selection: &Selection,
    page: &Page,
) -> Result<Selected<Delivery>, Fault> {
    if let Some(ids) = &selection.ids {
        return select_ids(session, selection, page, ids).await;
    }
    let fits = Fits::new(selection);
    let (near, far) = bounds(selection, page);
    let (near, far) = (near.as_str(), far.as_str());
    let limit = i64::from(page.limit);
    let sql = format!(
        "SELECT looked_at.*, event_type, workspace FROM ({}) AS looked_at {OF_LOOKED_AT} AND {}
         ORDER BY looked_at.id {} LIMIT $14",
        search(selection, page, 11, 13),
        within(page, 12),
        order(page)
    );
    let parameters = fits.parameters(&[&near, &far, &PAGE_ROWS_MAX, &limit]);
    let read = walk::page(session, &sql, &parameters, page.limit).await?;
    let found: Vec<Delivery> = read
        .rows
        .iter()
        .map(rows::delivery)
        .collect::<Result<_, _>>()?;
    let next = match read.is_full {
        true => found.last().map(|delivery| delivery.id.clone()),
        false => {
            let parameters: [&(dyn ToSql + Sync); 4] =
                [&near, &far, &PAGE_ROWS_MAX, &(PAGE_ROWS_MAX - 1)];
            walk::edge(session, &last(selection, page), &parameters)
                .await?
                .0
        }
    };
    Ok(Selected { found, next })
}

pub(in super::super) async fn count(
    session: &Session,
    selection: &Selection,
) -> Result<Counted, Fault> {
    let page = Page {
        after: None,
        newest_first: false,
        limit: u32::MAX,
    };
    if let Some(ids) = &selection.ids {
        let found = select_ids(session, selection, &page, ids).await?.found;
        return Ok(Counted {
            count: found.len() as u64,
            at_least: false,
        });
    }
    let fits = Fits::new(selection);
    let (near, far) = bounds(selection, &page);
    let (near, far) = (near.as_str(), far.as_str());
    let sql = format!(
        "SELECT count(*) AS n FROM ({}) AS looked_at {OF_LOOKED_AT} AND {}",
        search(selection, &page, 11, 13),
        within(&page, 12)
    );
    let parameters = fits.parameters(&[&near, &far, &COUNT_ROWS_MAX]);
    let count: Option<i64> = session.value(&sql, &parameters).await?;
    let parameters: [&(dyn ToSql + Sync); 4] =
        [&near, &far, &COUNT_ROWS_MAX, &(COUNT_ROWS_MAX - 1)];
    let (edge, _): (Option<DeliveryId>, _) =
        walk::edge(session, &last(selection, &page), &parameters).await?;
    Ok(Counted {
        count: count.unwrap_or(0).unsigned_abs(),
        at_least: edge.is_some(),
    })
}

async fn select_ids(
    session: &Session,
    selection: &Selection,
    page: &Page,
    ids: &[DeliveryId],
) -> Result<Selected<Delivery>, Fault> {
    let behind = |id: &&DeliveryId| match (&page.after, page.newest_first) {
        (None, _) => true,
        (Some(after), true) => *id < after,
        (Some(after), false) => *id > after,
    };
    let mut ids: Vec<&str> = ids.iter().filter(behind).map(DeliveryId::as_str).collect();
    ids.sort_unstable();
    ids.dedup();
    let fits = Fits::new(selection);
    let limit = i64::from(page.limit);
    let sql = format!(
        "SELECT looked_at.*, event_type, workspace
         FROM (SELECT * FROM deliveries WHERE id = ANY($11)) AS looked_at {OF_LOOKED_AT}
         ORDER BY looked_at.id {} LIMIT $12",
        order(page)
    );
    let parameters = fits.parameters(&[&ids, &limit]);
    let read = walk::page(session, &sql, &parameters, page.limit).await?;
    let found: Vec<Delivery> = read
        .rows
        .iter()
        .map(rows::delivery)
        .collect::<Result<_, _>>()?;
    let last = found.last().map(|delivery| delivery.id.clone());
    Ok(Selected {
        next: last.filter(|_| read.is_full),
        found,
    })
}
