//! Why there is no answer: the kind for the rules, a sentence for people. Kinds are told by types, never by text.

use crate::network::Refusal;
use countersign_core::delivery::FailureKind;
use rustls::CertificateError;
use std::{error::Error, io, time::Duration};

/// Longest sentence, in bytes. Some of them quote what a receiver or a resolver says.
const DETAIL_BYTES_MAX: usize = 200;

/// An attempt without an answer.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) kind: FailureKind,
    pub(super) detail: String,
}

/// What was being done when a limit passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Lookup,
    Connect,
    Proxy,
    Tls,
    Answer,
}

impl Phase {
    const fn text(self) -> &'static str {
        match self {
            Self::Lookup => "the host name was not looked up",
            Self::Connect => "no connection was made",
            Self::Proxy => "the proxy made no connection",
            Self::Tls => "the TLS handshake was not done",
            Self::Answer => "there was no complete head of an answer",
        }
    }
}

impl Failed {
    pub(super) fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        if detail.len() > DETAIL_BYTES_MAX {
            let end = detail.floor_char_boundary(DETAIL_BYTES_MAX);
            detail.truncate(end);
            detail.push_str("...");
        }
        Self { kind, detail }
    }

    pub(super) fn timeout(phase: Phase, limit: Duration) -> Self {
        let detail = format!("{} within {} ms", phase.text(), limit.as_millis());
        Self::new(FailureKind::Timeout, detail)
    }

    pub(super) fn connect(error: &io::Error) -> Self {
        let detail = match error.kind() {
            io::ErrorKind::ConnectionRefused => "the connection was refused".to_owned(),
            io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
                "the host cannot be reached from here".to_owned()
            }
            _ => format!("no connection: {error}"),
        };
        Self::new(FailureKind::Connect, detail)
    }

    /// A failure on the way to the proxy, which is the operator's and not the receiver's.
    pub(super) fn of_proxy(self) -> Self {
        let kind = match self.kind {
            FailureKind::Timeout => FailureKind::Timeout,
            _ => FailureKind::Connect,
        };
        Self::new(kind, format!("proxy: {}", self.detail))
    }

    /// A handshake that failed.
    pub(super) fn tls(error: &io::Error) -> Self {
        let detail = match error.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(error) => tls_text(error),
            None => match error.kind() {
                io::ErrorKind::UnexpectedEof => {
                    "the connection was closed during the TLS handshake".to_owned()
                }
                _ => format!("the TLS handshake failed: {error}"),
            },
        };
        Self::new(FailureKind::Tls, detail)
    }

    /// A request that was begun and got no usable answer.
    pub(super) fn exchange(error: &hyper::Error) -> Self {
        let mut cause: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(error) = cause {
            // An error that `io::Error` wraps is not among its sources.
            let inner = error.downcast_ref::<io::Error>();
            let inner = inner.and_then(|error| error.get_ref());
            if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                // TLS 1.3 tells only after the handshake that a client certificate is missing or not trusted.
                return Self::new(FailureKind::Tls, tls_text(error));
            }
            cause = error.source();
        }
        if error.is_canceled() {
            let problem = "the connection was closed before the request was sent";
            return Self::new(FailureKind::Connect, problem);
        }
        let detail = if error.is_parse_too_large() {
            "the head of the answer is too long".to_owned()
        } else if error.is_parse() {
            "what came back is not HTTP".to_owned()
        } else if error.is_incomplete_message() {
            "the connection was closed before the answer was complete".to_owned()
        } else {
            let reason = error
                .source()
                .map_or_else(|| error.to_string(), ToString::to_string);
            format!("the connection broke: {reason}")
        };
        Self::new(FailureKind::InvalidResponse, detail)
    }
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        let kind = match refusal {
            Refusal::Address { .. } | Refusal::Name { .. } | Refusal::Port(_) => {
                FailureKind::BlockedAddress
            }
            Refusal::Unresolved { .. } => FailureKind::Dns,
            Refusal::LookupTimeout { .. } => FailureKind::Timeout,
        };
        Self::new(kind, refusal.to_string())
    }
}

fn tls_text(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(reason) = error else {
        return format!("the TLS handshake failed: {error}");
    };
    let text = match reason {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the certificate has expired"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the certificate is not valid yet"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the certificate is for another name"
        }
        // The second: of one that has the name of a trusted one.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "the certificate is not signed by an authority that is trusted here"
        }
        CertificateError::Revoked => "the certificate was revoked",
        other => return format!("the certificate is not accepted: {other}"),
    };
    text.to_owned()
}
