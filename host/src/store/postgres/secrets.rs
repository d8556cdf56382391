//! Signing secrets and the keys of client certificates in the database, sealed.
//!
//! What is deleted stays in its page until the page is cleaned, and in the log of writes until that is used again: nobody can
//! overwrite it, but without the key of the vault it opens for nobody.

use super::{
    rows::{foreign, id, number, optional_number, signed, text},
    session::{Fault, Session},
};
use crate::{
    identity::ClientIdentity,
    ids::EndpointId,
    store::{
        SecretText, SigningSecret, StoreError,
        sealed::{CERTIFICATES, SIGNING, Sealed, TABLES, Table},
    },
    vault::{KeyId, OpenError, Place, Vault, key_of},
};
use countersign_core::delivery::rotation::SecretTimes;
use std::collections::{BTreeSet, HashMap};

/// Replaces the secrets of an endpoint.
pub(super) async fn replace(
    session: &Session,
    endpoint: &EndpointId,
    sealed: &Sealed,
) -> Result<(), Fault> {
    delete(session, endpoint).await?;
    if let Some((chain, sealed)) = &sealed.certificate {
        let sql =
            "INSERT INTO client_certificates (endpoint_id, chain, sealed) VALUES ($1, $2, $3)";
        session
            .execute(sql, &[&endpoint.as_str(), chain, sealed])
            .await?;
    }
    let sql = "INSERT INTO endpoint_secrets (endpoint_id, place, sealed, created_at_ms, signs_until_ms, expires_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6)";
    for (place, (text, times)) in (0_i64..).zip(&sealed.signing) {
        session
            .execute(
                sql,
                &[
                    &endpoint.as_str(),
                    &place,
                    text,
                    &signed(times.created_at_ms),
                    &times.signs_until_ms.map(signed),
                    &times.expires_at_ms.map(signed),
                ],
            )
            .await?;
    }
    Ok(())
}

/// Deletes the secrets of an endpoint.
pub(super) async fn delete(session: &Session, endpoint: &EndpointId) -> Result<(), Fault> {
    for Table { name, .. } in TABLES {
        let sql = format!("DELETE FROM {name} WHERE endpoint_id = $1");
        session.execute(&sql, &[&endpoint.as_str()]).await?;
    }
    Ok(())
}

/// The secrets of some endpoints, newest first; `None`: of every one.
pub(super) async fn signing(
    session: &Session,
    vault: &Vault,
    endpoints: Option<&[&str]>,
) -> Result<HashMap<EndpointId, Vec<SigningSecret>>, Fault> {
    let mut found: HashMap<_, Vec<_>> = HashMap::new();
    let sql = "SELECT * FROM endpoint_secrets WHERE $1::text[] IS NULL OR endpoint_id = ANY($1)
         ORDER BY endpoint_id, place";
    for row in session.rows(sql, &[&endpoints]).await? {
        let endpoint: EndpointId = id(&row, "endpoint_id")?;
        let opened = SIGNING.open(vault, endpoint.as_str(), text(&row, "sealed")?);
        let secret = SigningSecret {
            text: opened.map_err(|error| unopened(&error))?,
            times: SecretTimes {
                created_at_ms: number(&row, "created_at_ms")?,
                signs_until_ms: optional_number(&row, "signs_until_ms")?,
                expires_at_ms: optional_number(&row, "expires_at_ms")?,
            },
        };
        found.entry(endpoint).or_default().push(secret);
    }
    Ok(found)
}

/// The client certificates of endpoints that have one.
pub(super) async fn identities(
    session: &Session,
    vault: &Vault,
    endpoints: Option<&[&str]>,
) -> Result<HashMap<EndpointId, ClientIdentity>, Fault> {
    let mut found = HashMap::new();
    let sql = "SELECT * FROM client_certificates WHERE $1::text[] IS NULL OR endpoint_id = ANY($1)";
    for row in session.rows(sql, &[&endpoints]).await? {
        let endpoint: EndpointId = id(&row, "endpoint_id")?;
        let key = CERTIFICATES.open(vault, endpoint.as_str(), text(&row, "sealed")?);
        let key = key.map_err(|error| unopened(&error))?;
        let identity = ClientIdentity::from_pem(text(&row, "chain")?, &key)
            .map_err(|error| foreign(format!("client certificate of {endpoint}: {error}")))?;
        found.insert(endpoint, identity);
    }
    Ok(found)
}

fn unopened(error: &OpenError) -> Fault {
    Fault::Told(StoreError::Failed {
        doing: "opening a secret",
        problem: error.to_string(),
    })
}

/// The keys that secrets are sealed with.
pub(super) async fn keys_in_use(session: &Session) -> Result<BTreeSet<KeyId>, Fault> {
    let mut keys = BTreeSet::new();
    for Table { name, .. } in TABLES {
        for row in session
            .rows(&format!("SELECT sealed FROM {name}"), &[])
            .await?
        {
            // What has no key is reported when it is to be opened.
            keys.extend(key_of(text(&row, "sealed")?));
        }
    }
    if let Some(row) = session.row("SELECT sealed FROM vault", &[]).await? {
        keys.extend(key_of(text(&row, "sealed")?));
    }
    Ok(keys)
}

/// Says which key the secrets of this database have.
async fn mark(session: &Session, vault: &Vault) -> Result<(), Fault> {
    let found = session
        .row("SELECT sealed FROM vault WHERE id = 1 FOR UPDATE", &[])
        .await?;
    let before = found.as_ref().map(|row| text(row, "sealed")).transpose()?;
    if before.is_some_and(|before| key_of(before) == vault.key_id()) {
        return Ok(());
    }
    let place = Place {
        field: "vault.sealed",
        owner: "1",
    };
    let sealed = vault.seal(place, &SecretText::new("countersign".to_owned()));
    let sealed = sealed.map_err(|error| Fault::Told(error.into()))?;
    let sql = "INSERT INTO vault (id, sealed) VALUES (1, $1)
         ON CONFLICT (id) DO UPDATE SET sealed = excluded.sealed";
    session.execute(sql, &[&sealed]).await?;
    Ok(())
}

/// Seals what has an older key with the newest one. Returns how much that was.
pub(super) async fn reseal(session: &Session, vault: &Vault) -> Result<u64, Fault> {
    mark(session, vault).await?;
    let mut resealed: u64 = 0;
    for table in TABLES {
        let Table { name, .. } = table;
        let sql = format!("SELECT endpoint_id, sealed FROM {name} FOR UPDATE");
        // No two sealed texts are alike: each has a nonce of its own.
        let update =
            format!("UPDATE {name} SET sealed = $1 WHERE endpoint_id = $2 AND sealed = $3");
        for row in session.rows(&sql, &[]).await? {
            let (endpoint, before) = (text(&row, "endpoint_id")?, text(&row, "sealed")?);
            if key_of(before) == vault.key_id() {
                continue;
            }
            let secret = table.open(vault, endpoint, before);
            let secret = secret.map_err(|error| unopened(&error))?;
            let sealed = table.seal(vault, endpoint, &secret);
            let sealed = sealed.map_err(|error| Fault::Told(error.into()))?;
            session
                .execute(&update, &[&sealed, &endpoint, &before])
                .await?;
            resealed = resealed.saturating_add(1);
        }
    }
    Ok(resealed)
}
