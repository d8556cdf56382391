//! Settings of the section `inbound`: who may post here, and how it is checked.

mod described;
mod secrets;

use super::{Hidden, Wrong};
use crate::ids::WorkspaceId;
use countersign_core::{
    Config as SchemeConfig, Covers, KeyedScheme, Scheme, Tolerance,
    event::Source as Known,
    inbound::{FIELDS, Place, Places},
};
use described::{Description, Mistake};
use serde::{Deserialize, Deserializer};
use std::{collections::BTreeMap, fmt, sync::Arc};
use toml::Value;

/// The scheme of sources that send a token and sign nothing. It is none of core's: nothing is computed.
const TOKEN_SCHEME: &str = "token";

/// Most sources.
const SOURCES_MAX: usize = 100;
/// Longest name of a source.
const NAME_BYTES_MAX: usize = 63;
/// Names that stand for other routes.
const NAMES_TAKEN: [&str; 1] = ["manage"];
/// Least length of a token. What is shorter can be guessed.
const TOKEN_BYTES_MIN: usize = 16;
/// Longest tolerance: 30 days, as long as what was received is remembered.
const TOLERANCE_S_MAX: u32 = 30 * 24 * 60 * 60;
/// Mailgun documents no figure, tries again for 8 hours, and does not say whether it signs anew. Its tokens are remembered for
/// as long, so that the window costs no safety.
const MAILGUN_TOLERANCE_S: u32 = 24 * 60 * 60;

/// The section `inbound`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inbound {
    pub enabled: bool,
    pub workspace: String,
    pub body_bytes_max: u64,
    pub requests_max: u32,
    pub sources: Sources,
}

/// Who posts here, by name.
#[derive(Clone, Default)]
pub struct Sources {
    /// As the file has them, until they are read.
    described: BTreeMap<String, Value>,
    ready: BTreeMap<String, Arc<Source>>,
}

/// Somebody who posts here.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    pub name: String,
    /// The workspace that its events belong to, when it is not that of the section.
    pub workspace: Option<String>,
    pub reader: Reader,
    pub check: Check,
    /// Fields of its events that are filled from the original, by JSON pointer.
    pub fields: Vec<(String, String)>,
}

/// How the requests of a source are read.
#[derive(Debug, PartialEq, Eq)]
pub enum Reader {
    /// As one of this provider.
    Known(Known),
    /// As its operator says.
    Own(Places),
}

/// How the requests of a source are checked.
#[derive(Debug, PartialEq, Eq)]
pub enum Check {
    /// Not at all: its operator says so.
    Open,
    /// By a token that they carry.
    Token {
        /// The header whose value it is; `None`: `Authorization: Bearer ...`.
        header: Option<String>,
        tokens: Vec<Hidden>,
    },
    /// By their signature.
    Signature(Signature),
}

/// A signature scheme with its keys.
#[derive(Debug, PartialEq, Eq)]
pub struct Signature {
    pub scheme: String,
    pub options: Vec<(String, String)>,
    pub secrets: Vec<Hidden>,
    /// `None` is the scheme's own, `Some(None)` switches the window off.
    pub tolerance_s: Option<Option<u32>>,
    /// The address that the sender calls, where it is signed; empty elsewhere.
    pub url: String,
}

impl Signature {
    /// How far a signed timestamp may lie from the clock of this machine; `None`: any distance.
    pub fn window_s(&self) -> Option<u32> {
        self.tolerance_s.unwrap_or_else(|| {
            let scheme = Scheme::named(&self.scheme)?;
            scheme.timestamp.as_ref()?.tolerance_s
        })
    }
}

impl Reader {
    /// Its name, for people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Known(source) => source.name(),
            Self::Own(_) => "own",
        }
    }
}

impl Sources {
    /// The source of this name.
    pub fn named(&self, name: &str) -> Option<&Arc<Source>> {
        self.ready.get(name)
    }

    /// The source that takes what this provider posts to the route without a name: the one that is called like it, else the
    /// only one that there is of it.
    pub fn of_provider(&self, provider: Known) -> Option<&Arc<Source>> {
        let is_of = |source: &&Arc<Source>| source.reader == Reader::Known(provider);
        let called = self.ready.get(provider.name()).filter(is_of);
        called.or_else(|| {
            let mut all = self.ready.values().filter(is_of);
            all.next().filter(|_| all.next().is_none())
        })
    }

    /// Every source, by name.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Source>> {
        self.ready.values()
    }
}

