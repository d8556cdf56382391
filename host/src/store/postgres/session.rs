//! One connection to the database, and what may go wrong with it.

use super::{
    statement::{self, Statement},
    tls,
};
use crate::store::StoreError;
use deadpool_postgres::{Object, PoolError};
use std::{
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use tokio_postgres::{
    Row, SimpleQueryMessage,
    error::{DbError, SqlState},
    types::{FromSqlOwned, ToSql},
};

/// What a statement is given.
pub(super) type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Work on a session.
pub(super) type Doing<'a, T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 'a>>;

/// Why a call was not done.
#[derive(Debug)]
pub(super) enum Fault {
    /// The database says so, or is not there.
    Database(tokio_postgres::Error),
    /// No connection is to be had.
    Pool(PoolError),
    /// A column that another program must have written: it is not of the form that this one writes.
    Foreign(String),
    /// Another host was in between, or a table has changed: the same once more.
    Again,
    /// It is there and has not answered for [`ANSWER_MAX`].
    Silent,
    /// What the caller is told.
    Told(StoreError),
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        let again = [
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::LOCK_NOT_AVAILABLE,
        ];
        match error.code() {
            Some(code) if again.contains(code) => Self::Again,
            _ => Self::Database(error),
        }
    }
}

impl From<PoolError> for Fault {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => Self::from(error),
            error => Self::Pool(error),
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Told(error)
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.problem())
    }
}

impl Fault {
    /// The connection is gone, or the database is ending or not up yet.
    pub(super) fn is_unreachable(&self) -> bool {
        match self {
            Self::Database(error) => match error.code() {
                // Class 08 is about connections, 57P about a server that stops, starts or has ended a session.
                Some(code) => {
                    let code = code.code();
                    code.starts_with("08")
                        || code.starts_with("57P")
                        || ["25006", "25P03", "53300"].contains(&code)
                }
                None => true,
            },
            Self::Pool(_) | Self::Silent => true,
            Self::Told(error) => matches!(error, StoreError::Unreachable { .. }),
            Self::Foreign(_) | Self::Again => false,
        }
    }

    /// What the caller is told of it.
    pub(super) fn told(self, doing: &'static str) -> StoreError {
        if let Self::Told(error) = self {
            return error;
        }
        if self.is_unreachable() {
            return StoreError::Unreachable {
                problem: self.problem(),
            };
        }
        match &self {
            Self::Database(error) if error.code() == Some(&SqlState::DISK_FULL) => StoreError::Full,
            Self::Again => StoreError::Busy,
            _ => StoreError::Failed {
                doing,
                problem: self.problem(),
            },
        }
    }

    /// As [`told`](Self::told), of a store that is being opened. Waiting does not help where one of the two does not trust the
    /// other; a host that works already waits for that, too, and loses nothing.
    pub(super) fn told_at_start(self, doing: &'static str) -> StoreError {
        match &self {
            Self::Database(error) if tls::advice(error).is_some() => StoreError::Failed {
                doing,
                problem: self.problem(),
            },
            _ => self.told(doing),
        }
    }

    fn problem(&self) -> String {
        match self {
            // What it says of itself is "db error".
            Self::Database(error) => match error.as_db_error() {
                Some(error) => {
                    let advice = advice(error.code()).map(|advice| format!(". {advice}"));
                    let advice = advice.unwrap_or_default();
                    format!("{} ({}){advice}", error.message(), error.code().code())
                }
                None => chain(error),
            },
            Self::Pool(error) => chain(error),
            Self::Foreign(value) => format!("unexpected value {value:?}"),
            Self::Again => "other hosts were in between".to_owned(),
            Self::Silent => {
                let limit_s = ANSWER_MAX.as_secs();
                format!(
                    "connected, and no answer for {limit_s} s: the database hangs, or its disk does"
                )
            }
            Self::Told(error) => error.to_string(),
        }
    }
}

/// What to do about it.
fn advice(code: &SqlState) -> Option<&'static str> {
    match code.code() {
        "28P01" | "28000" => Some(
            "Look at the user and the password in the address; `@`, `:` and `/` in a password are written %40, %3A and %2F",
        ),
        "3D000" => Some("Make the database first: createdb NAME"),
        "42501" => Some(
            "Make the user the owner of the database, or let it make tables: GRANT USAGE, CREATE ON SCHEMA public TO USER",
        ),
        "25006" => Some(
            "It takes no writes: it is a replica, or default_transaction_read_only is on. Use the address of the primary",
        ),
        "53300" => Some(
            "Each host uses store.connections_max connections and one more; lower that, or raise max_connections",
        ),
        _ => None,
    }
}

/// An error with its causes.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    if let Some(advice) = tls::advice(error) {
        text.push_str(". ");
        text.push_str(advice);
    }
    text
}

/// The first column of the first row of what was asked for as text.
pub(super) fn first(answer: &[SimpleQueryMessage]) -> Option<String> {
    answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    })
}

