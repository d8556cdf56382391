//! Where an endpoint is.

use super::{EndpointError, rejected};
use crate::{
    context::Context,
    network::{Refusal, Target},
};
use url::Url;

/// Longest address. Longer ones are refused by common servers and proxies.
pub const URL_BYTES_MAX: usize = 2048;

/// The address in its normal spelling.
pub(super) fn check_url(text: &str, allow_http: bool) -> Result<String, EndpointError> {
    let refused = |message: &str| Err(rejected("url", "url_invalid", message));
    // The parser forgives what browsers forgive: blanks, line breaks, too many slashes. Here they are typing errors.
    let after_scheme = text.split_once("://").map_or("", |(_, rest)| rest);
    if after_scheme.starts_with(['/', '\\']) || text.contains(|c: char| c <= ' ' || c == '\x7f') {
        return refused("give an absolute address such as https://example.com/webhooks");
    }
    let Ok(url) = Url::parse(text) else {
        return refused("give an absolute address such as https://example.com/webhooks");
    };
    match url.scheme() {
        "https" => {}
        "http" if allow_http => {}
        "http" => {
            return refused(
                "the address must start with https://; to allow http:// on a machine of your own, set delivery.allow_http",
            );
        }
        _ => return refused("the address must start with https://"),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refused(
            "leave user name and password out of the address; requests are signed instead",
        );
    }
    if url.fragment().is_some() {
        return refused("leave out what follows the #; it is never sent");
    }
    let url = String::from(url);
    // The HTTP client reads addresses more strictly.
    let sendable = url
        .parse::<hyper::Uri>()
        .is_ok_and(|uri| uri.host().is_some());
    match (sendable, url.len()) {
        (true, ..=URL_BYTES_MAX) => Ok(url),
        (true, _) => refused("the address is longer than 2048 bytes"),
        (false, _) => {
            refused("give an absolute address with a host, such as https://example.com/webhooks")
        }
    }
}

/// Whether the guard lets the address be called as things are now.
pub(super) async fn check_address(context: &Context, url: &str) -> Result<(), EndpointError> {
    let Some(target) = Target::of(url) else {
        return Err(rejected("url", "url_invalid", "give an absolute address"));
    };
    context.guard.check(&target).await.map_err(|refusal| {
        let remedy = match refusal {
            Refusal::Port(_) => "the server's operator can allow ports with the setting network.ports",
            _ => {
                "only public addresses are called. The server's operator can allow others: `countersign serve --allow \
                 NETWORK|HOST` (setting network.allow), or `--dev` for receivers on the same machine"
            }
        };
        rejected("url", "blocked_address", &format!("{refusal}; {remedy}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_cannot_or_must_not_be_called_are_refused() {
        for url in [
            "",
            "example.com",
            "/hook",
            "https://",
            "https:///hook",
            "ftp://example.com/",
            "javascript:alert(1)",
            "https://user:pass@example.com/",
            "https://user@example.com/",
            "https://example.com/#part",
            "http://example.com/",
            "https://exa mple.com/",
            "https://[::1/",
            "https://example.com:99999/",
            &format!("https://example.com/{}", "x".repeat(URL_BYTES_MAX)),
        ] {
            match check_url(url, false) {
                Err(EndpointError::Rejected(rejection)) => {
                    assert_eq!(
                        (&*rejection.field, &*rejection.code),
                        ("url", "url_invalid")
                    );
                }
                other => panic!("{url}: {other:?}"),
            }
        }
    }

    #[test]
    fn good_addresses_are_taken_in_their_normal_spelling() {
        for (url, normal) in [
            ("https://example.com", "https://example.com/"),
            ("https://EXAMPLE.com:443/a?b=c", "https://example.com/a?b=c"),
            (
                "https://b\u{fc}cher.example/",
                "https://xn--bcher-kva.example/",
            ),
            ("https://[::1]:8443/", "https://[::1]:8443/"),
        ] {
            assert_eq!(check_url(url, false).unwrap(), normal);
        }
        assert!(check_url("http://127.0.0.1:9/hook", true).is_ok());
    }
}
