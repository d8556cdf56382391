//! Everything moves from one store to another: from a file to a database, or back.
//!
//! Table by table, in the order of their keys, in parts that the destination keeps together with how far they came; so an
//! interrupted move goes on where it was. At the end both sides are read once more and must be the same, by counts and by
//! hashes. While a move is not finished, no host opens its destination. Secrets move sealed as they are, and need the same key.

mod tables;
#[cfg(test)]
mod tests;

pub use self::tables::TABLES;

use super::{StoreError, postgres::Address, sqlite::Options};
use super::{postgres, sealed, sqlite};
use crate::{
    chance::SystemChance,
    vault::{KeyId, KeySource, Vault},
};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeSet,
    future::Future,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
};

/// Rows of a part, at most.
const ROWS_MAX: u32 = 1_000;
/// Bytes of long values of a part, beside those of its last row.
const BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A step of a side, some time later.
pub(super) type Step<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// What a column holds, the same in every store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Number,
    Flag,
    Text,
    Bytes,
}

/// A table as every store can give and take it.
#[derive(Debug)]
pub struct Table {
    pub name: &'static str,
    /// So many of the first columns are its key.
    pub key: usize,
    pub columns: &'static [(&'static str, Kind)],
    /// A column of long values.
    pub long: Option<&'static str>,
}

impl Table {
    /// The columns, with commas.
    pub(super) fn list(&self) -> String {
        let names: Vec<_> = self.columns.iter().map(|(name, _)| *name).collect();
        names.join(", ")
    }

    /// The columns of the key, with commas.
    pub(super) fn keys(&self) -> String {
        let keys = self.columns.iter().take(self.key);
        let names: Vec<_> = keys.map(|(name, _)| *name).collect();
        names.join(", ")
    }
}

/// What a column holds of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Null,
    Number(i64),
    Flag(bool),
    Text(String),
    Bytes(Vec<u8>),
}

impl Value {
    fn hash(&self, hash: &mut Sha256) {
        let (tag, bytes): (u8, &[u8]) = match self {
            Self::Null => (0, &[]),
            Self::Number(number) => {
                return hash.update([&[1], number.to_be_bytes().as_slice()].concat());
            }
            Self::Flag(flag) => (2, if *flag { &[1] } else { &[0] }),
            Self::Text(text) => (3, text.as_bytes()),
            Self::Bytes(bytes) => (4, bytes),
        };
        hash.update([tag]);
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    }

    /// As a part of the place that a move has come to.
    fn to_json(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Number(number) => json!(number),
            Self::Flag(flag) => json!(flag),
            Self::Text(text) => json!(text),
            Self::Bytes(bytes) => json!({ "hex": base16ct::lower::encode_string(bytes) }),
        }
    }

    fn from_json(json: &Json) -> Option<Self> {
        Some(match json {
            Json::Null => Self::Null,
            Json::Bool(flag) => Self::Flag(*flag),
            Json::Number(number) => Self::Number(number.as_i64()?),
            Json::String(text) => Self::Text(text.clone()),
            Json::Object(_) => {
                Self::Bytes(base16ct::lower::decode_vec(json["hex"].as_str()?).ok()?)
            }
            Json::Array(_) => return None,
        })
    }
}

/// The values of a row, in the order of the columns.
pub(super) type Row = Vec<Value>;

/// How far a move into a store has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// Where everything comes from.
    pub(super) source: String,
    /// Of each table that has been begun, the last key as JSON, or nothing once it is done.
    pub(super) tables: Vec<(String, Option<String>)>,
}

/// A store that everything comes from or goes to. Nobody else uses it.
pub(super) trait Side: Send {
    /// How many rows a table has.
    fn count<'a>(&'a mut self, table: &'static Table) -> Step<'a, u64>;
    /// The next rows behind a key, in its order: `rows_max` at most, and fewer when they are long, but one if there is one.
    fn part<'a>(
        &'a mut self,
        table: &'static Table,
        after: Option<&'a [Value]>,
        rows_max: u32,
        bytes_max: u64,
    ) -> Step<'a, Vec<Row>>;
    /// The move into this store that is not finished, if there is one.
    fn progress(&mut self) -> Step<'_, Option<Progress>>;
    /// Begins a move into this store.
    ///
    /// # Errors
    /// [`StoreError::Failed`] when there is something in it already.
    fn begin<'a>(&'a mut self, source: &'a str) -> Step<'a, ()>;
    /// Keeps rows of a table, and how far it came: all or nothing.
    fn keep<'a>(
        &'a mut self,
        table: &'static Table,
        rows: Vec<Row>,
        place: Option<String>,
    ) -> Step<'a, ()>;
    /// Counts what has come, and lets hosts open it.
    fn finish(&mut self) -> Step<'_, ()>;
}

/// Where a store is.
#[derive(Debug, Clone)]
pub enum Location {
    File(PathBuf),
    Database(Box<Address>),
}

