//! The signed timestamp: where it stands, how it is written, and the window around the receiver's clock.

use super::{Refusal, scheme::Name};
use crate::time::{decimal, format_rfc3339, parse_rfc3339};
use alloc::string::String;

/// A signed timestamp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timestamp {
    /// Where it stands.
    pub place: TimestampPlace,
    /// How it is written.
    pub form: TimestampForm,
    /// Seconds that it may lie from the receiver's clock, to either side, unless the caller says otherwise; `None` where
    /// the provider documents no figure and the caller has to.
    pub tolerance_s: Option<u32>,
    /// While no tolerance is set, any text will do (vector rule V7).
    pub opaque_without_tolerance: bool,
}

/// Where a timestamp stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimestampPlace {
    /// In a header of its own.
    Header(Name),
    /// Under this label in the signature header.
    Label(&'static str),
    /// In this field of the JSON body; only when that is absent in this header, which is not signed.
    #[cfg(feature = "every-scheme")]
    BodyField {
        /// Name of the field.
        field: &'static str,
        /// Name of the header.
        header: &'static str,
    },
}

/// How a timestamp is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampForm {
    /// Unix seconds, ASCII digits.
    Seconds,
    /// Unix milliseconds, ASCII digits.
    Milliseconds,
    /// RFC 3339.
    Rfc3339,
}

const SECOND_MS: i64 = 1_000;

impl Timestamp {
    /// In a header of its own.
    pub(super) const fn header(
        name: &'static str,
        form: TimestampForm,
        tolerance_s: Option<u32>,
    ) -> Self {
        Self {
            place: TimestampPlace::Header(Name::Borrowed(name)),
            form,
            tolerance_s,
            opaque_without_tolerance: false,
        }
    }

    /// Under a label in the signature header.
    pub(super) const fn label(
        name: &'static str,
        form: TimestampForm,
        tolerance_s: Option<u32>,
    ) -> Self {
        Self {
            place: TimestampPlace::Label(name),
            form,
            tolerance_s,
            opaque_without_tolerance: false,
        }
    }

    /// Reads the text and holds it against the clock. `None` when the text is opaque.
    pub(super) fn judge(
        &self,
        text: &[u8],
        now_s: i64,
        tolerance_s: Option<u32>,
    ) -> Result<Option<i64>, Refusal> {
        let unix_ms = match self.form.parse(text) {
            Some(unix_ms) => unix_ms,
            None if self.opaque_without_tolerance && tolerance_s.is_none() => return Ok(None),
            None => return Err(Refusal::TimestampInvalid),
        };
        if let Some(tolerance_s) = tolerance_s {
            check_window(unix_ms, now_s.saturating_mul(SECOND_MS), tolerance_s)?;
        }
        Ok(Some(unix_ms))
    }
}

impl TimestampForm {
    /// Unix milliseconds. Digits that do not fit are taken as the latest moment there is.
    fn parse(self, text: &[u8]) -> Option<i64> {
        match self {
            Self::Seconds => unix_number(text).map(|seconds| seconds.saturating_mul(SECOND_MS)),
            Self::Milliseconds => unix_number(text),
            Self::Rfc3339 => parse_rfc3339(core::str::from_utf8(text).ok()?),
        }
    }

    /// The text of a moment.
    pub(super) fn write(self, unix_ms: i64) -> String {
        match self {
            Self::Seconds => decimal(unix_ms.div_euclid(SECOND_MS)),
            Self::Milliseconds => decimal(unix_ms),
            Self::Rfc3339 => format_rfc3339(unix_ms),
        }
    }
}

/// ASCII digits only (vector rule V7).
pub(crate) fn unix_number(text: &[u8]) -> Option<i64> {
    let mut number = 0_i64;
    for byte in text {
        let digit = byte.is_ascii_digit().then(|| i64::from(byte & 0x0f))?;
        number = number.saturating_mul(10).saturating_add(digit);
    }
    (!text.is_empty()).then_some(number)
}

/// Inclusive at both ends (vector rule V8).
fn check_window(unix_ms: i64, now_ms: i64, tolerance_s: u32) -> Result<(), Refusal> {
    let tolerance_ms = u64::from(tolerance_s).saturating_mul(SECOND_MS.unsigned_abs());
    match unix_ms.abs_diff(now_ms) <= tolerance_ms {
        true => Ok(()),
        false if unix_ms < now_ms => Err(Refusal::TimestampTooOld),
        false => Err(Refusal::TimestampTooNew),
    }
}
