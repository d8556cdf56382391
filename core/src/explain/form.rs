//! Right digests in a wrong form: prefix, case, encoding, quotes.

use super::{
    Cause,
    trial::{Trials, View},
};
use crate::signature::{
    encoding::Encoding,
    layout::{Layout, Written},
    scheme::Scheme,
    timestamp::TimestampPlace,
};
use alloc::{format, string::String, vec::Vec};
use base64ct::{Base64, Base64Unpadded, Base64Url, Base64UrlUnpadded, Encoding as _};

/// Texts of one header that are taken for a digest.
const TEXTS_MAX: usize = 16;
/// Lengths of digests and signatures, in bytes: SHA-1, SHA-256, SHA-512 or Ed25519.
const DIGEST_BYTES: [usize; 3] = [20, 32, 64];

pub(super) fn explain(trials: &mut Trials<'_>, view: &View<'_>) {
    let Some(scheme) = trials.scheme() else {
        return;
    };
    for name in scheme.signature_headers.iter() {
        let Some(value) = view.header_text(name) else {
            continue;
        };
        for text in texts(value) {
            let Some((bytes, encoding)) = decoded(text) else {
                continue;
            };
            let written = scheme.encoding.write_bytes(&bytes);
            let header = header_with(&scheme, value, &written);
            if header == value {
                continue;
            }
            let headers = view.with_header(name, header.as_bytes());
            if trials
                .verifies(&View {
                    headers: &headers,
                    ..*view
                })
                .is_some()
            {
                tell(trials, &scheme, name, text, &written, encoding, value);
                return;
            }
        }
    }
}

fn tell(
    trials: &mut Trials<'_>,
    scheme: &Scheme,
    name: &str,
    text: &str,
    written: &str,
    encoding: Found,
    value: &str,
) {
    let mut found = false;
    if text != written {
        found = true;
        match text.eq_ignore_ascii_case(written) && scheme.encoding == Encoding::Hex {
            true => trials.certain(
                Cause::SignatureUpperCase,
                format!("The signature in {name} is right, but in upper case."),
            ),
            false => trials.certain(
                Cause::SignatureEncoding,
                format!(
                    "The signature in {name} is right, but in {}.",
                    encoding.name()
                ),
            ),
        }
    }
    if value.starts_with(['"', '\'']) {
        found = true;
        trials.certain(
            Cause::SignatureQuoted,
            format!("The value of {name} stands in quotes."),
        );
    }
    let wanted = match &scheme.layout {
        Layout::Bare => String::from("no prefix"),
        Layout::Prefixed(prefix) => format!("the prefix `{prefix}`"),
        Layout::Versioned { .. } => String::from("`v1,` before each signature"),
        Layout::Labelled { label, .. } => format!("the label `{label}`"),
        _ => String::from("another form"),
    };
    if !found || !value.contains(&*prefix_of(scheme)) {
        trials.certain(
            Cause::SignaturePrefix,
            format!(
                "The signature in {name} is right, but its prefix is not: the scheme has {wanted}."
            ),
        );
    }
}

/// What stands before a digest in this scheme.
fn prefix_of(scheme: &Scheme) -> String {
    match &scheme.layout {
        Layout::Prefixed(prefix) => String::from(&**prefix),
        Layout::Versioned { .. } => String::from("v1,"),
        Layout::Labelled { label, .. } => format!("{label}="),
        _ => String::new(),
    }
}

/// The header as the scheme writes it, with this digest; items that stand in it keep their values.
fn header_with(scheme: &Scheme, value: &str, digest: &str) -> String {
    let timestamp = match scheme.timestamp.as_ref().map(|timestamp| &timestamp.place) {
        Some(TimestampPlace::Label(label)) => Some(*label),
        _ => None,
    };
    let labels = timestamp.into_iter().chain(scheme.layout.header_list());
    let items: Vec<_> = labels
        .filter_map(|label| {
            let item = scheme.layout.first_item(value.as_bytes(), label)?;
            Some((label, core::str::from_utf8(item).ok()?))
        })
        .collect();
    let written = Written {
        is_asymmetric: false,
        text: String::from(digest),
    };
    scheme.layout.write(&items, &[written])
}

/// Every text in the value that may be a digest: the whole, what stands in quotes, after each `=` or `,`, and between blanks.
fn texts(value: &str) -> impl Iterator<Item = &str> {
    let unquoted = value.trim_matches(['"', '\'']);
    let items = unquoted
        .split([' ', ',', ';'])
        .filter(|item| !item.is_empty());
    let parts = items.flat_map(|item| {
        let after = item.split_once('=').map(|(_, rest)| rest);
        let last = item
            .trim_end_matches('=')
            .rsplit_once(['=', ':'])
            .map(|(head, _)| head.len());
        let last = last.and_then(|at| item.get(at.saturating_add(1)..));
        [Some(item), after, last].into_iter().flatten()
    });
    [unquoted]
        .into_iter()
        .chain(parts)
        .filter(|text| !text.is_empty())
        .take(TEXTS_MAX)
}

/// How a digest was found to be written.
#[derive(Clone, Copy)]
enum Found {
    Hex,
    Base64,
    Base64Url,
}

impl Found {
    const fn name(self) -> &'static str {
        match self {
            Self::Hex => "hexadecimal",
            Self::Base64 => "base64",
            Self::Base64Url => "base64 with the alphabet for addresses",
        }
    }
}

/// The bytes of a digest in any usual encoding.
fn decoded(text: &str) -> Option<(Vec<u8>, Found)> {
    let hex = base16ct::mixed::decode_vec(text)
        .ok()
        .map(|bytes| (bytes, Found::Hex));
    let base64 = || {
        Base64::decode_vec(text)
            .or_else(|_| Base64Unpadded::decode_vec(text))
            .ok()
    };
    let base64url = || {
        Base64Url::decode_vec(text)
            .or_else(|_| Base64UrlUnpadded::decode_vec(text))
            .ok()
    };
    let found = hex
        .or_else(|| Some((base64()?, Found::Base64)))
        .or_else(|| Some((base64url()?, Found::Base64Url)))?;
    DIGEST_BYTES.contains(&found.0.len()).then_some(found)
}
