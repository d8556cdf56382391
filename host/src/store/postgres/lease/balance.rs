//! Sharing endpoints out.

use super::{AGAIN, Keeper, LOOK, ORPHANS};
use crate::{
    clock::Clock,
    ids::EndpointId,
    store::{
        Hint,
        postgres::{
            reads, rows,
            session::{Fault, Session},
            writer::Caller,
            writes,
        },
    },
    trouble::Trouble,
};
use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};

/// Endpoints that are taken at a time; each comes with the look at all of its deliveries that are due.
const TAKEN_MAX: i64 = 500;

/// What was found at the last look.
#[derive(Debug, Default)]
pub(super) struct Seen {
    version: i64,
    hosts: BTreeSet<i64>,
    generation: i64,
    /// Endpoints that are not deleted.
    total: usize,
    orphans_at: Duration,
}

/// Endpoints that are not deleted.
async fn total(session: &Session) -> Result<usize, Fault> {
    let sql = "SELECT count(*) FROM endpoints WHERE deleted_at_ms IS NULL";
    let total: i64 = session.value(sql, &[]).await?.unwrap_or(0);
    Ok(usize::try_from(total).unwrap_or(0))
}

impl Keeper {
    /// Looks at the catalogue and at the other hosts until the store is closed.
    pub(super) async fn balance(self: Arc<Self>) {
        let (mut seen, trouble) = (Seen::default(), Trouble::default());
        while !self.standing.is_closed() {
            match self.look(&mut seen).await {
                Ok(()) => {
                    if let Some(failures) = trouble.over() {
                        tracing::info!(failures, "the other hosts are looked at again");
                    }
                }
                // Without it nothing is shared out and nobody is taken over.
                Err(fault) => {
                    if let Some(failures) = trouble.failed() {
                        tracing::warn!(%fault, failures, "the other hosts could not be looked at");
                    }
                    tokio::time::sleep(AGAIN).await;
                }
            }
            let _ = tokio::time::timeout(LOOK, self.look.notified()).await;
        }
    }

    pub(super) async fn look(&self, seen: &mut Seen) -> Result<(), Fault> {
        let now = self.clock.elapsed();
        // After the database was away all leases have run out; those who are there renew theirs first.
        let removed = match self.standing.is_steady_at(now) {
            true => self.remove_expired().await?,
            false => false,
        };
        if removed || now >= seen.orphans_at {
            let orphans = self.orphans(self.clock.now_ms()).await;
            let orphans = orphans.map_err(Fault::Told)?;
            if orphans > 0 {
                tracing::warn!(
                    orphans,
                    "deliveries of a host that has gone are pending again"
                );
            }
            seen.orphans_at = now.saturating_add(ORPHANS);
        }
        let session = self.session().await?;
        let sql = "SELECT version FROM catalogue WHERE id = 1";
        let version: i64 = session.value(sql, &[]).await?.unwrap_or(0);
        let mut hosts = BTreeSet::new();
        for row in session.rows("SELECT generation FROM hosts", &[]).await? {
            hosts.insert(row.try_get(0)?);
        }
        let generation = self.generation();
        if !hosts.contains(&generation) {
            // The renewal finds out as well, and acts upon it.
            return Ok(());
        }
        let others = hosts != seen.hosts || generation != seen.generation;
        if version != seen.version || others {
            seen.total = total(&session).await?;
            self.compare(&session).await?;
        }
        if version != seen.version {
            self.standing.tell(Hint::Catalogue);
        }
        (seen.version, seen.generation) = (version, generation);
        seen.hosts = hosts;
        let hosts = seen.hosts.len().max(1);
        // Some may have been made since.
        if self.standing.owned().len() > seen.total.div_ceil(hosts) {
            seen.total = total(&session).await?;
        }
        // Alone it has all there are, however many are being made at this moment.
        let share = (hosts > 1).then(|| seen.total.div_ceil(hosts));
        self.share_out(&session, share).await
    }

