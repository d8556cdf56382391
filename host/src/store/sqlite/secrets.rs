//! Signing secrets and the keys of client certificates in the file: sealed, and wiped when they go.

use super::rows::{foreign, id, number, optional_number, signed};
use crate::{
    identity::ClientIdentity,
    ids::EndpointId,
    store::{
        SecretText, SigningSecret, StoreError,
        sealed::{CERTIFICATES, SIGNING, Sealed, TABLES, Table},
    },
    vault::{KeyId, Vault, key_of},
};
use countersign_core::delivery::rotation::SecretTimes;
use rusqlite::{Connection, Row, params, types::Type};
use std::collections::{BTreeSet, HashMap};

/// Replaces the secrets of an endpoint.
pub(super) fn replace(
    connection: &Connection,
    endpoint: &EndpointId,
    sealed: &Sealed,
) -> rusqlite::Result<()> {
    delete(connection, endpoint)?;
    if let Some((chain, sealed)) = &sealed.certificate {
        connection
            .prepare_cached(
                "INSERT INTO client_certificates (endpoint_id, chain, sealed) VALUES (?, ?, ?)",
            )?
            .execute(params![endpoint.as_str(), chain, sealed])?;
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO endpoint_secrets (endpoint_id, place, sealed, created_at_ms, signs_until_ms, expires_at_ms)
         VALUES (?, ?, ?, ?, ?, ?)",
    )?;
    for (place, (text, times)) in (0_i64..).zip(&sealed.signing) {
        insert.execute(params![
            endpoint.as_str(),
            place,
            text,
            signed(times.created_at_ms),
            times.signs_until_ms.map(signed),
            times.expires_at_ms.map(signed),
        ])?;
    }
    Ok(())
}

/// Wipes the secrets of an endpoint.
pub(super) fn delete(connection: &Connection, endpoint: &EndpointId) -> rusqlite::Result<()> {
    overwriting(connection, || {
        for Table { name, .. } in TABLES {
            connection
                .prepare_cached(&format!("DELETE FROM {name} WHERE endpoint_id = ?"))?
                .execute([endpoint.as_str()])?;
        }
        Ok(())
    })
}

/// The secrets of every endpoint, newest first.
pub(super) fn all(
    connection: &Connection,
    vault: &Vault,
) -> rusqlite::Result<HashMap<EndpointId, Vec<SigningSecret>>> {
    let mut found: HashMap<_, Vec<_>> = HashMap::new();
    let mut statement =
        connection.prepare_cached("SELECT * FROM endpoint_secrets ORDER BY endpoint_id, place")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let endpoint: EndpointId = id(row, "endpoint_id")?;
        let secret = open(row, &endpoint, vault)?;
        found.entry(endpoint).or_default().push(secret);
    }
    Ok(found)
}

fn open(row: &Row<'_>, endpoint: &EndpointId, vault: &Vault) -> rusqlite::Result<SigningSecret> {
    let sealed = row.get_ref("sealed")?.as_str()?;
    let text = SIGNING.open(vault, endpoint.as_str(), sealed);
    Ok(SigningSecret {
        text: text.map_err(failed)?,
        times: SecretTimes {
            created_at_ms: number(row, "created_at_ms")?,
            signs_until_ms: optional_number(row, "signs_until_ms")?,
            expires_at_ms: optional_number(row, "expires_at_ms")?,
        },
    })
}

/// The client certificates of endpoints that have one.
pub(super) fn identities(
    connection: &Connection,
    vault: &Vault,
) -> rusqlite::Result<HashMap<EndpointId, ClientIdentity>> {
    let mut statement = connection.prepare_cached("SELECT * FROM client_certificates")?;
    let found = statement.query_map([], |row| {
        let endpoint: EndpointId = id(row, "endpoint_id")?;
        let sealed = row.get_ref("sealed")?.as_str()?;
        let key = CERTIFICATES.open(vault, endpoint.as_str(), sealed);
        let chain = row.get_ref("chain")?.as_str()?;
        let identity = ClientIdentity::from_pem(chain, &key.map_err(failed)?);
        let identity = identity
            .map_err(|error| foreign(format!("client certificate of {endpoint}: {error}")))?;
        Ok((endpoint, identity))
    })?;
    found.collect()
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error))
}

/// The keys that secrets are sealed with.
pub(super) fn keys_in_use(connection: &Connection) -> Result<BTreeSet<KeyId>, StoreError> {
    let read = |Table { name, .. }: Table| {
        connection
            .prepare(&format!("SELECT sealed FROM {name}"))?
            .query_map([], |row| Ok(key_of(row.get_ref("sealed")?.as_str()?)))?
            .collect::<rusqlite::Result<Vec<_>>>()
    };
    let mut keys = BTreeSet::new();
    for table in TABLES {
        let found = read(table).map_err(opening("looking for sealed secrets"))?;
        // What has no key is reported when it is to be opened.
        keys.extend(found.into_iter().flatten());
    }
    Ok(keys)
}

