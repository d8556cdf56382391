//! Headers of another scheme, or none.

use super::{
    Cause,
    trial::{Trials, View},
};
use crate::signature::{Carrier, scheme::Scheme, timestamp::TimestampPlace};
use alloc::{format, vec::Vec};

/// Header name parts by which a signature is recognised although no scheme knows it.
const SIGNATURE_WORDS: [&str; 3] = ["signature", "hmac", "hub-sign"];

/// Headers that the scheme needs and the request has not.
pub(super) fn missing_headers(trials: &mut Trials<'_>, view: &View<'_>) {
    let Some(scheme) = trials.scheme() else {
        return;
    };
    if scheme.carrier != Carrier::Headers || is_sent_by(&scheme, view) {
        return;
    }
    let mut missing: Vec<&str> = scheme
        .header_names()
        .into_iter()
        .filter(|name| view.header(name).is_none())
        .collect();
    missing.dedup();
    let others: Vec<_> = others(&scheme, view).map(|other| other.name).collect();
    let missing = missing.join(", ");
    if !others.is_empty() {
        let others = others.join(", ");
        trials.likely(
            Cause::WrongProvider,
            format!("The request has no {missing}, but the headers of: {others}."),
        );
        return;
    }
    let mut names = view
        .headers
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase());
    let similar = names.find(|name| SIGNATURE_WORDS.iter().any(|word| name.contains(word)));
    let sentence = match similar {
        Some(name) => {
            format!("The request has no {missing}; it has {name}, which this scheme does not read.")
        }
        None => format!(
            "The request has no {missing}, and no other header that looks like a signature."
        ),
    };
    trials.likely(Cause::HeaderMissing, sentence);
}

/// Schemes that fit with the same secrets.
pub(super) fn explain(trials: &mut Trials<'_>, view: &View<'_>) {
    let Some(scheme) = trials.scheme() else {
        return;
    };
    for other in others(&scheme, view) {
        let mut config = trials.config().clone();
        config.scheme = other.name;
        config.options = Vec::new();
        if trials.verifies_as(&config, view).is_some() {
            trials.certain(
                Cause::WrongProvider,
                format!(
                    "The signature is one of {}, not of {}.",
                    other.name, scheme.name
                ),
            );
            return;
        }
    }
}

/// Other schemes whose headers, or fields, are all there.
fn others<'v>(
    scheme: &Scheme,
    view: &'v View<'_>,
) -> impl Iterator<Item = &'static Scheme> + use<'v> {
    let name = scheme.name;
    Scheme::all().filter(move |other| {
        other.name != name && !other.signature_headers.is_empty() && is_sent_by(other, view)
    })
}

/// Whether a request has what requests of this scheme have.
fn is_sent_by(scheme: &Scheme, view: &View<'_>) -> bool {
    match scheme.carrier {
        Carrier::Headers => {
            let mut names = scheme.signature_headers.iter();
            let any = names.any(|name| view.header(name).is_some());
            let mut others = scheme.header_names().into_iter().filter(|name| {
                !scheme
                    .signature_headers
                    .iter()
                    .any(|signature| signature == name)
            });
            any && others.all(|name| view.header(name).is_some() || is_fallback(scheme))
        }
        carrier => {
            let fields = carrier.fields(view.body, &scheme.header_names());
            fields.is_ok_and(|fields| fields.len() == scheme.header_names().len())
        }
    }
}

/// Linear's header counts only where the body has no timestamp.
fn is_fallback(scheme: &Scheme) -> bool {
    let place = scheme.timestamp.as_ref().map(|timestamp| &timestamp.place);
    matches!(place, Some(TimestampPlace::BodyField { .. }))
}