impl Inbound {
    /// Names, values and ranges of what is a number. The longest body still fits into a call of the rules.
    pub(super) fn ranges(&self) -> [(&'static str, u64, u64, u64); 2] {
        let (bytes, requests) = (self.body_bytes_max, self.requests_max.into());
        [
            ("inbound.body_bytes_max", bytes, 1, super::BODY_BYTES_LIMIT),
            ("inbound.requests_max", requests, 1, 100_000),
        ]
    }

    pub(super) fn check(&self) -> Result<(), Wrong> {
        match WorkspaceId::parse(&self.workspace).is_some() {
            true => Ok(()),
            false => Err(Wrong {
                key: "inbound.workspace",
                problem: "must be the name of a workspace".to_owned(),
            }),
        }
    }

    /// Reads the sources, and the secrets that are in files and in the environment.
    pub(super) fn prepare(&mut self, env: &BTreeMap<String, String>) -> Result<(), Mistake> {
        let described = std::mem::take(&mut self.sources.described);
        if described.len() > SOURCES_MAX {
            let problem = format!("has at most {SOURCES_MAX} sources");
            return Err(Mistake::new("inbound.sources", problem));
        }
        for (name, value) in described {
            let source = source(&name, value, env)?;
            self.sources.ready.insert(name, Arc::new(source));
        }
        Ok(())
    }
}

/// The names of environment variables that hold secrets of sources, as far as they can be read.
pub(super) fn variables(sources: &Value) -> impl Iterator<Item = &str> {
    let sources = sources.as_table().into_iter().flat_map(toml::Table::values);
    sources.filter_map(|source| source.get("environment")?.as_str())
}

fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=NAME_BYTES_MAX).contains(&text.len())
        && text.bytes().next().is_some_and(plain)
        && text
            .bytes()
            .all(|byte| plain(byte) || byte == b'_' || byte == b'-')
}

fn source(name: &str, value: Value, env: &BTreeMap<String, String>) -> Result<Source, Mistake> {
    let mut given = Description::new(name, value)?;
    if !is_name(name) || NAMES_TAKEN.contains(&name) {
        let problem = "a source is called by up to 63 of a-z, 0-9, _ and -, with a letter or digit first, and not `manage`";
        return Err(given.mistake(None, problem));
    }
    let provider = given.text("provider")?;
    let known = match provider.as_deref() {
        Some(text) => {
            let known = Known::named(text);
            Some(known.map_err(|error| given.mistake(Some("provider"), error.to_string()))?)
        }
        None => Known::named(name).ok(),
    };
    let scheme = given.text("scheme")?;
    let workspace = given.text("workspace")?;
    let is_wrong = |text: &str| WorkspaceId::parse(text).is_none();
    if workspace.as_deref().is_some_and(is_wrong) {
        return Err(given.mistake(Some("workspace"), "must be the name of a workspace"));
    }
    let places = places(&mut given)?;
    let fields = fields(&mut given)?;
    let is_open = given.switch("open")?;
    let check = check(&mut given, is_open, known, scheme, env)?;
    let reader = match known {
        Some(known) => match places {
            Given { any: Some(key), .. } => {
                let problem = format!(
                    "where it stands with {} is known; leave it out",
                    known.name()
                );
                return Err(given.mistake(Some(key), problem));
            }
            _ => Reader::Known(known),
        },
        None => {
            if !fields.is_empty() {
                let problem = "fills fields of mail events; these are events of your own";
                return Err(given.mistake(Some("fields"), problem));
            }
            Reader::Own(places.with_id_of(&check))
        }
    };
    given.finish()?;
    Ok(Source {
        name: name.to_owned(),
        workspace,
        reader,
        check,
        fields,
    })
}

/// What is said about the places of an own event.
struct Given {
    event_type: Option<Place>,
    event_id: Option<Place>,
    timestamp: Option<Place>,
    /// One that was given.
    any: Option<&'static str>,
}

impl Given {
    /// Where no place of the id is given, it is what the scheme signs as one.
    fn with_id_of(self, check: &Check) -> Places {
        let signed = match check {
            Check::Signature(signature) => Scheme::named(&signature.scheme)
                .filter(|scheme| scheme.covers().contains(Covers::ID | Covers::BODY))
                .and_then(|scheme| scheme.id_header.as_ref())
                .map(|name| Place::Header(name.to_ascii_lowercase())),
            Check::Open | Check::Token { .. } => None,
        };
        Places {
            event_type: self
                .event_type
                .unwrap_or_else(|| Place::Pointer("/type".to_owned())),
            event_id: self.event_id.or(signed),
            timestamp: self.timestamp,
        }
    }
}

fn places(given: &mut Description) -> Result<Given, Mistake> {
    let mut any = None;
    let mut place = |key: &'static str| {
        let text = given.text(key)?;
        any = text.as_ref().map(|_| key).or(any);
        let read = text.map(|text| Place::parse(&text).ok_or(key)).transpose();
        read.map_err(|key| {
            let problem = "must be a JSON pointer such as \"/data/type\", or a header such as \"header:X-Event-Type\"";
            given.mistake(Some(key), problem)
        })
    };
    Ok(Given {
        event_type: place("event_type")?,
        event_id: place("event_id")?,
        timestamp: place("timestamp")?,
        any,
    })
}

fn fields(given: &mut Description) -> Result<Vec<(String, String)>, Mistake> {
    let fields = given.texts("fields")?;
    for (name, pointer) in &fields {
        if !FIELDS.contains(&name.as_str()) {
            let problem = format!(
                "there is no field `{name}`; known are: {}",
                FIELDS.join(", ")
            );
            return Err(given.mistake(Some("fields"), problem));
        }
        if !pointer.starts_with('/') {
            let problem = format!("`{name}` must be a JSON pointer such as \"/data/tags/lead_id\"");
            return Err(given.mistake(Some("fields"), problem));
        }
    }
    Ok(fields)
}

