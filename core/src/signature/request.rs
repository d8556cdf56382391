//! What goes in: a request to be judged, a message to be signed.

use core::fmt;

/// A request to be judged.
///
/// ```
/// use countersign_core::Request;
///
/// let headers = [("X-Signature", "…")];
/// let simple = Request::new(&headers, b"{}");
/// // Some senders sign where the request goes. Give the address as the sender wrote it, not as a proxy rewrote it.
/// let whole = Request { url: "https://hooks.example.com/in?a=1", ..simple };
/// assert_eq!(whole.method, "POST");
/// ```
#[derive(Debug)]
pub struct Request<'a, H: ?Sized> {
    /// Method, in upper case. Only HubSpot and schemes of your own sign it.
    pub method: &'a str,
    /// The full address that the sender called. Empty where it is not known; only few schemes sign it.
    pub url: &'a str,
    /// Its headers.
    pub headers: &'a H,
    /// The raw bytes as received, before any decoding.
    pub body: &'a [u8],
}

impl<'a, H: ?Sized> Request<'a, H> {
    /// A `POST` to an address that is not known.
    pub const fn new(headers: &'a H, body: &'a [u8]) -> Self {
        Self {
            method: POST,
            url: "",
            headers,
            body,
        }
    }
}

impl<H: ?Sized> Clone for Request<'_, H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H: ?Sized> Copy for Request<'_, H> {}

/// A message to be signed.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// Message id, or with Mailgun the token; left out where the scheme signs none.
    pub id: Option<&'a str>,
    /// When this attempt is made; without effect where the scheme signs no timestamp.
    pub at: SignedAt<'a>,
    /// Method, in upper case.
    pub method: &'a str,
    /// The full address that the message goes to; empty where the scheme signs none.
    pub url: &'a str,
    /// Further headers that are signed, names and values, where the scheme can do that (Hook0).
    pub headers: &'a [(&'a str, &'a str)],
    /// The exact bytes that will be sent.
    pub body: &'a [u8],
}

impl<'a> Message<'a> {
    /// A `POST` of these bytes, without an id and to an address that is not known.
    pub const fn new(at: SignedAt<'a>, body: &'a [u8]) -> Self {
        Self {
            id: None,
            at,
            method: POST,
            url: "",
            headers: &[],
            body,
        }
    }
}

const POST: &str = "POST";

/// The moment that is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedAt<'a> {
    /// Unix milliseconds, written as the scheme has it.
    UnixMs(i64),
    /// This text as it stands.
    Text(&'a str),
}

/// A message that cannot be signed. The fault of whoever signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignError {
    /// The scheme signs a message id (Mailgun: a token), and the message has none. Give every message an id that stays the
    /// same over all its attempts.
    IdMissing,
    /// The scheme signs the address, and the message has none.
    UrlMissing,
    /// The secret is a public key: it verifies, and cannot sign.
    SecretCannotSign,
}

impl SignError {
    /// The name of the mistake.
    pub const fn code(self) -> &'static str {
        match self {
            Self::IdMissing => "id_missing",
            Self::UrlMissing => "url_missing",
            Self::SecretCannotSign => "secret_cannot_sign",
        }
    }
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IdMissing => "this scheme signs a message id; give one",
            Self::UrlMissing => "this scheme signs the address; give the full url",
            Self::SecretCannotSign => {
                "this secret is a public key, which verifies only; give the private one"
            }
        })
    }
}

impl core::error::Error for SignError {}
