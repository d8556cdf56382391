//! Telling callers how their writes ended.

use super::Write;
use crate::store::StoreError;
use tokio::{
    runtime::Handle,
    sync::mpsc::{UnboundedSender, unbounded_channel},
};

/// Tells callers how their writes ended, by a task of theirs: waking hundreds of tasks from another thread costs a system call
/// each, and this way one for all.
pub(super) struct Answers(Option<UnboundedSender<Settled>>);

/// How a transaction ended.
pub(super) type Committed = Result<(), StoreError>;

/// The writes of a transaction that has ended.
type Settled = (Vec<Box<dyn Write>>, Committed);

impl Answers {
    pub(super) fn start() -> Self {
        let Ok(runtime) = Handle::try_current() else {
            return Self(None);
        };
        let (groups, mut given) = unbounded_channel::<Settled>();
        runtime.spawn(async move {
            while let Some((writes, committed)) = given.recv().await {
                answer(writes, &committed);
            }
        });
        Self(Some(groups))
    }

    pub(super) fn give(&self, writes: Vec<Box<dyn Write>>, committed: Committed) {
        let left = match &self.0 {
            // The runtime has ended, and with it whoever waits; or there was none.
            Some(groups) => groups.send((writes, committed)).err().map(|error| error.0),
            None => Some((writes, committed)),
        };
        if let Some((writes, committed)) = left {
            answer(writes, &committed);
        }
    }
}

fn answer(writes: Vec<Box<dyn Write>>, committed: &Committed) {
    for write in writes {
        write.answer(committed.clone());
    }
}
