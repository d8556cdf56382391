//! What one host does for all.

use super::super::{session::Fault, writer::Writing};
use crate::store::Chore;

/// Whether this host does it: the one that did before, or this one when that has gone.
pub(in super::super) async fn take(writing: &Writing, chore: &Chore) -> Result<bool, Fault> {
    let host = writing.leased()?;
    let session = &writing.session;
    let taken = match chore {
        Chore::Retention => {
            let sql = "UPDATE chores SET generation = $1 WHERE name = 'retention' AND (generation IS NULL
                 OR generation = $1 OR NOT EXISTS (SELECT 1 FROM hosts WHERE hosts.generation = chores.generation))";
            session.execute(sql, &[&host]).await?
        }
        Chore::Replay(replay) => {
            let sql = "UPDATE replays SET owner = $1 WHERE id = $2 AND (owner IS NULL OR owner = $1
                 OR NOT EXISTS (SELECT 1 FROM hosts WHERE hosts.generation = owner))";
            session.execute(sql, &[&host, &replay.as_str()]).await?
        }
    };
    Ok(taken > 0)
}
