//! Reading answers, which may be endless, slow or nonsense.

use crate::clock::{Clock, within};
use http_body_util::BodyExt;
use hyper::{
    body::Incoming,
    header::{HeaderMap, RETRY_AFTER},
};
use std::time::{Duration, UNIX_EPOCH};

/// What is kept of an answer's body, in bytes (R-X5).
pub const EXCERPT_BYTES_MAX: usize = 4 * 1024;
/// What is read of an answer's body, in bytes (R-X5): enough to reach the end of ordinary ones, so that the connection can
/// be used again.
const READ_BYTES_MAX: usize = 16 * 1024;
/// Longest wait for the body once the status is known. The status decides; a body that drips must not hold a place.
const READ_TIME_MAX: Duration = Duration::from_secs(1);

/// The beginning of a body, and whether all of it was read. What is wrong with it does not matter.
pub(super) async fn read_body(
    clock: &dyn Clock,
    mut body: Incoming,
    left: Duration,
) -> (Vec<u8>, bool) {
    let mut excerpt = Vec::new();
    let reading = async {
        let mut bytes_read = 0;
        while bytes_read < READ_BYTES_MAX {
            let frame = match body.frame().await {
                None => return true,
                Some(Err(_)) => return false,
                Some(Ok(frame)) => frame,
            };
            let data = frame.data_ref().map_or(&[][..], |data| data);
            let room = EXCERPT_BYTES_MAX.saturating_sub(excerpt.len());
            excerpt.extend(data.iter().take(room));
            bytes_read += data.len();
        }
        false
    };
    let ended = within(clock, left.min(READ_TIME_MAX), reading).await;
    (excerpt, ended.unwrap_or(false))
}

/// What `Retry-After` asks for, in seconds from now: a number of seconds or an HTTP date (RFC 9110, section 10.2.3).
/// Anything else is ignored; a date that has passed is 0.
pub(super) fn retry_after_s(headers: &HeaderMap, now_ms: u64) -> Option<u32> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Too long for a number: as long as can be said.
        return Some(text.parse().unwrap_or(u32::MAX));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let date_s = date.duration_since(UNIX_EPOCH).ok()?.as_secs();
    let wait_s = date_s.saturating_sub(now_ms / 1_000);
    Some(u32::try_from(wait_s).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Option<u32> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, value.parse().unwrap());
        // Tue, 15 Nov 1994 08:12:31 GMT
        retry_after_s(&headers, 784_887_151_000)
    }

    // Holds: R-X4
    #[test]
    fn seconds_and_dates_are_understood_and_nonsense_is_ignored() {
        assert_eq!(read("120"), Some(120));
        assert_eq!(read(" 0 "), Some(0));
        assert_eq!(read("99999999999999999999"), Some(u32::MAX));
        assert_eq!(read("Tue, 15 Nov 1994 08:13:31 GMT"), Some(60));
        assert_eq!(read("Tue, 15 Nov 1994 08:00:00 GMT"), Some(0));
        for nonsense in ["", "-1", "1.5", "soon", "Tue, 99 Nov 1994 08:13:31 GMT"] {
            assert_eq!(read(nonsense), None, "{nonsense}");
        }
        assert_eq!(retry_after_s(&HeaderMap::new(), 0), None);
    }
}
