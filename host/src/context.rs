//! What the parts of a running sender share.

use crate::{
    access::{Keys, Workspaces},
    chance::Chance,
    clock::Clock,
    config::LiveConfig,
    event_types::EventTypes,
    hosts::Shared,
    ids::MessageIds,
    network::Guard,
    ping::Pings,
    registry::Registry,
    rules::Rules,
    store::Store,
    transport::Transport,
};
use countersign_core::retry::TimeScale;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Everything that a request or a delivery needs. Time, chance, store and transport are behind traits, so that a test can
/// put its own in place.
pub struct Context {
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
    pub store: Arc<dyn Store>,
    pub transport: Arc<dyn Transport>,
    /// Judges the addresses of endpoints that are made or changed; the transport has it, too.
    pub guard: Arc<Guard>,
    pub rules: Rules,
    pub registry: Registry,
    pub workspaces: Workspaces,
    pub keys: Keys,
    pub event_types: EventTypes,
    /// What other hosts have changed.
    pub shared: Shared,
    /// Turns for samples.
    pub pings: Pings,
    pub message_ids: MessageIds,
    /// Turns for rendering long payloads.
    pub long_renders: Semaphore,
    /// How fast waits between attempts pass.
    pub scale: TimeScale,
    /// The settings in force.
    pub config: Arc<LiveConfig>,
}

/// Runs `work` to its end even if the caller goes away, such as when a client closes its connection: what has been begun in
/// the store must be followed by what belongs to it in memory.
///
/// # Panics
/// When `work` panics.
pub async fn to_its_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down; the caller is about to be dropped, too.
            Err(_) => std::future::pending().await,
        },
    }
}
