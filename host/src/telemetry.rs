//! Logs. They go to standard error and hold no secret, no body and no response.

use crate::config::{Log, LogFormat};
use std::io::IsTerminal;
use tracing_subscriber::{EnvFilter, fmt::SubscriberBuilder, reload};

/// The filter of the log in force.
pub struct LogFilter(Box<dyn Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync>);

impl LogFilter {
    /// Replaces the filter.
    ///
    /// # Errors
    /// What is wrong with the filter.
    pub fn set(&self, filter: &str) -> Result<(), String> {
        (self.0)(read(filter)?).map_err(|error| error.to_string())
    }
}

/// What the database's client says of each connection that breaks is said once, and with the next step, by the store.
const QUIET: &str = "deadpool=error,tokio_postgres=warn";

/// What is asked for, which may name the quiet ones, too.
fn read(filter: &str) -> Result<EnvFilter, String> {
    // What comes later counts.
    EnvFilter::try_new(format!("{QUIET},{filter}")).map_err(|error| error.to_string())
}

/// Starts logging. A second call in one process changes nothing.
///
/// # Errors
/// What is wrong with the filter.
pub fn start(log: &Log) -> Result<LogFilter, String> {
    let filter = read(&log.filter)?;
    let builder = SubscriberBuilder::default()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // Starting is refused when a subscriber is there already, which only happens in tests.
    match log.format {
        LogFormat::Json => {
            let builder = builder.json().with_filter_reloading();
            let handle = builder.reload_handle();
            let _ = builder.try_init();
            Ok(LogFilter(Box::new(move |filter| handle.reload(filter))))
        }
        LogFormat::Text => {
            let builder = builder
                .with_ansi(std::io::stderr().is_terminal())
                .with_filter_reloading();
            let handle = builder.reload_handle();
            let _ = builder.try_init();
            Ok(LogFilter(Box::new(move |filter| handle.reload(filter))))
        }
    }
}
