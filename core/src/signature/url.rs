//! Addresses as senders sign them, which is not always as they send them.

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
const DECODED: [(&str, char); 12] = [
    ("3A", ':'),
    ("2F", '/'),
    ("3F", '?'),
    ("40", '@'),
    ("21", '!'),
    ("24", '$'),
    ("27", '\''),
    ("28", '('),
    ("29", ')'),
    ("2A", '*'),
    ("2C", ','),
    ("3B", ';'),
];

impl UrlForms {
    /// The spelling that is tried first.
    pub(super) fn first(self, url: &str) -> Cow<'_, str> {
        match self {
            Self::AsCalled | Self::PortsAndApostrophes => Cow::Borrowed(url),
            Self::EscapesDecoded => escapes_decoded(url),
        }
    }

    /// The others; at most eight.
    pub(super) fn others(self, url: &str) -> Vec<String> {
        let mut others = match self {
            Self::AsCalled => Vec::new(),
            Self::EscapesDecoded => Vec::from([String::from(url)]),
            Self::PortsAndApostrophes => {
                let with_ports = Vec::from([String::from(url)]).into_iter().chain(ports(url));
                with_ports.flat_map(|url| apostrophes(&url)).collect()
            }
        };
        let first = self.first(url);
        let mut seen = Vec::new();
        others.retain(|url| {
            let is_new = *url != *first && !seen.contains(url);
            seen.push(url.clone());
            is_new
        });
        others
    }
}

fn escapes_decoded(url: &str) -> Cow<'_, str> {
    if !url.contains('%') {
        return Cow::Borrowed(url);
    }
    let mut pieces = url.split('%');
    let mut decoded = String::from(pieces.next().unwrap_or_default());
    for piece in pieces {
        let known = piece.split_at_checked(2).and_then(|(digits, rest)| {
            let is_same = |(escape, _): &&(&str, char)| escape.eq_ignore_ascii_case(digits);
            let (_, character) = DECODED.iter().find(is_same)?;
            Some((*character, rest))
        });
        match known {
            Some((character, rest)) => {
                decoded.push(character);
                decoded.push_str(rest);
            }
            None => {
                decoded.push('%');
                decoded.push_str(piece);
            }
        }
    }
    Cow::Owned(decoded)
}

/// The address without its port, and with one.
fn ports(url: &str) -> Vec<String> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Vec::new();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let Some((authority, path)) = rest.split_at_checked(end) else {
        return Vec::new();
    };
    // The colon of a port stands after the last bracket of an IPv6 address and after user and password.
    let host_at = authority
        .rfind(['@', ']'])
        .map_or(0, |at| at.saturating_add(1));
    let port_at = authority
        .get(host_at..)
        .and_then(|host| host.rfind(':'))
        .map(|at| at.saturating_add(host_at));
    let (host, port) = match port_at.and_then(|at| authority.split_at_checked(at)) {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let default = match scheme {
        "https" => Some(":443"),
        "http" => Some(":80"),
        _ => None,
    };
    [Some(""), port.or(default)]
        .into_iter()
        .flatten()
        .map(|port| [scheme, "://", host, port, path].concat())
        .collect()
}

fn apostrophes(url: &str) -> Vec<String> {
    let Some((path, query)) = url.split_once('?') else {
        return Vec::from([String::from(url)]);
    };
    let with = |query: String| [path, "?", &query].concat();
    Vec::from([
        String::from(url),
        with(query.replace("%27", "'")),
        with(query.replace('\'', "%27")),
    ])
}

/// The value of a query parameter, decoded; the first one of the name.
pub(super) fn query_parameter(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let query = query.split_once('#').map_or(query, |(query, _)| query);
    form_urlencoded::parse(query.as_bytes())
        .find(|(candidate, _)| candidate == name)
        .map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hubspot_decodes_twelve_escapes_and_no_other() {
        let forms = UrlForms::EscapesDecoded;
        let url = "https://a.example/b%2fc%3A?d=%20%40&e=%2";
        assert_eq!(forms.first(url), "https://a.example/b/c:?d=%20@&e=%2");
        assert_eq!(forms.others(url), [url]);
        assert!(forms.others("https://a.example/").is_empty());
        for (escape, character) in DECODED {
            let byte = u8::from_str_radix(escape, 16).map(char::from);
            assert_eq!(byte, Ok(character));
        }
    }

    #[test]
    fn twilio_writes_ports_and_apostrophes_in_every_way() {
        let others = |url| UrlForms::PortsAndApostrophes.others(url);
        assert_eq!(
            others("https://a.example/p?q=it's"),
            [
                "https://a.example/p?q=it%27s",
                "https://a.example:443/p?q=it's",
                "https://a.example:443/p?q=it%27s"
            ]
        );
        assert_eq!(others("http://u:p@[::1]:8080"), ["http://u:p@[::1]"]);
        assert_eq!(others("http://u:p@h"), ["http://u:p@h:80"]);
        assert!(others("no address").is_empty());
        assert!(others("ftp://h/").is_empty());
    }

    #[test]
    fn a_query_parameter_is_found_and_decoded() {
        let url = "https://a.example/?x=1&b%6Fdy=a+b%21&body=2#body=3";
        assert_eq!(query_parameter(url, "body").as_deref(), Some("a b!"));
        assert_eq!(query_parameter(url, "y"), None);
    }
}
