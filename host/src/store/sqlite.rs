//! The embedded store: one SQLite file, one writing thread, a few reading connections.

mod checkpoint;
mod reader;
mod reads;
mod rows;
mod schema;
mod secrets;
#[cfg(test)]
mod tests;
mod writer;
mod writes;

use self::{
    checkpoint::Checkpointer,
    reader::Reader,
    schema::Lock,
    writer::{Caller, Writer},
};
use crate::{
    chance::Chance,
    ids::{DeliveryId, EndpointId, MessageId},
    store::{
        Attempt, Claimed, Delivery, Ended, Endpoint, Filter, Later, MessageView, NewMessage,
        Published, Recovered, Retried, Stats, Store, StoreError,
    },
    vault::{Key, KeyError, KeyFile, KeyId, KeySource, Vault},
};
use rusqlite::Connection;
use std::{path::Path, sync::Arc};

/// Limits of the queue to the writing thread.
#[derive(Debug, Clone, Copy)]
pub struct QueueLimits {
    /// Calls of clients that may wait.
    pub queue_max: u32,
    /// Calls that share a commit.
    pub batch_max: u32,
}

/// A store in one SQLite file. The file belongs to this process until the value is dropped.
pub struct SqliteStore {
    writer: Writer,
    reader: Reader,
    vault: Arc<Vault>,
    _lock: Lock,
}

impl SqliteStore {
    /// Opens the file, or makes it, with the folder it is in.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::Failed`], [`StoreError::Key`]
    pub fn open(
        path: &Path,
        limits: QueueLimits,
        keys: &KeySource,
        chance: Arc<dyn Chance>,
    ) -> Result<Self, StoreError> {
        let lock = Lock::take(path)?;
        let (connection, vault) = open_sealed(path, keys, chance)?;
        let writer = Writer::start(
            connection,
            Some(Checkpointer::start(path)?),
            limits.queue_max as usize,
            limits.batch_max as usize,
        )?;
        Ok(Self {
            writer,
            reader: Reader::new(path.to_owned()),
            vault: Arc::new(vault),
            _lock: lock,
        })
    }

    /// Changes the key of the secrets, while no other process uses the data. A new key is made for a key file; where the
    /// configuration gives the keys, the first of them is the new one. May be interrupted anywhere: the next start or the
    /// next call goes on, and until then every secret opens.
    ///
    /// # Errors
    /// As [`open`](Self::open)
    pub fn rotate_key(
        path: &Path,
        keys: &KeySource,
        chance: Arc<dyn Chance>,
    ) -> Result<KeyId, StoreError> {
        let _lock = Lock::take(path)?;
        let connection = schema::open_writer(path)?;
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
        let (_, vault) = open_sealed(path, keys, chance)?;
        vault.key_id().ok_or_else(|| KeyError::None.into())
    }
}

/// Opens the file with every secret sealed with the newest key, and drops older ones from a key file.
fn open_sealed(
    path: &Path,
    source: &KeySource,
    chance: Arc<dyn Chance>,
) -> Result<(Connection, Vault), StoreError> {
    let mut connection = schema::open_writer(path)?;
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

impl Store for SqliteStore {
    fn endpoints(&self) -> Later<Vec<Endpoint>> {
        let vault = Arc::clone(&self.vault);
        self.reader.read("listing endpoints", move |connection| {
            reads::endpoints(connection, &vault)
        })
    }

    fn create_endpoint(&self, endpoint: Endpoint) -> Later<()> {
        let sealed = match secrets::seal(&self.vault, &endpoint.id, &endpoint.secrets) {
            Ok(sealed) => sealed,
            Err(error) => return Box::pin(async { Err(error) }),
        };
        self.writer
            .submit(Caller::Client, "creating an endpoint", move |connection| {
                writes::create_endpoint(connection, &endpoint, &sealed)
            })
    }

    fn update_endpoint(&self, endpoint: Endpoint, now_ms: u64) -> Later<()> {
        let sealed = match secrets::seal(&self.vault, &endpoint.id, &endpoint.secrets) {
            Ok(sealed) => sealed,
            Err(error) => return Box::pin(async { Err(error) }),
        };
        self.writer
            .submit(Caller::Client, "changing an endpoint", move |connection| {
                writes::update_endpoint(connection, &endpoint, &sealed, now_ms)
            })
    }

    fn delete_endpoint(&self, endpoint: EndpointId, now_ms: u64) -> Later<()> {
        self.writer
            .submit(Caller::Client, "deleting an endpoint", move |connection| {
                writes::delete_endpoint(connection, &endpoint, now_ms)
            })
    }

    fn publish(&self, message: NewMessage) -> Later<Published> {
        self.writer
            .submit(Caller::Client, "publishing", move |connection| {
                writes::publish(connection, &message)
            })
    }

    fn claim(&self, claims: Vec<(EndpointId, u32)>, now_ms: u64) -> Later<Vec<Claimed>> {
        self.writer
            .submit(Caller::Host, "claiming deliveries", move |connection| {
                writes::claim(connection, &claims, now_ms)
            })
    }

    fn put_back(&self, deliveries: Vec<DeliveryId>, not_before_ms: u64) -> Later<()> {
        self.writer
            .submit(Caller::Host, "putting deliveries back", move |connection| {
                writes::put_back(connection, &deliveries, not_before_ms)
            })
    }

    fn record(&self, ended: Ended) -> Later<()> {
        self.writer
            .submit(Caller::Host, "recording an attempt", move |connection| {
                writes::record(connection, &ended)
            })
    }

    fn retry(&self, delivery: DeliveryId, now_ms: u64) -> Later<Retried> {
        self.writer.submit(
            Caller::Client,
            "retrying a dead letter",
            move |connection| writes::retry(connection, &delivery, now_ms),
        )
    }

    fn recover(&self, now_ms: u64) -> Later<Recovered> {
        self.writer
            .submit(Caller::Host, "recovering", move |connection| {
                writes::recover(connection, now_ms)
            })
    }

    fn due(&self) -> Later<Vec<(EndpointId, u64)>> {
        self.reader.read("looking for due deliveries", reads::due)
    }

    fn forget_keys(&self, before_ms: u64) -> Later<u64> {
        self.writer.submit(
            Caller::Host,
            "forgetting idempotency keys",
            move |connection| {
                let sql = "DELETE FROM idempotency_keys WHERE created_at_ms < ?";
                let forgotten = connection.execute(sql, [rows::signed(before_ms)])?;
                Ok(forgotten as u64)
            },
        )
    }

    fn message(&self, message: MessageId) -> Later<Option<MessageView>> {
        self.reader.read("reading a message", move |connection| {
            reads::message(connection, &message)
        })
    }

    fn delivery(&self, delivery: DeliveryId) -> Later<Option<(Delivery, Vec<Attempt>)>> {
        self.reader.read("reading a delivery", move |connection| {
            reads::delivery(connection, &delivery)
        })
    }

    fn deliveries(&self, filter: Filter) -> Later<Vec<Delivery>> {
        self.reader.read("listing deliveries", move |connection| {
            reads::deliveries(connection, &filter)
        })
    }

    fn stats(&self) -> Later<Stats> {
        self.reader.read("counting", reads::stats)
    }

    fn close(&self) -> Later<()> {
        self.reader.close();
        self.writer.close()
    }
}
