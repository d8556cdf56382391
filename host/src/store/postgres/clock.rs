//! The time of the database, which all hosts share.
//!
//! It is the machine's monotonic clock and an offset: what the machine believes the time of day to be does not matter. The offset is
//! measured whenever the lease is renewed; half of the round trip is how wrong it may be.

use crate::clock::{Clock, Sleep, SystemClock};
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// How much of a difference is made up for at a time: one part of so many. Of two measurements the one with the shorter round
/// trip counts for more.
const PARTS: i64 = 8;
/// Differences beyond this are no noise: the database's clock was set. They are taken over at once.
const STEP_MS: i64 = 2_000;

/// The clock.
pub(super) struct DatabaseClock {
    machine: SystemClock,
    /// From the monotonic clock to unix milliseconds, in microseconds; `None` before the first measurement.
    offset: Mutex<Option<Offset>>,
}

#[derive(Debug, Clone, Copy)]
struct Offset {
    us: i64,
    /// Of the best measurement of late.
    round_trip_us: i64,
}

impl Default for DatabaseClock {
    fn default() -> Self {
        Self {
            machine: SystemClock::new(),
            offset: Mutex::new(None),
        }
    }
}

impl DatabaseClock {
    /// The database said `now_us` some time between these moments of [`elapsed`](Clock::elapsed).
    pub(super) fn measured(&self, asked: Duration, answered: Duration, now_us: i64) {
        let (asked, answered) = (us(asked), us(answered));
        let round_trip_us = answered.saturating_sub(asked);
        let measured = now_us.saturating_sub(asked.saturating_add(round_trip_us / 2));
        let mut offset = self.offset.lock().unwrap_or_else(PoisonError::into_inner);
        *offset = Some(match *offset {
            None => Offset {
                us: measured,
                round_trip_us,
            },
            Some(before) => {
                let difference = measured.saturating_sub(before.us);
                let stepped = difference.abs() > STEP_MS.saturating_mul(1_000);
                // A slow answer says little: it is off by half of its time at most, and the old figure may be better.
                let fits = difference.abs() <= round_trip_us / 2;
                let better = round_trip_us <= before.round_trip_us;
                Offset {
                    us: match (stepped, better, fits) {
                        (true, ..) | (_, true, _) => measured,
                        (false, false, true) => before.us,
                        (false, false, false) => before.us.saturating_add(difference / PARTS),
                    },
                    // Machines drift, so that the best one does not count for ever.
                    round_trip_us: before
                        .round_trip_us
                        .saturating_add(before.round_trip_us / PARTS)
                        .saturating_add(1)
                        .min(round_trip_us),
                }
            }
        });
    }
}

impl Clock for DatabaseClock {
    fn now_ms(&self) -> u64 {
        let offset = self.offset.lock().unwrap_or_else(PoisonError::into_inner);
        let now_us = match *offset {
            Some(offset) => us(self.machine.elapsed()).saturating_add(offset.us),
            // Nothing is stored before the first measurement.
            None => 0,
        };
        u64::try_from(now_us / 1_000).unwrap_or(0)
    }

    fn elapsed(&self) -> Duration {
        self.machine.elapsed()
    }

    fn sleep(&self, wait: Duration) -> Sleep {
        self.machine.sleep(wait)
    }
}

fn us(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offset_of(clock: &DatabaseClock) -> i64 {
        clock.offset.lock().unwrap().unwrap().us
    }

    #[test]
    fn a_slow_answer_does_not_move_the_time_and_a_set_clock_does() {
        let clock = DatabaseClock::default();
        let at = Duration::from_millis;
        clock.measured(at(1_000), at(1_002), 5_001_000);
        assert_eq!(offset_of(&clock), 4_000_000);
        // Half a second of waiting, all of it on the way back.
        clock.measured(at(2_000), at(2_500), 6_001_000);
        assert_eq!(offset_of(&clock), 4_000_000);
        // The machine is slow by a millisecond: made up for by and by.
        clock.measured(at(9_000), at(9_001), 13_001_500);
        assert_eq!(offset_of(&clock), 4_001_000);
        clock.measured(at(9_500), at(9_502), 13_509_000);
        assert!((4_001_000..4_008_000).contains(&offset_of(&clock)));
        // An hour is no noise.
        clock.measured(at(10_000), at(10_300), 3_614_150_000);
        assert_eq!(offset_of(&clock), 3_604_000_000);
    }
}
