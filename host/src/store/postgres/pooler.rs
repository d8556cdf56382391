//! Whether a pooler is in between that gives each transaction another connection, as pgbouncer does in transaction mode, and
//! what becomes of prepared statements there.
//!
//! Statements are prepared under names that begin with `s0` in every process. A pooler that does not keep account of them
//! would let one host run what another has prepared under the same name, so this is found out before anything is prepared.

use super::session::{Fault, first};
use deadpool_postgres::{Object, Pool};
use std::time::Duration;
use tokio_postgres::error::SqlState;

/// What is between this host and the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Nothing, or what keeps a connection for as long as this host has it.
    Direct,
    /// A pooler of transactions that keeps account of prepared statements.
    Pooled,
    /// A pooler of transactions that does not.
    PooledWithoutStatements,
}

const BEGIN: &str = "BEGIN; SELECT pg_backend_pid()";
const COMMIT: &str = "COMMIT";
/// Which of two connections begins its transaction first. The second one ends first: a pooler that hands out what came back
/// last is found out in the second round, one that hands out what has been waiting longest in the third.
const ROUNDS: [usize; 3] = [0, 1, 0];
/// A server answers at once. A pooler with a single connection does not while the other transaction lasts.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// Prepared to see under which name it arrives.
const LOOKED_FOR: &str = "SELECT 'how is this named?'";
const NAMED: &str =
    "SELECT name FROM pg_prepared_statements WHERE statement = 'SELECT ''how is this named?'''";

/// Finds out by the process that serves each transaction: on a connection of one's own it stays the same.
pub(super) async fn way(pool: &Pool) -> Result<Way, Fault> {
    let pair = [pool.get().await?, pool.get().await?];
    let looked = look(&pair).await;
    if !matches!(looked, Ok(Way::Direct)) {
        // They may be in a transaction still.
        for connection in pair {
            drop(Object::take(connection));
        }
    }
    looked
}

async fn look(pair: &[Object; 2]) -> Result<Way, Fault> {
    match is_pooled(pair).await? {
        false => Ok(Way::Direct),
        true => match keeps_statements(&pair[0]).await? {
            true => Ok(Way::Pooled),
            false => Ok(Way::PooledWithoutStatements),
        },
    }
}

async fn is_pooled(pair: &[Object; 2]) -> Result<bool, Fault> {
    let mut known: [Option<String>; 2] = [None, None];
    for begins in ROUNDS {
        let follows = 1 - begins;
        let first_pid = first(&pair[begins].simple_query(BEGIN).await?);
        let asked = tokio::time::timeout(ANSWER_MAX, pair[follows].simple_query(BEGIN)).await;
        let next_pid = match asked {
            Ok(answered) => first(&answered?),
            Err(_) => {
                pair[begins].batch_execute(COMMIT).await?;
                pair[follows].batch_execute(COMMIT).await?;
                return Ok(true);
            }
        };
        pair[follows].batch_execute(COMMIT).await?;
        pair[begins].batch_execute(COMMIT).await?;
        if first_pid == next_pid {
            return Ok(true);
        }
        for (place, pid) in [(begins, first_pid), (follows, next_pid)] {
            if known[place].is_some() && known[place] != pid {
                return Ok(true);
            }
            known[place] = pid;
        }
    }
    Ok(false)
}

/// Poolers that keep account give statements names of their own.
async fn keeps_statements(connection: &Object) -> Result<bool, Fault> {
    connection.batch_execute("BEGIN").await?;
    let statement = match connection.prepare(LOOKED_FOR).await {
        Ok(statement) => statement,
        // Somebody else's of this name has been left there.
        Err(error) if error.code() == Some(&SqlState::DUPLICATE_PSTATEMENT) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let name = first(&connection.simple_query(NAMED).await?);
    // Closed where it is: after the end of the transaction it would be somewhere else.
    drop(statement);
    connection.batch_execute(COMMIT).await?;
    Ok(name.is_some_and(|name| !is_ours(&name)))
}

/// Whether a name is of the client's making: an `s` and a number.
fn is_ours(name: &str) -> bool {
    name.strip_prefix('s')
        .is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::postgres::Address;

    #[test]
    fn names_of_the_client_are_told_from_those_of_poolers() {
        for (name, ours) in [
            ("s0", true),
            ("s4711", true),
            ("PGBOUNCER_12", false),
            ("S1", false),
            ("", false),
        ] {
            assert_eq!(is_ours(name), ours, "{name}");
        }
    }

    #[tokio::test]
    async fn a_connection_of_ones_own_is_direct_and_stays_usable() {
        let Some(database) = countersign_cluster::database() else {
            return;
        };
        let address: Address = database.url().parse().unwrap();
        let pool = address.pool(2).unwrap();
        assert_eq!(way(&pool).await.unwrap(), Way::Direct);
        let idle = "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND state = 'idle' AND application_name = 'countersign'";
        assert_eq!(database.query(idle).unwrap(), [Some("2".to_owned())]);
    }
}