    /// Brings memory in step with the rows: endpoints that are deleted count for nothing, and those of which a row says that they
    /// are this host's are.
    async fn compare(&self, session: &Session) -> Result<(), Fault> {
        let sql = "SELECT id FROM endpoints WHERE owner = $1 AND deleted_at_ms IS NULL";
        let mut own = HashSet::new();
        for row in session.rows(sql, &[&self.generation()]).await? {
            own.insert(rows::id(&row, "id")?);
        }
        self.standing.keep_only(&own);
        let mut known = self.standing.owned();
        known.extend(self.standing.all_leaving());
        let missing: Vec<EndpointId> = own.difference(&known).cloned().collect();
        if !missing.is_empty() {
            let missing = reads::endpoints_of(session, &self.vault, &missing).await?;
            self.standing.tell(Hint::Owned(missing));
        }
        Ok(())
    }

    /// Takes what nobody has, or gives up what is too much; `None`: nothing is.
    async fn share_out(&self, session: &Session, share: Option<usize>) -> Result<(), Fault> {
        let leaving = self.standing.all_leaving();
        if !leaving.is_empty() {
            self.give_up(leaving).await?;
        }
        let mut owned: Vec<_> = self.standing.owned().into_iter().collect();
        if let Some(share) = share.filter(|share| owned.len() > *share) {
            owned.sort_unstable();
            let surplus: Vec<_> = owned.split_off(share);
            self.standing.leave(&surplus);
            self.standing.tell(Hint::Left(surplus.clone()));
            return self.give_up(surplus).await;
        }
        let room = share.map(|share| i64::try_from(share.saturating_sub(owned.len())));
        let room = room.and_then(Result::ok).unwrap_or(TAKEN_MAX);
        if room == 0 {
            return Ok(());
        }
        // The fence keeps a host that was removed from taking anything.
        let sql = "WITH host AS (SELECT generation FROM hosts WHERE generation = $1 FOR KEY SHARE),
             free AS (SELECT id FROM endpoints WHERE deleted_at_ms IS NULL
                 AND (owner IS NULL OR NOT EXISTS (SELECT 1 FROM hosts WHERE generation = owner))
                 ORDER BY id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED)
             UPDATE endpoints SET owner = host.generation FROM host, free WHERE endpoints.id = free.id
             RETURNING endpoints.id";
        let generation = self.generation();
        let rows = session
            .rows(sql, &[&generation, &room.min(TAKEN_MAX)])
            .await?;
        let mut taken: Vec<EndpointId> = Vec::new();
        for row in &rows {
            taken.push(rows::id(row, "id")?);
        }
        if !taken.is_empty() {
            tracing::info!(
                endpoints = taken.len(),
                ?share,
                "endpoints are worked here from now on"
            );
            let taken = reads::endpoints_of(session, &self.vault, &taken).await?;
            self.standing.tell(Hint::Owned(taken));
        }
        Ok(())
    }

    /// Gives up those of which nothing is under way any more.
    async fn give_up(&self, endpoints: Vec<EndpointId>) -> Result<(), Fault> {
        let given = self.writer.submit(
            Caller::Host,
            "giving up endpoints",
            endpoints,
            |writing, endpoints| Box::pin(writes::endpoint::give_up(writing, endpoints)),
        );
        let left = given.await.map_err(Fault::Told)?;
        if !left.is_empty() {
            tracing::info!(endpoints = left.len(), "endpoints are left to other hosts");
        }
        self.standing.left(&left);
        Ok(())
    }

    /// Removes hosts that were not heard of for too long. Returns whether there were any.
    pub(super) async fn remove_expired(&self) -> Result<bool, Fault> {
        let session = self.session().await?;
        let sql = "SELECT generation, name FROM hosts WHERE expires_at < clock_timestamp() AND generation <> $1";
        let mut removed = false;
        for row in session.rows(sql, &[&self.generation()]).await? {
            let (generation, name): (i64, String) = (row.try_get(0)?, row.try_get(1)?);
            // Waits for what the host is writing, and finds its row renewed or not.
            let sql = "DELETE FROM hosts WHERE generation = $1 AND expires_at < clock_timestamp()";
            if session.execute(sql, &[&generation]).await? > 0 {
                removed = true;
                tracing::warn!(
                    host = generation,
                    name,
                    "a host was not heard of for too long; others take over its work"
                );
            }
        }
        Ok(removed)
    }
}