/// What a start found to do.
#[derive(Debug, Default)]
pub(super) struct Moved {
    /// Secrets that an older version had left in clear.
    pub(super) sealed: u64,
    /// Secrets that were sealed with an older key.
    pub(super) resealed: u64,
    /// Why what they left behind is not wiped yet. It is tried again at the next start.
    pub(super) left: Option<String>,
}

/// Seals what is in clear, reseals what has an older key, in one transaction; then wipes what that left behind. May be
/// interrupted anywhere and goes on at the next start.
pub(super) fn bring_up_to_date(
    connection: &mut Connection,
    vault: &Vault,
) -> Result<Moved, StoreError> {
    let moving = opening("sealing the secrets");
    let transaction = connection.transaction().map_err(&moving)?;
    let mut moved = move_all(&transaction, vault).map_err(&moving)?;
    transaction.commit().map_err(&moving)?;
    let sql = "SELECT count(*) FROM chores WHERE name = 'wipe'";
    let chores: i64 = connection
        .query_row(sql, [], |row| row.get(0))
        .map_err(&moving)?;
    if chores > 0 {
        // No reason to stop delivering.
        moved.left = wipe(connection).err().map(|error| error.to_string());
    }
    Ok(moved)
}

fn opening(doing: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |error| StoreError::Failed {
        doing,
        problem: error.to_string(),
    }
}

fn move_all(connection: &Connection, vault: &Vault) -> rusqlite::Result<Moved> {
    let mut moved = Moved::default();
    let clear: Vec<(String, SecretText, i64)> = connection
        .prepare("SELECT id, secret, created_at_ms FROM endpoints WHERE secret IS NOT NULL")?
        .query_map([], |row| {
            Ok((row.get(0)?, SecretText::new(row.get(1)?), row.get(2)?))
        })?
        .collect::<Result<_, _>>()?;
    for (endpoint, secret, created_at_ms) in clear {
        let sealed = SIGNING.seal(vault, &endpoint, &secret).map_err(failed)?;
        connection.execute(
            "INSERT INTO endpoint_secrets (endpoint_id, place, sealed, created_at_ms) VALUES (?, 0, ?, ?)",
            params![endpoint, sealed, created_at_ms],
        )?;
        connection.execute(
            "UPDATE endpoints SET secret = NULL WHERE id = ?",
            [endpoint],
        )?;
        moved.sealed = moved.sealed.saturating_add(1);
    }
    for table in TABLES {
        let resealed = reseal(connection, vault, table)?;
        moved.resealed = moved.resealed.saturating_add(resealed);
    }
    if moved.sealed > 0 || moved.resealed > 0 {
        connection.execute("INSERT OR IGNORE INTO chores (name) VALUES ('wipe')", [])?;
    }
    Ok(moved)
}

/// Seals what has an older key with the newest one. Returns how much that was.
fn reseal(connection: &Connection, vault: &Vault, table: Table) -> rusqlite::Result<u64> {
    let Table { name, .. } = table;
    let stored: Vec<(String, String)> = connection
        .prepare(&format!("SELECT endpoint_id, sealed FROM {name}"))?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    // No two sealed texts are alike: each has a nonce of its own.
    let mut update = connection.prepare(&format!(
        "UPDATE {name} SET sealed = ? WHERE endpoint_id = ? AND sealed = ?"
    ))?;
    let mut resealed: u64 = 0;
    for (endpoint, before) in stored {
        if key_of(&before) == vault.key_id() {
            continue;
        }
        let secret = table.open(vault, &endpoint, &before).map_err(failed)?;
        let sealed = table.seal(vault, &endpoint, &secret).map_err(failed)?;
        update.execute(params![sealed, endpoint, before])?;
        resealed = resealed.saturating_add(1);
    }
    Ok(resealed)
}

/// Writes the file anew without its free space, and empties the log of writes: nothing that was deleted is left in either.
fn wipe(connection: &Connection) -> rusqlite::Result<()> {
    // The new file is put together in a file: it may be larger than the memory. It holds nothing that was deleted.
    connection.pragma_update(None, "temp_store", "file")?;
    let written = connection.execute_batch("VACUUM");
    connection.pragma_update(None, "temp_store", "memory")?;
    written?;
    checkpoint(connection)?;
    connection.execute("DELETE FROM chores WHERE name = 'wipe'", [])?;
    Ok(())
}

/// Brings the log of writes into the file and empties it. Fails when another program is reading, because the old pages stay
/// in the log then.
fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    let busy: i64 =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    match busy {
        0 => Ok(()),
        _ => Err(failed(AnotherReader)),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("another program is reading the file; close it")]
struct AnotherReader;

/// Deletes with zeroes in place of what was there. Not for every delete of the store: of large rows it costs as much as
/// writing them.
fn overwriting(
    connection: &Connection,
    delete: impl FnOnce() -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    connection.pragma_update(None, "secure_delete", true)?;
    let deleted = delete();
    connection.pragma_update(None, "secure_delete", false)?;
    deleted
}

/// After all secrets have the newest key: whether another one is still needed.
pub(super) fn needs_only(connection: &Connection, key: KeyId) -> Result<bool, StoreError> {
    Ok(keys_in_use(connection)?.iter().all(|used| *used == key))
}
