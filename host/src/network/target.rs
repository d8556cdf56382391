//! Where a request goes.

use url::{Host, Url};

/// Scheme, host and port of an `http` or `https` address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub https: bool,
    /// Numbers in any spelling have become addresses; names are in lower case and ASCII.
    pub host: Host<String>,
    pub port: u16,
}

impl Target {
    /// The target of a request to `url`; `None` when it is no such address.
    pub fn of(url: &str) -> Option<Self> {
        let url = Url::parse(url).ok()?;
        let https = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        Some(Self {
            https,
            host: url.host()?.to_owned(),
            port: url.port_or_known_default()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn every_spelling_of_an_address_is_that_address() {
        let loopback = Host::Ipv4(Ipv4Addr::LOCALHOST);
        for url in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://127.0.0.1./",
            "http://\u{2460}27.0.0.1/",
        ] {
            let target = Target::of(url);
            assert_eq!(
                target.map(|target| target.host),
                Some(loopback.clone()),
                "{url}"
            );
        }
        assert_eq!(
            Target::of("https://a.example/").map(|to| to.port),
            Some(443)
        );
        assert_eq!(
            Target::of("http://a.example:81/").map(|to| to.port),
            Some(81)
        );
        assert_eq!(Target::of("ftp://a.example/"), None);
        assert_eq!(Target::of("nonsense"), None);
    }
}
