//! How many attempts may begin in a time.

/// A bucket of tokens, kept as the moment at which it is full again (GCRA): one number, no timer.
///
/// Time comes in as unix milliseconds and may be set back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    /// Microseconds that one token takes.
    interval_us: u64,
    burst: u64,
    full_at_us: u64,
}

impl Bucket {
    /// A full bucket. Rates of more than a million a second are one of a million; `0` is taken as `1`, a burst too.
    pub(super) fn new(per_second: u32, burst: u32) -> Self {
        Self {
            interval_us: 1_000_000_u64
                .checked_div(per_second.max(1).into())
                .unwrap_or(1)
                .max(1),
            burst: burst.max(1).into(),
            full_at_us: 0,
        }
    }

    /// The same bucket with another rate and burst, full; as it is when they are what they were.
    pub(super) fn with(old: Option<Self>, per_second: u32, burst: u32) -> Self {
        let new = Self::new(per_second, burst);
        old.filter(|old| (old.interval_us, old.burst) == (new.interval_us, new.burst))
            .unwrap_or(new)
    }

    /// Takes everything that can be there, as whoever had the bucket before may have done a moment ago.
    pub(super) fn empty(&mut self, now_ms: u64) {
        let all_us = self.interval_us.saturating_mul(self.burst);
        self.full_at_us = now_ms.saturating_mul(1_000).saturating_add(all_us);
    }

    /// Tokens that are there.
    pub(super) fn available(&mut self, now_ms: u64) -> u32 {
        let now_us = now_ms.saturating_mul(1_000);
        let longest_us = self.interval_us.saturating_mul(self.burst);
        // A clock that was set back must not keep the bucket empty for longer than it takes to fill it.
        self.full_at_us = self.full_at_us.min(now_us.saturating_add(longest_us));
        let missing_us = self.full_at_us.saturating_sub(now_us);
        let missing = missing_us.div_ceil(self.interval_us);
        u32::try_from(self.burst.saturating_sub(missing)).unwrap_or(u32::MAX)
    }

    /// Takes tokens that [`available`](Self::available) found.
    pub(super) fn take(&mut self, tokens: u32, now_ms: u64) {
        let taken_us = self.interval_us.saturating_mul(tokens.into());
        self.full_at_us = self
            .full_at_us
            .max(now_ms.saturating_mul(1_000))
            .saturating_add(taken_us);
    }

    /// Puts back tokens that were not used.
    pub(super) fn put_back(&mut self, tokens: u32) {
        let taken_us = self.interval_us.saturating_mul(tokens.into());
        self.full_at_us = self.full_at_us.saturating_sub(taken_us);
    }

    /// When the next token is there, if none is now.
    pub(super) fn next_ms(&self, now_ms: u64) -> u64 {
        let burst_us = self
            .interval_us
            .saturating_mul(self.burst.saturating_sub(1));
        let at_us = self.full_at_us.saturating_sub(burst_us);
        at_us.div_ceil(1_000).max(now_ms.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_has_more_than_the_rate_and_one_burst() {
        let mut bucket = Bucket::new(50, 5);
        let (mut now_ms, mut begun) = (1_000_000, Vec::new());
        while now_ms < 1_010_000 {
            match bucket.available(now_ms) {
                0 => now_ms = bucket.next_ms(now_ms),
                tokens => {
                    bucket.take(1, now_ms);
                    begun.push(now_ms);
                    assert!(tokens <= 5);
                }
            }
        }
        assert!((500..=506).contains(&begun.len()), "{}", begun.len());
        for (place, from) in begun.iter().enumerate() {
            let within = begun[place..].iter().filter(|at| **at < from + 1_000);
            assert!(within.count() <= 56);
        }
    }

    #[test]
    fn a_bucket_that_is_emptied_fills_at_its_rate_and_one_that_is_set_to_the_same_stays() {
        let mut bucket = Bucket::new(2, 3);
        bucket.empty(10_000);
        assert_eq!(
            (bucket.available(10_000), bucket.next_ms(10_000)),
            (0, 10_500)
        );
        assert_eq!(bucket.available(11_000), 2);
        assert_eq!(bucket.available(20_000), 3);
        bucket.take(3, 20_000);
        assert_eq!(Bucket::with(Some(bucket), 2, 3).available(20_000), 0);
        assert_eq!(Bucket::with(Some(bucket), 2, 4).available(20_000), 4);
        assert_eq!(Bucket::with(None, 2, 3).available(20_000), 3);
    }

    #[test]
    fn what_is_put_back_can_be_taken_again_and_a_clock_may_be_set() {
        let mut bucket = Bucket::new(1, 3);
        assert_eq!(bucket.available(10_000), 3);
        bucket.take(3, 10_000);
        assert_eq!(
            (bucket.available(10_000), bucket.next_ms(10_000)),
            (0, 11_000)
        );
        bucket.put_back(2);
        assert_eq!(bucket.available(10_000), 2);
        bucket.take(2, 10_000);
        // Set back by ten seconds: three seconds later it is full all the same.
        assert_eq!(bucket.available(0), 0);
        assert_eq!(bucket.available(3_000), 3);
    }
}
