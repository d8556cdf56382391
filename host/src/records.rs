//! What has ended: sending it again, and forgetting it.

pub mod replay;
pub mod retention;
