//! Addresses as senders sign them, which is not always as they send them.
//!
//! Bytes rather than text: the search functions of `str` are large in wasm, and every character that is looked for is one of
//! ASCII.

use super::form;
use alloc::{borrow::Cow, string::String, vec::Vec};

/// In which spellings an address is tried. The first is the one that a signer uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlForms {
    /// As it was called.
    AsCalled,
    /// With twelve escapes decoded, then as it was called (HubSpot).
    EscapesDecoded,
    /// As it was called, without its port, and with its port or the default one of its scheme written out; each also with the
    /// apostrophes of the query as `'` and as `%27` (Twilio).
    PortsAndApostrophes,
}

/// What HubSpot decodes before it signs, hexadecimal in either case. Source: its documentation, "Validating requests", v3.
const DECODED: [([u8; 2], u8); 12] = [
    (*b"3A", b':'),
    (*b"2F", b'/'),
    (*b"3F", b'?'),
    (*b"40", b'@'),
    (*b"21", b'!'),
    (*b"24", b'$'),
    (*b"27", b'\''),
    (*b"28", b'('),
    (*b"29", b')'),
    (*b"2A", b'*'),
    (*b"2C", b','),
    (*b"3B", b';'),
];

impl UrlForms {
    /// The spelling that is tried first.
    pub(super) fn first(self, url: &[u8]) -> Cow<'_, [u8]> {
        match self {
            Self::AsCalled | Self::PortsAndApostrophes => Cow::Borrowed(url),
            Self::EscapesDecoded => Cow::Owned(escapes_decoded(url)),
        }
    }

    /// The others; at most eight.
    pub(super) fn others(self, url: &[u8]) -> Vec<Vec<u8>> {
        let mut others = Others {
            first: self.first(url),
            found: Vec::new(),
        };
        match self {
            Self::AsCalled => {}
            Self::EscapesDecoded => others.add(url.to_vec()),
            Self::PortsAndApostrophes => {
                apostrophes(url, &mut others);
                for url in ports(url) {
                    apostrophes(&url, &mut others);
                }
            }
        }
        others.found
    }
}

/// Spellings without doubles.
struct Others<'a> {
    first: Cow<'a, [u8]>,
    found: Vec<Vec<u8>>,
}

impl Others<'_> {
    fn add(&mut self, url: Vec<u8>) {
        if url != *self.first && !self.found.contains(&url) {
            self.found.push(url);
        }
    }
}

fn escapes_decoded(url: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(url.len());
    let mut rest = url;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let known = match after.split_first_chunk::<2>() {
            Some((digits, after)) if *first == b'%' => {
                let mut escapes = DECODED.iter();
                let is_same = |(escape, _): &&([u8; 2], u8)| digits.eq_ignore_ascii_case(escape);
                escapes.find(is_same).map(|(_, byte)| (*byte, after))
            }
            _ => None,
        };
        match known {
            Some((byte, after)) => {
                decoded.push(byte);
                rest = after;
            }
            None => decoded.push(*first),
        }
    }
    decoded
}

/// The address without its port, and with one.
fn ports(url: &[u8]) -> Vec<Vec<u8>> {
    const AFTER_SCHEME: &[u8] = b"://";
    let scheme_end = url
        .windows(AFTER_SCHEME.len())
        .position(|window| window == AFTER_SCHEME);
    let Some((scheme, rest)) = scheme_end.and_then(|at| url.split_at_checked(at)) else {
        return Vec::new();
    };
    let rest = rest.strip_prefix(AFTER_SCHEME).unwrap_or_default();
    let end = rest
        .iter()
        .position(|byte| matches!(byte, b'/' | b'?' | b'#'));
    let (authority, path) = split(rest, end.unwrap_or(rest.len()));
    // The colon of a port stands after the last bracket of an IPv6 address and after user and password.
    let port_at = authority
        .iter()
        .rposition(|byte| matches!(byte, b':' | b'@' | b']'))
        .filter(|at| authority.get(*at) == Some(&b':'));
    let (host, port) = split(authority, port_at.unwrap_or(authority.len()));
    let port: &[u8] = match (port_at, scheme) {
        (Some(_), _) => port,
        (None, b"https") => b":443",
        (None, b"http") => b":80",
        (None, _) => b"",
    };
    let with = |port: &[u8]| [scheme, AFTER_SCHEME, host, port, path].concat();
    Vec::from([with(b""), with(port)])
}

