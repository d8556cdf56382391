//! The database as source and destination of a move: see [`moving`](crate::store::moving).

use super::{
    address::Address,
    connections::Connections,
    schema,
    session::{Fault, Session},
};
use crate::store::{
    StoreError,
    moving::{Kind, NOT_EMPTY, Progress, Row, Side, Step, Table, UNFINISHED, Value},
};
use tokio_postgres::types::ToSql;

/// One that reads and writes, and one for the schema.
const CONNECTIONS: u32 = 2;

/// A database that no host uses.
pub(in crate::store) struct Database {
    session: Session,
    /// Keeps the connection open.
    _pool: Connections,
}

fn refused(doing: &'static str, problem: impl Into<String>) -> Fault {
    Fault::Told(StoreError::Failed {
        doing,
        problem: problem.into(),
    })
}

/// Whether a move into it is not finished.
async fn is_moving(session: &Session) -> Result<bool, Fault> {
    let sql = "SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = 'moving'";
    let found: Option<i64> = session.value(sql, &[]).await?;
    Ok(found.unwrap_or(0) > 0)
}

/// A database that holds only a part of what it is to hold is not opened.
pub(super) async fn refuse_unfinished(session: &Session) -> Result<(), Fault> {
    match is_moving(session).await? {
        true => Err(refused("opening the database", UNFINISHED)),
        false => Ok(()),
    }
}

const fn sql_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Number => "bigint",
        Kind::Flag => "boolean",
        Kind::Text => "text",
        Kind::Bytes => "bytea",
    }
}

/// Keeps rows; `$1` and so on are the columns.
fn write(table: &Table) -> String {
    let columns = table.columns.iter().enumerate();
    let arrays: Vec<_> = columns
        .map(|(place, (_, kind))| format!("${}::{}[]", place.saturating_add(1), sql_type(*kind)))
        .collect();
    let (name, list, arrays) = (table.name, table.list(), arrays.join(", "));
    // Whatever was being sent is nobody's now: no host has this number.
    let (more, its_value) = match name {
        "deliveries" => (", leased_by", ", CASE WHEN state = 'sending' THEN 0 END"),
        "endpoints" => (", changed", ", 1"),
        _ => ("", ""),
    };
    format!(
        "INSERT INTO {name} ({list}{more}) SELECT {list}{its_value} FROM UNNEST({arrays}) AS given ({list})"
    )
}

/// A column of many rows, as an array.
fn column(rows: &[Row], place: usize, kind: Kind) -> Box<dyn ToSql + Sync + Send> {
    let values = rows
        .iter()
        .map(|row| row.get(place).unwrap_or(&Value::Null));
    match kind {
        Kind::Number => Box::new(
            values
                .map(|value| match value {
                    Value::Number(number) => Some(*number),
                    _ => None,
                })
                .collect::<Vec<Option<i64>>>(),
        ),
        Kind::Flag => Box::new(
            values
                .map(|value| match value {
                    Value::Flag(flag) => Some(*flag),
                    _ => None,
                })
                .collect::<Vec<Option<bool>>>(),
        ),
        Kind::Text => Box::new(
            values
                .map(|value| match value {
                    Value::Text(text) => Some(text.clone()),
                    _ => None,
                })
                .collect::<Vec<Option<String>>>(),
        ),
        Kind::Bytes => Box::new(
            values
                .map(|value| match value {
                    Value::Bytes(bytes) => Some(bytes.clone()),
                    _ => None,
                })
                .collect::<Vec<Option<Vec<u8>>>>(),
        ),
    }
}

fn parameter(value: &Value) -> Box<dyn ToSql + Sync + Send> {
    match value {
        Value::Null => Box::new(None::<String>),
        Value::Number(number) => Box::new(*number),
        Value::Flag(flag) => Box::new(*flag),
        Value::Text(text) => Box::new(text.clone()),
        Value::Bytes(bytes) => Box::new(bytes.clone()),
    }
}

fn read(kind: Kind, row: &tokio_postgres::Row, place: usize) -> Result<Value, Fault> {
    Ok(match kind {
        Kind::Number => row
            .try_get::<_, Option<i64>>(place)?
            .map_or(Value::Null, Value::Number),
        Kind::Flag => row
            .try_get::<_, Option<bool>>(place)?
            .map_or(Value::Null, Value::Flag),
        Kind::Text => row
            .try_get::<_, Option<String>>(place)?
            .map_or(Value::Null, Value::Text),
        Kind::Bytes => row
            .try_get::<_, Option<Vec<u8>>>(place)?
            .map_or(Value::Null, Value::Bytes),
    })
}

