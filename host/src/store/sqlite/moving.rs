//! The file as source and destination of a move: see [`moving`](crate::store::moving).

use super::{Options, schema, schema::Lock};
use crate::store::{
    StoreError,
    moving::{Kind, NOT_EMPTY, Progress, Row, Side, Step, Table, UNFINISHED, Value},
};
use rusqlite::{
    Connection, OptionalExtension, params_from_iter,
    types::{ToSqlOutput, Value as Stored, ValueRef},
};
use std::path::Path;

/// A file that nobody else uses.
pub(in crate::store) struct File {
    connection: Connection,
    _lock: Lock,
}

fn failed(doing: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |error| StoreError::Failed {
        doing,
        problem: error.to_string(),
    }
}

fn refused(doing: &'static str, problem: impl Into<String>) -> StoreError {
    let problem = problem.into();
    StoreError::Failed { doing, problem }
}

const IS_MOVING: &str =
    "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'moving'";

/// Whether a move into it is not finished.
fn is_moving(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row(IS_MOVING, [], |row| Ok(row.get::<_, i64>(0)? > 0))
}

/// A file that holds only a part of what it is to hold is not opened.
///
/// # Errors
/// [`StoreError::Failed`]
pub(super) fn refuse_unfinished(connection: &Connection) -> Result<(), StoreError> {
    match is_moving(connection).map_err(failed("opening the file"))? {
        true => Err(refused("opening the file", UNFINISHED)),
        false => Ok(()),
    }
}

/// What the table is read from, when it is not one of the same name.
fn from(table: &Table) -> &'static str {
    match table.name {
        "endpoint_health" => "(SELECT *, id AS endpoint_id FROM endpoints)",
        "bodies" => {
            "(SELECT messages.id AS message_id, body FROM messages JOIN bodies ON bodies.id = messages.body_id)"
        }
        "deliveries" => {
            "(SELECT *, (SELECT event_id FROM failed_events WHERE failed_events.endpoint_id = deliveries.endpoint_id
                 AND failed_events.delivery_id = deliveries.id) AS event_id FROM deliveries)"
        }
        name => name,
    }
}

/// What keeps a row. It takes the columns in their order, by number.
fn writes(table: &Table) -> Vec<String> {
    let places: Vec<_> = (1..=table.columns.len())
        .map(|place| format!("?{place}"))
        .collect();
    let (name, list, places) = (table.name, table.list(), places.join(", "));
    match name {
        "endpoints" => vec![format!(
            "INSERT INTO endpoints ({list}, exhausted_in_a_row) VALUES ({places}, 0)"
        )],
        "endpoint_health" => {
            let columns = table.columns.iter().enumerate().skip(1);
            let sets =
                columns.map(|(place, (name, _))| format!("{name} = ?{}", place.saturating_add(1)));
            let sets: Vec<_> = sets.collect();
            vec![format!(
                "UPDATE endpoints SET {} WHERE id = ?1",
                sets.join(", ")
            )]
        }
        "bodies" => vec![
            format!("INSERT INTO bodies ({list}) VALUES ({places})"),
            "UPDATE messages SET body_id = last_insert_rowid() WHERE id = ?1 AND ?2 IS NOT NULL"
                .to_owned(),
        ],
        // The last column is not one of the table; a body that is no longer kept has no number.
        "deliveries" => {
            let (list, _) = list.rsplit_once(", ").unwrap_or_default();
            let (places, _) = places.rsplit_once(", ").unwrap_or_default();
            vec![
                format!(
                    "INSERT INTO deliveries ({list}, body_id)
                     SELECT {places}, coalesce((SELECT body_id FROM messages WHERE id = ?10), 0) WHERE ?15 IS NULL OR TRUE"
                ),
                "INSERT INTO failed_events (endpoint_id, delivery_id, event_id, seen)
                 SELECT endpoint_id, id, ?15, acknowledged_at_ms IS NOT NULL FROM deliveries
                 WHERE id = ?1 AND state = 'dead_lettered'"
                    .to_owned(),
            ]
        }
        name => vec![format!("INSERT INTO {name} ({list}) VALUES ({places})")],
    }
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Stored::Null),
            Self::Number(number) => ToSqlOutput::Owned(Stored::Integer(*number)),
            Self::Flag(flag) => ToSqlOutput::Owned(Stored::Integer(i64::from(*flag))),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}

