//! PostgreSQL for tests: one throw-away cluster that the tests of a run share, or one of a test's own that it may kill.
//!
//! The binaries are the machine's (`/usr/lib/postgresql/*/bin`, `pg_config`, `PATH`). `COUNTERSIGN_TEST_POSTGRES=<url>` names a
//! server to use instead; its user must be allowed to create databases. `COUNTERSIGN_TEST_POSTGRES_BIN=<folder>` names binaries
//! of another version. Where there is none of these, a test is left out and says so, and fails when `CI` is set.
//!
//! Nothing outlives its users, however they end: see [`watchdog`].
#![forbid(unsafe_code)]

mod binaries;
mod database;
mod own;
mod pooler;
mod server;
mod shared;
mod watchdog;

pub use self::{
    database::Database,
    own::Cluster,
    pooler::{Pooler, Pooling},
};

use std::io::Write;

/// Names a server to use in place of a throw-away one.
pub const SERVER_VARIABLE: &str = "COUNTERSIGN_TEST_POSTGRES";
/// Names a file to which every test that is left out adds a line. `cargo xtask test` reads it.
pub const LEFT_OUT_VARIABLE: &str = "COUNTERSIGN_LEFT_OUT";

/// A new and empty database. `None`, after a line about it, when this machine has no PostgreSQL.
///
/// # Panics
/// When there is none and `CI` is set; when one cannot be started.
pub fn database() -> Option<Database> {
    there("PostgreSQL", Database::new())
}

/// A cluster that belongs to one test, which may stop and kill it. As [`database`] otherwise. With `COUNTERSIGN_TEST_POSTGRES`
/// alone there is none either: nobody kills a server of someone else's.
///
/// # Panics
/// As [`database`].
pub fn cluster() -> Option<Cluster> {
    there("a PostgreSQL to be killed", Cluster::start())
}

/// A pgbouncer before a cluster, in transaction mode. `None`, after a line about it, when this machine has none.
///
/// # Panics
/// When there is none and `CI` is set; when one cannot be started.
pub fn pooler(cluster: &Cluster, pooling: Pooling) -> Option<Pooler> {
    match Pooler::start(cluster, pooling) {
        Ok(Some(pooler)) => Some(pooler),
        Ok(None) => {
            left_out("a pooler before PostgreSQL", "no pgbouncer is installed");
            None
        }
        Err(problem) => panic!("pgbouncer does not start: {problem:#}"),
    }
}

fn there<T>(what: &str, found: anyhow::Result<Option<T>>) -> Option<T> {
    match found {
        Ok(Some(found)) => Some(found),
        Ok(None) => {
            left_out(what, "no PostgreSQL 14 or newer is installed");
            None
        }
        Err(problem) => panic!("{what} does not start: {problem:#}"),
    }
}

/// Says that a test is left out for want of something. Counted and named by `cargo xtask test`.
///
/// # Panics
/// When `CI` is set.
pub fn left_out(what: &str, reason: &str) {
    assert!(
        std::env::var_os("CI").is_none(),
        "{what} cannot be had: {reason}"
    );
    note_left_out(what, reason);
}

/// The same of something that may be missing in CI as well, where what it shows is also shown otherwise.
pub fn note_left_out(what: &str, reason: &str) {
    println!("left out: {what} ({reason})");
    if let Some(path) = std::env::var_os(LEFT_OUT_VARIABLE) {
        let file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(path);
        // The line above has said it already.
        let _ = file.and_then(|mut file| writeln!(file, "{what} ({reason})"));
    }
}
