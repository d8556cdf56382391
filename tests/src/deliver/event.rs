//! The events that are published: one shape a provider, told apart by a number of fixed width.

use anyhow::ensure;
use memchr::memmem;

/// First number; all have as many digits.
const FIRST: u32 = 1_000_000;
/// Most numbers there are.
pub(super) const NUMBERS_MAX: u32 = 8_000_000;
const DIGITS: usize = 7;

/// A Cleanmails `email.replied` of some 440 bytes.
const CLEANMAILS: &str = concat!(
    r#"{"event":"email.replied","workspace_id":1,"timestamp":"2026-05-12T14:30:00Z","data":{"lead_id":1000000,"#,
    r#""lead_email":"john@example.com","lead_name":"John Smith","lead_company":"Acme Inc","campaign_id":5,"#,
    r#""campaign":"Q2 Outreach","sender_id":3,"sender":"alex@outreach.yourcompany.com","#,
    r#""message_id":"<abc123@outreach.yourcompany.com>","reply_body":"Sounds interesting. Could you send the pricing "#,
    r#"for ten seats? Thursday at ten suits me."}}"#
);
/// An event of the platform, whose endpoints are never paused by rule (R-P11).
const PLATFORM: &str = concat!(
    r#"{"id":"evt_1000000","type":"email.open","email_id":"1000000","timestamp":"2026-05-12T14:30:00Z","#,
    r#""note":"as long as the other one: Sounds interesting. Could you send the pricing for ten seats? Best regards, "#,
    r#"John Smith, Acme Inc, and whatever else stands at the end of a letter that somebody opened on the way to work, "#,
    r#"with a word or two about not printing it and about who may not read it, and a greeting below."}"#
);

/// Bytes around the numbers of an event.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    /// The number stands between them.
    parts: Vec<Vec<u8>>,
}

impl Pattern {
    /// The payload of a provider as it is published.
    ///
    /// # Errors
    /// For a provider without one.
    pub(super) fn payload(provider: &str) -> anyhow::Result<Self> {
        match provider {
            "cleanmails" => Self::around(CLEANMAILS.as_bytes(), 0),
            "platform" => Self::around(PLATFORM.as_bytes(), 0),
            _ => anyhow::bail!("no event of {provider}"),
        }
    }

    /// The pattern of a text that holds this number.
    ///
    /// # Errors
    /// When it does not.
    pub(super) fn around(text: &[u8], number: u32) -> anyhow::Result<Self> {
        let digits = (FIRST + number).to_string();
        let mut parts = Vec::new();
        let mut start = 0;
        for at in memmem::find_iter(text, digits.as_bytes()) {
            parts.push(text[start..at].to_vec());
            start = at + DIGITS;
        }
        parts.push(text[start..].to_vec());
        ensure!(parts.len() > 1, "no number in the body");
        Ok(Self { parts })
    }

    /// The text with another number.
    pub(super) fn write(&self, number: u32, out: &mut Vec<u8>) {
        let digits = (FIRST + number).to_string();
        for (place, part) in self.parts.iter().enumerate() {
            if place > 0 {
                out.extend_from_slice(digits.as_bytes());
            }
            out.extend_from_slice(part);
        }
    }

    /// The number of a text, if the text differs from the pattern in nothing else.
    pub(super) fn number(&self, text: &[u8]) -> Option<u32> {
        let (first, others) = self.parts.split_first()?;
        let mut rest = text.strip_prefix(first.as_slice())?;
        let digits = rest.get(..DIGITS)?;
        for part in others {
            rest = rest.strip_prefix(digits)?.strip_prefix(part.as_slice())?;
        }
        let number: u32 = std::str::from_utf8(digits).ok()?.parse().ok()?;
        rest.is_empty().then_some(number.checked_sub(FIRST)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_body_is_noticed() {
        for provider in ["cleanmails", "platform"] {
            let pattern = Pattern::payload(provider).unwrap();
            let mut text = Vec::new();
            pattern.write(77, &mut text);
            assert!((400..460).contains(&text.len()), "{}", text.len());
            assert!(serde_json::from_slice::<serde_json::Value>(&text).is_ok());
            assert_eq!(pattern.number(&text), Some(77));
            for at in [0, 100, text.len() - 1] {
                let mut changed = text.clone();
                changed[at] ^= 1;
                assert_ne!(pattern.number(&changed), Some(77));
            }
            assert_eq!(pattern.number(&text[1..]), None);
            let longer = [text.as_slice(), b" "].concat();
            assert_eq!(pattern.number(&longer), None);
        }
    }
}
