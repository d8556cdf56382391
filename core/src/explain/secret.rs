//! Secrets that were pasted or decoded wrongly, or belong to another endpoint.

use super::{
    Cause,
    trial::{Trials, View},
};
use crate::secret::{SecretForm, WHSEC_PREFIX};
use alloc::{borrow::Cow, format, string::String, vec::Vec};
use zeroize::Zeroizing;

/// Prefixes that senders write before a secret.
const PREFIXES: [&str; 3] = [WHSEC_PREFIX, "sk_", "whk_"];
const QUOTES: [char; 4] = ['"', '\'', '`', '\u{201d}'];

pub(super) fn explain(trials: &mut Trials<'_>, view: &View<'_>, other_endpoints: &[(&str, &str)]) {
    let Some(own) = trials.scheme().map(|scheme| scheme.secret_form) else {
        return;
    };
    for (index, secret) in trials.config().secrets.clone().into_iter().enumerate() {
        for (text, changes) in variants(secret) {
            for form in forms(own) {
                let is_unchanged = changes.is_empty() && form == own;
                if is_unchanged || trials.verifies_with_secret(&text, form, view).is_none() {
                    continue;
                }
                for cause in changes.iter().copied().chain(decoding(own, form)) {
                    trials.certain(cause, sentence(cause, index));
                }
                return;
            }
        }
    }
    for (name, secret) in other_endpoints {
        if trials.verifies_with_secret(secret, own, view).is_some() {
            trials.certain(
                Cause::SecretOfOtherEndpoint,
                format!("The signature fits the secret of the endpoint {name}."),
            );
            return;
        }
    }
}

/// The text in other spellings, and what was wrong if one of them fits. From few changes to many.
fn variants(secret: &str) -> Vec<(Zeroizing<String>, Vec<Cause>)> {
    let mut variants: Vec<(Cow<'_, str>, Vec<Cause>)> =
        Vec::from([(Cow::Borrowed(secret), Vec::new())]);
    let mut add = |text: Cow<'_, str>, changes: &[Cause]| {
        if !text.is_empty() && variants.iter().all(|(known, _)| *known != text) {
            variants.push((Cow::Owned(text.into_owned()), changes.to_vec()));
        }
    };
    let trimmed = secret.trim();
    add(Cow::Borrowed(trimmed), &[Cause::SecretWhiteSpace]);
    let unquoted = trimmed.trim_matches(QUOTES);
    let quoted: &[Cause] = match trimmed == secret {
        true => &[Cause::SecretQuoted],
        false => &[Cause::SecretWhiteSpace, Cause::SecretQuoted],
    };
    add(Cow::Borrowed(unquoted), quoted);
    add(
        Cow::Borrowed(unquoted.trim()),
        &[Cause::SecretQuoted, Cause::SecretWhiteSpace],
    );
    // What a shell or a loader of environment files made of a line break.
    let unescaped = unquoted.trim_end_matches("\\n").trim_end_matches("\\r");
    add(Cow::Borrowed(unescaped), &[Cause::SecretWhiteSpace]);
    for prefix in PREFIXES {
        match unescaped.strip_prefix(prefix) {
            Some(rest) => add(Cow::Borrowed(rest), &[Cause::SecretPrefix]),
            None if prefix == WHSEC_PREFIX => {
                add(
                    Cow::Owned([prefix, unescaped].concat()),
                    &[Cause::SecretPrefix],
                );
            }
            None => {}
        }
    }
    variants
        .into_iter()
        .map(|(text, changes)| (Zeroizing::new(text.into_owned()), changes))
        .collect()
}

/// The scheme's own form first.
fn forms(own: SecretForm) -> impl Iterator<Item = SecretForm> {
    let others = [
        SecretForm::Text,
        SecretForm::StandardWebhooks,
        SecretForm::Hex,
    ];
    let others = others.into_iter().filter(move |form| {
        // Public keys and credentials have one form.
        *form != own && own != SecretForm::OfAlgorithm
    });
    [own].into_iter().chain(others)
}

fn decoding(own: SecretForm, form: SecretForm) -> Option<Cause> {
    match form {
        form if form == own => None,
        SecretForm::Text => Some(Cause::SecretDecoded),
        _ => Some(Cause::SecretNotDecoded),
    }
}

fn sentence(cause: Cause, index: usize) -> String {
    let secret = format!("Secret {index} (counted from 0)");
    match cause {
        Cause::SecretWhiteSpace => {
            format!("{secret} has white space around it; without, the signature fits.")
        }
        Cause::SecretQuoted => {
            format!("{secret} has quotes around it; without, the signature fits.")
        }
        Cause::SecretPrefix => format!(
            "{secret} fits with another beginning: its prefix is missing or is no part of it."
        ),
        Cause::SecretDecoded => format!("{secret} was decoded; the signature fits its text."),
        _ => format!("{secret} was taken as text; decoded, the signature fits."),
    }
}
