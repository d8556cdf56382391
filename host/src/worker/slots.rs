//! Who may send now: places for attempts under way, and when the deliveries of which endpoint are due.
//!
//! Times are hints that make the loop look into the store at the right moment; the store decides what is due. A hint that
//! is too early costs a look; a hint that were missing would cost a delivery its time, so the loop renews all of them now
//! and then.

use crate::ids::EndpointId;
use std::collections::{BTreeSet, HashMap};

/// How many attempts may be under way.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Over all endpoints.
    pub total_max: u32,
    /// To one endpoint.
    pub endpoint_max: u32,
}

/// What the loop is to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pick {
    /// Claim up to so many deliveries of each; the places are taken already.
    Claim(Vec<(EndpointId, u32)>),
    /// Nothing can be begun before this moment, unless something happens.
    Wait(Option<u64>),
    /// No attempt begins any more.
    Stop,
}

#[derive(Debug)]
pub(super) struct Slots {
    limits: Limits,
    total: u32,
    in_flight: HashMap<EndpointId, u32>,
    /// Endpoints with pending deliveries, by the time the next one is due.
    due: BTreeSet<(u64, EndpointId)>,
    due_at_ms: HashMap<EndpointId, u64>,
    /// Endpoints with due deliveries and no place left. Invariant: none of them is in `due`.
    waiting: HashMap<EndpointId, u64>,
    stopping: bool,
}

