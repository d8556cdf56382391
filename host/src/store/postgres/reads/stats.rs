//! Counting without a look at every row.

use super::super::{
    rows,
    session::{Fault, Session},
};
use crate::{
    ids::EndpointId,
    store::{Counted, DeliveryState, Size, Stats, Word},
};

/// Rows that are counted of each index.
const COUNT_ROWS_MAX: i64 = 50_000;

// The inner limit ends the count; each condition is that of an index, word for word.
pub(super) const COUNTED: &str = "SELECT
    (SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE state = 'pending' LIMIT $1) AS few) AS pending,
    (SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE state = 'sending' LIMIT $1) AS few) AS sending,
    (SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE state = 'held' LIMIT $1) AS few) AS held,
    (SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE state = 'waiting' LIMIT $1) AS few) AS waiting,
    (SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE state = 'dead_lettered' LIMIT $1) AS few) AS dead_lettered";

const TOTALS: &str =
    "SELECT CAST(sum(messages) AS BIGINT) AS messages, CAST(sum(delivered) AS BIGINT) AS delivered,
    CAST(sum(cancelled) AS BIGINT) AS cancelled FROM counters";

pub(in super::super) async fn stats(session: &Session) -> Result<Stats, Fault> {
    let nothing = || rows::foreign("no counters");
    let counted = session.row(COUNTED, &[&COUNT_ROWS_MAX]).await?;
    let counted = counted.ok_or_else(nothing)?;
    let totals = session.row(TOTALS, &[]).await?.ok_or_else(nothing)?;
    let up_to = |state: DeliveryState| -> Result<_, Fault> {
        let count: i64 = counted.try_get(state.word())?;
        Ok((state, bounded(count)))
    };
    let exact = |state: DeliveryState| -> Result<_, Fault> {
        let count = total(totals.try_get(state.word())?);
        let at_least = false;
        Ok((state, Counted { count, at_least }))
    };
    Ok(Stats {
        messages: total(totals.try_get("messages")?),
        deliveries: vec![
            up_to(DeliveryState::Pending)?,
            up_to(DeliveryState::Sending)?,
            exact(DeliveryState::Delivered)?,
            up_to(DeliveryState::DeadLettered)?,
            up_to(DeliveryState::Waiting)?,
            up_to(DeliveryState::Held)?,
            exact(DeliveryState::Cancelled)?,
        ],
    })
}

/// What one host adds another may take away, so a part may be negative; the whole is not.
fn total(sum: i64) -> u64 {
    u64::try_from(sum).unwrap_or(0)
}

const fn bounded(count: i64) -> Counted {
    Counted {
        count: count.unsigned_abs(),
        at_least: count >= COUNT_ROWS_MAX,
    }
}

/// The dead letters are looked for among all of them, of which there are few.
pub(super) const OPEN: &str = "SELECT
    (SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE state = 'pending' AND endpoint_id = $1 LIMIT $2) AS few) AS pending,
    (SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE state = 'sending' AND endpoint_id = $1 LIMIT $2) AS few) AS sending,
    (SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE state = 'held' AND endpoint_id = $1 LIMIT $2) AS few) AS held,
    (SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE state = 'waiting' AND endpoint_id = $1 LIMIT $2) AS few) AS waiting";
const DEAD: &str = "SELECT count(*) FILTER (WHERE endpoint_id = $1) AS n, count(*) AS looked_at
    FROM (SELECT endpoint_id FROM deliveries WHERE state = 'dead_lettered' ORDER BY id DESC LIMIT $2) AS newest";

pub(in super::super) async fn open(
    session: &Session,
    endpoint: &EndpointId,
) -> Result<Vec<(DeliveryState, Counted)>, Fault> {
    let nothing = || rows::foreign("no counts");
    let endpoint = endpoint.as_str();
    let counted = session.row(OPEN, &[&endpoint, &COUNT_ROWS_MAX]).await?;
    let counted = counted.ok_or_else(nothing)?;
    let dead = session.row(DEAD, &[&endpoint, &COUNT_ROWS_MAX]).await?;
    let dead = dead.ok_or_else(nothing)?;
    let mut open = Vec::new();
    for state in [
        DeliveryState::Pending,
        DeliveryState::Sending,
        DeliveryState::Waiting,
        DeliveryState::Held,
    ] {
        let count: i64 = counted.try_get(state.word())?;
        open.push((state, bounded(count)));
    }
    let looked_at: i64 = dead.try_get("looked_at")?;
    let dead = Counted {
        count: rows::number(&dead, "n")?,
        at_least: looked_at >= COUNT_ROWS_MAX,
    };
    open.push((DeliveryState::DeadLettered, dead));
    Ok(open)
}

/// Bytes of live rows, about: rows by the database's own count, which follows every commit within a second, with the width
/// that it found when it last looked, and what of their indexes belongs to them. Long bodies lie in pieces of 2,000 bytes in a
/// table behind their own. Space that was freed is used again and does not count, though no file gets smaller.
const SIZE: &str = "SELECT CAST(coalesce(sum(live + pieces + indexes * least(1.0, (live + pieces) / greatest(1, heap))), 0) AS BIGINT)
            AS used_bytes,
        CAST(coalesce(sum(heap + indexes), 0) AS BIGINT) AS file_bytes
    FROM (SELECT
            own.n_live_tup * (36 + coalesce((SELECT sum(avg_width * (1 - null_frac)) FROM pg_stats
                WHERE pg_stats.schemaname = own.schemaname AND pg_stats.tablename = own.relname), 100)) AS live,
            coalesce(long.n_live_tup, 0) * 2000 AS pieces,
            pg_table_size(own.relid) AS heap,
            pg_indexes_size(own.relid) AS indexes
        FROM pg_stat_user_tables AS own
        JOIN pg_class ON pg_class.oid = own.relid
        LEFT JOIN pg_stat_all_tables AS long ON long.relid = pg_class.reltoastrelid
        WHERE own.schemaname = current_schema()) AS tables";

pub(in super::super) async fn size(session: &Session) -> Result<Size, Fault> {
    let found = session.row(SIZE, &[]).await?;
    let found = found.ok_or_else(|| rows::foreign("no size"))?;
    Ok(Size {
        used_bytes: rows::number(&found, "used_bytes")?,
        file_bytes: rows::number(&found, "file_bytes")?,
    })
}
