//! What is known of one endpoint's attempts, and how many it may have under way.

use super::bucket::Bucket;
use crate::store::Lease;
use countersign_guest::EndpointSettings;
use std::collections::VecDeque;

/// An attempt that takes longer is slow. Most receivers answer within a tenth of it; a place that is taken for longer serves
/// nobody else meanwhile.
pub(in super::super) const SLOW_MS: u64 = 1_000;
/// Attempts under way that an endpoint begins with, before anything is known of it.
const START: u32 = 4;
/// What one attempt that ran into its time limit weighs against attempts that ended promptly.
const TIMEOUT_WEIGHT: u32 = 4;
/// Deliveries that are taken up ahead, for each request that may be under way, and in all: while one half of them is used up, the
/// other half is on its way from the disk, which takes as long as some requests to a fast receiver.
const AHEAD: u32 = 8;
const AHEAD_MAX: u32 = 256;
/// Most that they weigh together: so many prompt ones make up for any number.
const WEIGHT_MAX: u32 = 16;

/// How an attempt ended, as far as it concerns others who wait for places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Pace {
    /// Soon, and the receiver took it.
    Accepted,
    /// Soon, but not accepted.
    Prompt,
    /// Late.
    Slow,
    /// Not within its time limit.
    TimedOut,
    /// It was not made.
    NotMade,
}

/// One endpoint.
#[derive(Debug)]
pub(super) struct Lane {
    /// Places that it has: for requests under way, for outcomes that are being recorded, and for what was taken up ahead.
    pub(super) in_flight: u32,
    /// Requests under way.
    pub(super) under_way: u32,
    /// Taken up, and waiting for one of its requests to end.
    pub(super) ahead: VecDeque<Lease>,
    /// When its next delivery is due, as far as is known, and has not been looked for.
    pub(super) due_at_ms: Option<u64>,
    /// It has due deliveries and no place: since when, or rather from when on it is due.
    pub(super) waiting: Option<u64>,
    /// It waits in the line for the places of slow endpoints.
    pub(super) in_line: bool,
    /// It is looked at when [`SLOW_MS`] have passed since it last got or gave back a place.
    pub(super) watched: bool,
    pub(super) last_progress_ms: u64,
    /// It has held deliveries that go out.
    pub(super) draining: bool,
    pub(super) drain: Option<Bucket>,
    pub(super) rate: Option<Bucket>,
    /// Its own limit, if its settings have one.
    own: Option<u32>,
    /// The limit that counts.
    concurrency: u32,
    /// What it may have now, from 1 to its own limit: halved by an attempt that runs into its time limit, one more with each
    /// that ends promptly.
    allowed: u32,
    /// It has just come back from a pause: only what is accepted counts.
    gentle: bool,
    /// Weight of attempts that ran into their time limit.
    weight: u32,
    /// Its attempts end promptly, as far as is known; others share the places of slow ones.
    pub(super) trusted: bool,
    /// It was deleted; kept until its attempts have ended.
    pub(super) gone: bool,
}

impl Lane {
    pub(super) fn new(concurrency: u32) -> Self {
        Self {
            in_flight: 0,
            under_way: 0,
            ahead: VecDeque::new(),
            due_at_ms: None,
            waiting: None,
            in_line: false,
            watched: false,
            last_progress_ms: 0,
            draining: false,
            drain: None,
            rate: None,
            own: None,
            concurrency,
            allowed: START.min(concurrency),
            gentle: false,
            weight: 0,
            trusted: false,
            gone: false,
        }
    }

    pub(super) fn configure(&mut self, settings: &EndpointSettings, concurrency: u32) {
        self.own = settings.concurrency;
        self.limit(concurrency);
        let rate = settings.rate_limit;
        let (old, burst) = (self.rate, |burst: Option<u32>| burst.unwrap_or(1));
        self.rate = rate.map(|rate| Bucket::with(old, rate.per_second, burst(rate.burst)));
        let (old, drain) = (self.drain, settings.drain_per_second);
        self.drain = drain.map(|rate| Bucket::with(old, rate, 1));
    }