impl Slots {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            total: 0,
            in_flight: HashMap::new(),
            due: BTreeSet::new(),
            due_at_ms: HashMap::new(),
            waiting: HashMap::new(),
            stopping: false,
        }
    }

    /// Other limits from now on. What is under way stays.
    pub(super) fn limit(&mut self, limits: Limits) {
        self.limits = limits;
        for (endpoint, at_ms) in std::mem::take(&mut self.waiting) {
            self.lower(&endpoint, at_ms);
        }
    }

    /// A delivery of the endpoint is due at this moment.
    pub(super) fn lower(&mut self, endpoint: &EndpointId, at_ms: u64) {
        if let Some(waiting) = self.waiting.get_mut(endpoint) {
            *waiting = at_ms.min(*waiting);
            return;
        }
        match self.due_at_ms.get_mut(endpoint) {
            Some(known) if *known <= at_ms => {}
            Some(known) => {
                self.due.remove(&(*known, endpoint.clone()));
                *known = at_ms;
                self.due.insert((at_ms, endpoint.clone()));
            }
            None => {
                self.due_at_ms.insert(endpoint.clone(), at_ms);
                self.due.insert((at_ms, endpoint.clone()));
            }
        }
    }

    /// Takes a place for a delivery that is not in the store yet. Refused when any delivery is due and waits for the loop,
    /// so that new ones do not overtake it for ever.
    pub(super) fn reserve(&mut self, endpoint: &EndpointId, now_ms: u64) -> bool {
        let others_first = self.due.first().is_some_and(|(at_ms, _)| *at_ms <= now_ms)
            || self.waiting.contains_key(endpoint);
        if self.stopping || others_first || self.free(endpoint) == 0 {
            return false;
        }
        self.take(endpoint, 1);
        true
    }

    /// What is to be done now.
    pub(super) fn pick(&mut self, now_ms: u64) -> Pick {
        if self.stopping {
            return Pick::Stop;
        }
        let mut claims = Vec::new();
        while self.total < self.limits.total_max
            && let Some((at_ms, _)) = self.due.first()
            && *at_ms <= now_ms
            && let Some((at_ms, endpoint)) = self.due.pop_first()
        {
            self.due_at_ms.remove(&endpoint);
            match self.free(&endpoint) {
                0 => {
                    self.waiting.insert(endpoint, at_ms);
                }
                free => {
                    self.take(&endpoint, free);
                    claims.push((endpoint, free));
                }
            }
        }
        match claims.is_empty() {
            false => Pick::Claim(claims),
            // Without a free place only an ended attempt helps.
            true if self.total >= self.limits.total_max => Pick::Wait(None),
            true => Pick::Wait(self.due.first().map(|(at_ms, _)| *at_ms)),
        }
    }

    /// Gives back places. Returns whether the loop may have something to do now.
    pub(super) fn release(&mut self, endpoint: &EndpointId, places: u32) -> bool {
        if places == 0 {
            return false;
        }
        let was_full = self.total >= self.limits.total_max;
        self.total = self.total.saturating_sub(places);
        if let Some(in_flight) = self.in_flight.get_mut(endpoint) {
            *in_flight = in_flight.saturating_sub(places);
            if *in_flight == 0 {
                self.in_flight.remove(endpoint);
            }
        }
        match self.waiting.remove(endpoint) {
            Some(at_ms) => {
                self.lower(endpoint, at_ms);
                true
            }
            None => was_full || self.stopping,
        }
    }

    pub(super) fn stop(&mut self) {
        self.stopping = true;
    }

    pub(super) fn in_flight(&self) -> u32 {
        self.total
    }

    fn free(&self, endpoint: &EndpointId) -> u32 {
        let used = self.in_flight.get(endpoint).copied().unwrap_or(0);
        let free = self.limits.endpoint_max.saturating_sub(used);
        free.min(self.limits.total_max.saturating_sub(self.total))
    }

    fn take(&mut self, endpoint: &EndpointId, places: u32) {
        self.total = self.total.saturating_add(places);
        let in_flight = self.in_flight.entry(endpoint.clone()).or_default();
        *in_flight = in_flight.saturating_add(places);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::SystemChance;

    fn slots() -> Slots {
        Slots::new(Limits {
            total_max: 5,
            endpoint_max: 2,
        })
    }

    fn endpoints<const N: usize>() -> [EndpointId; N] {
        std::array::from_fn(|place| EndpointId::new(place as u64, &SystemChance))
    }

    #[test]
    fn what_is_due_is_claimed_in_order_and_within_the_limits() {
        let (mut slots, [a, b, c]) = (slots(), endpoints());
        slots.lower(&a, 30);
        slots.lower(&b, 20);
        slots.lower(&c, 99);
        assert_eq!(slots.pick(10), Pick::Wait(Some(20)));
        assert_eq!(
            slots.pick(30),
            Pick::Claim(vec![(b.clone(), 2), (a.clone(), 2)])
        );
        assert_eq!(slots.pick(99), Pick::Claim(vec![(c.clone(), 1)]));
        assert_eq!(slots.pick(99), Pick::Wait(None));
        assert_eq!(slots.in_flight(), 5);
        assert!(slots.release(&a, 1));
        assert_eq!(slots.pick(99), Pick::Wait(None));
    }

    #[test]
    fn an_endpoint_that_hangs_does_not_keep_the_others_waiting() {
        let (mut slots, [hanging, healthy]) = (slots(), endpoints());
        slots.lower(&hanging, 1);
        assert_eq!(slots.pick(1), Pick::Claim(vec![(hanging.clone(), 2)]));
        slots.lower(&hanging, 1);
        assert_eq!(slots.pick(1), Pick::Wait(None));
        assert!(!slots.reserve(&hanging, 1));
        assert!(slots.reserve(&healthy, 1));
        // Its backlog is taken up when a place is free again.
        assert!(slots.release(&hanging, 1));
        assert_eq!(slots.pick(1), Pick::Claim(vec![(hanging.clone(), 1)]));
    }

    #[test]
    fn a_new_delivery_does_not_overtake_a_due_one() {
        let (mut slots, [a, b]) = (slots(), endpoints());
        slots.lower(&a, 5);
        assert!(slots.reserve(&b, 4));
        assert!(!slots.reserve(&b, 5));
    }

    #[test]
    fn the_earliest_hint_counts() {
        let (mut slots, [a]) = (slots(), endpoints());
        slots.lower(&a, 9);
        slots.lower(&a, 7);
        slots.lower(&a, 8);
        assert_eq!(slots.pick(0), Pick::Wait(Some(7)));
        assert_eq!(slots.pick(7), Pick::Claim(vec![(a, 2)]));
        assert_eq!(slots.pick(9), Pick::Wait(None));
    }

    #[test]
    fn nothing_begins_after_a_stop() {
        let (mut slots, [a]) = (slots(), endpoints());
        slots.lower(&a, 1);
        slots.stop();
        assert_eq!(slots.pick(5), Pick::Stop);
        assert!(!slots.reserve(&a, 0));
    }
}
