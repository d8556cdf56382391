//! What each read asks.

pub(super) mod access;
pub(super) mod bodies;
pub(super) mod failed_events;
pub(super) mod inbound;
pub(super) mod lists;
pub(super) mod one;
#[cfg(test)]
mod plans;
pub(super) mod replays;
pub(super) mod selection;
pub(super) mod stats;
mod walk;

use super::{
    rows, secrets,
    session::{Fault, Session},
};
use crate::{
    ids::EndpointId,
    store::{Backlogs, Catalogue, Endpoint, Others},
    vault::Vault,
};
use tokio_postgres::Row;

/// Every endpoint that is not deleted.
pub(super) async fn endpoints(session: &Session, vault: &Vault) -> Result<Vec<Endpoint>, Fault> {
    let sql = format!(
        "{} WHERE deleted_at_ms IS NULL ORDER BY id",
        rows::ENDPOINTS
    );
    let found = session.rows(&sql, &[]).await?;
    with_secrets(session, vault, &found, None).await
}

/// Those of these that are not deleted.
pub(super) async fn endpoints_of(
    session: &Session,
    vault: &Vault,
    ids: &[EndpointId],
) -> Result<Vec<Endpoint>, Fault> {
    let ids: Vec<_> = ids.iter().map(EndpointId::as_str).collect();
    let sql = format!(
        "{} WHERE deleted_at_ms IS NULL AND id = ANY($1) ORDER BY id",
        rows::ENDPOINTS
    );
    let found = session.rows(&sql, &[&ids]).await?;
    with_secrets(session, vault, &found, Some(&ids)).await
}

async fn with_secrets(
    session: &Session,
    vault: &Vault,
    found: &[Row],
    ids: Option<&[&str]>,
) -> Result<Vec<Endpoint>, Fault> {
    let mut secrets = secrets::signing(session, vault, ids).await?;
    let mut identities = secrets::identities(session, vault, ids).await?;
    let mut endpoints = Vec::with_capacity(found.len());
    for row in found {
        let mut endpoint = rows::endpoint(row)?;
        endpoint.secrets = secrets.remove(&endpoint.id).unwrap_or_default();
        endpoint.identity = identities.remove(&endpoint.id);
        endpoints.push(endpoint);
    }
    Ok(endpoints)
}

/// The version of what hosts share.
pub(super) async fn catalogue_version(session: &Session) -> Result<Option<u64>, Fault> {
    let row = session
        .row("SELECT version FROM catalogue WHERE id = 1", &[])
        .await?;
    row.map(|row| rows::number(&row, "version")).transpose()
}

/// What has changed since a version of the catalogue.
pub(super) async fn catalogue(
    session: &Session,
    vault: &Vault,
    since: Option<u64>,
) -> Result<Catalogue, Fault> {
    let row = session
        .row("SELECT version, others FROM catalogue WHERE id = 1", &[])
        .await?;
    let row = row.ok_or_else(|| rows::foreign("no catalogue"))?;
    let others_at: i64 = row.try_get("others")?;
    let others = match since.is_some_and(|since| rows::signed(since) >= others_at) {
        true => None,
        false => Some(Others {
            workspaces: access::workspaces(session).await?,
            keys: access::keys(session).await?,
            event_types: access::event_types(session).await?,
        }),
    };
    let mut deleted = Vec::new();
    let endpoints = match since {
        None => endpoints(session, vault).await?,
        Some(since) => {
            let sql =
                "SELECT id, deleted_at_ms IS NOT NULL AS deleted FROM endpoints WHERE changed > $1";
            let mut changed = Vec::new();
            for row in session.rows(sql, &[&rows::signed(since)]).await? {
                match row.try_get("deleted")? {
                    true => deleted.push(rows::id(&row, "id")?),
                    false => changed.push(rows::id(&row, "id")?),
                }
            }
            endpoints_of(session, vault, &changed).await?
        }
    };
    Ok(Catalogue {
        version: Some(rows::number(&row, "version")?),
        endpoints,
        deleted,
        others,
    })
}

/// One look into an index an endpoint, however many deliveries it has.
pub(super) async fn due(
    session: &Session,
    generation: i64,
) -> Result<Vec<(EndpointId, u64)>, Fault> {
    let sql = "SELECT endpoints.id, due.next_attempt_at_ms FROM endpoints CROSS JOIN LATERAL (
             SELECT next_attempt_at_ms FROM deliveries
             WHERE deliveries.state = 'pending' AND endpoint_id = endpoints.id
             ORDER BY next_attempt_at_ms LIMIT 1) AS due
         WHERE owner = $1";
    let mut due = Vec::new();
    for row in session.rows(sql, &[&generation]).await? {
        due.push((
            rows::id(&row, "id")?,
            rows::number(&row, "next_attempt_at_ms")?,
        ));
    }
    Ok(due)
}

/// The same; deleted endpoints have no owner any more, and whoever comes by settles them.
pub(super) async fn backlogs(session: &Session, generation: i64) -> Result<Backlogs, Fault> {
    let unsettled = "SELECT id FROM endpoints WHERE deleted_at_ms IS NULL AND owner = $1
             AND (skip_held_before_ms IS NOT NULL
                  OR state <> 'active' AND EXISTS (
                      SELECT 1 FROM deliveries WHERE deliveries.state = 'pending' AND endpoint_id = endpoints.id))
         UNION ALL SELECT id FROM endpoints WHERE deleted_at_ms IS NOT NULL
             AND (EXISTS (SELECT 1 FROM deliveries WHERE deliveries.state = 'pending' AND endpoint_id = endpoints.id)
                  OR EXISTS (SELECT 1 FROM deliveries WHERE deliveries.state = 'held' AND endpoint_id = endpoints.id)
                  OR EXISTS (SELECT 1 FROM deliveries WHERE deliveries.state = 'waiting' AND endpoint_id = endpoints.id))";
    let draining = "SELECT id FROM endpoints WHERE state = 'active' AND deleted_at_ms IS NULL AND owner = $1
             AND EXISTS (SELECT 1 FROM deliveries WHERE deliveries.state = 'held' AND endpoint_id = endpoints.id)";
    let mut backlogs = Backlogs::default();
    for row in session.rows(unsettled, &[&generation]).await? {
        backlogs.unsettled.push(rows::id(&row, "id")?);
    }
    for row in session.rows(draining, &[&generation]).await? {
        backlogs.draining.push(rows::id(&row, "id")?);
    }
    Ok(backlogs)
}
