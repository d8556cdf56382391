//! Settings of the sections `compat.*`, checked: whose routes are answered, for which workspace, and where.

use super::Wrong;
use countersign_core::provider::Provider;
use serde::Deserialize;
use std::{collections::BTreeSet, fmt, net::IpAddr};

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

/// Whether a host name, or an address with the brackets of IPv6, is this machine's own.
pub fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
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

    /// Why a path that a provider documents leads nowhere on this host name, and which setting changes that.
    pub fn why_not(&self, path: &str, host: &str) -> Option<String> {
        let reasons = self.sections().into_iter().filter_map(|(provider, _, section)| {
            let name = provider.name();
            let documented = is_below(path, Served::root(provider));
            let served = Served { provider, section };
            let here = is_below(path, &served.base());
            match (documented || here, served.section.enabled) {
                (false, _) => None,
                (true, false) => Some(format!(
                    "the API of {name} is not switched on; set compat.{name}.enabled to true and start again"
                )),
                (true, true) if !here => Some(format!(
                    "the API of {name} is at {}, as compat.{name}.prefix says",
                    served.base()
                )),
                (true, true) => (!served.answers_on(host)).then(|| {
                    format!("the API of {name} answers on the host names of compat.{name}.hosts only")
                }),
            }
        });
        reasons.into_iter().next()
    }

    /// The host names on which nobody is let in without a key, where the server has no token: they are not this machine's.
    pub fn warnings(&self, token_set: bool) -> Vec<String> {
        let served = self.served().into_iter().filter(|_| !token_set);
        let warned = served.filter_map(|served| {
            let foreign = served.section.hosts.iter().find(|host| !is_loopback(host))?;
            let name = served.provider.name();
            Some(format!(
                "compat.{name}.hosts: no token is set (COUNTERSIGN_API_TOKEN, or `api.token`), so a request to {foreign} is let in \
                 with an API key of this server only, others are answered with 403; set a token, or make keys with POST /v1/keys \
                 on localhost"
            ))
        });
        warned.collect()
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
mod tests;