impl Location {
    /// What a path or an address means.
    ///
    /// # Errors
    /// An address that is none, in words that do not repeat its password.
    pub fn parse(text: &str) -> Result<Self, String> {
        match Address::is_meant(text) {
            true => text
                .parse()
                .map(|address| Self::Database(Box::new(address)))
                .map_err(|error: postgres::AddressError| error.to_string()),
            false => Ok(Self::File(Path::new(text).to_owned())),
        }
    }

    async fn open(&self, options: &Options, exists: bool) -> Result<Box<dyn Side>, StoreError> {
        Ok(match self {
            Self::File(path) => Box::new(sqlite::moving::File::open(path, options, exists)?),
            Self::Database(address) => {
                Box::new(postgres::moving::Database::open(address, exists).await?)
            }
        })
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Database(address) => address.fmt(f),
        }
    }
}

/// What is told of a move while it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// So many rows are to be moved, of which so many have been in an earlier call.
    Begins { rows: u64, done: u64 },
    /// So many more rows of a table are in the destination.
    Moved { table: &'static str, rows: u64 },
    /// So many rows are to be read again, on both sides.
    Checks { rows: u64 },
    /// So many more rows of a table have been read again.
    Checked { table: &'static str, rows: u64 },
}

/// What has moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Of each table, its rows and the SHA-256 of all of them, in hex.
    pub tables: Vec<(&'static str, u64, String)>,
    /// Texts with a zero byte, which PostgreSQL cannot keep: it has become U+FFFD.
    pub replaced: u64,
}

/// Why nothing, or not everything, has moved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MoveError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("source and destination are the same: {0}")]
    Same(String),
    #[error(
        "the move into {to} that is not finished came from {from}. Call it with that source once more, or begin with an empty destination"
    )]
    OtherSource { from: String, to: String },
    #[error(
        "the table {table} is not the same on both sides: {from} rows with hash {from_sha256} have become {to} with {to_sha256}. The destination cannot be used; begin again with an empty one"
    )]
    Differs {
        table: &'static str,
        from: u64,
        from_sha256: String,
        to: u64,
        to_sha256: String,
    },
}

/// Moves everything, and checks it. May be interrupted anywhere, and goes on when it is called again.
///
/// # Errors
/// [`MoveError`]
pub async fn run(
    from: &Location,
    to: &Location,
    options: &Options,
    keys: &KeySource,
    mut tell: impl FnMut(Told) + Send,
) -> Result<Moved, MoveError> {
    let (source_name, destination_name) = (from.to_string(), to.to_string());
    if source_name == destination_name {
        return Err(MoveError::Same(source_name));
    }
    let mut source = from.open(options, true).await?;
    if source.progress().await?.is_some() {
        return Err(StoreError::Failed {
            doing: "opening the source",
            problem: UNFINISHED.to_owned(),
        }
        .into());
    }
    check_secrets(&mut *source, keys).await?;
    let mut destination = to.open(options, false).await?;
    let progress = match destination.progress().await? {
        Some(progress) if progress.source != source_name => {
            return Err(MoveError::OtherSource {
                from: progress.source,
                to: destination_name,
            });
        }
        Some(progress) => progress,
        None => {
            destination.begin(&source_name).await?;
            Progress::default()
        }
    };
    let cleans = matches!(to, Location::Database(_));
    let mut rows: u64 = 0;
    let mut done: u64 = 0;
    for table in TABLES {
        rows = rows.saturating_add(source.count(table).await?);
        if progress.tables.iter().any(|(name, _)| name == table.name) {
            done = done.saturating_add(destination.count(table).await?);
        }
    }
    tell(Told::Begins { rows, done });
    for table in TABLES {
        move_table(
            &mut *source,
            &mut *destination,
            table,
            &progress,
            cleans,
            &mut tell,
        )
        .await?;
    }
    tell(Told::Checks {
        rows: rows.saturating_mul(2),
    });
    let mut moved = Moved {
        tables: Vec::new(),
        replaced: 0,
    };
    for table in TABLES {
        let before = digest(&mut *source, table, cleans, &mut tell).await?;
        let after = digest(&mut *destination, table, false, &mut tell).await?;
        if (before.rows, &before.sha256) != (after.rows, &after.sha256) {
            return Err(MoveError::Differs {
                table: table.name,
                from: before.rows,
                from_sha256: before.sha256,
                to: after.rows,
                to_sha256: after.sha256,
            });
        }
        moved.replaced = moved.replaced.saturating_add(before.replaced);
        moved.tables.push((table.name, after.rows, after.sha256));
    }
    destination.finish().await?;
    Ok(moved)
}

/// What is said of a store into which a move is not finished.
pub(super) const UNFINISHED: &str = "a move into it is not finished. Call `countersign migrate-store` once more as before, or begin with an empty one";

/// What is said of a destination that is not empty.
pub(super) const NOT_EMPTY: &str = "there is something in it already. Move into an empty one";

