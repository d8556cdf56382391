//! Requests from files: raw HTTP as captured, JSON with headers and body, or a recording of `countersign listen`.

use crate::error::Error;
use base64ct::{Base64, Base64Unpadded, Encoding};
use serde::Deserialize;
use serde_json::Value;

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Captured {
    /// In upper case.
    pub(super) method: String,
    /// The full address that was called, where it is known.
    pub(super) url: Option<String>,
    /// Every header, repeated ones included, in their order.
    pub(super) headers: Vec<(String, Vec<u8>)>,
    /// The exact bytes.
    pub(super) body: Vec<u8>,
}

/// The shape of a request in JSON. What else is there is of no concern here.
#[derive(Debug, Deserialize)]
struct InJson {
    headers: Value,
    body: Option<Value>,
    #[serde(rename = "bodyBase64")]
    body_base64: Option<String>,
    method: Option<String>,
    url: Option<String>,
}

pub(super) const POST: &str = "POST";

const NO_HEADERS: &str = "This is JSON without \"headers\". A captured request is { \"headers\": { ... }, \"body\": \"...\" }; \
     a body alone goes with --body-file, and its headers with --header.";
const NO_BODY: &str = "\"body\" must be the text that arrived, or \"bodyBase64\" its bytes; parsed JSON no longer verifies.";
const HEADERS_WRONG: &str =
    "\"headers\" must be an object of names and values, or a list of [name, value] pairs.";
const NEITHER: &str =
    "This is neither JSON nor raw HTTP, which begins with a line like: POST /hooks HTTP/1.1";
const HEADER_NAMELESS: &str =
    "A header line has no name. Between the headers and the body stands an empty line.";

/// The only request of a file, or the one of this line, counted from 1.
///
/// # Errors
/// [`Error::Usage`]
pub(super) fn read(bytes: &[u8], line: Option<usize>) -> Result<Captured, Error> {
    if let Some(line) = line {
        let mut lines = bytes.split(|byte| *byte == b'\n');
        let text = lines
            .nth(line.saturating_sub(1))
            .filter(|text| line > 0 && !text.trim_ascii().is_empty())
            .ok_or_else(|| Error::usage(format!("There is no request in line {line}.")))?;
        return in_json_line(text)
            .map_err(|problem| Error::usage(format!("Line {line}: {problem}")));
    }
    if let Ok(value) = serde_json::from_slice::<Value>(bytes) {
        return from_json(value).map_err(Error::usage);
    }
    let lines: Vec<_> = bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.trim_ascii().is_empty())
        .collect();
    let is_recording = bytes.trim_ascii_start().starts_with(b"{")
        && lines.iter().all(|line| in_json_line(line).is_ok());
    match is_recording {
        true => Err(Error::usage(format!(
            "These are {} requests, one a line: choose one with --line NUMBER.",
            lines.len()
        ))),
        false => from_http(bytes).map_err(Error::usage),
    }
}

/// A request that is one line of a recording.
///
/// # Errors
/// What is wrong with it.
pub(super) fn in_json_line(line: &[u8]) -> Result<Captured, String> {
    let value: Value =
        serde_json::from_slice(line).map_err(|error| format!("this is no JSON: {error}"))?;
    from_json(value)
}

fn from_json(value: Value) -> Result<Captured, String> {
    if value.get("headers").is_none() {
        return Err(NO_HEADERS.to_owned());
    }
    // The shape is checked field by field: whoever wrote it by hand wants to know which one is wrong.
    let captured: InJson = serde_json::from_value(value)
        .map_err(|error| format!("This is no captured request: {error}."))?;
    let body = match (captured.body, captured.body_base64) {
        (Some(Value::String(text)), _) => text.into_bytes(),
        (_, Some(text)) => base64(&text).ok_or("\"bodyBase64\" is no base64.")?,
        _ => return Err(NO_BODY.to_owned()),
    };
    Ok(Captured {
        method: method_of(captured.method.as_deref()),
        url: captured.url.filter(|url| !url.is_empty()),
        headers: headers_of(captured.headers)?,
        body,
    })
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let bare = text.trim_end_matches('=');
    Base64Unpadded::decode_vec(bare)
        .or_else(|_| Base64::decode_vec(text))
        .ok()
}

