//! Which requests of a recording.

use super::super::recording::{Found, Recorded};
use std::{ops::RangeInclusive, str::FromStr};

/// Some of the requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Selector {
    /// Lines, counted from 1.
    Lines(RangeInclusive<usize>),
    /// Those that were verified when they were recorded.
    Valid,
    /// Those that were not.
    Refused,
    /// Those with an event of this type.
    Event(String),
}

impl FromStr for Selector {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const LINES: &str = "lines count from 1: 3, or 7-9";
        match text.trim() {
            "" => Err("it takes lines (3, 7-9), valid, refused, or types of events"),
            "valid" => Ok(Self::Valid),
            "refused" => Ok(Self::Refused),
            text if text.starts_with(|first: char| first.is_ascii_digit()) => {
                let (from, to) = text.split_once('-').unwrap_or((text, text));
                let from: usize = from.parse().map_err(|_| LINES)?;
                let to: usize = to.parse().map_err(|_| LINES)?;
                match from >= 1 && from <= to {
                    true => Ok(Self::Lines(from..=to)),
                    false => Err(LINES),
                }
            }
            text => Ok(Self::Event(text.to_owned())),
        }
    }
}

impl Selector {
    fn has(&self, recorded: &Recorded) -> bool {
        match self {
            Self::Lines(lines) => lines.contains(&recorded.line),
            Self::Valid => recorded.was_valid() == Some(true),
            Self::Refused => recorded.was_valid() == Some(false),
            Self::Event(event_type) => recorded.has_event(event_type),
        }
    }

    /// Whether any of them has what stands in a line, or there are none. What cannot be read may be any request but those of other
    /// lines.
    pub(super) fn any(selectors: &[Self], found: &Found) -> bool {
        let has = |selector: &Self| match (selector, found) {
            (_, Found::Request(recorded)) => selector.has(recorded),
            (Self::Lines(lines), Found::Unreadable { line, .. }) => lines.contains(line),
            (_, Found::Unreadable { .. }) => true,
        };
        selectors.is_empty() || selectors.iter().any(has)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_verdicts_and_events_are_told_apart() {
        let read = |text: &str| text.parse::<Selector>();
        assert_eq!(read("3"), Ok(Selector::Lines(3..=3)));
        assert_eq!(read("7-9"), Ok(Selector::Lines(7..=9)));
        assert_eq!(read("valid"), Ok(Selector::Valid));
        assert_eq!(read("refused"), Ok(Selector::Refused));
        assert_eq!(
            read("email.sent"),
            Ok(Selector::Event("email.sent".to_owned()))
        );
        for wrong in ["", "0", "9-7", "3-", "3x", "99999999999999999999999"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
