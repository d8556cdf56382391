//! Lead scores: a counter per lead that its events raise or lower.

use super::IdTooLong;
use crate::event::EventKind;
use alloc::{borrow::ToOwned, collections::BTreeMap, string::String};
use core::fmt;
use serde::{Deserialize, Serialize};

/// Most leads that scores can be told to keep.
pub const LEADS_MAX: u32 = 1_000_000;

/// What each event adds to the score of its lead. The default is the documented one: an open adds 1 (S44).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LeadWeights {
    /// A mail was sent.
    pub sent: i32,
    /// A mail was delivered.
    pub delivered: i32,
    /// A mail was opened.
    pub opened: i32,
    /// A link was clicked.
    pub clicked: i32,
    /// The lead replied.
    pub replied: i32,
    /// A mail bounced.
    pub bounced: i32,
    /// The lead marked a mail as spam.
    pub complained: i32,
    /// The lead opted out.
    pub unsubscribed: i32,
}

impl Default for LeadWeights {
    fn default() -> Self {
        Self {
            sent: 0,
            delivered: 0,
            opened: 1,
            clicked: 0,
            replied: 0,
            bounced: 0,
            complained: 0,
            unsubscribed: 0,
        }
    }
}

impl LeadWeights {
    /// What an event of this kind adds; nothing for those that are not about a mail to a lead.
    pub const fn of(&self, kind: EventKind) -> i32 {
        match kind {
            EventKind::Sent => self.sent,
            EventKind::Delivered => self.delivered,
            EventKind::Opened => self.opened,
            EventKind::Clicked => self.clicked,
            EventKind::Replied => self.replied,
            EventKind::Bounced => self.bounced,
            EventKind::Complained => self.complained,
            EventKind::Unsubscribed => self.unsubscribed,
            EventKind::CampaignStarted
            | EventKind::CampaignCompleted
            | EventKind::CampaignPaused
            | EventKind::LeadCreated
            | EventKind::LeadValidated
            | EventKind::Delayed
            | EventKind::Failed
            | EventKind::Resubscribed
            | EventKind::Received
            | EventKind::Other => 0,
        }
    }
}

/// Why an event was not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeadScoresError {
    /// The lead's id is too long.
    Id(IdTooLong),
    /// As many leads as allowed have a score already, and this is none of them. [`LeadScores::remove`] makes room.
    Full {
        /// How many that are.
        leads: u32,
    },
}

impl LeadScoresError {
    /// The name of the mistake.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Id(error) => error.code(),
            Self::Full { .. } => "lead_scores_full",
        }
    }
}

impl fmt::Display for LeadScoresError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(error) => error.fmt(f),
            Self::Full { leads } => write!(
                f,
                "{leads} leads have a score, which is the limit; remove one or raise it"
            ),
        }
    }
}

impl core::error::Error for LeadScoresError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Id(error) => Some(error),
            Self::Full { .. } => None,
        }
    }
}

/// Scores of leads (S44). Memory is bounded: beyond the bound no lead is taken up and none is forgotten.
///
/// ```
/// use countersign_core::{analytics::{LeadScores, LeadWeights}, event::EventKind};
///
/// let mut scores = LeadScores::new(LeadWeights::default(), 1_000);
/// scores.observe("123", EventKind::Opened)?;
/// assert_eq!(scores.observe("123", EventKind::Opened)?, 2);
/// assert_eq!(scores.score("123"), 2);
/// assert_eq!(scores.score("124"), 0);
/// # Ok::<(), countersign_core::analytics::LeadScoresError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadScores {
    weights: LeadWeights,
    leads_max: u32,
    leads: BTreeMap<String, i64>,
}

impl LeadScores {
    /// Nobody has a score yet. `leads_max`: how many may have one, at most [`LEADS_MAX`].
    pub fn new(weights: LeadWeights, leads_max: u32) -> Self {
        Self {
            weights,
            leads_max: leads_max.min(LEADS_MAX),
            leads: BTreeMap::new(),
        }
    }

