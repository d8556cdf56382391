//! How long and how much is kept, from text.

use super::Wrong;
use crate::records::retention::Settings;
use serde::Deserialize;
use std::time::Duration;

/// An idempotency key refers to its message for a day.
const MESSAGES_MIN: Duration = Duration::from_secs(24 * 60 * 60);
/// Longer is for ever.
const AGE_MAX_S: u64 = 100 * 365 * 24 * 60 * 60;
/// Less cannot hold the schema and a backlog worth its name.
const SIZE_MIN: u64 = 1024 * 1024;

/// The section `retention`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    pub messages: String,
    pub attempts: String,
    pub bodies: String,
    pub dead_letters: String,
    pub inbound: String,
    pub max_size: String,
}

impl Retention {
    /// The settings as values.
    ///
    /// # Errors
    /// [`Wrong`]
    pub fn settings(&self) -> Result<Settings, Wrong> {
        let refused = |key: &'static str, problem: &str| Wrong {
            key,
            problem: problem.to_owned(),
        };
        let read = |key: &'static str, text: &str| {
            age(text).ok_or_else(|| {
                let problem =
                    "must be a number with a unit, such as \"30d\", \"12h\", \"90m\" or \"10s\" (up to 100 years), or \"never\"";
                refused(key, problem)
            })
        };
        let settings = Settings {
            messages: read("retention.messages", &self.messages)?,
            attempts: read("retention.attempts", &self.attempts)?,
            bodies: read("retention.bodies", &self.bodies)?,
            dead_letters: read("retention.dead_letters", &self.dead_letters)?,
            inbound: read("retention.inbound", &self.inbound)?,
            size_max: size(&self.max_size).ok_or_else(|| {
                let problem =
                    "must be a number with a unit, such as \"10GB\" or \"512MiB\" (at least 1MiB), or \"unlimited\"";
                refused("retention.max_size", problem)
            })?,
        };
        if settings.messages.is_some_and(|kept| kept < MESSAGES_MIN) {
            let problem =
                "must be at least \"1d\", because repeated requests are recognised for a day";
            return Err(refused("retention.messages", problem));
        }
        Ok(settings)
    }
}

/// `Some(None)` is for ever.
fn age(text: &str) -> Option<Option<Duration>> {
    if text == "never" {
        return Some(None);
    }
    let (number, unit) = number_and_unit(text)?;
    let unit_s: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return None,
    };
    let seconds = number.checked_mul(unit_s)?;
    (seconds <= AGE_MAX_S).then(|| Some(Duration::from_secs(seconds)))
}

/// `Some(None)` is without limit.
fn size(text: &str) -> Option<Option<u64>> {
    if text == "unlimited" {
        return Some(None);
    }
    let (number, unit) = number_and_unit(text)?;
    let unit: u64 = match unit {
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return None,
    };
    let bytes = number.checked_mul(unit)?;
    (bytes >= SIZE_MIN).then_some(Some(bytes))
}

fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(end)?;
    Some((number.parse().ok()?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_sizes_are_read_with_their_unit() {
        for (text, seconds) in [
            ("30d", 2_592_000),
            ("12h", 43_200),
            ("90m", 5_400),
            ("0s", 0),
        ] {
            assert_eq!(
                age(text),
                Some(Some(Duration::from_secs(seconds))),
                "{text}"
            );
        }
        assert_eq!(age("never"), Some(None));
        for wrong in [
            "",
            "30",
            "d",
            "-1d",
            "1.5d",
            "1 d",
            "1w",
            "36501d",
            "99999999999999999999d",
        ] {
            assert_eq!(age(wrong), None, "{wrong}");
        }
        assert_eq!(size("10GB"), Some(Some(10_000_000_000)));
        assert_eq!(size("512MiB"), Some(Some(512 << 20)));
        assert_eq!(size("unlimited"), Some(None));
        for wrong in ["", "10", "1KB", "1MB", "0GB", "GB", "99999999999TiB"] {
            assert_eq!(size(wrong), None, "{wrong}");
        }
    }
}
