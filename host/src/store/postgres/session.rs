//! One connection to the database, and what may go wrong with it.

use super::{
    statement::{self, Statement},
    tls,
};
use crate::store::StoreError;
use deadpool_postgres::{Object, PoolError};
use std::{future::Future, pin::Pin};
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
            Self::Pool(_) => true,
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
                Some(error) => format!("{} ({})", error.message(), error.code().code()),
                None => chain(error),
            },
            Self::Pool(error) => chain(error),
            Self::Foreign(value) => format!("unexpected value {value:?}"),
            Self::Again => "other hosts were in between".to_owned(),
            Self::Told(error) => error.to_string(),
        }
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

/// A connection. Statements are prepared once, where that can be done.
pub(super) struct Session {
    connection: Object,
    prepares: bool,
}

impl Session {
    pub(super) const fn new(connection: Object, prepares: bool) -> Self {
        Self {
            connection,
            prepares,
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.connection.is_closed()
    }

    /// The connection is closed and does not go back to the others.
    pub(super) fn discard(self) {
        drop(Object::take(self.connection));
    }

    pub(super) async fn statement(&self, sql: &str) -> Result<Statement, Fault> {
        Ok(match self.prepares {
            true => Statement::Prepared(self.connection.prepare_cached(sql).await?),
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
        Ok(self.connection.batch_execute(sql).await?)
    }

    /// As [`rows`](Self::rows), of a statement that is prepared: it is on its way once this has been polled, so several can be
    /// under way at a time.
    pub(super) async fn prepared_rows(
        &self,
        statement: &Statement,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, Fault> {
        let found = match statement {
            Statement::Prepared(statement) => {
                #[cfg(test)]
                statement::assert_same(statement, parameters);
                self.connection.query(statement, parameters).await
            }
            Statement::Whole(sql) => {
                let typed = statement::typed(parameters)?;
                self.connection.query_typed(sql, &typed).await
            }
        };
        found.map_err(|error| self.fault(error))
    }

    /// A statement that was prepared gives other columns since a table has got more: it is prepared anew the next time.
    fn fault(&self, error: tokio_postgres::Error) -> Fault {
        let refusal = error.as_db_error().and_then(DbError::routine);
        if refusal != Some(PLAN_CHANGED) {
            return error.into();
        }
        if let Some(pool) = Object::pool(&self.connection) {
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
        Ok(match statement {
            Statement::Prepared(statement) => {
                #[cfg(test)]
                statement::assert_same(statement, parameters);
                self.connection.execute(statement, parameters).await?
            }
            Statement::Whole(sql) => {
                let typed = statement::typed(parameters)?;
                self.connection.execute_typed(sql, &typed).await?
            }
        })
    }
}
