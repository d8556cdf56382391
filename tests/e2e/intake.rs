//! What other senders post: as their samples say, once, vouched for, passed on, and whatever strangers send instead.

#[path = "intake/custom.rs"]
mod custom;
#[path = "intake/hostile.rs"]
mod hostile;
#[path = "intake/kill.rs"]
mod kill;
#[path = "intake/passing_on.rs"]
mod passing_on;
#[path = "intake/samples.rs"]
mod samples;
#[path = "intake/sources.rs"]
mod sources;
#[path = "intake/support.rs"]
mod support;