fn headers_of(headers: Value) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut found = Vec::new();
    let mut add = |name: &str, value: &Value| match value {
        Value::String(value) => {
            found.push((name.to_owned(), wire_bytes(value)));
            Ok(())
        }
        _ => Err(HEADERS_WRONG.to_owned()),
    };
    match headers {
        Value::Object(fields) => {
            for (name, values) in &fields {
                match values {
                    Value::Array(values) => {
                        for value in values {
                            add(name, value)?;
                        }
                    }
                    value => add(name, value)?,
                }
            }
        }
        Value::Array(pairs) => {
            for pair in &pairs {
                match pair.as_array().map(Vec::as_slice) {
                    Some([Value::String(name), value]) => add(name, value)?,
                    _ => return Err(HEADERS_WRONG.to_owned()),
                }
            }
        }
        _ => return Err(HEADERS_WRONG.to_owned()),
    }
    Ok(found)
}

/// Each byte of the wire is one character, as in Node's servers. What has other characters never came over HTTP, and is UTF-8.
fn wire_bytes(value: &str) -> Vec<u8> {
    let bytes: Option<Vec<u8>> = value
        .chars()
        .map(|character| u8::try_from(u32::from(character)).ok())
        .collect();
    bytes.unwrap_or_else(|| value.as_bytes().to_vec())
}

/// The reverse of what [`in_json_line`] does with a header.
pub(super) fn wire_text(value: &[u8]) -> String {
    value.iter().copied().map(char::from).collect()
}

/// Request line, headers, an empty line, and then the body to the last byte.
fn from_http(bytes: &[u8]) -> Result<Captured, String> {
    let (head, body) = parted(bytes);
    let head = wire_text(head);
    let mut lines = head
        .split('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line));
    let (method, target) = request_line(lines.next().unwrap_or_default()).ok_or(NEITHER)?;
    let mut headers = Vec::new();
    for line in lines {
        let (name, value) = line
            .split_once(':')
            .filter(|(name, _)| !name.is_empty())
            .ok_or(HEADER_NAMELESS)?;
        headers.push((name.to_owned(), wire_bytes(value.trim())));
    }
    let host = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("host"));
    let url = match host {
        _ if target.starts_with("http:") || target.starts_with("https:") => Some(target.to_owned()),
        Some((_, host)) => Some(format!("https://{}{target}", wire_text(host))),
        None => None,
    };
    Ok(Captured {
        method: method.to_owned(),
        url,
        headers,
        body: body.to_vec(),
    })
}

/// `POST /hooks HTTP/1.1`, or the same without a version.
fn request_line(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let version = words.next();
    let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
    let is_line = is_method
        && !target.is_empty()
        && !target.contains(char::is_whitespace)
        && version.is_none_or(|version| version.starts_with("HTTP/"))
        && words.next().is_none();
    is_line.then_some((method, target))
}

fn parted(bytes: &[u8]) -> (&[u8], &[u8]) {
    let find = |end: &[u8]| bytes.windows(end.len()).position(|window| window == end);
    let ends = [b"\r\n\r\n".as_slice(), b"\n\n"];
    let first = ends
        .iter()
        .filter_map(|end| Some((find(end)?, end.len())))
        .min();
    match first {
        Some((at, length)) => {
            let (head, rest) = bytes.split_at(at);
            (head, rest.get(length..).unwrap_or_default())
        }
        None => (bytes.trim_ascii_end(), &[]),
    }
}

