//! Telling of failures that repeat, seldom enough that a day of them does not fill a disk.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts failures in a row. The first is worth a line in the log, and so are the second, fourth, eighth: however fast they
/// come, their lines stay few.
#[derive(Debug, Default)]
pub struct Trouble(AtomicU64);

impl Trouble {
    /// One more failure. Its number in the row when it is worth a line.
    pub fn failed(&self) -> Option<u64> {
        let number = self.0.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        number.is_power_of_two().then_some(number)
    }

    /// Failures in a row so far.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// It works. How many failures came before, when there were any.
    pub fn over(&self) -> Option<u64> {
        // Most calls find nothing to end, and then do not write.
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            _ => Some(self.0.swap(0, Ordering::Relaxed)).filter(|failures| *failures > 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_failures_are_twenty_lines_and_the_end_is_told_once() {
        let trouble = Trouble::default();
        assert_eq!(trouble.over(), None);
        let lines = (0..1_000_000).filter_map(|_| trouble.failed()).count();
        assert_eq!(lines, 20);
        assert_eq!(trouble.over(), Some(1_000_000));
        assert_eq!(trouble.over(), None);
        assert_eq!(trouble.failed(), Some(1));
    }
}