fn read(kind: Kind, stored: ValueRef<'_>) -> rusqlite::Result<Value> {
    if stored == ValueRef::Null {
        return Ok(Value::Null);
    }
    Ok(match kind {
        Kind::Number => Value::Number(stored.as_i64()?),
        Kind::Flag => Value::Flag(stored.as_i64()? != 0),
        Kind::Text => Value::Text(stored.as_str()?.to_owned()),
        Kind::Bytes => Value::Bytes(stored.as_blob()?.to_vec()),
    })
}

impl File {
    /// Opens it for a move; `exists`: it must be there already.
    ///
    /// # Errors
    /// [`StoreError::InUse`] while a host uses it, [`StoreError::Damaged`], [`StoreError::Failed`]
    pub(in crate::store) fn open(
        path: &Path,
        options: &Options,
        exists: bool,
    ) -> Result<Self, StoreError> {
        let doing = "opening the file";
        if exists && !path.is_file() {
            return Err(refused(doing, format!("there is no {}", path.display())));
        }
        let lock = Lock::take(path)?;
        let connection = schema::open_writer(path, options)?;
        let sql = "SELECT count(*) FROM endpoints WHERE secret IS NOT NULL";
        let clear: i64 = connection
            .query_row(sql, [], |row| row.get(0))
            .map_err(failed(doing))?;
        match clear {
            0 => Ok(Self {
                connection,
                _lock: lock,
            }),
            _ => Err(refused(
                doing,
                "an early version wrote it, with secrets that are not sealed. Start `countersign serve` on it once",
            )),
        }
    }

    /// The condition and order of the rows behind a key.
    fn behind(table: &Table, after: Option<&[Value]>) -> String {
        let keys = table.keys();
        let places: Vec<_> = (0..table.key).map(|_| "?").collect();
        match after {
            Some(_) => format!("WHERE ({keys}) > ({}) ORDER BY {keys}", places.join(", ")),
            None => format!("ORDER BY {keys}"),
        }
    }

    fn part_now(
        &self,
        table: &Table,
        after: Option<&[Value]>,
        rows_max: u32,
        bytes_max: u64,
    ) -> rusqlite::Result<Vec<Row>> {
        let (from, behind) = (from(table), Self::behind(table, after));
        let sql = format!(
            "SELECT {} FROM {from} {behind} LIMIT {rows_max}",
            table.list()
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter(after.unwrap_or_default()))?;
        let mut part = Vec::new();
        let mut bytes: u64 = 0;
        while bytes < bytes_max
            && let Some(row) = rows.next()?
        {
            let mut values = Vec::with_capacity(table.columns.len());
            for (place, (name, kind)) in table.columns.iter().enumerate() {
                let value = read(*kind, row.get_ref(place)?)?;
                if table.long == Some(name) {
                    bytes = bytes.saturating_add(length(&value));
                }
                values.push(value);
            }
            part.push(values);
        }
        Ok(part)
    }

    fn progress_now(&self) -> rusqlite::Result<Option<Progress>> {
        if !is_moving(&self.connection)? {
            return Ok(None);
        }
        let source = self
            .connection
            .query_row("SELECT place FROM moving WHERE name = ''", [], |row| {
                row.get(0)
            })
            .optional()?;
        let tables = self
            .connection
            .prepare("SELECT name, place FROM moving WHERE name <> ''")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        Ok(Some(Progress {
            source: source.unwrap_or_default(),
            tables,
        }))
    }

