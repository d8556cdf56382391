//! Bounce spikes: too many bounces of one campaign within an hour.

use super::IdTooLong;
use crate::event::EventKind;
use alloc::{borrow::ToOwned, collections::BTreeMap, string::String};
use core::fmt;
use serde::{Deserialize, Serialize};

/// Most campaigns that a monitor can be told to follow at a time. One takes a few hundred bytes at most.
pub const CAMPAIGNS_MAX: u32 = 100_000;

/// Campaigns that a monitor follows at a time when it is told nothing else.
pub const CAMPAIGNS_STANDARD: u32 = 10_000;

/// When bounces are a spike. The default is the documented rule (E39).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BounceSpikeRule {
    /// What bounces are compared with.
    pub denominator: Denominator,
    /// The rate must be above this, in tenths of a percent: 50 is 5 %.
    pub rate_above_permille: u32,
    /// The number that bounces are compared with must be above this.
    pub total_above: u64,
    /// Length of a window, in seconds. It begins with an event, and the first event that comes at its end or later begins
    /// the next one.
    pub window_s: u64,
    /// Campaigns that are followed at a time, at most [`CAMPAIGNS_MAX`].
    pub campaigns_max: u32,
}

/// What bounces are compared with (R-E9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Denominator {
    /// Every event of the campaign, bounces and those that have nothing to do with mails included (E39).
    #[default]
    AllEvents,
    /// The mails sent.
    Sent,
}

impl Default for BounceSpikeRule {
    /// More than 5 % of more than 20 events within an hour.
    fn default() -> Self {
        Self {
            denominator: Denominator::AllEvents,
            rate_above_permille: 50,
            total_above: 20,
            window_s: 3_600,
            campaigns_max: CAMPAIGNS_STANDARD,
        }
    }
}

/// Watches the bounces of campaigns (E39, R-E9).
///
/// Memory is bounded. When one campaign more than allowed shows up, those whose window is over are forgotten; if there is
/// none, the one whose window began first is. What was counted for it is lost, and it starts from nothing at its next
/// event. Finding room takes one look at each campaign, so the bound is also a bound of work.
///
/// ```
/// use countersign_core::{analytics::BounceSpikeMonitor, event::EventKind};
///
/// let mut monitor = BounceSpikeMonitor::default();
/// for _ in 0..19 {
///     assert_eq!(monitor.observe("cmp_1", EventKind::Sent, 1_000)?, None);
/// }
/// assert_eq!(monitor.observe("cmp_1", EventKind::Bounced, 1_001)?, None);
/// let spike = monitor.observe("cmp_1", EventKind::Bounced, 1_002)?.expect("2 of 21");
/// assert_eq!(spike.to_string(), "campaign cmp_1: 9.5 % bounces (2 of 21)");
/// # Ok::<(), countersign_core::analytics::IdTooLong>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BounceSpikeMonitor {
    rule: BounceSpikeRule,
    campaigns: BTreeMap<String, Window>,
}

/// What a campaign did since its window began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Window {
    began_at_s: u64,
    events: u64,
    sent: u64,
    bounces: u64,
    fired: bool,
}

/// A spike. The recipe pauses the campaign and tells its owner (E39).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BounceSpike {
    /// The campaign.
    pub campaign_id: String,
    /// Bounces in the window so far.
    pub bounces: u64,
    /// What they are compared with.
    pub total: u64,
    /// When the window began, unix seconds.
    pub window_began_at_s: u64,
    /// The rate in tenths of a percent, rounded half up: 95 is 9.5 %. It can be above 1000 when bounces are compared with
    /// the mails sent, because a bounce may come in a later window than its mail.
    pub rate_permille: u64,
}

impl BounceSpike {
    /// The rate in percent, to one decimal as documented: `9.5`.
    pub fn rate_percent(&self) -> impl fmt::Display + use<> {
        Percent(self.rate_permille)
    }
}

struct Percent(u64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.0.checked_div(10).unwrap_or(0);
        let tenths = self.0.checked_rem(10).unwrap_or(0);
        write!(f, "{whole}.{tenths}")
    }
}

impl fmt::Display for BounceSpike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "campaign {}: {} % bounces ({} of {})",
            self.campaign_id,
            self.rate_percent(),
            self.bounces,
            self.total
        )
    }
}

impl BounceSpikeMonitor {
    /// A monitor that has seen nothing. A bound of more than [`CAMPAIGNS_MAX`] is taken as that, and `0` as `1`.
    pub fn new(rule: BounceSpikeRule) -> Self {
        Self {
            rule,
            campaigns: BTreeMap::new(),
        }
    }

