//! Time. The only file that asks the operating system or the runtime for it, so that a test can put its own in place.

use std::{
    future::Future,
    pin::Pin,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// A wait.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A source of time.
pub trait Clock: Send + Sync + 'static {
    /// The time of day, unix milliseconds. It may jump when the machine's clock is set.
    fn now_ms(&self) -> u64;

    /// Time since some fixed moment. It never goes back: for measuring how long something took.
    fn elapsed(&self) -> Duration;

    /// Done after `wait`.
    fn sleep(&self, wait: Duration) -> Sleep;
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// The machine's clock.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn sleep(&self, wait: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(wait))
    }
}

/// The result of `work`, or `None` when `limit` passed first.
pub async fn within<T>(
    clock: &dyn Clock,
    limit: Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        biased;
        done = work => Some(done),
        () = clock.sleep(limit) => None,
    }
}

/// `at_ms` as RFC 3339 in UTC with milliseconds: `2026-01-02T03:04:05.678Z`.
pub fn rfc3339(at_ms: u64) -> String {
    let at = i64::try_from(at_ms).ok();
    at.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
        .unwrap_or(jiff::Timestamp::MAX)
        .strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
        .to_string()
}

/// The unix milliseconds of an RFC 3339 time, with any offset; `None` for anything else, and for times before 1970.
pub fn parse_rfc3339(text: &str) -> Option<u64> {
    let at: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(at.as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc_with_milliseconds() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_767_323_045_678), "2026-01-02T03:04:05.678Z");
        assert!(rfc3339(u64::MAX).ends_with('Z'));
        for text in ["2026-01-02T03:04:05.678Z", "2026-01-02T05:04:05.678+02:00"] {
            assert_eq!(parse_rfc3339(text), Some(1_767_323_045_678), "{text}");
        }
        for wrong in [
            "",
            "2026-01-02",
            "2026-01-02T03:04:05",
            "1969-12-31T23:59:59Z",
            "1767323045678",
        ] {
            assert_eq!(parse_rfc3339(wrong), None, "{wrong}");
        }
    }

    #[tokio::test]
    async fn work_that_takes_too_long_is_given_up() {
        let clock = SystemClock::new();
        let limit = Duration::from_millis(5);
        assert_eq!(within(&clock, limit, async { 7 }).await, Some(7));
        assert_eq!(
            within(&clock, limit, std::future::pending::<()>()).await,
            None
        );
    }
}
