//! Instances for one caller at a time, kept for the next one.

use super::RulesError;
use std::sync::{Arc, Mutex};

/// An instance with more memory than this is not kept: linear memory never shrinks, and one long event must not occupy it
/// for good.
pub(super) const MEMORY_BYTES_KEPT: usize = 8 * 1024 * 1024;

type Keep<T> = Box<dyn Fn(&T) -> bool + Send + Sync>;

/// Instances that wait for their next call. At most one per caller at a time exists, so the pool is bounded by the number
/// of threads.
pub(super) struct Pool<T> {
    make: Box<dyn Fn() -> Result<T, RulesError> + Send + Sync>,
    /// Whether an instance is worth keeping.
    keep: Keep<T>,
    idle: Mutex<Vec<T>>,
}

impl<T: Send> Pool<T> {
    /// A pool with one instance in it, so that what cannot work is found out at the start.
    ///
    /// # Errors
    /// What `make` says.
    pub(super) fn new(
        make: impl Fn() -> Result<T, RulesError> + Send + Sync + 'static,
        keep: impl Fn(&T) -> bool + Send + Sync + 'static,
    ) -> Result<Arc<Self>, RulesError> {
        let first = make()?;
        Ok(Arc::new(Self {
            make: Box::new(make),
            keep: Box::new(keep),
            idle: Mutex::new(vec![first]),
        }))
    }

    /// An idle instance or a new one.
    ///
    /// # Errors
    /// [`RulesError::Module`]
    pub(super) fn take(&self) -> Result<T, RulesError> {
        let idle = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        idle.map_or_else(|| (self.make)(), Ok)
    }

    /// Takes back an instance whose last call ended well, if it is worth keeping.
    pub(super) fn put_back(&self, instance: T) {
        let unwanted = match self.idle.lock() {
            // Judged under the lock: what `drop_idle` does not find here has not been judged yet.
            Ok(mut idle) if (self.keep)(&instance) => {
                idle.push(instance);
                None
            }
            _ => Some(instance),
        };
        // After the lock is given back.
        drop(unwanted);
    }

    /// Drops the instances that wait.
    pub(super) fn drop_idle(&self) {
        // Dropped after the lock is given back.
        let idle = self.idle.lock().map(|mut idle| std::mem::take(&mut *idle));
        drop(idle);
    }

    /// Does `work` with an instance and drops it if that fails.
    ///
    /// # Errors
    /// What `work` says.
    pub(super) fn with<R>(
        &self,
        work: impl FnOnce(&mut T) -> Result<R, RulesError>,
    ) -> Result<R, RulesError> {
        let mut instance = self.take()?;
        let done = work(&mut instance)?;
        self.put_back(instance);
        Ok(done)
    }
}
