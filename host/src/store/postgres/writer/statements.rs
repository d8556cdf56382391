//! The statements that nearly every transaction has.

use crate::store::postgres::{
    session::{Fault, Session},
    statement::Statement,
};

/// The lease holds as long as the host is there: others remove it before they take anything over, and cannot do that before the
/// end of the transaction. Its counters are locked, too, so that whoever looks for the number of its last commit waits for this
/// one.
const FENCE: &str = "SELECT commits, version FROM hosts, counters, catalogue
    WHERE hosts.generation = $1 AND counters.generation = $1 AND catalogue.id = 1
    FOR KEY SHARE OF hosts FOR NO KEY UPDATE OF counters";

const BEGIN_WITHOUT: &str = "SELECT commits, version FROM counters, catalogue
    WHERE counters.generation = $1 AND catalogue.id = 1 FOR NO KEY UPDATE OF counters";

const COUNT: &str =
    "UPDATE counters SET commits = $2, messages = messages + $3, delivered = delivered + $4,
    cancelled = cancelled + $5 WHERE generation = $1";

/// Prepared, so that they can be on their way at a time.
pub(super) struct Statements {
    pub(super) fence: Statement,
    pub(super) begin_without: Statement,
    pub(super) count: Statement,
}

impl Statements {
    pub(super) async fn prepare(session: &Session) -> Result<Self, Fault> {
        Ok(Self {
            fence: session.statement(FENCE).await?,
            begin_without: session.statement(BEGIN_WITHOUT).await?,
            count: session.statement(COUNT).await?,
        })
    }
}