async fn move_table(
    source: &mut dyn Side,
    destination: &mut dyn Side,
    table: &'static Table,
    progress: &Progress,
    cleans: bool,
    tell: &mut (impl FnMut(Told) + Send),
) -> Result<(), MoveError> {
    let begun = progress.tables.iter().find(|(name, _)| name == table.name);
    let mut after = match begun {
        Some((_, None)) => return Ok(()),
        Some((_, Some(place))) => Some(place_of(place)?),
        None => None,
    };
    loop {
        let mut rows = source
            .part(table, after.as_deref(), ROWS_MAX, BYTES_MAX)
            .await?;
        let last: Option<Vec<Value>> = rows.last().map(|row| key_of(table, row));
        let place = last.as_ref().map(|key| {
            let key: Vec<_> = key.iter().map(Value::to_json).collect();
            Json::Array(key).to_string()
        });
        if cleans {
            rows.iter_mut().flatten().for_each(|value| {
                clean(value);
            });
        }
        let count = rows.len() as u64;
        destination.keep(table, rows, place).await?;
        tell(Told::Moved {
            table: table.name,
            rows: count,
        });
        match last {
            Some(last) => after = Some(last),
            None => return Ok(()),
        }
    }
}

fn key_of(table: &Table, row: &Row) -> Vec<Value> {
    row.iter().take(table.key).cloned().collect()
}

fn place_of(text: &str) -> Result<Vec<Value>, StoreError> {
    let values: Option<Vec<Json>> = serde_json::from_str(text).ok();
    let values = values.and_then(|values| values.iter().map(Value::from_json).collect());
    values.ok_or_else(|| StoreError::Failed {
        doing: "reading how far the move has come",
        problem: format!("unexpected value {text:?}"),
    })
}

/// Replaces zero bytes, which PostgreSQL keeps in no text. Returns whether there were any.
fn clean(value: &mut Value) -> bool {
    match value {
        Value::Text(text) if text.contains('\0') => {
            *text = text.replace('\0', "\u{fffd}");
            true
        }
        _ => false,
    }
}

struct Digested {
    rows: u64,
    sha256: String,
    replaced: u64,
}

async fn digest(
    side: &mut dyn Side,
    table: &'static Table,
    cleans: bool,
    tell: &mut (impl FnMut(Told) + Send),
) -> Result<Digested, StoreError> {
    let mut hash = Sha256::new();
    let (mut count, mut replaced): (u64, u64) = (0, 0);
    let mut after: Option<Vec<Value>> = None;
    loop {
        let mut rows = side
            .part(table, after.as_deref(), ROWS_MAX, BYTES_MAX)
            .await?;
        let Some(last) = rows.last() else { break };
        after = Some(key_of(table, last));
        for value in rows.iter_mut().flatten() {
            if cleans && clean(value) {
                replaced = replaced.saturating_add(1);
            }
            value.hash(&mut hash);
        }
        count = count.saturating_add(rows.len() as u64);
        tell(Told::Checked {
            table: table.name,
            rows: rows.len() as u64,
        });
    }
    Ok(Digested {
        rows: count,
        sha256: base16ct::lower::encode_string(&hash.finalize()),
        replaced,
    })
}

/// Whether every secret opens with the key that hosts will have, before anything moves.
async fn check_secrets(source: &mut dyn Side, keys: &KeySource) -> Result<(), StoreError> {
    let mut secrets = Vec::new();
    for (name, kind) in [
        ("endpoint_secrets", sealed::SIGNING),
        ("client_certificates", sealed::CERTIFICATES),
    ] {
        let Some(table) = TABLES.iter().find(|table| table.name == name) else {
            continue;
        };
        let column = |wanted: &str| table.columns.iter().position(|(name, _)| *name == wanted);
        let (Some(owner), Some(sealed)) = (column("endpoint_id"), column("sealed")) else {
            continue;
        };
        let mut after: Option<Vec<Value>> = None;
        loop {
            let rows = source
                .part(table, after.as_deref(), ROWS_MAX, BYTES_MAX)
                .await?;
            let Some(last) = rows.last() else { break };
            after = Some(key_of(table, last));
            for row in rows {
                if let (Some(Value::Text(owner)), Some(Value::Text(sealed))) =
                    (row.get(owner), row.get(sealed))
                {
                    secrets.push((kind, owner.clone(), sealed.clone()));
                }
            }
        }
    }
    if secrets.is_empty() {
        return Ok(());
    }
    let needed = secrets
        .iter()
        .filter_map(|(_, _, sealed)| crate::vault::key_of(sealed));
    let chance = Arc::new(SystemChance);
    let needed: BTreeSet<KeyId> = needed.collect();
    let present = keys.keys(&needed, &*chance)?;
    let vault = Vault::new(present, chance)?;
    for (kind, owner, sealed) in &secrets {
        kind.open(&vault, owner, sealed)
            .map_err(|error| StoreError::Failed {
                doing: "opening the secrets of the source",
                problem: error.to_string(),
            })?;
    }
    Ok(())
}
