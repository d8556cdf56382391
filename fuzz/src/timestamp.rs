//! RFC 3339 and unix time, as signatures have them.

use countersign_core::{
    internals,
    time::{format_rfc3339, parse_rfc3339},
};

const SECOND_MS: i64 = 1_000;
/// The first and the last second that is written as it is.
const YEAR_0_MS: i64 = -62_167_219_200_000;
const YEAR_9999_END_MS: i64 = 253_402_300_799_000;
/// Bytes of the form that is written: `2026-02-25T06:13:20Z`.
const WRITTEN_BYTES: usize = 20;

/// The first eight bytes are also a moment of their own.
pub fn run(data: &[u8]) {
    if let Some(moment) = data.first_chunk() {
        written_reads_back(i64::from_le_bytes(*moment));
    }
    let Ok(text) = std::str::from_utf8(data) else {
        assert_eq!(internals::unix_number(data), None);
        return;
    };
    if let Some(unix_ms) = parse_rfc3339(text) {
        written_reads_back(unix_ms);
        // No offset reaches further than a day.
        assert!((YEAR_0_MS - 86_400_000..YEAR_9999_END_MS + 88_000_000).contains(&unix_ms));
        let is_leap_second = text.get(17..19) == Some("60");
        if text.len() == WRITTEN_BYTES && text.ends_with('Z') && !is_leap_second {
            assert_eq!(format_rfc3339(unix_ms), text.to_ascii_uppercase());
        }
    }
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let expected = is_number.then(|| text.parse().unwrap_or(i64::MAX));
    assert_eq!(internals::unix_number(data), expected, "{text}");
}

fn written_reads_back(unix_ms: i64) {
    let text = format_rfc3339(unix_ms);
    let second = unix_ms
        .clamp(YEAR_0_MS, YEAR_9999_END_MS)
        .div_euclid(SECOND_MS)
        * SECOND_MS;
    assert_eq!(parse_rfc3339(&text), Some(second), "{text}");
}
