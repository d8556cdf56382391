//! Headers that a proxy or gateway repeats, merges or renames.

use super::{
    Cause,
    trial::{Trials, View},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// Values of one header that are tried.
const VALUES_MAX: usize = 16;
/// What gateways put before the name of a header that they keep for themselves.
const RENAMED_PREFIXES: [&str; 6] = [
    "http",
    "xamznremapped",
    "xoriginal",
    "xforwarded",
    "original",
    "x",
];

pub(super) fn explain(trials: &mut Trials<'_>, view: &View<'_>) {
    let Some(scheme) = trials.scheme() else {
        return;
    };
    let mut names: Vec<String> = Vec::new();
    for name in scheme.header_names() {
        if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            names.push(name.to_string());
        }
    }
    renamed(trials, view, &names);
    repeated(trials, view, &names);
    merged(trials, view, &names);
}

/// Looks for missing headers under names that only differ by signs or a known beginning.
fn renamed(trials: &mut Trials<'_>, view: &View<'_>, names: &[String]) {
    let missing = names.iter().filter(|name| view.header(name).is_none());
    let found: Vec<_> = missing
        .filter_map(|name| {
            let wanted = letters(name);
            let mut headers = view.headers.iter();
            let (other, value) =
                headers.find(|(candidate, _)| is_renamed(&letters(candidate), &wanted))?;
            Some((name.as_str(), *other, *value))
        })
        .collect();
    if found.is_empty() {
        return;
    }
    let renamed = found.iter().map(|(name, _, value)| (*name, *value));
    let headers: Vec<_> = renamed.chain(view.headers.iter().copied()).collect();
    let pairs: Vec<_> = found
        .iter()
        .map(|(name, other, _)| format!("{other} for {name}"))
        .collect();
    let sentence = format!("A gateway changed header names: {}.", pairs.join(", "));
    match trials.verifies(&View {
        headers: &headers,
        ..*view
    }) {
        Some(_) => trials.certain(Cause::HeaderRenamed, sentence),
        None => trials.likely(Cause::HeaderRenamed, sentence),
    }
}

/// A name without its signs, in lower case.
fn letters(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

fn is_renamed(candidate: &str, wanted: &str) -> bool {
    let without_x = wanted.strip_prefix('x').unwrap_or(wanted);
    candidate == wanted
        || candidate == without_x
        || RENAMED_PREFIXES
            .iter()
            .filter_map(|prefix| candidate.strip_prefix(prefix))
            .any(|rest| rest == wanted || rest == without_x)
}

/// Tries every further value of a header that occurs more than once, and the last of all of them together.
fn repeated(trials: &mut Trials<'_>, view: &View<'_>, names: &[String]) {
    let values = |name: &str| -> Vec<&[u8]> {
        let headers = view.headers.iter();
        let same = headers.filter(|(candidate, _)| candidate.eq_ignore_ascii_case(name));
        same.map(|(_, value)| *value).take(VALUES_MAX).collect()
    };
    let repeated: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), values(name)))
        .filter(|(_, values)| values.len() > 1)
        .collect();
    for (name, values) in &repeated {
        for (place, value) in values.iter().enumerate().skip(1) {
            let headers = view.with_header(name, value);
            if trials
                .verifies(&View {
                    headers: &headers,
                    ..*view
                })
                .is_some()
            {
                let place = place.saturating_add(1);
                trials.certain(
                    Cause::HeaderRepeated,
                    format!("The header {name} occurs {} times; value {place} fits, the first one counts.", values.len()),
                );
                return;
            }
        }
    }
    let lasts = repeated
        .iter()
        .filter_map(|(name, values)| Some((*name, *values.last()?)));
    let headers: Vec<_> = lasts.chain(view.headers.iter().copied()).collect();
    if repeated.is_empty() {
        return;
    }
    let names: Vec<_> = repeated.iter().map(|(name, _)| *name).collect();
    let names = names.join(", ");
    match trials.verifies(&View {
        headers: &headers,
        ..*view
    }) {
        Some(_) => trials.certain(
            Cause::HeaderRepeated,
            format!("These headers occur more than once, and their last values fit: {names}."),
        ),
        None => trials.likely(
            Cause::HeaderRepeated,
            format!("These headers occur more than once, and the first values count: {names}."),
        ),
    }
}

/// Tries the pieces of a header that is a list joined by commas.
fn merged(trials: &mut Trials<'_>, view: &View<'_>, names: &[String]) {
    let pieces = |name: &str| -> Vec<&[u8]> {
        let value = view.header(name).unwrap_or_default();
        let pieces = value.split(|byte| *byte == b',');
        pieces
            .filter_map(crate::headers::trimmed)
            .take(VALUES_MAX)
            .collect()
    };
    let merged: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), pieces(name)))
        .filter(|(_, pieces)| pieces.len() > 1)
        .collect();
    let most = merged
        .iter()
        .map(|(_, pieces)| pieces.len())
        .max()
        .unwrap_or(0);
    for place in 0..most {
        let picked = merged
            .iter()
            .filter_map(|(name, pieces)| Some((*name, *pieces.get(place)?)));
        let headers: Vec<_> = picked.chain(view.headers.iter().copied()).collect();
        if trials
            .verifies(&View {
                headers: &headers,
                ..*view
            })
            .is_some()
        {
            let names: Vec<_> = merged.iter().map(|(name, _)| *name).collect();
            let place = place.saturating_add(1);
            trials.certain(
                Cause::HeaderMerged,
                format!("Several values stand in one header ({}), joined by commas; value {place} fits.", names.join(", ")),
            );
            return;
        }
    }
}
