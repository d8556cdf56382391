//! Settings of the sections `compat.*`, checked: whose routes are answered, for which workspace, and where.

use super::Wrong;
use countersign_core::provider::Provider;
use serde::Deserialize;
use std::{collections::BTreeSet, fmt};

/// Stands for the workspace of the key that a request comes with.
pub const WORKSPACE_OF_KEY: &str = "*";

/// Longest prefix, and most host names of one provider.
const PREFIX_BYTES_MAX: usize = 200;
const HOSTS_MAX: usize = 100;

/// Paths of the native API begin with one of these, so that no prefix may.
pub const NATIVE_ROOTS: [&str; 5] = ["v1", "api", "health", "openapi.json", "docs"];

/// The providers' own APIs. What each setting means is said in `config.default.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compat {
    pub cleanmails: Section,
    pub smartlead: Smartlead,
    pub sendemall: Section,
    pub platform: Section,
}

/// What there is to say of every provider's API.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    pub enabled: bool,
    pub workspace: String,
    pub hosts: Vec<String>,
    pub prefix: String,
}

/// What there is to say of SmartLead's.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smartlead {
    pub enabled: bool,
    pub workspace: String,
    pub hosts: Vec<String>,
    pub prefix: String,
    pub test_events: bool,
    pub user_level_wins: bool,
}

impl Smartlead {
    /// What it has in common with the others.
    fn section(&self) -> Section {
        Section {
            enabled: self.enabled,
            workspace: self.workspace.clone(),
            hosts: self.hosts.clone(),
            prefix: self.prefix.clone(),
        }
    }
}

/// A provider's API that is switched on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    pub provider: Provider,
    pub section: Section,
}

impl Served {
    /// Where all of its documented paths begin.
    const fn root(provider: Provider) -> &'static str {
        match provider {
            Provider::Cleanmails => "/v1/integrations/webhooks",
            Provider::Smartlead => "/api/v1/webhook",
            Provider::Sendemall => "/v1/webhooks",
            Provider::Platform => "/api/webhooks/manage",
            // One that documents no API of its own has no section.
            _ => "/",
        }
    }

    /// Where all of its paths begin here.
    pub fn base(&self) -> String {
        format!("{}{}", self.section.prefix, Self::root(self.provider))
    }

    /// Whether it answers on this host name, which is in lower case and without a port.
    pub fn answers_on(&self, host: &str) -> bool {
        self.section.hosts.is_empty() || self.section.hosts.iter().any(|own| own == host)
    }

    /// Whether some request could be meant for either.
    fn meets(&self, other: &Self) -> bool {
        let hosts = self.section.hosts.is_empty()
            || other.section.hosts.is_empty()
            || self
                .section
                .hosts
                .iter()
                .any(|host| other.section.hosts.contains(host));
        let (ours, theirs) = (self.base(), other.base());
        hosts && (is_below(&ours, &theirs) || is_below(&theirs, &ours))
    }
}

