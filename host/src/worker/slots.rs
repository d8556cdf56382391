//! Who may send now: places for attempts under way, and when the deliveries of which endpoint are due.
//!
//! Times are hints that make the loop look into the store at the right moment; the store decides what is due. A hint that
//! is too early costs a look; a hint that were missing would cost a delivery its time, so the loop renews all of them now
//! and then.
//!
//! # Fairness
//!
//! Three rules keep endpoints that hang from holding up the others:
//!
//! 1. An endpoint has at most its own number of places. An attempt that runs into its time limit halves it, one that ends
//!    promptly gives back one.
//! 2. An endpoint is *trusted* while its attempts end promptly. One that is not (new, slow or hanging) shares
//!    [`Limits::slow_max`] places with all others of its kind, so that trusted ones always find some.
//! 3. An endpoint without any place gets one beyond that share, so that a sound one can show that it is sound. A last eighth
//!    of all places is for trusted ones alone.
//!
//! # Ahead
//!
//! Taking up a delivery waits for the disk. So that a trusted endpoint is never without work meanwhile, more of its deliveries
//! are taken up than it may have requests under way, as long as half of all places are free; they wait here, in memory, for one
//! of its requests to end. They are *strays* when it is not trusted any more, or is gone: the loop puts them back.

mod ahead;
mod bucket;
mod endpoints;
mod lane;
#[cfg(test)]
mod tests;

pub(super) use self::lane::{Pace, SLOW_MS};

use self::lane::Lane;
use crate::{
    ids::EndpointId,
    store::{Claim, Claimed, Lease},
};
use std::collections::{BTreeSet, HashMap, VecDeque};

/// How many attempts may be under way.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Over all endpoints.
    pub total_max: u32,
    /// To one endpoint that has no limit of its own.
    pub endpoint_max: u32,
    /// To endpoints that are not known to answer promptly, together.
    pub slow_max: u32,
    /// Bytes of their bodies together. It is passed by one claim at most.
    pub body_bytes_max: u64,
}

/// What the loop is to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pick {
    /// Claim deliveries, with bodies of so many bytes together; the places are taken already.
    Claim(Vec<Claim>, u64),
    /// Nothing can be begun before this moment, unless something happens.
    Wait(Option<u64>),
    /// No attempt begins any more.
    Stop,
}

/// What keeps an endpoint from getting a place.
enum Grant {
    Places(u32),
    /// Its own limit: one of its attempts has to end.
    Own,
    /// The share of endpoints that are not trusted.
    Share,
    /// Its rate, until then.
    Until(u64),
}

#[derive(Debug)]
pub(super) struct Slots {
    limits: Limits,
    total: u32,
    /// Of endpoints that are not trusted.
    slow: u32,
    body_bytes: u64,
    lanes: HashMap<EndpointId, Lane>,
    /// Endpoints with deliveries to look for, by time. Invariant: those with `due_at_ms`, and none of them is waiting.
    due: BTreeSet<(u64, EndpointId)>,
    /// Endpoints that wait for the share of slow ones, first come first. Invariant: those that are `in_line`.
    line: VecDeque<EndpointId>,
    /// When endpoints with attempts under way were last looked at. Invariant: those that are `watched`, each once.
    watch: VecDeque<(u64, EndpointId)>,
    /// Deliveries that were taken up ahead and are to be put back.
    strays: Vec<Lease>,
    stopping: bool,
}

