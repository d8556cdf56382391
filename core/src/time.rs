//! Moments as texts: RFC 3339 and unix time, to and from milliseconds.
//!
//! A small module of its own: what signatures need is to read one form strictly, and to write it; a calendar crate would be
//! larger than all of the rest of a verifier in wasm.

use alloc::string::String;

const MINUTE_S: i64 = 60;
const HOUR_S: i64 = 60 * MINUTE_S;
const DAY_S: i64 = 24 * HOUR_S;
const NANOS_PER_MS: u32 = 1_000_000;
const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Most fraction digits that are read (vector rule V7).
const FRACTION_DIGITS_MAX: usize = 9;

/// Reads an RFC 3339 date and time with `Z` or an offset and up to nine fraction digits, as unix milliseconds; further digits
/// are cut.
///
/// A leap second (`:60`) is read as the second after it. `None` for anything else, an impossible date included.
///
/// Source: RFC 3339 section 5.6.
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    let (unix_s, nanos) = parse_rfc3339_nanos(text)?;
    let fraction_ms = i64::from(nanos.div_euclid(NANOS_PER_MS));
    unix_s.checked_mul(SECOND_MS)?.checked_add(fraction_ms)
}

/// Like [`parse_rfc3339`], as unix seconds and the nanoseconds after them (0 to 999,999,999).
///
/// ```
/// use countersign_core::time::parse_rfc3339_nanos;
///
/// assert_eq!(parse_rfc3339_nanos("1969-12-31T23:59:59.999999999Z"), Some((-1, 999_999_999)));
/// assert_eq!(parse_rfc3339_nanos("1996-12-19T16:39:57-08:00"), Some((851_042_397, 0)));
/// ```
pub fn parse_rfc3339_nanos(text: &str) -> Option<(i64, u32)> {
    let mut rest = Reader(text.as_bytes());
    let year = rest.number(4)?;
    rest.one_of(b"-")?;
    let month = rest.number(2)?;
    rest.one_of(b"-")?;
    let day = rest.number(2)?;
    rest.one_of(b"Tt")?;
    let hour = rest.number(2)?;
    rest.one_of(b":")?;
    let minute = rest.number(2)?;
    rest.one_of(b":")?;
    let second = rest.number(2)?;
    let nanos = rest.nanos()?;
    let offset_s = rest.offset_s()?;
    let possible = (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !possible || !rest.0.is_empty() {
        return None;
    }
    let unix_s = days_since_epoch(year, month, day)
        .checked_mul(DAY_S)?
        .checked_add(hour.checked_mul(HOUR_S)?)?
        .checked_add(minute.checked_mul(MINUTE_S)?)?
        .checked_add(second)?
        .checked_sub(offset_s)?;
    Some((unix_s, nanos))
}

/// Writes unix milliseconds as RFC 3339 in UTC, to the second. Moments outside the years 0 to 9999 are written as the
/// nearest one inside.
pub fn format_rfc3339(unix_ms: i64) -> String {
    let (mut text, _) = to_the_second(unix_ms);
    text.push('Z');
    text
}

/// Writes unix milliseconds as RFC 3339 in UTC with three fraction digits, so that texts sort as the moments do. Moments
/// outside the years 0 to 9999 are written as the nearest one inside.
pub fn format_rfc3339_ms(unix_ms: i64) -> String {
    let (mut text, fraction_ms) = to_the_second(unix_ms);
    text.push('.');
    push_number(&mut text, fraction_ms, 3);
    text.push('Z');
    text
}

/// Reads unix seconds, whole or with a fraction of any length, as unix milliseconds; further digits are cut. Moments
/// outside the years 1970 to 9999 are `None`, as is any other text.
pub fn parse_unix_seconds(text: &str) -> Option<i64> {
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text, ""),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let mut fraction_ms = 0_i64;
    for digit in fraction.bytes().chain([b'0'; 3]).take(3) {
        fraction_ms = fraction_ms
            .checked_mul(10)?
            .checked_add(i64::from(digit & 0x0f))?;
    }
    let unix_ms = whole
        .parse::<i64>()
        .ok()?
        .checked_mul(SECOND_MS)?
        .checked_add(fraction_ms)?;
    let end = days_since_epoch(10_000, 1, 1).checked_mul(DAY_MS)?;
    (unix_ms < end).then_some(unix_ms)
}

