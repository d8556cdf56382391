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

/// A table cannot be made by two hosts at a time; the one that comes second tries again. So does whoever stood in the way of hosts
/// that work.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

const VERSIONS: &str =
    "CREATE TABLE IF NOT EXISTS schema_version (id BIGINT PRIMARY KEY, version BIGINT NOT NULL);
    INSERT INTO schema_version VALUES (1, 0) ON CONFLICT DO NOTHING";

/// Begins a change. Whoever waits to change a table holds up everybody who comes after, so nobody waits for long.
const BEGIN: &str = "BEGIN; SET LOCAL lock_timeout = '2s'";

/// Brings the schema to this program's version, whoever else tries it at the same time.
///
/// # Errors
/// One that is newer by more than one version: [`StoreError::Failed`].
pub(super) async fn bring_up_to_date(pool: &Connections) -> Result<(), Fault> {
    apply(pool, MIGRATIONS).await
}

async fn apply(pool: &Connections, migrations: &[&str]) -> Result<(), Fault> {
    let session = pool.patient_session().await?;
    let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    let found = version(&session).await?;
    if found > known.saturating_add(1) {
        return Err(Fault::Told(StoreError::Failed {
            doing: "opening the database",
            problem: format!(
                "its schema has version {found}, and this program knows those up to {known} and works with one more. Start a newer version of it"
            ),
        }));
    }
    let done = usize::try_from(found).unwrap_or(0);
    for (place, sql) in migrations.iter().enumerate().skip(done) {
        let to = i64::try_from(place.saturating_add(1)).unwrap_or(i64::MAX);
        if let Err(fault) = change(&session, sql, to).await {
            session.discard();
            return Err(fault);
        }
    }
    Ok(())
}

/// Brings the schema to the next version, beside hosts that work.
async fn change(session: &Session, sql: &str, to: i64) -> Result<(), Fault> {
    for tried in 1.. {
        session.batch(BEGIN).await?;
        let changed = match change_now(session, sql, to).await {
            Ok(changed) => session.batch("COMMIT").await.map(|()| changed),
            Err(fault) => session.batch("ROLLBACK").await.and(Err(fault)),
        };
        match changed {
            Ok(true) => tracing::info!(version = to, "the schema has been changed"),
            Ok(false) => {}
            Err(Fault::Again) if tried < TRIES => {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            Err(fault) => return Err(fault),
        }
        break;
    }
    Ok(())
}

/// One version's statements, unless another host was quicker.
async fn change_now(session: &Session, sql: &str, to: i64) -> Result<bool, Fault> {
    // Held until the end: another host waits here, and finds nothing to do.
    let found = "SELECT version FROM schema_version WHERE id = 1 FOR UPDATE";
    let found: i64 = session.value(found, &[]).await?.unwrap_or(0);
    if found >= to {
        return Ok(false);
    }
    session.batch(sql).await?;
    let done = "UPDATE schema_version SET version = $1 WHERE id = 1";
    session.execute(done, &[&to]).await?;
    Ok(true)
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
        match session.batch(VERSIONS).await {
            Ok(()) => {}
            Err(Fault::Database(error)) if is_forbidden(&error) => {
                return Err(Fault::Database(error));
            }
            // Another host may be at it.
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
    Ok(0)
}

/// Whether nobody may make tables, or not this user.
fn is_forbidden(error: &tokio_postgres::Error) -> bool {
    [
        SqlState::INSUFFICIENT_PRIVILEGE,
        SqlState::READ_ONLY_SQL_TRANSACTION,
    ]
    .iter()
    .any(|code| error.code() == Some(code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{
        DeliveryState, Store,
        postgres::Address,
        suite::{self, postgres},
    };

    /// What a later version may do, to tables that all work needs.
    const LATER: [&str; 2] = [
        "ALTER TABLE messages ADD COLUMN later TEXT; ALTER TABLE deliveries ADD COLUMN later BIGINT DEFAULT 7;
         ALTER TABLE endpoints ADD COLUMN later TEXT",
        "ALTER TABLE endpoints ADD COLUMN latest TEXT; ALTER TABLE deliveries ADD COLUMN latest TEXT",
    ];

    #[tokio::test(flavor = "multi_thread")]
    async fn a_schema_is_changed_once_by_hosts_that_start_while_others_work() {
        let Some(database) = countersign_cluster::database() else {
            return;
        };
        let store = postgres::open(&database).await;
        let endpoint = suite::create_endpoint(&store).await;
        let address: Address = database.url().parse().unwrap();
        let changing = async {
            for known in 1..=LATER.len() {
                let migrations = [MIGRATIONS, &LATER[..known]].concat();
                let open = || async {
                    let pool = Connections::open(&address, 2).await?;
                    apply(&pool, &migrations).await
                };
                let (one, two, three) = tokio::join!(open(), open(), open());
                one.and(two).and(three).unwrap();
            }
        };
        let working = async {
            // As long as the changes take, and a little longer.
            for round in 0..300 {
                let message = suite::message(&endpoint, DeliveryState::Sending, 10 + round);
                let delivery = message.deliveries[0].id.clone();
                store.publish(message).await.unwrap();
                let ended = suite::ended(&endpoint, &delivery, DeliveryState::Delivered);
                store.record(ended).await.unwrap();
            }
        };
        tokio::join!(changing, working);
        let found = database
            .query("SELECT version FROM schema_version")
            .unwrap();
        assert_eq!(found, [Some("3".to_owned())]);
        let delivered = "SELECT count(*) FROM deliveries WHERE state = 'delivered' AND later = 7 AND latest IS NULL";
        assert_eq!(database.query(delivered).unwrap(), [Some("300".to_owned())]);
        store.close().await.unwrap();
    }
}
