//! Bringing the schema up to date.
//!
//! Hosts of two versions that follow each other share a database while one after the other is replaced: a change of the schema
//! must leave what the version before reads and writes as it is, and take away only what that one does not use any more.

use super::{
    connections::Connections,
    session::{Fault, Session},
};
use crate::store::StoreError;
use std::time::Duration;
use tokio_postgres::error::SqlState;

/// The statements of each version, from 1.
const MIGRATIONS: &[&str] = &[include_str!("../../../migrations/postgres/0001_start.sql")];

/// A table cannot be made by two hosts at a time; the one that comes second tries again.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

const VERSIONS: &str =
    "CREATE TABLE IF NOT EXISTS schema_version (id BIGINT PRIMARY KEY, version BIGINT NOT NULL);
    INSERT INTO schema_version VALUES (1, 0) ON CONFLICT DO NOTHING";

/// Brings the schema to this program's version, whoever else tries it at the same time.
///
/// # Errors
/// One that is newer by more than one version: [`StoreError::Failed`].
pub(super) async fn bring_up_to_date(pool: &Connections) -> Result<(), Fault> {
    let session = pool.session().await?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let version = version(&session).await?;
    if version > known.saturating_add(1) {
        return Err(Fault::Told(StoreError::Failed {
            doing: "opening the database",
            problem: format!(
                "its schema has version {version}, and this program knows those up to {known} and works with one more. Start a newer version of it"
            ),
        }));
    }
    if version >= known {
        return Ok(());
    }
    session.batch("BEGIN").await?;
    match migrate(&session).await {
        Ok(()) => session.batch("COMMIT").await,
        Err(fault) => {
            session.discard();
            Err(fault)
        }
    }
}

/// The version of the schema; 0 when there is none.
async fn version(session: &Session) -> Result<i64, Fault> {
    let sql = "SELECT version FROM schema_version WHERE id = 1";
    for tried in 1.. {
        match session.value(sql, &[]).await {
            Ok(Some(version)) => return Ok(version),
            Err(Fault::Database(error))
                if error.code() != Some(&SqlState::UNDEFINED_TABLE) || tried > TRIES =>
            {
                return Err(Fault::Database(error));
            }
            Err(Fault::Database(_)) | Ok(None) => {}
            Err(other) => return Err(other),
        }
        // Another host may be at it.
        if session.batch(VERSIONS).await.is_err() {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(0)
}

async fn migrate(session: &Session) -> Result<(), Fault> {
    // Held until the end: another host waits here, and finds nothing to do.
    let sql = "SELECT version FROM schema_version WHERE id = 1 FOR UPDATE";
    let version: i64 = session.value(sql, &[]).await?.unwrap_or(0);
    let done = usize::try_from(version).unwrap_or(0);
    for (place, sql) in MIGRATIONS.iter().enumerate().skip(done) {
        session.batch(sql).await?;
        tracing::info!(
            version = place.saturating_add(1),
            "the schema has been changed"
        );
    }
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    session
        .execute(
            "UPDATE schema_version SET version = $1 WHERE id = 1",
            &[&known],
        )
        .await?;
    Ok(())
}