/// Whether a path is this one or below it.
pub fn is_below(path: &str, base: &str) -> bool {
    path.strip_prefix(base)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Names of a provider's settings, for errors.
struct Keys {
    workspace: &'static str,
    hosts: &'static str,
    prefix: &'static str,
}

macro_rules! keys {
    ($section:literal) => {
        Keys {
            workspace: concat!("compat.", $section, ".workspace"),
            hosts: concat!("compat.", $section, ".hosts"),
            prefix: concat!("compat.", $section, ".prefix"),
        }
    };
}

impl Compat {
    fn sections(&self) -> [(Provider, Keys, Section); 4] {
        [
            (
                Provider::Cleanmails,
                keys!("cleanmails"),
                self.cleanmails.clone(),
            ),
            (
                Provider::Smartlead,
                keys!("smartlead"),
                self.smartlead.section(),
            ),
            (
                Provider::Sendemall,
                keys!("sendemall"),
                self.sendemall.clone(),
            ),
            (Provider::Platform, keys!("platform"), self.platform.clone()),
        ]
    }

    /// The APIs that are switched on.
    pub fn served(&self) -> Vec<Served> {
        let sections = self.sections().into_iter();
        sections
            .filter(|(_, _, section)| section.enabled)
            .map(|(provider, _, section)| Served { provider, section })
            .collect()
    }

    pub(super) fn check(&self) -> Result<(), Wrong> {
        let mut before: Vec<Served> = Vec::new();
        for (provider, keys, section) in self.sections() {
            check_section(&keys, &section)?;
            if !section.enabled {
                continue;
            }
            let served = Served { provider, section };
            if let Some(other) = before.iter().find(|other| other.meets(&served)) {
                let (ours, theirs) = (provider.name(), other.provider.name());
                let problem = format!(
                    "{ours} at {} and {theirs} at {} cannot be told apart: give compat.{ours}.prefix or \
                     compat.{theirs}.prefix another value, or both of them `hosts` that the other does not have",
                    served.base(),
                    other.base()
                );
                return Err(refused(keys.prefix, problem));
            }
            before.push(served);
        }
        Ok(())
    }
}

fn check_section(keys: &Keys, section: &Section) -> Result<(), Wrong> {
    if section.workspace != WORKSPACE_OF_KEY && !is_slug(&section.workspace) {
        let problem = "must be the id of a workspace (a-z, 0-9, - and _), or \"*\" for that of each request's key";
        return Err(refused(keys.workspace, problem));
    }
    check_prefix(&section.prefix).map_err(|problem| refused(keys.prefix, problem))?;
    if section.hosts.len() > HOSTS_MAX {
        return Err(refused(
            keys.hosts,
            format!("has at most {HOSTS_MAX} entries"),
        ));
    }
    let mut seen = BTreeSet::new();
    for host in &section.hosts {
        if !is_host(host) {
            let host: String = host.chars().take(100).collect();
            let problem = format!(
                "`{}` is no host name: write it in lower case, without scheme, port and path, such as \"api.example.com\"",
                host.escape_debug()
            );
            return Err(refused(keys.hosts, problem));
        }
        if !seen.insert(host) {
            return Err(refused(keys.hosts, format!("`{host}` occurs twice")));
        }
    }
    Ok(())
}

fn check_prefix(prefix: &str) -> Result<(), String> {
    let Some(path) = prefix.strip_prefix('/') else {
        return match prefix.is_empty() {
            true => Ok(()),
            false => {
                Err("must begin with a slash, such as \"/cleanmails\", or be empty".to_owned())
            }
        };
    };
    let sound = |segment: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        !segment.is_empty() && segment.bytes().all(plain) && !matches!(segment, "." | "..")
    };
    if prefix.len() > PREFIX_BYTES_MAX || !path.split('/').all(sound) {
        return Err(format!(
            "must be a path of letters, digits, -, _ and . without a slash at its end, such as \"/cleanmails\", of at most \
             {PREFIX_BYTES_MAX} bytes"
        ));
    }
    match path.split('/').next() {
        Some(first) if NATIVE_ROOTS.contains(&first) => Err(format!(
            "must not begin with /{first}, where the native API is; choose another, such as \"/cleanmails\""
        )),
        _ => Ok(()),
    }
}

/// A name, or an address of which the brackets of IPv6 are part, as in the `Host` header.
fn is_host(host: &str) -> bool {
    let sound =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._[]".contains(&byte);
    let address = |host: &str| {
        let inner = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        inner.is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok())
    };
    let name = || {
        host.len() <= 253
            && host.bytes().all(sound)
            && !host.contains(['[', ']'])
            && host.split('.').all(|label| !label.is_empty())
    };
    address(host) || name()
}

fn is_slug(text: &str) -> bool {
    let inner =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    (1..=63).contains(&text.len()) && text.bytes().all(inner) && !text.starts_with(['-', '_'])
}