fn check(
    given: &mut Description,
    is_open: bool,
    known: Option<Known>,
    scheme: Option<String>,
    env: &BTreeMap<String, String>,
) -> Result<Check, Mistake> {
    let secrets = secrets::read(given, env)?;
    let options = given.texts("options")?;
    let tolerance_s = given.number("tolerance_s", TOLERANCE_S_MAX)?;
    let url = given.text("url")?.unwrap_or_default();
    if is_open {
        return match scheme.is_none() && secrets.is_empty() {
            true => Ok(Check::Open),
            false => {
                let problem =
                    "an open source is not checked; leave out scheme and secrets, or `open`";
                Err(given.mistake(Some("open"), problem))
            }
        };
    }
    let scheme = match (scheme, known) {
        (Some(scheme), _) => scheme,
        // R-P7: the flat shape has no signature of its own.
        (None, Some(Known::Platform)) => TOKEN_SCHEME.to_owned(),
        (None, Some(known)) => known.name().to_owned(),
        (None, None) => {
            let problem = "say how it signs: a scheme such as \"generic-hmac\" or \"github\", or \"token\" (or whose events it \
                           posts, with `provider`)";
            return Err(given.mistake(Some("scheme"), problem));
        }
    };
    if secrets.is_empty() {
        let problem = "is missing: give the keys in `secrets`, `secrets_file` or `environment`; `open = true` takes what \
                       anybody posts";
        return Err(given.mistake(Some("secrets"), problem));
    }
    match scheme.as_str() {
        TOKEN_SCHEME => token(given, options, secrets),
        _ => {
            let tolerance_s = match (tolerance_s, scheme.as_str()) {
                (None, "mailgun") => Some(Some(MAILGUN_TOLERANCE_S)),
                (None, _) => None,
                (Some(0), _) => Some(None),
                (Some(seconds), _) => Some(Some(seconds)),
            };
            let signature = Signature {
                scheme,
                options,
                secrets,
                tolerance_s,
                url,
            };
            checked(given, &signature)?;
            Ok(Check::Signature(signature))
        }
    }
}

fn token(
    given: &Description,
    options: Vec<(String, String)>,
    tokens: Vec<Hidden>,
) -> Result<Check, Mistake> {
    let header = match options.as_slice() {
        [] => None,
        [(name, header)]
            if name == "header" && Place::parse(&format!("header:{header}")).is_some() =>
        {
            Some(header.to_ascii_lowercase())
        }
        _ => {
            let problem = "the scheme `token` has one option, `header`: the name of the header with the token";
            return Err(given.mistake(Some("options"), problem));
        }
    };
    let sound = |token: &Hidden| {
        token.as_str().len() >= TOKEN_BYTES_MIN
            && token.as_str().bytes().all(|byte| byte.is_ascii_graphic())
    };
    match tokens.iter().all(sound) {
        true => Ok(Check::Token { header, tokens }),
        false => {
            let problem =
                format!("a token has at least {TOKEN_BYTES_MIN} visible ASCII characters");
            Err(given.mistake(Some("secrets"), problem))
        }
    }
}

/// Whether a verifier can be built. The kernel, which will do it, is the same code.
fn checked(given: &Description, signature: &Signature) -> Result<(), Mistake> {
    use countersign_core::ConfigError;
    let options = signature.options.iter();
    let keyed = KeyedScheme::new(&SchemeConfig {
        scheme: &signature.scheme,
        secrets: signature.secrets.iter().map(Hidden::as_str).collect(),
        tolerance: Tolerance::SchemeDefault,
        options: options.map(|(k, v)| (k.as_str(), v.as_str())).collect(),
    });
    let keyed = keyed.map_err(|error| {
        let key = match error {
            ConfigError::UnknownScheme => "scheme",
            ConfigError::UnknownOption { .. } | ConfigError::OptionMissing { .. } => "options",
            _ => "secrets",
        };
        given.mistake(Some(key), error.to_string())
    })?;
    let signs_url = keyed.scheme().covers().contains(Covers::URL);
    match signs_url && signature.url.is_empty() {
        true => {
            let problem =
                "is missing: this scheme signs the address; give it as the sender calls it";
            Err(given.mistake(Some("url"), problem))
        }
        false => Ok(()),
    }
}

impl<'de> Deserialize<'de> for Sources {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self {
            described: BTreeMap::deserialize(deserializer)?,
            ready: BTreeMap::new(),
        })
    }
}

impl PartialEq for Sources {
    fn eq(&self, other: &Self) -> bool {
        self.ready == other.ready
    }
}

impl Eq for Sources {}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is not read yet may hold secrets.
        f.debug_set().entries(self.ready.values()).finish()
    }
}

#[cfg(test)]
mod tests;