    /// Counts an event of a lead and returns its score. An event that adds nothing takes no room. Scores stop at the ends
    /// of `i64`.
    ///
    /// # Errors
    /// [`LeadScoresError`]; nothing is counted then.
    pub fn observe(&mut self, lead_id: &str, kind: EventKind) -> Result<i64, LeadScoresError> {
        IdTooLong::check(lead_id).map_err(LeadScoresError::Id)?;
        let weight = i64::from(self.weights.of(kind));
        if let Some(score) = self.leads.get_mut(lead_id) {
            *score = score.saturating_add(weight);
            return Ok(*score);
        }
        if weight == 0 {
            return Ok(0);
        }
        let leads_max = self.leads_max.min(LEADS_MAX);
        if u32::try_from(self.leads.len()).unwrap_or(u32::MAX) >= leads_max {
            return Err(LeadScoresError::Full { leads: leads_max });
        }
        self.leads.insert(lead_id.to_owned(), weight);
        Ok(weight)
    }

    /// The score of a lead; `0` for one of whom nothing is known.
    pub fn score(&self, lead_id: &str) -> i64 {
        self.leads.get(lead_id).copied().unwrap_or(0)
    }

    /// Every lead with a score, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        self.leads.iter().map(|(id, score)| (id.as_str(), *score))
    }

    /// Forgets a lead and returns its score.
    pub fn remove(&mut self, lead_id: &str) -> Option<i64> {
        self.leads.remove(lead_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    // Holds: S44
    #[test]
    fn an_open_adds_one_and_nothing_else_does() {
        let mut scores = LeadScores::new(LeadWeights::default(), 10);
        for (kind, score) in [
            (EventKind::Sent, 0),
            (EventKind::Opened, 1),
            (EventKind::Clicked, 1),
            (EventKind::Replied, 1),
            (EventKind::Opened, 2),
            (EventKind::Other, 2),
        ] {
            assert_eq!(scores.observe("7", kind), Ok(score), "{kind:?}");
        }
        assert_eq!(scores.iter().collect::<Vec<_>>(), [("7", 2)]);
        assert_eq!(scores.remove("7"), Some(2));
        assert_eq!(scores.score("7"), 0);
    }

    #[test]
    fn weights_are_settings_and_scores_saturate() {
        let weights: LeadWeights =
            serde_json::from_str(r#"{"replied":2147483647,"bounced":-5}"#).unwrap();
        let mut scores = LeadScores::new(weights, 10);
        assert_eq!(scores.observe("a", EventKind::Bounced), Ok(-5));
        assert_eq!(scores.observe("a", EventKind::Opened), Ok(-4));
        scores.leads.insert("b".to_owned(), i64::MAX - 1);
        assert_eq!(scores.observe("b", EventKind::Replied), Ok(i64::MAX));
        scores.leads.insert("c".to_owned(), i64::MIN);
        assert_eq!(scores.observe("c", EventKind::Bounced), Ok(i64::MIN));
    }

    #[test]
    fn a_full_house_takes_nobody_in_and_forgets_nobody() {
        let mut scores = LeadScores::new(LeadWeights::default(), 2);
        assert_eq!(scores.observe("a", EventKind::Opened), Ok(1));
        assert_eq!(scores.observe("x", EventKind::Sent), Ok(0));
        assert_eq!(scores.observe("b", EventKind::Opened), Ok(1));
        let full = Err(LeadScoresError::Full { leads: 2 });
        assert_eq!(scores.observe("c", EventKind::Opened), full);
        assert_eq!(scores.observe("c", EventKind::Sent), Ok(0));
        assert_eq!(scores.observe("a", EventKind::Opened), Ok(2));
        scores.remove("b");
        assert_eq!(scores.observe("c", EventKind::Opened), Ok(1));
        let json = serde_json::to_string(&scores).unwrap();
        assert_eq!(serde_json::from_str::<LeadScores>(&json).unwrap(), scores);
        let long = "x".repeat(super::super::ID_BYTES_MAX + 1);
        assert_eq!(
            scores.observe(&long, EventKind::Opened),
            Err(LeadScoresError::Id(IdTooLong { bytes: 257 }))
        );
    }
}
