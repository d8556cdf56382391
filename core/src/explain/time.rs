//! The window: clocks, old messages, units.

use super::{
    Cause,
    trial::{Trials, View},
};
use crate::signature::{Tolerance, timestamp::TimestampForm};
use alloc::{format, string::String};

const SECOND_MS: i64 = 1_000;
/// Clocks of servers differ by minutes at most; what is older has lain somewhere.
const SKEW_MS_MAX: i64 = 15 * 60 * SECOND_MS;
/// A clock in unix seconds does not reach this number before the year 5138.
const MILLISECONDS_FROM: i64 = 100_000_000_000;
/// How near a moment in the wrong unit must be to be recognised: a day.
const NEAR_MS: i64 = 24 * 3_600 * SECOND_MS;

pub(super) fn explain(trials: &mut Trials<'_>, view: &View<'_>) {
    let Some(valid) = trials.verifies(view) else {
        return;
    };
    let Some(timestamp) = trials.scheme().and_then(|scheme| scheme.timestamp) else {
        return;
    };
    // Linear's header is not signed; its moment is not told, and whatever it is, the window refused it.
    let Some(signed_ms) = valid.timestamp_ms else {
        trials.certain(
            Cause::OldMessage,
            String::from(
                "The signature fits; the unsigned timestamp beside it is outside the tolerance.",
            ),
        );
        return;
    };
    let now_s = trials.now_s();
    let now_ms = now_s.saturating_mul(SECOND_MS);
    let is_near =
        |signed_ms: i64, now_ms: i64| signed_ms.abs_diff(now_ms) <= NEAR_MS.unsigned_abs();
    if now_s > MILLISECONDS_FROM && is_near(signed_ms, now_s) {
        trials.certain(
            Cause::NowMilliseconds,
            format!("The signature fits; the receiver's clock was given as {now_s}, which is in milliseconds."),
        );
    } else if timestamp.form == TimestampForm::Seconds
        && is_near(signed_ms.div_euclid(SECOND_MS), now_ms)
    {
        trials.certain(
            Cause::TimestampMilliseconds,
            String::from("The signature fits; its timestamp is in milliseconds, and this scheme reads seconds."),
        );
    } else if timestamp.form == TimestampForm::Milliseconds
        && is_near(signed_ms.saturating_mul(SECOND_MS), now_ms)
    {
        trials.certain(
            Cause::TimestampSeconds,
            String::from("The signature fits; its timestamp is in seconds, and this scheme reads milliseconds."),
        );
    } else {
        let age_ms = now_ms.saturating_sub(signed_ms);
        let tolerance_s = match trials.config().tolerance {
            Tolerance::Seconds(seconds) => seconds,
            _ => timestamp.tolerance_s.unwrap_or_default(),
        };
        let (size_s, millis) = (age_ms.unsigned_abs() / 1_000, age_ms.unsigned_abs() % 1_000);
        if age_ms < 0 {
            trials.certain(
                Cause::ClockSkew,
                format!(
                    "The signature fits; it was made {size_s}.{millis:03} s ahead of this machine's clock, with a \
                     tolerance of {tolerance_s} s."
                ),
            );
            return;
        }
        trials.certain(
            Cause::OldMessage,
            format!("The signature fits; it was made {size_s}.{millis:03} s ago, with a tolerance of {tolerance_s} s."),
        );
        if age_ms <= SKEW_MS_MAX {
            trials.likely(
                Cause::ClockSkew,
                format!("If the message came at once, this machine's clock is {size_s}.{millis:03} s ahead."),
            );
        }
    }
}
