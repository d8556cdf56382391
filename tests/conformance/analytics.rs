//! Analytics hold for any stream of events and any text: compared with a second, slower way to say the same.
#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing
)]

use countersign_core::{
    analytics::{
        BounceSpikeMonitor, BounceSpikeRule, Denominator, LeadScores, LeadWeights, MeetingIntent,
        PhraseMatching,
    },
    event::EventKind,
};
use proptest::prelude::*;

fn kind() -> impl Strategy<Value = EventKind> {
    prop::sample::select(vec![
        EventKind::Sent,
        EventKind::Opened,
        EventKind::Bounced,
        EventKind::CampaignPaused,
        EventKind::Other,
    ])
}

/// Whole events of one campaign, with ever later times.
fn stream() -> impl Strategy<Value = Vec<(EventKind, u64)>> {
    prop::collection::vec((kind(), 0..600_u64), 0..200).prop_map(|steps| {
        let mut now_s = 0;
        let later = |(kind, step_s)| {
            now_s += step_s / 8;
            (kind, now_s)
        };
        steps.into_iter().map(later).collect()
    })
}

/// Where spikes are, found by looking back over the whole stream at each event.
fn spikes_of(stream: &[(EventKind, u64)], denominator: Denominator) -> Vec<usize> {
    let (mut began, mut fired) = (0, false);
    let mut spikes = Vec::new();
    for (place, (_, now_s)) in stream.iter().enumerate() {
        if now_s - stream[began].1 >= 3_600 {
            (began, fired) = (place, false);
        }
        let window = &stream[began..=place];
        let count = |wanted| window.iter().filter(|(kind, _)| *kind == wanted).count();
        let total = match denominator {
            Denominator::AllEvents => window.len(),
            Denominator::Sent => count(EventKind::Sent),
        };
        // More than 5 % is more than one of twenty.
        if !fired && total > 20 && count(EventKind::Bounced) * 20 > total {
            fired = true;
            spikes.push(place);
        }
    }
    spikes
}

proptest! {
    // Holds: E39, R-E9
    #[test]
    fn a_monitor_finds_what_looking_back_finds(stream in stream(), all: bool) {
        let denominator = match all {
            true => Denominator::AllEvents,
            false => Denominator::Sent,
        };
        let rule = BounceSpikeRule { denominator, ..BounceSpikeRule::default() };
        let mut monitor = BounceSpikeMonitor::new(rule);
        let mut found = Vec::new();
        for (place, (kind, at_s)) in stream.iter().enumerate() {
            // Another campaign between them changes nothing.
            monitor.observe("other", EventKind::Sent, *at_s).unwrap();
            if let Some(spike) = monitor.observe("one", *kind, *at_s).unwrap() {
                prop_assert!(spike.bounces * 20 > spike.total);
                found.push(place);
            }
        }
        prop_assert_eq!(found, spikes_of(&stream, denominator));
    }

    #[test]
    fn a_monitor_keeps_its_bound(
        events in prop::collection::vec(("[a-j]", kind(), any::<u64>()), 0..200), campaigns_max in 0..6_u32,
    ) {
        let rule = BounceSpikeRule { campaigns_max, ..BounceSpikeRule::default() };
        let mut monitor = BounceSpikeMonitor::new(rule);
        for (campaign, kind, at_s) in events {
            monitor.observe(&campaign, kind, at_s).unwrap();
            prop_assert!(monitor.campaigns() <= campaigns_max.max(1) as usize);
        }
    }

    // Holds: R-E10
    #[test]
    fn a_phrase_on_word_borders_is_also_a_substring(
        before in "[a-z' \u{2019}\u{e9}\u{301}]{0,6}|\\PC{0,6}", after in "[a-z' \u{2019}\u{e9}\u{301}]{0,6}|\\PC{0,6}",
        phrase in "[a-z]{1,3}( [a-z]{1,3})?",
    ) {
        let text = format!("{before}{phrase}{after}");
        let of = |matching| MeetingIntent::new(matching, [phrase.as_str()]).unwrap();
        // It was put there, so it is found as a substring whatever stands around it.
        let exact = of(PhraseMatching::ExactSubstring);
        prop_assert_eq!(exact.find(&text), Some(phrase.as_str()));
        // And on word borders when nothing but blanks stands around it.
        let borders = of(PhraseMatching::WordBorders);
        let apart = format!("{before} {phrase} {after}");
        prop_assert_eq!(borders.find(&apart), Some(phrase.as_str()));
        let inside = format!("x{phrase}y");
        prop_assert_eq!(borders.find(&inside), None);
    }

    #[test]
    fn no_text_makes_a_search_panic(text: String, phrases in prop::collection::vec("\\PC{1,20}", 0..5)) {
        for matching in [PhraseMatching::WordBorders, PhraseMatching::ExactSubstring] {
            if let Ok(intent) = MeetingIntent::new(matching, phrases.iter().map(String::as_str)) {
                let found = intent.find(&text);
                prop_assert!(found.is_none_or(|found| phrases.iter().any(|phrase| phrase == found)));
            }
        }
    }

    #[test]
    fn scores_are_sums(events in prop::collection::vec(("[a-d]", kind()), 0..100), opened: i32, bounced: i32) {
        let weights = LeadWeights { opened, bounced, ..LeadWeights::default() };
        let mut scores = LeadScores::new(weights, 10);
        for (lead, kind) in &events {
            scores.observe(lead, *kind).unwrap();
        }
        for lead in ["a", "b", "c", "d"] {
            let of_lead = events.iter().filter(|(id, _)| id == lead);
            let sum: i64 = of_lead.map(|(_, kind)| i64::from(weights.of(*kind))).sum();
            prop_assert_eq!(scores.score(lead), sum);
        }
    }
}
