//! Analytics over events: a bounce-spike monitor, meeting intent in replies, and lead scores.
//!
//! State machines like all of core: events and time come in, findings go out. Nothing here looks at payloads; callers hand
//! over ids as text (R-X6), what happened as an [`EventKind`](crate::event::EventKind), and the time. All state can be
//! written and read with serde, and all of it is bounded.
//!
//! Whoever counts should count an event once: drop repeats of a delivery first, by its id.

mod bounce_spike;
mod lead_score;
mod meeting_intent;

pub use self::{
    bounce_spike::{
        BounceSpike, BounceSpikeMonitor, BounceSpikeRule, CAMPAIGNS_MAX, CAMPAIGNS_STANDARD,
        Denominator,
    },
    lead_score::{LEADS_MAX, LeadScores, LeadScoresError, LeadWeights},
    meeting_intent::{
        MeetingIntent, MeetingIntentError, PHRASE_BYTES_MAX, PHRASES_MAX, PhraseMatching,
    },
};

use core::fmt;

/// Longest id of a campaign or lead, in bytes. Documented ids have less than forty; longer ones would let a payload choose
/// how much memory it takes.
pub const ID_BYTES_MAX: usize = 256;

/// An id of more than [`ID_BYTES_MAX`] bytes. The fault of whoever sent the event; nothing was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdTooLong {
    /// Its length.
    pub bytes: usize,
}

impl IdTooLong {
    /// The name of the mistake.
    pub const fn code(&self) -> &'static str {
        "id_too_long"
    }

    const fn check(id: &str) -> Result<(), Self> {
        match id.len() {
            ..=ID_BYTES_MAX => Ok(()),
            bytes => Err(Self { bytes }),
        }
    }
}

impl fmt::Display for IdTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.bytes;
        write!(
            f,
            "the id has {bytes} bytes; {ID_BYTES_MAX} are counted at most"
        )
    }
}

impl core::error::Error for IdTooLong {}