impl Slots {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            total: 0,
            slow: 0,
            body_bytes: 0,
            lanes: HashMap::new(),
            due: BTreeSet::new(),
            line: VecDeque::new(),
            watch: VecDeque::new(),
            strays: Vec::new(),
            stopping: false,
        }
    }

    /// A delivery of the endpoint is due at this moment.
    pub(super) fn lower(&mut self, endpoint: &EndpointId, at_ms: u64) {
        let lane = self.lane(endpoint);
        if let Some(waiting) = &mut lane.waiting {
            *waiting = at_ms.min(*waiting);
            return;
        }
        match lane.due_at_ms {
            Some(known) if known <= at_ms => {}
            known => {
                lane.due_at_ms = Some(at_ms);
                if let Some(known) = known {
                    self.due.remove(&(known, endpoint.clone()));
                }
                self.due.insert((at_ms, endpoint.clone()));
            }
        }
    }

    /// The endpoint is active and has held deliveries to send. `anew`: it has just come back.
    pub(super) fn drain(&mut self, endpoint: &EndpointId, now_ms: u64, anew: bool) {
        let lane = self.lane(endpoint);
        if anew {
            lane.begin_anew();
        }
        lane.draining = true;
        self.lower(endpoint, now_ms);
    }

    /// Takes a place for a delivery that is not in the store yet. Refused when another of the endpoint is due and waits for the
    /// loop, or one of any endpoint and places are scarce, so that new ones do not overtake it for ever.
    pub(super) fn reserve(&mut self, endpoint: &EndpointId, now_ms: u64) -> bool {
        self.watch(now_ms);
        let is_due = |at_ms: u64| at_ms <= now_ms;
        let others_first = self.due.first().is_some_and(|(at_ms, _)| is_due(*at_ms));
        if self.stopping || self.is_full() || (others_first && self.room_ahead() == 0) {
            return false;
        }
        let lane = self.lane(endpoint);
        if lane.waiting.is_some() || lane.draining || lane.due_at_ms.is_some_and(is_due) {
            return false;
        }
        match self.grant(endpoint, now_ms) {
            Grant::Places(1..) => {
                self.take(endpoint, 1, now_ms);
                true
            }
            _ => false,
        }
    }

    /// Takes a place for a probe. One an endpoint, so only the number of all places stands against it.
    pub(super) fn reserve_probe(&mut self, endpoint: &EndpointId, now_ms: u64) -> bool {
        if self.stopping || self.is_full() {
            return false;
        }
        self.take(endpoint, 1, now_ms);
        true
    }

    /// What is to be done now.
    pub(super) fn pick(&mut self, now_ms: u64) -> Pick {
        if self.stopping {
            return Pick::Stop;
        }
        self.watch(now_ms);
        let mut claims = Vec::new();
        while !self.is_full()
            && let Some((at_ms, _)) = self.due.first()
            && *at_ms <= now_ms
            && let Some((at_ms, endpoint)) = self.due.pop_first()
        {
            self.lane(&endpoint).due_at_ms = None;
            match self.grant(&endpoint, now_ms) {
                Grant::Places(places) => {
                    self.take(&endpoint, places, now_ms);
                    let held_max = self.held_max(&endpoint, places, now_ms);
                    claims.push(Claim {
                        endpoint_id: endpoint,
                        places,
                        held_max,
                    });
                }
                Grant::Own => self.lane(&endpoint).waiting = Some(at_ms),
                Grant::Share => {
                    let lane = self.lane(&endpoint);
                    lane.waiting = Some(at_ms);
                    if !std::mem::replace(&mut lane.in_line, true) {
                        self.line.push_back(endpoint);
                    }
                }
                Grant::Until(until_ms) => self.lower(&endpoint, until_ms),
            }
        }
        match claims.is_empty() {
            false => {
                let left = self.limits.body_bytes_max.saturating_sub(self.body_bytes);
                Pick::Claim(claims, left)
            }
            // Without a free place only an ended attempt helps.
            true if self.is_full() => Pick::Wait(None),
            true => Pick::Wait(self.due.first().map(|(at_ms, _)| *at_ms)),
        }
    }

    /// What came of a claim: what was not used is given back, and what is left is looked for again.
    pub(super) fn claimed(&mut self, claim: &Claim, claimed: &Claimed, now_ms: u64) {
        let endpoint = &claim.endpoint_id;
        let used = u32::try_from(claimed.leases.len()).unwrap_or(u32::MAX);
        let unused = claim.places.saturating_sub(used);
        let lane = self.lane(endpoint);
        if let Some(rate) = &mut lane.rate {
            rate.put_back(unused);
        }
        if let Some(drain) = &mut lane.drain {
            drain.put_back(claim.held_max.saturating_sub(claimed.held));
        }
        // A claim that was allowed none says nothing of them.
        lane.draining = lane.draining && (claim.held_max == 0 || claimed.held_left);
        let mut next_ms = claimed.next_due_at_ms;
        if lane.draining {
            let empty = lane
                .drain
                .as_mut()
                .is_some_and(|drain| drain.available(now_ms) == 0);
            let drain_ms = match &lane.drain {
                Some(drain) if empty => drain.next_ms(now_ms),
                // Some are becoming dead letters first; whoever does that says when it is done.
                _ if used == 0 => now_ms.saturating_add(SLOW_MS),
                _ => now_ms,
            };
            next_ms = Some(next_ms.unwrap_or(drain_ms).min(drain_ms));
        }
        self.release(endpoint, unused, 0);
        if let Some(next_ms) = next_ms {
            self.lower(endpoint, next_ms);
        }
    }

    /// Counts the body of an attempt that begins.
    pub(super) fn hold(&mut self, body_bytes: u64) {
        self.body_bytes = self.body_bytes.saturating_add(body_bytes);
    }

    fn learn(&mut self, endpoint: &EndpointId, pace: Pace, now_ms: u64) {
        let lane = self.lane(endpoint);
        let (was_trusted, is_trusted) = (lane.trusted, lane.learn(pace));
        lane.trusted = is_trusted;
        if pace != Pace::NotMade {
            lane.last_progress_ms = now_ms;
        }
        let in_flight = lane.in_flight;
        match (was_trusted, is_trusted) {
            (true, false) => {
                let strays = lane.ahead.drain(..).collect::<Vec<_>>();
                self.strays.extend(strays);
                self.slow = self.slow.saturating_add(in_flight);
            }
            (false, true) => self.slow = self.slow.saturating_sub(in_flight),
            _ => {}
        }
    }

    /// Gives back places. Returns whether the loop may have something to do now.
    pub(super) fn release(&mut self, endpoint: &EndpointId, places: u32, body_bytes: u64) -> bool {
        if places == 0 {
            return false;
        }
        let was_full = self.is_full();
        self.body_bytes = self.body_bytes.saturating_sub(body_bytes);
        self.total = self.total.saturating_sub(places);
        let room = self.room_ahead();
        let lane = self.lane(endpoint);
        lane.in_flight = lane.in_flight.saturating_sub(places);
        let (trusted, waited) = (lane.trusted, lane.wake(room));
        if !trusted {
            self.slow = self.slow.saturating_sub(places);
        }
        if let Some(at_ms) = waited {
            self.lower(endpoint, at_ms);
        }
        self.sweep(endpoint);
        let called = self.call_line(places);
        waited.is_some() || called || was_full || self.stopping || !self.strays.is_empty()
    }

    pub(super) fn stop(&mut self) {
        self.stopping = true;
    }

    pub(super) fn in_flight(&self) -> u32 {
        self.total
    }

    /// Lets the first in the line try again, one for each place that was given back.
    fn call_line(&mut self, places: u32) -> bool {
        let mut called = false;
        for _ in 0..places {
            let Some(first) = self.line.front() else {
                break;
            };
            let alone = self.lanes.get(first).is_none_or(|lane| lane.in_flight == 0);
            let room = self.slow < self.limits.slow_max || (alone && self.total < self.kept());
            if !room {
                break;
            }
            let Some(endpoint) = self.line.pop_front() else {
                break;
            };
            // None when it was deleted meanwhile.
            let Some(lane) = self.lanes.get_mut(&endpoint) else {
                continue;
            };
            lane.in_line = false;
            if let Some(at_ms) = lane.waiting.take() {
                self.lower(&endpoint, at_ms);
                called = true;
            }
        }
        called
    }

    fn grant(&mut self, endpoint: &EndpointId, now_ms: u64) -> Grant {
        let room = self.limits.total_max.saturating_sub(self.total);
        let share = self.limits.slow_max.saturating_sub(self.slow);
        let first = u32::from(self.total < self.kept());
        let ahead = self.room_ahead();
        let lane = self.lane(endpoint);
        let own = lane.free(ahead);
        if own == 0 {
            return Grant::Own;
        }
        let share = match (lane.trusted, lane.in_flight) {
            (true, _) => room,
            (false, 0) => share.max(first),
            (false, _) => share,
        };
        if share == 0 {
            return Grant::Share;
        }
        let rate = match &mut lane.rate {
            None => u32::MAX,
            Some(rate) => match rate.available(now_ms) {
                0 => return Grant::Until(rate.next_ms(now_ms)),
                tokens => tokens,
            },
        };
        Grant::Places(own.min(share).min(room).min(rate))
    }

    /// Held deliveries that may be among those that are claimed.
    fn held_max(&mut self, endpoint: &EndpointId, places: u32, now_ms: u64) -> u32 {
        let lane = self.lane(endpoint);
        match (lane.draining, &mut lane.drain) {
            (false, _) => 0,
            (true, None) => places,
            (true, Some(drain)) => {
                let tokens = drain.available(now_ms).min(places);
                drain.take(tokens, now_ms);
                tokens
            }
        }
    }

    fn take(&mut self, endpoint: &EndpointId, places: u32, now_ms: u64) {
        self.total = self.total.saturating_add(places);
        let lane = self.lane(endpoint);
        if lane.in_flight == 0 {
            lane.last_progress_ms = now_ms;
        }
        lane.in_flight = lane.in_flight.saturating_add(places);
        if let Some(rate) = &mut lane.rate {
            rate.take(places, now_ms);
        }
        let (trusted, watched) = (lane.trusted, std::mem::replace(&mut lane.watched, true));
        if !trusted {
            self.slow = self.slow.saturating_add(places);
        }
        if !watched {
            self.watch.push_back((now_ms, endpoint.clone()));
        }
    }

    /// Finds endpoints of which nothing was heard for too long while attempts are under way.
    fn watch(&mut self, now_ms: u64) {
        while let Some((at_ms, _)) = self.watch.front()
            && now_ms.saturating_sub(*at_ms) >= SLOW_MS
            && let Some((_, endpoint)) = self.watch.pop_front()
        {
            let Some(lane) = self.lanes.get_mut(&endpoint) else {
                continue;
            };
            lane.watched = lane.in_flight > 0;
            if !lane.watched {
                continue;
            }
            let silent = now_ms.saturating_sub(lane.last_progress_ms) >= SLOW_MS;
            let in_flight = lane.in_flight;
            if silent && std::mem::replace(&mut lane.trusted, false) {
                self.slow = self.slow.saturating_add(in_flight);
                self.strays.extend(lane.ahead.drain(..));
            }
            self.watch.push_back((now_ms, endpoint));
        }
    }

    /// Drops what is known of a deleted endpoint when nothing of it is under way.
    fn sweep(&mut self, endpoint: &EndpointId) {
        let done = |lane: &Lane| lane.gone && lane.in_flight == 0 && lane.due_at_ms.is_none();
        if self.lanes.get(endpoint).is_some_and(done) {
            self.lanes.remove(endpoint);
        }
    }

    fn is_full(&self) -> bool {
        self.total >= self.limits.total_max || self.body_bytes >= self.limits.body_bytes_max
    }

    /// Places that may be taken ahead.
    fn room_ahead(&self) -> u32 {
        let half = self.limits.total_max.div_euclid(2);
        half.saturating_sub(self.total)
    }

    /// How many places may be taken before only trusted endpoints get more.
    fn kept(&self) -> u32 {
        let kept = self.limits.total_max.div_ceil(8);
        self.limits.total_max.saturating_sub(kept).max(1)
    }

    fn lane(&mut self, endpoint: &EndpointId) -> &mut Lane {
        let concurrency = self.limits.endpoint_max;
        self.lanes
            .entry(endpoint.clone())
            .or_insert_with(|| Lane::new(concurrency))
    }
}