fn refused(key: &'static str, problem: impl fmt::Display) -> Wrong {
    Wrong {
        key,
        problem: problem.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, ConfigFile, Sources};
    use std::collections::BTreeMap;

    fn load(text: &str) -> Result<Config, String> {
        let file = ConfigFile {
            path: "a.toml".into(),
            text: text.to_owned(),
        };
        let sources = Sources {
            file: Some(file),
            ..Sources::default()
        };
        let loaded = Config::load(&sources).map(|(config, _)| config);
        loaded.map_err(|error| error.to_string())
    }

    #[test]
    fn all_four_go_together_at_their_documented_paths() {
        let names = ["cleanmails", "smartlead", "sendemall", "platform"];
        let all: String = names
            .map(|name| format!("[compat.{name}]\nenabled = true\n"))
            .concat();
        let served = load(&all).unwrap().compat.served();
        let bases: Vec<_> = served.iter().map(Served::base).collect();
        assert_eq!(
            bases,
            [
                "/v1/integrations/webhooks",
                "/api/v1/webhook",
                "/v1/webhooks",
                "/api/webhooks/manage"
            ]
        );
        assert!(load("").unwrap().compat.served().is_empty());
    }

    #[test]
    fn routes_that_cannot_be_told_apart_are_refused_with_the_setting_to_change() {
        // SendEmAll's below this prefix are Cleanmails' own.
        let both = |cleanmails: &str, sendemall: &str| {
            load(&format!(
                "[compat.cleanmails]\nenabled = true\nprefix = \"/a\"\n{cleanmails}\n\
                 [compat.sendemall]\nenabled = true\nprefix = \"/a/v1/integrations/webhooks\"\n{sendemall}"
            ))
        };
        let error = both("", "").unwrap_err();
        assert!(
            error.starts_with("a.toml:7: setting `compat.sendemall.prefix`"),
            "{error}"
        );
        assert!(
            error.contains("compat.cleanmails.prefix") && error.contains("hosts"),
            "{error}"
        );
        let apart = both("hosts = [\"a.example\"]", "hosts = [\"b.example\"]");
        assert_eq!(apart.unwrap().compat.served().len(), 2);
        assert!(both("hosts = [\"a.example\"]", "").is_err());
        assert!(
            both(
                "hosts = [\"a.example\"]",
                "hosts = [\"b.example\", \"a.example\"]"
            )
            .is_err()
        );
    }

    #[test]
    fn settings_that_cannot_be_meant_are_refused_by_name_also_while_it_is_off() {
        for (line, key) in [
            ("prefix = \"cleanmails\"", "prefix"),
            ("prefix = \"/\"", "prefix"),
            ("prefix = \"/a/\"", "prefix"),
            ("prefix = \"/a//b\"", "prefix"),
            ("prefix = \"/a/../b\"", "prefix"),
            ("prefix = \"/{id}\"", "prefix"),
            ("prefix = \"/v1\"", "prefix"),
            ("prefix = \"/health/x\"", "prefix"),
            ("hosts = [\"https://a.example\"]", "hosts"),
            ("hosts = [\"a.example:80\"]", "hosts"),
            ("hosts = [\"A.example\"]", "hosts"),
            ("hosts = [\"\"]", "hosts"),
            ("hosts = [\"a.example\", \"a.example\"]", "hosts"),
            ("workspace = \"\"", "workspace"),
            ("workspace = \"Acme\"", "workspace"),
            ("workspace = \"-a\"", "workspace"),
            ("enabled = 1", "enabled"),
        ] {
            let error = load(&format!("[compat.platform]\n{line}")).unwrap_err();
            assert!(
                error.contains(&format!("`compat.platform.{key}`")),
                "{line}: {error}"
            );
            assert!(error.starts_with("a.toml:2: "), "{line}: {error}");
        }
        let error = load("[compat.plattform]\nenabled = true").unwrap_err();
        assert!(error.contains("compat.platform"), "{error}");
        let error = load("[compat]\nplatform = true").unwrap_err();
        assert!(error.contains("write [compat.platform]"), "{error}");
    }

    #[test]
    fn the_environment_reaches_them_and_good_values_are_taken() {
        let sources = Sources {
            env: BTreeMap::from([
                (
                    "COUNTERSIGN_COMPAT_SMARTLEAD_ENABLED".to_owned(),
                    "true".to_owned(),
                ),
                (
                    "COUNTERSIGN_COMPAT_SMARTLEAD_HOSTS".to_owned(),
                    "server.example, [::1]".to_owned(),
                ),
                (
                    "COUNTERSIGN_COMPAT_SMARTLEAD_WORKSPACE".to_owned(),
                    "*".to_owned(),
                ),
                (
                    "COUNTERSIGN_COMPAT_SMARTLEAD_PREFIX".to_owned(),
                    "/smart/lead.v1".to_owned(),
                ),
            ]),
            ..Sources::default()
        };
        let served = Config::load(&sources).unwrap().0.compat.served();
        let [only] = served.as_slice() else {
            panic!("{served:?}");
        };
        assert_eq!(only.base(), "/smart/lead.v1/api/v1/webhook");
        assert!(only.answers_on("server.example") && only.answers_on("[::1]"));
        assert!(!only.answers_on("example"));
    }

    #[test]
    fn below_is_by_whole_segments() {
        assert!(
            is_below("/v1/webhooks", "/v1/webhooks") && is_below("/v1/webhooks/a", "/v1/webhooks")
        );
        assert!(!is_below("/v1/webhooksa", "/v1/webhooks") && !is_below("/v1", "/v1/webhooks"));
    }
}