pub(super) fn method_of(method: Option<&str>) -> String {
    method.unwrap_or(POST).to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, value: &[u8]) -> (String, Vec<u8>) {
        (name.to_owned(), value.to_vec())
    }

    #[test]
    fn raw_http_keeps_every_byte_of_the_body() {
        for end in ["\r\n", "\n"] {
            let text = format!(
                "POST /a?b=1 HTTP/1.1{end}Host: x.example{end}X-A:  1 {end}X-A: 2{end}{end}{{}}\r\n\n "
            );
            let captured = read(text.as_bytes(), None).unwrap();
            assert_eq!(captured.body, b"{}\r\n\n ");
            assert_eq!(captured.url.as_deref(), Some("https://x.example/a?b=1"));
            assert_eq!(
                captured.headers[1..],
                [header("X-A", b"1"), header("X-A", b"2")]
            );
        }
        let bare = read(b"PUT http://x/y", None).unwrap();
        assert_eq!(
            (bare.method.as_str(), bare.url.as_deref(), bare.body.len()),
            ("PUT", Some("http://x/y"), 0)
        );
        // A header's bytes need not be text.
        let odd = read(b"POST / HTTP/1.1\nX-A: \xe9\xff\n\n", None).unwrap();
        assert_eq!(odd.headers, [header("X-A", b"\xe9\xff")]);
    }

    #[test]
    fn json_has_headers_as_an_object_or_a_list_and_the_body_as_text_or_base64() {
        for text in [
            r#"{"headers":{"X-A":["1","2"],"X-B":"\u00e9"},"body":"{ }"}"#,
            r#"{"headers":[["X-A","1"],["X-A","2"],["X-B","é"]],"bodyBase64":"eyB9"}"#,
            r#"{"headers":[["X-A","1"],["X-A","2"],["X-B","é"]],"body":null,"bodyBase64":"eyB9","more":1}"#,
        ] {
            let captured = read(text.as_bytes(), None).unwrap();
            assert_eq!(captured.body, b"{ }");
            assert_eq!(
                captured.headers,
                [
                    header("X-A", b"1"),
                    header("X-A", b"2"),
                    header("X-B", b"\xe9")
                ]
            );
            assert_eq!((captured.method.as_str(), captured.url), ("POST", None));
        }
    }

    #[test]
    fn of_several_recorded_requests_one_is_chosen() {
        let recording =
            b"{\"headers\":[],\"body\":\"1\"}\n{\"headers\":[],\"body\":\"2\",\"method\":\"put\"}\n";
        let several = read(recording, None).unwrap_err().to_string();
        assert!(several.contains("2 requests") && several.contains("--line"));
        let second = read(recording, Some(2)).unwrap();
        assert_eq!(
            (second.body, second.method.as_str()),
            (b"2".to_vec(), "PUT")
        );
        for none in [0, 3, 4] {
            assert!(read(recording, Some(none)).is_err());
        }
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for (text, wanted) in [
            ("", "neither"),
            ("hello", "neither"),
            ("POST  / HTTP/1.1\n\n", "neither"),
            ("post / HTTP/1.1\n\n", "neither"),
            ("POST / FTP\n\n", "neither"),
            ("{}", "without \"headers\""),
            ("[]", "without \"headers\""),
            ("7", "without \"headers\""),
            (r#"{"headers":{},"body":{}}"#, "parsed JSON"),
            (r#"{"headers":{}}"#, "parsed JSON"),
            (r#"{"headers":7,"body":""}"#, "\"headers\" must be"),
            (r#"{"headers":{"a":7},"body":""}"#, "\"headers\" must be"),
            (r#"{"headers":[["a"]],"body":""}"#, "\"headers\" must be"),
            (r#"{"headers":[],"bodyBase64":"?"}"#, "no base64"),
            (
                r#"{"headers":[],"body":"","method":7}"#,
                "no captured request",
            ),
            ("POST / HTTP/1.1\nno name\n\n", "has no name"),
        ] {
            let error = read(text.as_bytes(), None).unwrap_err().to_string();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
