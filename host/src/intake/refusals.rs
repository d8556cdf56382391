//! Telling of refused requests, seldom enough that strangers cannot fill the log.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Between two lines about one source.
const PAUSE: Duration = Duration::from_secs(60);
/// Names that are kept apart. Sources are far fewer; those that do not exist share one.
const NAMES_MAX: usize = 200;

/// When each source was last told of, and how many refusals were not since.
#[derive(Default)]
pub(super) struct Refusals(Mutex<HashMap<String, (Duration, u64)>>);

impl Refusals {
    /// Notes one, at a moment of a clock that never goes back. Every first one of a minute is a line in the log.
    pub(super) fn note(&self, now: Duration, source: &str, why: &str) {
        match self.told(now, source) {
            Some(untold) => tracing::warn!(
                source,
                why,
                untold,
                "a post to /api/webhooks was refused; more of them within a minute are only counted"
            ),
            None => tracing::debug!(source, why, "a post to /api/webhooks was refused"),
        }
    }

    /// How many were not told of, when this one is to be.
    fn told(&self, now: Duration, source: &str) -> Option<u64> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = match told.len() < NAMES_MAX || told.contains_key(source) {
            true => source,
            false => "",
        };
        match told.get_mut(name) {
            Some((last, untold)) if now.saturating_sub(*last) < PAUSE => {
                *untold = untold.saturating_add(1);
                None
            }
            known => {
                let untold = known.map_or(0, |(_, untold)| *untold);
                told.insert(name.to_owned(), (now, 0));
                Some(untold)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_told_of_once_a_minute_with_what_was_not() {
        let refusals = Refusals::default();
        let at = |seconds| Duration::from_secs(seconds);
        assert_eq!(refusals.told(at(0), "a"), Some(0));
        for second in 1..60 {
            assert_eq!(refusals.told(at(second), "a"), None);
        }
        assert_eq!(refusals.told(at(1), "b"), Some(0));
        assert_eq!(refusals.told(at(60), "a"), Some(59));
        assert_eq!(refusals.told(at(121), "a"), Some(0));
        for n in 0..10_000 {
            refusals.told(at(200), &n.to_string());
        }
        assert!(refusals.0.lock().unwrap().len() <= NAMES_MAX + 1);
    }
}