/// Where the database refuses a plan that has become another one. What it says differs by language.
const PLAN_CHANGED: &str = "RevalidateCachedQuery";

/// Longest wait for the answer to a statement: many times what one of a host takes. It then counts as lost, like that of a
/// connection that broke.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(20);

/// A connection. Statements are prepared once, where that can be done.
pub(super) struct Session {
    /// There until the end.
    connection: Option<Object>,
    prepares: bool,
    /// Longest wait for an answer.
    patience: Duration,
    /// One did not come in time.
    silent: AtomicBool,
}

/// What did not answer is closed, and does not go back to the others.
impl Drop for Session {
    fn drop(&mut self) {
        if *self.silent.get_mut() {
            self.connection.take().map(Object::take);
        }
    }
}

impl Session {
    pub(super) const fn new(connection: Object, prepares: bool, patience: Duration) -> Self {
        Self {
            connection: Some(connection),
            prepares,
            patience,
            silent: AtomicBool::new(false),
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        let closed = self.connection.as_ref().is_none_or(|one| one.is_closed());
        closed || self.silent.load(Ordering::Relaxed)
    }

    /// The connection is closed and does not go back to the others.
    pub(super) fn discard(self) {
        self.silent.store(true, Ordering::Relaxed);
    }

    /// The connection, unless it was given up.
    fn connection(&self) -> Result<&Object, Fault> {
        let connection = self.connection.as_ref();
        connection
            .filter(|_| !self.silent.load(Ordering::Relaxed))
            .ok_or(Fault::Silent)
    }

    /// An answer, if it comes in time.
    async fn answered<T>(
        &self,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<Result<T, tokio_postgres::Error>, Fault> {
        let answer = tokio::time::timeout(self.patience, answer).await;
        answer.map_err(|_| {
            self.silent.store(true, Ordering::Relaxed);
            Fault::Silent
        })
    }

    pub(super) async fn statement(&self, sql: &str) -> Result<Statement, Fault> {
        let connection = self.connection()?;
        Ok(match self.prepares {
            true => Statement::Prepared(self.answered(connection.prepare_cached(sql)).await??),
            false => Statement::Whole(sql.to_owned()),
        })
    }

    /// Every row.
    pub(super) async fn rows(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, Fault> {
        let statement = self.statement(sql).await?;
        self.prepared_rows(&statement, parameters).await
    }

    /// The first row, if there is one.
    pub(super) async fn row(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> Result<Option<Row>, Fault> {
        Ok(self.rows(sql, parameters).await?.into_iter().next())
    }

    /// A column of the first row, if there is one.
    pub(super) async fn value<T: FromSqlOwned>(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> Result<Option<T>, Fault> {
        match self.row(sql, parameters).await? {
            Some(row) => Ok(Some(row.try_get(0)?)),
            None => Ok(None),
        }
    }

    /// How many rows were changed.
    pub(super) async fn execute(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> Result<u64, Fault> {
        let statement = self.statement(sql).await?;
        self.prepared_execute(&statement, parameters).await
    }

    /// Several statements without parameters.
    pub(super) async fn batch(&self, sql: &str) -> Result<(), Fault> {
        let connection = self.connection()?;
        Ok(self.answered(connection.batch_execute(sql)).await??)
    }

    /// As [`rows`](Self::rows), of a statement that is prepared: it is on its way once this has been polled, so several can be
    /// under way at a time.
    pub(super) async fn prepared_rows(
        &self,
        statement: &Statement,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, Fault> {
        let connection = self.connection()?;
        let found = match statement {
            Statement::Prepared(statement) => {
                #[cfg(test)]
                statement::assert_same(statement, parameters);
                self.answered(connection.query(statement, parameters)).await
            }
            Statement::Whole(sql) => {
                let typed = statement::typed(parameters)?;
                self.answered(connection.query_typed(sql, &typed)).await
            }
        };
        found?.map_err(|error| self.fault(error))
    }

    /// A statement that was prepared gives other columns since a table has got more: it is prepared anew the next time.
    fn fault(&self, error: tokio_postgres::Error) -> Fault {
        let refusal = error.as_db_error().and_then(DbError::routine);
        if refusal != Some(PLAN_CHANGED) {
            return error.into();
        }
        if let Some(pool) = self.connection.as_ref().and_then(Object::pool) {
            pool.manager().statement_caches.clear();
        }
        Fault::Again
    }

    /// As [`execute`](Self::execute), likewise.
    pub(super) async fn prepared_execute(
        &self,
        statement: &Statement,
        parameters: Parameters<'_>,
    ) -> Result<u64, Fault> {
        let connection = self.connection()?;
        let changed = match statement {
            Statement::Prepared(statement) => {
                #[cfg(test)]
                statement::assert_same(statement, parameters);
                self.answered(connection.execute(statement, parameters))
                    .await
            }
            Statement::Whole(sql) => {
                let typed = statement::typed(parameters)?;
                self.answered(connection.execute_typed(sql, &typed)).await
            }
        };
        Ok(changed??)
    }
}
