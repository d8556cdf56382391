//! Who sends: a provider or a scheme, its settings, its secrets.

use super::{SENDER, output::Output, secret::SecretArgs};
use crate::{
    error::Error,
    rules::{Engine, KERNEL_WASM, Kernel},
    store::SecretText,
};
use clap::Args;
use countersign_core::{Config, Tolerance, operational, signature::scheme::OptionKey, standard};

/// The settings that schemes have, as the core calls them. The npm package's spelling, `timestampHeader`, is understood as well.
const SETTINGS: [&str; 15] = [
    "header",
    "algorithm",
    "encoding",
    "prefix",
    "separator",
    "template",
    "timestamp_header",
    "timestamp_unit",
    "id_header",
    "secret_format",
    "mode",
    "signature_version",
    "version",
    "body_format",
    "escape_unicode",
];

#[derive(Debug, Args)]
#[command(next_help_heading = SENDER)]
pub(super) struct SenderArgs {
    /// cleanmails, smartlead, sendemall or platform; standard for a host's own events
    #[arg(short, long, value_name = "NAME")]
    provider: Option<String>,
    #[command(flatten)]
    scheme: SchemeArgs,
    #[command(flatten)]
    secrets: SecretArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = SENDER)]
pub(super) struct SchemeArgs {
    /// Any other signature scheme: stripe, github, standard-webhooks ...
    #[arg(long, value_name = "NAME")]
    pub(super) scheme: Option<String>,
    /// A setting of the scheme, may be repeated: --option header=X-Acme
    #[arg(long = "option", value_name = "NAME=VALUE", value_parser = setting)]
    pub(super) options: Vec<(String, String)>,
}

/// Who sends, with which secrets.
#[derive(Debug)]
pub(super) struct Sender {
    /// Whose events these are; a scheme's name where only that is known.
    pub(super) name: String,
    /// The scheme that they are signed in.
    pub(super) scheme: String,
    pub(super) options: Vec<(String, String)>,
    pub(super) secrets: Vec<SecretText>,
}

impl SenderArgs {
    /// # Errors
    /// [`Error::Usage`]
    pub(super) fn read(self, out: &Output) -> Result<Sender, Error> {
        let SchemeArgs { scheme, options } = self.scheme;
        let Some(name) = self.provider.clone().or_else(|| scheme.clone()) else {
            return Err(Error::usage(
                "Name the sender: --provider cleanmails, or --scheme stripe.",
            ));
        };
        let own = match name.as_str() {
            // A host's events that are no provider's.
            standard::SOURCE | operational::SOURCE => "standard-webhooks",
            name => name,
        };
        Ok(Sender {
            scheme: scheme.unwrap_or_else(|| own.to_owned()),
            options,
            secrets: self.secrets.read(&name, out)?,
            name,
        })
    }

    /// Whether any of it is given.
    pub(super) fn is_given(&self) -> bool {
        self.provider.is_some() || self.scheme.scheme.is_some() || self.secrets.are_given()
    }
}

impl Sender {
    /// The secrets as the rules take them.
    pub(super) fn secrets(&self) -> Vec<&str> {
        self.secrets.iter().map(SecretText::as_str).collect()
    }

    /// The settings as the rules take them.
    pub(super) fn options(&self) -> Vec<(&str, &str)> {
        borrowed(&self.options)
    }

    /// What the core verifies with.
    pub(super) fn config(&self, tolerance: Tolerance) -> Config<'_> {
        Config {
            scheme: &self.scheme,
            secrets: self.secrets(),
            tolerance,
            options: self.options(),
        }
    }
}

/// Pairs as the rules take them.
pub(super) fn borrowed(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

/// The kernel of this binary. What signs and what checks here is what signs in the host and checks in the npm package.
///
/// # Errors
/// [`Error::Rules`]: this build is broken.
pub(super) fn kernel() -> Result<Kernel, Error> {
    Ok(Kernel::new(&Engine::new()?, KERNEL_WASM)?)
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .filter(|(name, _)| !name.trim().is_empty())
        .ok_or("it takes NAME=VALUE")?;
    let name = in_words_of_the_core(name.trim());
    match OptionKey::named(&name) {
        Some(_) => Ok((name, value.to_owned())),
        None => Err(format!(
            "there is no setting {name}; settings are: {}",
            SETTINGS.join(", ")
        )),
    }
}

/// `timestampHeader` is `timestamp_header`.
fn in_words_of_the_core(name: &str) -> String {
    let mut words = String::with_capacity(name.len());
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            words.push('_');
        }
        words.push(character.to_ascii_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_known_in_both_spellings() {
        for name in SETTINGS {
            assert!(OptionKey::named(name).is_some(), "{name}");
        }
        let read = |text| setting(text).map(|(name, value)| format!("{name} {value}"));
        assert_eq!(
            read("timestampHeader=X-T").as_deref(),
            Ok("timestamp_header X-T")
        );
        assert_eq!(
            read("timestamp_header=X-T").as_deref(),
            Ok("timestamp_header X-T")
        );
        assert_eq!(read(" prefix = a=b ").as_deref(), Ok("prefix  a=b "));
        for wrong in ["", "=", "header", " =x", "colour=red"] {
            assert!(setting(wrong).is_err(), "{wrong}");
        }
    }
}