    /// Counts an event of a campaign, seen at `now_s` (unix seconds). Returns a spike once per window, with the event that
    /// makes it one.
    ///
    /// A time before the window's begin counts as in the window, unless it is so long before that a clock must have been
    /// set; then a new window begins.
    ///
    /// # Errors
    /// [`IdTooLong`]; nothing is counted then.
    pub fn observe(
        &mut self,
        campaign_id: &str,
        kind: EventKind,
        now_s: u64,
    ) -> Result<Option<BounceSpike>, IdTooLong> {
        IdTooLong::check(campaign_id)?;
        let rule = self.rule;
        if !self.campaigns.contains_key(campaign_id) {
            self.make_room(now_s);
        }
        let window = self
            .campaigns
            .entry(campaign_id.to_owned())
            .or_insert_with(|| Window::new(now_s));
        if window.is_over(now_s, rule.window_s) {
            *window = Window::new(now_s);
        }
        window.count(kind);
        Ok(window.fire(&rule).map(|total| BounceSpike {
            campaign_id: campaign_id.to_owned(),
            bounces: window.bounces,
            total,
            window_began_at_s: window.began_at_s,
            rate_permille: rate_permille(window.bounces, total),
        }))
    }

    /// Campaigns that are followed at the moment.
    pub fn campaigns(&self) -> usize {
        self.campaigns.len()
    }

    /// Forgets what is needed to take up one campaign more.
    fn make_room(&mut self, now_s: u64) {
        let limit = usize::try_from(self.rule.campaigns_max.clamp(1, CAMPAIGNS_MAX));
        let limit = limit.unwrap_or(usize::MAX);
        if self.campaigns.len() < limit {
            return;
        }
        let window_s = self.rule.window_s;
        self.campaigns
            .retain(|_, window| !window.is_over(now_s, window_s));
        // Once, unless the state was kept under a larger bound.
        while self.campaigns.len() >= limit {
            let oldest = self
                .campaigns
                .iter()
                .min_by_key(|(_, window)| window.began_at_s)
                .map(|(id, _)| id.clone());
            match oldest {
                Some(id) => self.campaigns.remove(&id),
                None => return,
            };
        }
    }
}

impl Window {
    const fn new(began_at_s: u64) -> Self {
        Self {
            began_at_s,
            events: 0,
            sent: 0,
            bounces: 0,
            fired: false,
        }
    }

    const fn is_over(&self, now_s: u64, window_s: u64) -> bool {
        now_s.abs_diff(self.began_at_s) >= window_s
    }

    fn count(&mut self, kind: EventKind) {
        self.events = self.events.saturating_add(1);
        match kind {
            EventKind::Sent => self.sent = self.sent.saturating_add(1),
            EventKind::Bounced => self.bounces = self.bounces.saturating_add(1),
            _ => {}
        }
    }

    /// The total, if it is a spike and was none before.
    fn fire(&mut self, rule: &BounceSpikeRule) -> Option<u64> {
        let total = match rule.denominator {
            Denominator::AllEvents => self.events,
            Denominator::Sent => self.sent,
        };
        let above = u128::from(self.bounces).saturating_mul(1_000)
            > u128::from(total).saturating_mul(u128::from(rule.rate_above_permille));
        if self.fired || total <= rule.total_above || !above {
            return None;
        }
        self.fired = true;
        Some(total)
    }
}

