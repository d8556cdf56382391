//! `countersign keys`

use super::{
    data::{Data, start_log},
    output::Output,
};
use crate::{
    chance::SystemChance,
    config::{Config, ConfigError},
    error::Error,
    store::{postgres::PostgresStore, sqlite::SqliteStore},
    vault::{Key, KeyId, KeySource},
};
use clap::Subcommand;
use serde_json::json;
use std::{process::ExitCode, sync::Arc};

#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// Prints a new key, for COUNTERSIGN_STORE_KEY or a key file.
    New,
    /// Seals every signing secret with a new key. Stop the host of a file first; hosts of a database need both keys before.
    ///
    /// With a key file, the new key is made here and the old one leaves the file at the end. With COUNTERSIGN_STORE_KEY, give
    /// the new key, a comma and the old one. When it is interrupted, run it again.
    Rotate(Data),
}

fn rotate(config: &Config, keys: &KeySource) -> Result<KeyId, Error> {
    let chance = Arc::new(SystemChance);
    let Some(address) = config.database().map_err(ConfigError::from)? else {
        let path = config.store_path();
        return Ok(SqliteStore::rotate_key(
            &path,
            &config.store_options(),
            keys,
            chance,
        )?);
    };
    let runtime = tokio::runtime::Runtime::new().map_err(|source| Error::System {
        doing: "starting the runtime",
        source,
    })?;
    Ok(runtime.block_on(PostgresStore::rotate_key(&address, keys, chance))?)
}

impl Keys {
    pub(super) fn run(self, out: &Output) -> Result<ExitCode, Error> {
        match self {
            Self::New => {
                SystemChance::check().map_err(|source| Error::System {
                    doing: "asking for random bytes",
                    source,
                })?;
                let key = Key::generate(&SystemChance).to_text();
                out.either(&json!({ "key": key.as_str() }), key.as_str())?;
            }
            Self::Rotate(data) => {
                let (config, _) = Config::load(&data.sources()?)?;
                start_log(&config)?;
                let keys = config.key_source();
                let id = rotate(&config, &keys)?;
                out.either(
                    &json!({ "key_id": id.to_string(), "keys": keys.to_string() }),
                    format_args!("every secret is sealed with the key {id} of {keys}"),
                )?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