    /// Another host worked it until now, and may have used all of its rates a moment ago.
    pub(super) fn spend_rates(&mut self, now_ms: u64) {
        for bucket in self.rate.iter_mut().chain(&mut self.drain) {
            bucket.empty(now_ms);
        }
    }

    /// The limit of endpoints that have none of their own is this.
    pub(super) fn limit(&mut self, concurrency: u32) {
        self.concurrency = self.own.unwrap_or(concurrency);
        self.allowed = self.allowed.min(self.concurrency);
        if self.allowed < START.min(self.concurrency) && self.weight == 0 && !self.gentle {
            self.allowed = START.min(self.concurrency);
        }
    }

    /// It comes back after a pause: with one attempt, more when that is accepted.
    pub(super) fn begin_anew(&mut self) {
        self.allowed = 1;
        self.gentle = true;
    }

    /// Requests that may be under way at a time.
    pub(super) const fn allowed(&self) -> u32 {
        self.allowed
    }

    /// Places that its own limits leave; `room` says how many there are for taking some ahead.
    pub(super) fn free(&self, room: u32) -> u32 {
        self.allowed
            .saturating_add(self.ahead_max(room))
            .saturating_sub(self.in_flight)
    }

    fn ahead_max(&self, room: u32) -> u32 {
        match self.is_steady() {
            true => self.allowed.saturating_mul(AHEAD).min(AHEAD_MAX).min(room),
            false => 0,
        }
    }

    /// Whether it answers promptly and nothing else holds it back.
    fn is_steady(&self) -> bool {
        self.trusted && self.rate.is_none() && !self.draining && !self.gentle
    }

    /// A place is free. When it waited for some, and enough are free for a claim that is worth a look into the store: since when.
    pub(super) fn wake(&mut self, room: u32) -> Option<u64> {
        let wanted = self.ahead_max(room).div_euclid(2).max(1);
        match self.free(room) >= wanted {
            true => self.waiting.take(),
            false => None,
        }
    }

    /// Learns from an attempt. Whether it is trusted from now on is the answer.
    pub(super) fn learn(&mut self, pace: Pace) -> bool {
        match pace {
            Pace::Accepted | Pace::Prompt => {
                self.gentle &= pace == Pace::Prompt;
                if !self.gentle {
                    self.allowed = self.allowed.saturating_add(1).min(self.concurrency);
                }
                self.weight = self.weight.saturating_sub(1);
                self.weight == 0
            }
            Pace::Slow => false,
            Pace::TimedOut => {
                self.allowed = self.allowed.div_euclid(2).max(1);
                self.weight = self.weight.saturating_add(TIMEOUT_WEIGHT).min(WEIGHT_MAX);
                false
            }
            Pace::NotMade => self.trusted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_in_a_row_leave_one_place_and_successes_bring_back_all() {
        let mut lane = Lane::new(16);
        assert_eq!(lane.free(0), START);
        for _ in 0..12 {
            lane.trusted = lane.learn(Pace::Accepted);
        }
        assert_eq!((lane.free(0), lane.trusted), (16, true));
        assert_eq!((lane.free(5), lane.free(999)), (21, 144));
        for expected in [8, 4, 2, 1, 1] {
            lane.trusted = lane.learn(Pace::TimedOut);
            assert_eq!((lane.free(99), lane.trusted), (expected, false));
        }
        for _ in 0..15 {
            lane.trusted = lane.learn(Pace::Accepted);
        }
        assert_eq!((lane.free(99), lane.trusted), (16, false));
        assert!(lane.learn(Pace::Accepted));
    }

    #[test]
    fn an_endpoint_that_refuses_at_once_holds_up_nobody() {
        let mut lane = Lane::new(16);
        assert!(lane.learn(Pace::Prompt));
        assert_eq!(lane.free(0), START + 1);
        assert!(!lane.learn(Pace::Slow));
        assert_eq!(lane.free(0), START + 1);
        // After a pause it has to accept something first.
        lane.begin_anew();
        lane.learn(Pace::Prompt);
        assert_eq!(lane.free(99), 1);
        lane.learn(Pace::Accepted);
        assert_eq!(lane.free(0), 2);
    }
}