impl Database {
    /// Connects for a move; `exists`: there must be something in it.
    ///
    /// # Errors
    /// [`StoreError::Failed`] while hosts use it, [`StoreError::Unreachable`]
    pub(in crate::store) async fn open(
        address: &Address,
        exists: bool,
    ) -> Result<Self, StoreError> {
        let opened = Self::connect(address, exists).await;
        opened.map_err(|fault| fault.told_at_start("opening the database"))
    }

    async fn connect(address: &Address, exists: bool) -> Result<Self, Fault> {
        let pool = Connections::open(address, CONNECTIONS).await?;
        let session = pool.patient_session().await?;
        if exists {
            let sql = "SELECT count(*) FROM information_schema.tables
                WHERE table_schema = current_schema() AND table_name = 'deliveries'";
            let found: Option<i64> = session.value(sql, &[]).await?;
            if found.unwrap_or(0) == 0 {
                return Err(refused("opening the database", "no host has ever used it"));
            }
        }
        schema::bring_up_to_date(&pool).await?;
        let sql = "SELECT name FROM hosts WHERE expires_at > clock_timestamp() ORDER BY generation LIMIT 1";
        match session.row(sql, &[]).await? {
            None => Ok(Self {
                session,
                _pool: pool,
            }),
            Some(host) => {
                let name: String = host.try_get(0)?;
                Err(refused(
                    "opening the database",
                    format!(
                        "the host {name} uses it. Stop every host first; one that was killed is gone after its lease"
                    ),
                ))
            }
        }
    }

    fn behind(table: &Table, after: Option<&[Value]>) -> String {
        let keys = table.keys();
        let places: Vec<_> = (1..=table.key).map(|place| format!("${place}")).collect();
        match after {
            Some(_) => format!("WHERE ({keys}) > ({}) ORDER BY {keys}", places.join(", ")),
            None => format!("ORDER BY {keys}"),
        }
    }

    async fn part_now(
        &self,
        table: &Table,
        after: Option<&[Value]>,
        rows_max: u32,
        bytes_max: u64,
    ) -> Result<Vec<Row>, Fault> {
        let behind = Self::behind(table, after);
        let keys: Vec<_> = after.unwrap_or_default().iter().map(parameter).collect();
        let mut parameters: Vec<&(dyn ToSql + Sync)> = Vec::with_capacity(keys.len());
        for key in &keys {
            parameters.push(&**key);
        }
        let limit = match table.long {
            None => i64::from(rows_max),
            // Whatever is asked for is sent, so lengths are asked for first.
            Some(long) => {
                let sql = format!(
                    "SELECT CAST(coalesce(octet_length({long}), 0) AS BIGINT) FROM {} {behind} LIMIT {rows_max}",
                    table.name
                );
                let lengths = self.session.rows(&sql, &parameters).await?;
                let (mut rows, mut bytes) = (0_i64, 0_u64);
                for length in lengths {
                    rows = rows.saturating_add(1);
                    bytes = bytes.saturating_add(length.try_get::<_, i64>(0)?.unsigned_abs());
                    if bytes >= bytes_max {
                        break;
                    }
                }
                rows
            }
        };
        let place = keys.len().saturating_add(1);
        let sql = format!(
            "SELECT {} FROM {} {behind} LIMIT ${place}",
            table.list(),
            table.name
        );
        parameters.push(&limit);
        let found = self.session.rows(&sql, &parameters).await?;
        let mut part = Vec::with_capacity(found.len());
        for row in &found {
            let columns = table.columns.iter().enumerate();
            let values = columns.map(|(place, (_, kind))| read(*kind, row, place));
            part.push(values.collect::<Result<_, _>>()?);
        }
        Ok(part)
    }

