//! Opening a file whose secrets are sealed, and changing the key that they are sealed with.

use super::{Options, SqliteStore, moving, schema, schema::Lock, secrets};
use crate::{
    chance::Chance,
    store::StoreError,
    vault::{Key, KeyError, KeyFile, KeyId, KeySource, Vault},
};
use rusqlite::Connection;
use std::{path::Path, sync::Arc};

impl SqliteStore {
    /// Changes the key of the secrets, while no other process uses the data. A new key is made for a key file; where the
    /// configuration gives the keys, the first of them is the new one. May be interrupted anywhere: the next start or the
    /// next call goes on, and until then every secret opens.
    ///
    /// # Errors
    /// As [`open`](Self::open)
    pub fn rotate_key(
        path: &Path,
        options: &Options,
        keys: &KeySource,
        chance: Arc<dyn Chance>,
    ) -> Result<KeyId, StoreError> {
        let _lock = Lock::take(path)?;
        let connection = schema::open_writer(path, options)?;
        let needed = secrets::keys_in_use(&connection)?;
        drop(connection);
        let present = keys.keys(&needed, &*chance)?;
        match keys {
            KeySource::Given(_) if present.len() < 2 => return Err(KeyError::GivenAlone.into()),
            // Two in the file: an earlier call was interrupted, and is finished now.
            KeySource::File(file) if present.len() < 2 => {
                let with_new: Vec<_> = std::iter::once(Key::generate(&*chance))
                    .chain(present)
                    .collect();
                KeyFile::new(file.clone()).write(&with_new)?;
            }
            KeySource::Given(_) | KeySource::File(_) => {}
        }
        let (_, vault) = open_sealed(path, options, keys, chance)?;
        vault.key_id().ok_or_else(|| KeyError::None.into())
    }
}

/// Opens the file with every secret sealed with the newest key, and drops older ones from a key file.
pub(super) fn open_sealed(
    path: &Path,
    options: &Options,
    source: &KeySource,
    chance: Arc<dyn Chance>,
) -> Result<(Connection, Vault), StoreError> {
    let mut connection = schema::open_writer(path, options)?;
    moving::refuse_unfinished(&connection)?;
    let needed = secrets::keys_in_use(&connection)?;
    let keys = source.keys(&needed, &*chance)?;
    let several = keys.len() > 1;
    let vault = Vault::new(keys.clone(), chance)?;
    let moved = secrets::bring_up_to_date(&mut connection, &vault)?;
    if moved.sealed > 0 || moved.resealed > 0 {
        tracing::info!(
            sealed = moved.sealed,
            resealed = moved.resealed,
            "secrets were sealed with the newest key, and what was there before is wiped"
        );
    }
    if let Some(problem) = &moved.left {
        tracing::warn!(
            problem,
            "deleted secrets may still be in unused parts of the file; it is tried again at the next start"
        );
    }
    match (keys.first(), source) {
        (Some(newest), KeySource::File(file))
            if several && secrets::needs_only(&connection, newest.id())? =>
        {
            KeyFile::new(file.clone()).write(std::slice::from_ref(newest))?;
        }
        _ => {}
    }
    Ok((connection, vault))
}