fn rate_permille(bounces: u64, total: u64) -> u64 {
    let total = u128::from(total);
    let rounded = u128::from(bounces)
        .saturating_mul(2_000)
        .saturating_add(total)
        .checked_div(total.saturating_mul(2));
    rounded.map_or(0, |rate| u64::try_from(rate).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, string::ToString};

    fn feed(
        monitor: &mut BounceSpikeMonitor,
        kind: EventKind,
        count: u32,
        at_s: u64,
    ) -> Option<BounceSpike> {
        let mut found = None;
        for _ in 0..count {
            let spike = monitor.observe("cmp", kind, at_s).unwrap();
            assert!(found.is_none() || spike.is_none(), "fired twice");
            found = found.or(spike);
        }
        found
    }

    // Holds: E39, R-E9
    #[test]
    fn both_limits_are_strict() {
        // E39: more than 5 % of more than 20.
        for (bounces, others, rate) in [
            (1, 19, None),
            (2, 18, None),
            (20, 0, None),
            (1, 20, None),
            (2, 19, Some("9.5")),
            (21, 0, Some("100.0")),
        ] {
            let mut monitor = BounceSpikeMonitor::default();
            let early = feed(&mut monitor, EventKind::Bounced, bounces, 0);
            let found = early.or(feed(&mut monitor, EventKind::Opened, others, 0));
            let found = found.map(|spike| spike.rate_percent().to_string());
            assert_eq!(found.as_deref(), rate, "{bounces} of {}", bounces + others);
        }
        // Exactly 5 % is not above it: 2 of 40, reached from below.
        let mut monitor = BounceSpikeMonitor::default();
        assert_eq!(feed(&mut monitor, EventKind::Sent, 38, 0), None);
        assert_eq!(feed(&mut monitor, EventKind::Bounced, 2, 0), None);
        let third = feed(&mut monitor, EventKind::Bounced, 1, 0).unwrap();
        assert_eq!(third.rate_percent().to_string(), "7.3");
        assert_eq!((third.bounces, third.total), (3, 41));
    }

    // Holds: E39, R-E9
    #[test]
    fn the_window_restarts_at_3600_seconds_and_not_before() {
        for (later_s, fires) in [(3_599, true), (3_600, false), (90_000, false)] {
            let mut monitor = BounceSpikeMonitor::default();
            assert_eq!(feed(&mut monitor, EventKind::Sent, 20, 7), None);
            let found = feed(&mut monitor, EventKind::Bounced, 2, 7 + later_s);
            assert_eq!(found.is_some(), fires, "{later_s}");
        }
    }

    // Holds: R-E9
    #[test]
    fn a_spike_is_told_once_per_window() {
        let mut monitor = BounceSpikeMonitor::default();
        assert!(feed(&mut monitor, EventKind::Bounced, 100, 0).is_some());
        assert!(feed(&mut monitor, EventKind::Bounced, 100, 3_599).is_none());
        let next = feed(&mut monitor, EventKind::Bounced, 100, 3_600).unwrap();
        assert_eq!((next.total, next.window_began_at_s), (21, 3_600));
    }

    // Holds: R-E9
    #[test]
    fn bounces_can_be_compared_with_the_mails_sent() {
        let rule = BounceSpikeRule {
            denominator: Denominator::Sent,
            ..BounceSpikeRule::default()
        };
        let mut monitor = BounceSpikeMonitor::new(rule);
        assert_eq!(feed(&mut monitor, EventKind::Opened, 100, 0), None);
        assert_eq!(feed(&mut monitor, EventKind::Bounced, 30, 0), None);
        assert_eq!(feed(&mut monitor, EventKind::Sent, 20, 0), None);
        let spike = feed(&mut monitor, EventKind::Sent, 1, 0).unwrap();
        assert_eq!((spike.bounces, spike.total), (30, 21));
        assert_eq!(spike.rate_percent().to_string(), "142.9");
        // The documented way counts the opens, too.
        let mut documented = BounceSpikeMonitor::default();
        assert_eq!(feed(&mut documented, EventKind::Other, 57, 0), None);
        assert_eq!(feed(&mut documented, EventKind::Bounced, 3, 0), None);
        assert!(feed(&mut documented, EventKind::Bounced, 1, 0).is_some());
    }

    #[test]
    fn campaigns_are_counted_apart_and_kept_by_serde() {
        let mut monitor = BounceSpikeMonitor::default();
        for place in 0..20 {
            let campaign = ["a", "b"][place % 2];
            assert_eq!(
                monitor.observe(campaign, EventKind::Bounced, 0),
                Ok(None),
                "{place}"
            );
        }
        assert_eq!(monitor.campaigns(), 2);
        let json = serde_json::to_string(&monitor).unwrap();
        let read: BounceSpikeMonitor = serde_json::from_str(&json).unwrap();
        assert_eq!(read, monitor);
    }

    #[test]
    fn at_the_bound_ended_windows_go_first_and_then_the_oldest() {
        let rule = BounceSpikeRule {
            campaigns_max: 3,
            ..BounceSpikeRule::default()
        };
        let mut monitor = BounceSpikeMonitor::new(rule);
        let mut see = |id: &str, at_s| {
            monitor.observe(id, EventKind::Sent, at_s).unwrap();
            let ids: alloc::vec::Vec<_> = monitor.campaigns.keys().cloned().collect();
            ids.join(" ")
        };
        assert_eq!(see("c", 0), "c");
        assert_eq!(see("b", 10), "b c");
        assert_eq!(see("a", 20), "a b c");
        assert_eq!(see("d", 30), "a b d");
        assert_eq!(see("a", 3_620), "a b d");
        assert_eq!(see("e", 3_625), "a d e");
        for number in 0..1_000 {
            assert!(see(&format!("{number}"), 3_625).split(' ').count() <= 3);
        }
        // A state from a time with a larger bound shrinks.
        monitor.rule.campaigns_max = 0;
        monitor.observe("z", EventKind::Sent, 3_625).unwrap();
        assert_eq!(monitor.campaigns(), 1);
    }

    #[test]
    fn extremes_do_no_harm() {
        let mut monitor = BounceSpikeMonitor::new(BounceSpikeRule {
            rate_above_permille: 0,
            total_above: 0,
            window_s: 0,
            ..BounceSpikeRule::default()
        });
        for at_s in [u64::MAX, 0, u64::MAX] {
            let spike = monitor.observe("c", EventKind::Bounced, at_s).unwrap();
            assert_eq!(spike.unwrap().total, 1, "every event begins a window");
        }
        let long = "x".repeat(super::super::ID_BYTES_MAX + 1);
        let error = monitor.observe(&long, EventKind::Sent, 0).unwrap_err();
        assert_eq!(error, IdTooLong { bytes: 257 });
        assert_eq!(rate_permille(u64::MAX, 1), u64::MAX);
        assert_eq!(rate_permille(u64::MAX, u64::MAX), 1_000);
        assert_eq!(rate_permille(1, 0), 0);
        // A tie goes up: 6.25 % is 6.3 %.
        assert_eq!(rate_permille(1, 16), 63);
    }
}