    async fn progress_now(&self) -> Result<Option<Progress>, Fault> {
        if !is_moving(&self.session).await? {
            return Ok(None);
        }
        let mut progress = Progress::default();
        for row in self
            .session
            .rows("SELECT name, place FROM moving", &[])
            .await?
        {
            let (name, place): (String, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
            match name.is_empty() {
                true => progress.source = place.unwrap_or_default(),
                false => progress.tables.push((name, place)),
            }
        }
        Ok(Some(progress))
    }

    async fn begin_now(&self, source: &str) -> Result<(), Fault> {
        let sql = "SELECT (SELECT count(*) FROM endpoints) + (SELECT count(*) FROM messages)
            + (SELECT count(*) FROM api_keys) + (SELECT count(*) FROM event_types) + (SELECT count(*) FROM replays)
            + (SELECT count(*) FROM inbound_requests) + (SELECT count(*) FROM workspaces WHERE id <> 'default')";
        let there: Option<i64> = self.session.value(sql, &[]).await?;
        if there.unwrap_or(0) > 0 {
            return Err(refused("beginning the move", NOT_EMPTY));
        }
        let source = source.to_owned();
        self.in_transaction(async || {
            self.session
                .batch(
                    "DELETE FROM workspaces; DELETE FROM idempotency_keys; DELETE FROM inbound_keys;
                     CREATE TABLE moving (name TEXT PRIMARY KEY, place TEXT)",
                )
                .await?;
            let sql = "INSERT INTO moving VALUES ('', $1)";
            self.session.execute(sql, &[&source]).await?;
            Ok(())
        })
        .await
    }

    async fn keep_now(
        &self,
        table: &Table,
        rows: &[Row],
        place: Option<String>,
    ) -> Result<(), Fault> {
        let columns = table.columns.iter().enumerate();
        let columns: Vec<_> = columns
            .map(|(place, (_, kind))| column(rows, place, *kind))
            .collect();
        let mut parameters: Vec<&(dyn ToSql + Sync)> = Vec::with_capacity(columns.len());
        for column in &columns {
            parameters.push(&**column);
        }
        self.in_transaction(async || {
            self.session.execute(&write(table), &parameters).await?;
            let sql = "INSERT INTO moving VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET place = excluded.place";
            self.session.execute(sql, &[&table.name, &place]).await?;
            Ok(())
        })
        .await
    }

    async fn finish_now(&self) -> Result<(), Fault> {
        self.in_transaction(async || {
            self.session
                .batch(
                    "UPDATE counters SET
                         messages = (SELECT count(*) FROM messages)
                             - (SELECT CAST(coalesce(sum(messages), 0) AS BIGINT) FROM counters WHERE generation <> 0),
                         delivered = (SELECT count(*) FROM deliveries WHERE state = 'delivered')
                             - (SELECT CAST(coalesce(sum(delivered), 0) AS BIGINT) FROM counters WHERE generation <> 0),
                         cancelled = (SELECT count(*) FROM deliveries WHERE state = 'cancelled')
                             - (SELECT CAST(coalesce(sum(cancelled), 0) AS BIGINT) FROM counters WHERE generation <> 0)
                     WHERE generation = 0;
                     UPDATE catalogue SET version = version + 1, others = version + 1;
                     DROP TABLE moving",
                )
                .await
        })
        .await?;
        // So that the first plans know how much there is.
        self.session.batch("ANALYZE").await
    }

    async fn in_transaction(
        &self,
        work: impl AsyncFnOnce() -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.session.batch("BEGIN").await?;
        let done = work().await;
        match done {
            Ok(()) => self.session.batch("COMMIT").await,
            Err(fault) => {
                // The connection may be gone; then so is the transaction.
                let _ = self.session.batch("ROLLBACK").await;
                Err(fault)
            }
        }
    }
}

impl Side for Database {
    fn count<'a>(&'a mut self, table: &'static Table) -> Step<'a, u64> {
        Box::pin(async move {
            let sql = format!("SELECT count(*) FROM {}", table.name);
            let count: Result<Option<i64>, Fault> = self.session.value(&sql, &[]).await;
            let count = count.map_err(|fault| fault.told("counting rows"))?;
            Ok(count.unwrap_or(0).unsigned_abs())
        })
    }

    fn part<'a>(
        &'a mut self,
        table: &'static Table,
        after: Option<&'a [Value]>,
        rows_max: u32,
        bytes_max: u64,
    ) -> Step<'a, Vec<Row>> {
        Box::pin(async move {
            let part = self.part_now(table, after, rows_max, bytes_max).await;
            part.map_err(|fault| fault.told("reading rows"))
        })
    }

    fn progress(&mut self) -> Step<'_, Option<Progress>> {
        Box::pin(async {
            let progress = self.progress_now().await;
            progress.map_err(|fault| fault.told("reading how far the move has come"))
        })
    }

    fn begin<'a>(&'a mut self, source: &'a str) -> Step<'a, ()> {
        Box::pin(async move {
            let begun = self.begin_now(source).await;
            begun.map_err(|fault| fault.told("beginning the move"))
        })
    }

    fn keep<'a>(
        &'a mut self,
        table: &'static Table,
        rows: Vec<Row>,
        place: Option<String>,
    ) -> Step<'a, ()> {
        Box::pin(async move {
            let kept = self.keep_now(table, &rows, place).await;
            kept.map_err(|fault| fault.told("keeping rows"))
        })
    }

    fn finish(&mut self) -> Step<'_, ()> {
        Box::pin(async {
            let finished = self.finish_now().await;
            finished.map_err(|fault| fault.told("finishing the move"))
        })
    }
}