/// Adds the address with its apostrophes in each way.
fn apostrophes(url: &[u8], others: &mut Others<'_>) {
    others.add(url.to_vec());
    let query = url.iter().position(|byte| *byte == b'?');
    let (path, mut rest) = split(url, query.unwrap_or(url.len()));
    let (mut plain, mut escaped) = (path.to_vec(), path.to_vec());
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (first, after) {
            (b'\'', _) => {
                plain.push(b'\'');
                escaped.extend_from_slice(b"%27");
            }
            (b'%', [b'2', b'7', after @ ..]) => {
                plain.push(b'\'');
                escaped.extend_from_slice(b"%27");
                rest = after;
            }
            _ => {
                plain.push(*first);
                escaped.push(*first);
            }
        }
    }
    others.add(plain);
    others.add(escaped);
}

/// Like `split_at`, and the whole and nothing where that cannot be.
fn split(text: &[u8], at: usize) -> (&[u8], &[u8]) {
    text.split_at_checked(at).unwrap_or((text, b""))
}

/// The value of a query parameter, decoded; the first one of the name.
pub(super) fn query_parameter(url: &[u8], name: &str) -> Option<String> {
    let query = url.iter().position(|byte| *byte == b'?')?;
    let (_, query) = split(url, query);
    let query = query.strip_prefix(b"?").unwrap_or_default();
    let end = query.iter().position(|byte| *byte == b'#');
    form::field(split(query, end.unwrap_or(query.len())).0, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(forms: UrlForms, url: &str) -> String {
        String::from_utf8(forms.first(url.as_bytes()).into_owned()).unwrap()
    }

    fn others(forms: UrlForms, url: &str) -> Vec<String> {
        let others = forms.others(url.as_bytes()).into_iter();
        others.map(|url| String::from_utf8(url).unwrap()).collect()
    }

    #[test]
    fn hubspot_decodes_twelve_escapes_and_no_other() {
        let forms = UrlForms::EscapesDecoded;
        let url = "https://a.example/b%2fc%3A?d=%20%40&e=%2";
        assert_eq!(first(forms, url), "https://a.example/b/c:?d=%20@&e=%2");
        assert_eq!(others(forms, url), [url]);
        assert_eq!(first(forms, "%%2F%2\u{e9}%"), "%/%2\u{e9}%");
        assert!(others(forms, "https://a.example/").is_empty());
        for (escape, byte) in DECODED {
            let escape = core::str::from_utf8(&escape).unwrap();
            assert_eq!(u8::from_str_radix(escape, 16), Ok(byte));
        }
    }

    #[test]
    fn twilio_writes_ports_and_apostrophes_in_every_way() {
        let others = |url| others(UrlForms::PortsAndApostrophes, url);
        assert_eq!(
            others("https://a.example/p?q=it's"),
            [
                "https://a.example/p?q=it%27s",
                "https://a.example:443/p?q=it's",
                "https://a.example:443/p?q=it%27s"
            ]
        );
        assert_eq!(
            others("ftp://h/'?a='%27"),
            ["ftp://h/'?a=''", "ftp://h/'?a=%27%27"]
        );
        assert_eq!(others("http://u:p@[::1]:8080"), ["http://u:p@[::1]"]);
        assert_eq!(others("http://u:p@h"), ["http://u:p@h:80"]);
        assert!(others("no address").is_empty());
        assert!(others("ftp://h/").is_empty());
    }

    #[test]
    fn a_query_parameter_is_found_and_decoded() {
        let url = b"https://a.example/?x=1&b%6Fdy=a+b%21&body=2#body=3";
        assert_eq!(query_parameter(url, "body").as_deref(), Some("a b!"));
        assert_eq!(query_parameter(url, "y"), None);
    }
}
