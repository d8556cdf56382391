//! Opening the store that the settings name.

use crate::{
    chance::Chance,
    config::Config,
    error::Error,
    store::{
        Store, StoreError,
        postgres::{Address, PostgresStore},
        sqlite::SqliteStore,
    },
    trouble::Trouble,
};
use std::{
    os::unix::fs::DirBuilderExt,
    sync::Arc,
    time::{Duration, Instant},
};

/// Between two tries to reach a database.
const AGAIN: Duration = Duration::from_millis(500);

/// A file that this host has for itself, and where it is.
pub(super) fn own(
    config: &Config,
    chance: &Arc<dyn Chance>,
) -> Result<(Arc<dyn Store>, String), Error> {
    let path = config.store_path();
    let store = SqliteStore::open(
        &path,
        config.store_options(),
        &config.key_source(),
        Arc::clone(chance),
    )?;
    Ok((Arc::new(store), path.display().to_string()))
}

/// A database that other hosts may use, too, and where it is. One that is started at the same time is waited for.
pub(super) async fn shared(
    config: &Config,
    address: Address,
    chance: &Arc<dyn Chance>,
) -> Result<(Arc<dyn Store>, String), Error> {
    // For the key of the secrets and the socket of commands.
    let folder = &config.store.data_dir;
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder);
    made.map_err(|source| Error::System {
        doing: "making the folder of the data",
        source,
    })?;
    let name = rustix::system::uname();
    let name = format!(
        "{}:{}",
        name.nodename().to_string_lossy(),
        std::process::id()
    );
    let options = config.database_options(name);
    let keys = config.key_source();
    let (began, trouble) = (Instant::now(), Trouble::default());
    let wait = Duration::from_secs(config.store.connect_wait_s);
    loop {
        let opened = PostgresStore::open(&address, options.clone(), &keys, Arc::clone(chance));
        let problem = match opened.await {
            Ok(store) => return Ok((Arc::new(store), address.to_string())),
            Err(StoreError::Unreachable { problem }) => problem,
            Err(error) => return Err(error.into()),
        };
        let left = wait.saturating_sub(began.elapsed());
        if left.is_zero() {
            return Err(StoreError::Unreachable { problem }.into());
        }
        if trouble.failed().is_some() {
            let left_s = left.as_secs();
            tracing::warn!(place = %address, problem, left_s, "waiting for the database");
        }
        tokio::time::sleep(AGAIN.min(left)).await;
    }
}
