//! Opening a database whose secrets are sealed, and changing the key that they are sealed with.

use super::{
    Options, PostgresStore,
    address::Address,
    clock::DatabaseClock,
    connections::Connections,
    hints::{self, Announcer},
    lease::{Keeper, Standing},
    moving,
    reader::Reader,
    schema, secrets,
    session::Fault,
    writer::Writer,
};
use crate::{
    chance::Chance,
    store::StoreError,
    vault::{Key, KeyError, KeyFile, KeyId, KeySource, Vault},
};
use std::sync::Arc;

/// Connections for what changes a key.
const FEW: u32 = 2;

impl PostgresStore {
    /// Connects, brings the schema up to date, and registers this host.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`], [`StoreError::Failed`], [`StoreError::Key`]
    pub async fn open(
        address: &Address,
        options: Options,
        keys: &KeySource,
        chance: Arc<dyn Chance>,
    ) -> Result<Self, StoreError> {
        let at_start = |fault: Fault| fault.told_at_start("opening the database");
        let pool = Connections::open(address, options.connections_max).await;
        let pool = pool.map_err(at_start)?;
        let opened = open_sealed(&pool, keys, chance).await;
        let vault = Arc::new(opened.map_err(at_start)?);
        let clock = Arc::new(DatabaseClock::default());
        let standing = Arc::new(Standing::new(options.lease));
        let announcer = Announcer::start(pool.clone());
        let writer = Arc::new(Writer::start(
            pool.clone(),
            options.limits,
            Arc::clone(&standing),
            Arc::clone(&clock),
            announcer,
        ));
        let keeper = Keeper::start(
            pool.clone(),
            options.name,
            standing,
            Arc::clone(&clock),
            Arc::clone(&writer),
            Arc::clone(&vault),
        )
        .await
        .map_err(|fault| fault.told("registering this host"))?;
        if pool.are_kept() {
            hints::listen(address.clone(), &keeper);
        }
        Ok(Self {
            writer,
            reader: Reader::new(pool),
            vault,
            clock,
            keeper,
        })
    }

    /// Changes the key of the secrets. A new key is made for a key file; where the configuration gives the keys, the first of
    /// them is the new one. May be interrupted anywhere: the next start or the next call goes on, and until then every secret
    /// opens. Hosts that run need both keys before, and the new one alone after.
    ///
    /// # Errors
    /// As [`open`](Self::open)
    pub async fn rotate_key(
        address: &Address,
        keys: &KeySource,
        chance: Arc<dyn Chance>,
    ) -> Result<KeyId, StoreError> {
        let at_start = |fault: Fault| fault.told_at_start("looking for sealed secrets");
        let pool = Connections::open(address, FEW).await.map_err(at_start)?;
        let needed = needed(&pool).await;
        let needed = needed.map_err(at_start)?;
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
        let vault = open_sealed(&pool, keys, chance).await;
        let vault = vault.map_err(|fault| fault.told("sealing the secrets"))?;
        vault.key_id().ok_or_else(|| KeyError::None.into())
    }
}

async fn needed(pool: &Connections) -> Result<std::collections::BTreeSet<KeyId>, Fault> {
    schema::bring_up_to_date(pool).await?;
    let session = pool.patient_session().await?;
    moving::refuse_unfinished(&session).await?;
    secrets::keys_in_use(&session).await
}

/// Brings schema and secrets up to date, and drops older keys from a key file.
async fn open_sealed(
    pool: &Connections,
    source: &KeySource,
    chance: Arc<dyn Chance>,
) -> Result<Vault, Fault> {
    let needed = needed(pool).await?;
    let told = |error: KeyError| Fault::Told(error.into());
    let keys = source.keys(&needed, &*chance).map_err(told)?;
    let several = keys.len() > 1;
    let vault = Vault::new(keys.clone(), chance).map_err(told)?;
    let session = pool.patient_session().await?;
    session.batch("BEGIN").await?;
    let resealed = secrets::reseal(&session, &vault).await;
    session
        .batch(match resealed.is_ok() {
            true => "COMMIT",
            false => "ROLLBACK",
        })
        .await?;
    let resealed = resealed?;
    if resealed > 0 {
        tracing::info!(resealed, "secrets were sealed with the newest key");
    }
    if let (Some(newest), KeySource::File(file)) = (keys.first(), source)
        && several
    {
        let used = secrets::keys_in_use(&session).await?;
        if used.iter().all(|used| *used == newest.id()) {
            KeyFile::new(file.clone())
                .write(std::slice::from_ref(newest))
                .map_err(told)?;
        }
    }
    Ok(vault)
}
