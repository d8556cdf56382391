//! Where each provider's clients put their key, and from there to where the native API looks for it.

use crate::api::Problem;
use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header, uri::PathAndQuery},
};
use countersign_core::provider::Provider;
use url::form_urlencoded;

/// C13.
const COOKIE: &str = "auth_token";
/// S18.
const QUERY: &str = "api_key";
/// E11.
const HEADER: &str = "x-user-context";

/// Takes the key out of its place and makes a bearer token of it. A bearer token that is there already is left (R-C9), and wins.
/// A key in a query is gone from the address afterwards, so that nothing that tells of requests can tell it.
///
/// # Errors
/// 401 for a key that no header can hold, which is none that was ever made.
pub(super) fn move_to_bearer(provider: Provider, request: &mut Request) -> Result<(), Problem> {
    let key = match provider {
        Provider::Cleanmails => cookie(request.headers_mut()),
        Provider::Smartlead => query(request)?,
        Provider::Sendemall => request
            .headers_mut()
            .remove(HEADER)
            .map(|value| value.as_bytes().to_vec()),
        // Its document names no place.
        _ => None,
    };
    let headers = request.headers_mut();
    if let Some(key) = key
        && !headers.contains_key(header::AUTHORIZATION)
    {
        let bearer = [b"Bearer ", key.as_slice()].concat();
        let bearer = HeaderValue::from_bytes(&bearer).map_err(|_| unknown(provider))?;
        headers.insert(header::AUTHORIZATION, bearer);
    }
    if let Some(bearer) = headers.get_mut(header::AUTHORIZATION) {
        bearer.set_sensitive(true);
    }
    Ok(())
}

/// What a client without a key that is known is told: where this provider's clients put it.
pub(super) fn unknown(provider: Provider) -> Problem {
    let place = match provider {
        Provider::Cleanmails => "as the cookie auth_token=..., or as `Authorization: Bearer ...`",
        Provider::Smartlead => "as the query parameter api_key, or as `Authorization: Bearer ...`",
        Provider::Sendemall => "in the header x-user-context, or as `Authorization: Bearer ...`",
        _ => "as `Authorization: Bearer ...`",
    };
    let detail = format!("no known API key: send one of this server's keys {place}");
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
}

/// The session cookie of whichever `Cookie` header has it. These headers are of no further use.
fn cookie(headers: &mut HeaderMap) -> Option<Vec<u8>> {
    let found = headers.get_all(header::COOKIE).iter().find_map(|value| {
        value
            .as_bytes()
            .split(|byte| *byte == b';')
            .find_map(|pair| {
                let rest = pair.trim_ascii().strip_prefix(COOKIE.as_bytes())?;
                let value = rest.strip_prefix(b"=")?;
                // RFC 6265, section 4.1.1: a value may stand in quotes.
                let bare = value
                    .strip_prefix(b"\"")
                    .and_then(|rest| rest.strip_suffix(b"\""));
                Some(bare.unwrap_or(value).to_vec())
            })
    });
    headers.remove(header::COOKIE);
    found
}

/// The key of the query, which is taken out of the address. Of several the first one counts.
fn query(request: &mut Request) -> Result<Option<Vec<u8>>, Problem> {
    let Some(query) = request.uri().query() else {
        return Ok(None);
    };
    let mut key = None;
    let mut rest = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            QUERY => {
                key.get_or_insert(value.into_owned().into_bytes());
            }
            _ => {
                rest.append_pair(&name, &value);
            }
        }
    }
    let rest = rest.finish();
    let path = request.uri().path();
    let target = match rest.is_empty() {
        true => path.to_owned(),
        false => format!("{path}?{rest}"),
    };
    let target = PathAndQuery::try_from(target).map_err(|_| Problem::not_found("route"))?;
    *request.uri_mut() = Uri::from(target);
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn moved(provider: Provider, address: &str, headers: &[(&str, &str)]) -> Request {
        let mut request = Request::builder().uri(address);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::empty()).unwrap();
        move_to_bearer(provider, &mut request).unwrap();
        request
    }

    fn bearer(request: &Request) -> Option<&str> {
        let value = request.headers().get(header::AUTHORIZATION)?;
        value.to_str().unwrap().strip_prefix("Bearer ")
    }

    // Holds: C13, R-C9, S18, E11
    #[test]
    fn each_provider_has_its_own_place_and_a_bearer_token_goes_before_it() {
        let cookies = [("cookie", "theme=dark; auth_token=csk_1; x=auth_token=no")];
        assert_eq!(
            bearer(&moved(Provider::Cleanmails, "/", &cookies)),
            Some("csk_1")
        );
        let two = [("cookie", "a=b"), ("cookie", "auth_token=\"csk_2\"")];
        assert_eq!(
            bearer(&moved(Provider::Cleanmails, "/", &two)),
            Some("csk_2")
        );
        let header = [("X-User-Context", "csk_3")];
        assert_eq!(
            bearer(&moved(Provider::Sendemall, "/", &header)),
            Some("csk_3")
        );
        let both = [
            ("x-user-context", "csk_3"),
            ("authorization", "Bearer csk_4"),
        ];
        assert_eq!(
            bearer(&moved(Provider::Sendemall, "/", &both)),
            Some("csk_4")
        );
        // Nobody else's place counts.
        assert_eq!(
            bearer(&moved(Provider::Platform, "/?api_key=csk_5", &header)),
            None
        );
        assert_eq!(
            bearer(&moved(
                Provider::Cleanmails,
                "/",
                &[("cookie", "xauth_token=csk_6")]
            )),
            None
        );
    }

    #[test]
    fn a_key_in_the_query_is_gone_from_the_address() {
        let request = moved(
            Provider::Smartlead,
            "/list?limit=5&api_key=csk_7%2F&api_key=other&after=1",
            &[],
        );
        assert_eq!(bearer(&request), Some("csk_7/"));
        assert_eq!(request.uri(), "/list?limit=5&after=1");
        let request = moved(Provider::Smartlead, "/create?api_key=csk_8", &[]);
        assert_eq!(request.uri(), "/create");
        assert!(!format!("{request:?}").contains("csk_8"));
        let request = moved(Provider::Smartlead, "/create", &[]);
        assert_eq!(bearer(&request), None);
    }

    #[test]
    fn a_key_that_no_header_can_hold_is_refused() {
        let mut request = Request::builder()
            .uri("/?api_key=a%0Ab")
            .body(Body::empty())
            .unwrap();
        assert!(move_to_bearer(Provider::Smartlead, &mut request).is_err());
    }
}