/// Date and time to the second without zone, and the milliseconds that are left.
fn to_the_second(unix_ms: i64) -> (String, u64) {
    let first = days_since_epoch(0, 1, 1).saturating_mul(DAY_MS);
    let last = days_since_epoch(10_000, 1, 1)
        .saturating_mul(DAY_MS)
        .saturating_sub(1);
    let unix_ms = unix_ms.clamp(first, last);
    let (year, month, day) = date_of(unix_ms.div_euclid(DAY_MS));
    let in_day = unix_ms.rem_euclid(DAY_MS);
    let hour = in_day.div_euclid(HOUR_MS);
    let minute = in_day.rem_euclid(HOUR_MS).div_euclid(MINUTE_MS);
    let second = in_day.rem_euclid(MINUTE_MS).div_euclid(SECOND_MS);
    let mut text = String::new();
    push_number(&mut text, year.unsigned_abs(), 4);
    for (before, number) in [
        ('-', month),
        ('-', day),
        ('T', hour),
        (':', minute),
        (':', second),
    ] {
        text.push(before);
        push_number(&mut text, number.unsigned_abs(), 2);
    }
    (text, in_day.rem_euclid(SECOND_MS).unsigned_abs())
}

/// A number in decimal digits, after a minus sign where it is below zero. Written here because the formatter of the standard
/// library is large in wasm.
pub(crate) fn decimal(number: i64) -> String {
    let mut text = String::new();
    if number < 0 {
        text.push('-');
    }
    push_number(&mut text, number.unsigned_abs(), 1);
    text
}

/// Adds a number with at least so many digits.
fn push_number(text: &mut String, number: u64, digits_min: usize) {
    let mut worth = 1_u64;
    let mut digits = 1_usize;
    while digits < digits_min || number.checked_div(worth).is_some_and(|rest| rest >= 10) {
        // The largest number has 20 digits, and ten to the 19th still fits.
        worth = worth.saturating_mul(10);
        digits = digits.saturating_add(1);
    }
    for _ in 0..digits {
        let digit = number.checked_div(worth).unwrap_or_default() % 10;
        text.push(char::from_digit(u32::try_from(digit).unwrap_or_default(), 10).unwrap_or('0'));
        worth = worth.checked_div(10).unwrap_or_default();
    }
}

/// What is left of the text.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn one_of(&mut self, allowed: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        allowed.contains(first).then(|| {
            self.0 = rest;
            *first
        })
    }

    fn digit(&mut self) -> Option<i64> {
        self.one_of(b"0123456789")
            .map(|digit| i64::from(digit & 0x0f))
    }

    /// Exactly so many digits, few enough never to overflow.
    fn number(&mut self, digits: usize) -> Option<i64> {
        let mut number = 0_i64;
        for _ in 0..digits {
            number = number.checked_mul(10)?.checked_add(self.digit()?)?;
        }
        Some(number)
    }

    fn nanos(&mut self) -> Option<u32> {
        if self.one_of(b".").is_none() {
            return Some(0);
        }
        let mut nanos = self.number(1)?;
        for _ in 1..FRACTION_DIGITS_MAX {
            nanos = nanos
                .checked_mul(10)?
                .checked_add(self.digit().unwrap_or(0))?;
        }
        u32::try_from(nanos).ok()
    }

    fn offset_s(&mut self) -> Option<i64> {
        let sign = match self.one_of(b"Zz+-")? {
            b'+' => 1,
            b'-' => -1,
            _ => return Some(0),
        };
        let hour = self.number(2)?;
        self.one_of(b":")?;
        let minute = self.number(2)?;
        if hour > 23 || minute > 59 {
            return None;
        }
        let offset_s = hour
            .checked_mul(HOUR_S)?
            .checked_add(minute.checked_mul(MINUTE_S)?)?;
        offset_s.checked_mul(sign)
    }
}

const fn is_leap(year: i64) -> bool {
    year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0)
}

const fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01 to this date. The year is taken to begin in March, so that the leap day comes last.
#[allow(
    clippy::arithmetic_side_effects,
    reason = "years of four or five digits stay far from overflow"
)]
const fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let cycle = year.div_euclid(400);
    let year_of_cycle = year.rem_euclid(400);
    let month_from_march = (month + 9).rem_euclid(12);
    let day_of_year = (153 * month_from_march + 2).div_euclid(5) + day - 1;
    let day_of_cycle = year_of_cycle * 365 + year_of_cycle.div_euclid(4)
        - year_of_cycle.div_euclid(100)
        + day_of_year;
    // 719,468 days lie between 0000-03-01 and 1970-01-01.
    cycle * 146_097 + day_of_cycle - 719_468
}

