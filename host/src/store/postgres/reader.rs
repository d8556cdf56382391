//! Reading. Each read sees one moment and waits for nobody.

use super::{
    connections::Connections,
    session::{Doing, Fault, Session},
};
use crate::{
    store::{Later, StoreError},
    trouble::Trouble,
};
use std::sync::Arc;

/// What a read sees does not change while it looks.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// How often a read is done once more.
const AGAIN_MAX: u32 = 3;

#[derive(Clone)]
pub(super) struct Reader {
    pool: Connections,
    trouble: Arc<Trouble>,
}

/// What a read is given, and its question.
pub(super) type Read<A, T> = for<'a> fn(&'a Session, &'a A) -> Doing<'a, T>;

impl Reader {
    pub(super) fn new(pool: Connections) -> Self {
        Self {
            pool,
            trouble: Arc::default(),
        }
    }

    /// Reads in one transaction. By a task of its own, so that whoever goes away leaves no transaction open.
    pub(super) fn read<A: Send + Sync + 'static, T: Send + 'static>(
        &self,
        doing: &'static str,
        asked: A,
        read: Read<A, T>,
    ) -> Later<T> {
        let Self { pool, trouble } = self.clone();
        let reading = async move {
            let mut done = one(&pool, &asked, read).await;
            for _ in 0..AGAIN_MAX {
                if !matches!(done, Err(Fault::Again)) {
                    break;
                }
                done = one(&pool, &asked, read).await;
            }
            match done {
                Ok(done) => {
                    trouble.over();
                    Ok(done)
                }
                Err(fault) => {
                    let closed = pool.is_closed();
                    let error = match closed {
                        true => StoreError::Closed,
                        false => fault.told(doing),
                    };
                    if !closed && let Some(failures) = trouble.failed() {
                        tracing::error!(%error, failures, "reading from the store failed");
                    }
                    Err(error)
                }
            }
        };
        Box::pin(async move {
            match tokio::spawn(reading).await {
                Ok(done) => done,
                Err(error) => Err(StoreError::Failed {
                    doing,
                    problem: error.to_string(),
                }),
            }
        })
    }

    pub(super) fn close(&self) {
        self.pool.close();
    }
}

async fn one<A, T>(pool: &Connections, asked: &A, read: Read<A, T>) -> Result<T, Fault> {
    let session = pool.session().await?;
    let read = async {
        session.batch(BEGIN).await?;
        let done = read(&session, asked).await?;
        session.batch("COMMIT").await?;
        Ok(done)
    };
    let done = read.await;
    if done.is_err() && session.batch("ROLLBACK").await.is_err() {
        session.discard();
    }
    done
}
