//! Running a group to its end, also when the answer to its commit is lost.
//!
//! Each transaction raises the number of the host's last commit. When the connection breaks after a commit was asked for, the
//! number says whether it took place: the row is locked from the beginning of a transaction to its end, so that whoever looks
//! waits for a commit that is still under way.

use super::{Group, Task};
use crate::store::{
    StoreError,
    postgres::{connections::Connections, session::Fault},
};
use std::{sync::atomic::Ordering, time::Duration};

/// How often a group is tried again because other hosts were in between.
const TRIES: u32 = 8;
/// Between two looks whether a commit took place.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

impl Task {
    /// Runs a group in a transaction. When it fails, nothing of it is kept.
    pub(super) async fn transaction(&mut self, group: &mut Group) -> Result<(), StoreError> {
        for _ in 0..TRIES {
            let writing = self.connected().await?;
            let fault = match group.run(writing).await {
                Ok(()) => match writing.commit().await {
                    Ok(()) => {
                        let (catalogue, due) = writing.committed();
                        self.announcer.tell(catalogue, due);
                        return Ok(());
                    }
                    Err(fault) if fault.is_unreachable() => {
                        let (host, number) = (writing.host(), writing.commit_number());
                        let broken = self.writing.take();
                        return match (self.has_committed(host, number).await, broken) {
                            (true, Some(writing)) => {
                                let (catalogue, due) = writing.committed();
                                self.announcer.tell(catalogue, due);
                                Ok(())
                            }
                            _ => Err(fault.told("committing")),
                        };
                    }
                    Err(fault) => (fault, "committing"),
                },
                Err(failed) => failed,
            };
            self.undo().await;
            match fault {
                (Fault::Again, _) => {}
                (fault, doing) => return Err(fault.told(doing)),
            }
        }
        Err(StoreError::Busy)
    }

    async fn undo(&mut self) {
        if let Some(writing) = self.writing.take() {
            match writing.session.batch("ROLLBACK").await {
                Ok(()) => self.writing = Some(writing),
                Err(_) => writing.session.discard(),
            }
        }
    }

    /// Whether the commit of this number took place. It waits for as long as nobody can say.
    async fn has_committed(&mut self, host: i64, number: i64) -> bool {
        loop {
            if self.pool.is_closed() {
                return false;
            }
            match last_commit(&self.pool.clone(), host).await {
                Ok(last) => {
                    self.unreachable.store(false, Ordering::Relaxed);
                    return last.is_some_and(|last| last >= number);
                }
                Err(fault) => {
                    let error = fault.told("looking for a commit");
                    self.told(&error);
                    // Whoever asked for this commit has to wait; the others need not.
                    self.refuse_clients(&error);
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
            }
        }
    }
}

/// The number of the host's last commit, once none is under way.
async fn last_commit(pool: &Connections, host: i64) -> Result<Option<i64>, Fault> {
    let session = pool.session().await?;
    let sql = "SELECT commits FROM counters WHERE generation = $1 FOR UPDATE";
    session.value(sql, &[&host]).await
}
