//! Connections, made as they are needed and used again.

use super::{
    address::Address,
    pooler::{Way, way},
    session::{ANSWER_MAX, Fault, Session},
};
use deadpool_postgres::Pool;
use std::time::Duration;

/// Those of one database.
#[derive(Clone)]
pub(super) struct Connections {
    pool: Pool,
    way: Way,
}

impl Connections {
    /// Connects, `most` times at a time at most and at least twice, and looks what is in between.
    pub(super) async fn open(address: &Address, most: u32) -> Result<Self, Fault> {
        let pool = address.pool(most)?;
        let way = way(&pool).await?;
        match way {
            Way::Direct => {}
            Way::Pooled => {
                tracing::info!("the database is behind a pooler of transactions");
            }
            Way::PooledWithoutStatements => tracing::info!(
                "the database is behind a pooler of transactions that does not keep prepared statements: none are prepared, which costs the database some time. pgbouncer keeps them from version 1.21 on, with max_prepared_statements above 0"
            ),
        }
        Ok(Self { pool, way })
    }

    pub(super) async fn session(&self) -> Result<Session, Fault> {
        self.of_patience(ANSWER_MAX).await
    }

    /// One that waits for its answers as long as it takes: for what goes over whole tables while nobody else waits.
    pub(super) async fn patient_session(&self) -> Result<Session, Fault> {
        self.of_patience(Duration::MAX).await
    }

    async fn of_patience(&self, patience: Duration) -> Result<Session, Fault> {
        let prepares = self.way != Way::PooledWithoutStatements;
        Ok(Session::new(self.pool.get().await?, prepares, patience))
    }

    /// Whether a connection is the same in one transaction and the next, so that one can be listened on.
    pub(super) fn are_kept(&self) -> bool {
        self.way == Way::Direct
    }

    pub(super) fn is_closed(&self) -> bool {
        self.pool.is_closed()
    }

    pub(super) fn close(&self) {
        self.pool.close();
    }
}