/// The reverse of [`days_since_epoch`].
#[allow(
    clippy::arithmetic_side_effects,
    reason = "callers stay within years of four digits"
)]
const fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let cycle = days.div_euclid(146_097);
    let day_of_cycle = days.rem_euclid(146_097);
    let year_of_cycle = (day_of_cycle - day_of_cycle / 1_460 + day_of_cycle / 36_524
        - day_of_cycle / 146_096)
        / 365;
    let day_of_year =
        day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = cycle * 400 + year_of_cycle + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Holds: R-X10
    #[test]
    fn the_examples_of_section_5_8_are_read() {
        for (text, unix_ms) in [
            ("1985-04-12T23:20:50.52Z", 482_196_050_520),
            ("1996-12-19T16:39:57-08:00", 851_042_397_000),
            ("1990-12-31T23:59:60Z", 662_688_000_000),
            ("1990-12-31T15:59:60-08:00", 662_688_000_000),
            ("1937-01-01T12:00:27.87+00:20", -1_041_337_172_130),
        ] {
            assert_eq!(parse_rfc3339(text), Some(unix_ms), "{text}");
        }
    }

    // Holds: R-X10
    #[test]
    fn fractions_are_cut_after_the_third_digit_and_refused_after_the_ninth() {
        assert_eq!(parse_rfc3339("1970-01-01T00:00:00.123456789Z"), Some(123));
        assert_eq!(parse_rfc3339("1970-01-01T00:00:00.9Z"), Some(900));
        assert_eq!(parse_rfc3339("1970-01-01T00:00:00.1234567890Z"), None);
        assert_eq!(parse_rfc3339("1970-01-01T00:00:00.Z"), None);
    }

    #[test]
    fn numbers_are_written_as_the_standard_library_writes_them() {
        let mut number = 1_i64;
        for _ in 0..64 {
            for number in [number, -number, number - 1, 1 - number] {
                assert_eq!(decimal(number), alloc::format!("{number}"));
            }
            number = number.wrapping_mul(-3);
        }
        assert_eq!(decimal(i64::MIN), alloc::format!("{}", i64::MIN));
        assert_eq!(decimal(i64::MAX), alloc::format!("{}", i64::MAX));
        let mut text = String::new();
        push_number(&mut text, 7, 4);
        push_number(&mut text, u64::MAX, 2);
        assert_eq!(text, "000718446744073709551615");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "1970-01-01",
            "1970-01-01T00:00:00",
            "1970-01-01 00:00:00Z",
            "1970-01-01T00:00:00Z ",
            " 1970-01-01T00:00:00Z",
            "1970-13-01T00:00:00Z",
            "1970-00-01T00:00:00Z",
            "1970-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "1970-04-31T00:00:00Z",
            "1970-01-01T24:00:00Z",
            "1970-01-01T00:60:00Z",
            "1970-01-01T00:00:61Z",
            "1970-01-01T00:00:00+24:00",
            "1970-01-01T00:00:00+0100",
            "+970-01-01T00:00:00Z",
            "1970-1-01T00:00:00Z",
            "１970-01-01T00:00:00Z",
            "1772000000",
        ] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
        assert!(parse_rfc3339("2000-02-29T00:00:00Z").is_some());
    }

    #[test]
    fn unix_seconds_are_read_digit_by_digit() {
        for (text, unix_ms) in [
            ("0", Some(0)),
            ("1773054731", Some(1_773_054_731_000)),
            ("1773054731.12", Some(1_773_054_731_120)),
            ("1773054735.5209999", Some(1_773_054_735_520)),
            ("253402300799.999", Some(253_402_300_799_999)),
            ("253402300800", None),
            ("99999999999999999999", None),
            ("", None),
            (".5", None),
            ("5.", None),
            ("-1", None),
            ("+1", None),
            ("1e21", None),
            ("1.2.3", None),
            ("1 ", None),
        ] {
            assert_eq!(parse_unix_seconds(text), unix_ms, "{text}");
        }
    }

    #[test]
    fn milliseconds_are_written_with_three_digits() {
        assert_eq!(format_rfc3339_ms(7), "1970-01-01T00:00:00.007Z");
        assert_eq!(format_rfc3339_ms(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(format_rfc3339_ms(i64::MAX), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn every_day_of_eight_centuries_reads_back() {
        let first = days_since_epoch(1600, 1, 1);
        let last = days_since_epoch(2400, 1, 1);
        let mut before = None;
        for day in first..last {
            let text = format_rfc3339(day * DAY_MS + 3_723_000);
            assert_eq!(
                parse_rfc3339(&text),
                Some(day * DAY_MS + 3_723_000),
                "{text}"
            );
            assert!(before < Some(text.clone()), "{text}");
            before = Some(text);
        }
        assert_eq!(format_rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(format_rfc3339(1_772_000_000_000), "2026-02-25T06:13:20Z");
        assert_eq!(format_rfc3339(i64::MAX), "9999-12-31T23:59:59Z");
        assert_eq!(format_rfc3339(i64::MIN), "0000-01-01T00:00:00Z");
    }
}