    fn begin_now(&mut self, source: &str) -> Result<(), StoreError> {
        let beginning = failed("beginning the move");
        let sql = "SELECT (SELECT count(*) FROM endpoints) + (SELECT count(*) FROM messages)
            + (SELECT count(*) FROM api_keys) + (SELECT count(*) FROM event_types) + (SELECT count(*) FROM replays)
            + (SELECT count(*) FROM inbound_requests) + (SELECT count(*) FROM workspaces WHERE id <> 'default')";
        let there: i64 = self
            .connection
            .query_row(sql, [], |row| row.get(0))
            .map_err(&beginning)?;
        if there > 0 {
            return Err(refused("beginning the move", NOT_EMPTY));
        }
        let transaction = self.connection.transaction().map_err(&beginning)?;
        transaction
            .execute_batch(
                "DELETE FROM workspaces; DELETE FROM idempotency_keys; DELETE FROM inbound_keys;
                 CREATE TABLE moving (name TEXT PRIMARY KEY, place TEXT) STRICT",
            )
            .and_then(|()| transaction.execute("INSERT INTO moving VALUES ('', ?)", [source]))
            .and_then(|_| transaction.commit())
            .map_err(beginning)
    }

    fn keep_now(
        &mut self,
        table: &Table,
        rows: &[Row],
        place: Option<String>,
    ) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        for row in rows {
            for sql in writes(table) {
                let mut statement = transaction.prepare_cached(&sql)?;
                let needed = statement.parameter_count();
                statement.execute(params_from_iter(row.iter().take(needed)))?;
            }
        }
        transaction.execute(
            "INSERT INTO moving VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET place = excluded.place",
            (table.name, place),
        )?;
        transaction.commit()
    }

    fn finish_now(&mut self) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        transaction.execute_batch(
            "UPDATE counters SET value = (SELECT count(*) FROM messages) WHERE name = 'messages';
             UPDATE counters SET value = (SELECT count(*) FROM deliveries WHERE state = counters.name)
             WHERE name IN ('delivered', 'cancelled');
             DROP TABLE moving",
        )?;
        transaction.commit()
    }
}

fn length(value: &Value) -> u64 {
    match value {
        Value::Text(text) => text.len() as u64,
        Value::Bytes(bytes) => bytes.len() as u64,
        Value::Null | Value::Number(_) | Value::Flag(_) => 0,
    }
}

fn ready<'a, T: Send + 'a>(done: Result<T, StoreError>) -> Step<'a, T> {
    Box::pin(std::future::ready(done))
}

impl Side for File {
    fn count<'a>(&'a mut self, table: &'static Table) -> Step<'a, u64> {
        let sql = format!("SELECT count(*) FROM {}", from(table));
        let count = self
            .connection
            .query_row(&sql, [], |row| row.get::<_, i64>(0));
        ready(
            count
                .map(i64::unsigned_abs)
                .map_err(failed("counting rows")),
        )
    }

    fn part<'a>(
        &'a mut self,
        table: &'static Table,
        after: Option<&'a [Value]>,
        rows_max: u32,
        bytes_max: u64,
    ) -> Step<'a, Vec<Row>> {
        let part = self.part_now(table, after, rows_max, bytes_max);
        ready(part.map_err(failed("reading rows")))
    }

    fn progress(&mut self) -> Step<'_, Option<Progress>> {
        ready(
            self.progress_now()
                .map_err(failed("reading how far the move has come")),
        )
    }

    fn begin<'a>(&'a mut self, source: &'a str) -> Step<'a, ()> {
        ready(self.begin_now(source))
    }

    fn keep<'a>(
        &'a mut self,
        table: &'static Table,
        rows: Vec<Row>,
        place: Option<String>,
    ) -> Step<'a, ()> {
        ready(
            self.keep_now(table, &rows, place)
                .map_err(failed("keeping rows")),
        )
    }

    fn finish(&mut self) -> Step<'_, ()> {
        ready(self.finish_now().map_err(failed("finishing the move")))
    }
}
