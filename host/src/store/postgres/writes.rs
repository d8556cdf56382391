//! What each write does inside its transaction. Contract: [`Store`](crate::store::Store).

pub(super) mod access;
pub(super) mod chore;
pub(super) mod claim;
pub(super) mod endpoint;
pub(super) mod inbound;
pub(super) mod ordering;
pub(super) mod prune;
pub(super) mod publish;
pub(super) mod put_back;
pub(super) mod record;
pub(super) mod replay;
pub(super) mod standing;
