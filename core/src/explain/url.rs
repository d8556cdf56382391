//! Addresses and methods that are not those that the sender signed.

use super::{
    Cause,
    trial::{Trials, View},
};
use crate::signature::Covers;
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

const METHODS: [&str; 5] = ["POST", "GET", "PUT", "PATCH", "DELETE"];
/// Headers in which proxies say how they were called.
const HOST_HEADERS: [&str; 4] = [
    "x-forwarded-host",
    "host",
    "x-original-host",
    "x-forwarded-server",
];
const PREFIX_HEADERS: [&str; 2] = ["x-forwarded-prefix", "x-forwarded-path"];
const PATH_HEADERS: [&str; 4] = [
    "x-original-uri",
    "x-original-url",
    "x-forwarded-uri",
    "x-rewrite-url",
];

pub(super) fn explain(trials: &mut Trials<'_>, view: &View<'_>) {
    let covers = trials
        .scheme()
        .map_or(Covers::NOTHING, |scheme| scheme.covers());
    if covers.contains(Covers::METHOD) {
        for method in METHODS.into_iter().filter(|method| *method != view.method) {
            if trials.verifies(&View { method, ..*view }).is_some() {
                trials.certain(
                    Cause::MethodDiffers,
                    format!("The signature fits the method {method}, not the one that was given."),
                );
                return;
            }
        }
    }
    if !covers.contains(Covers::URL) {
        return;
    }
    if view.url.is_empty() {
        // Without a signature the request may be anyone's.
        let scheme = trials.scheme();
        let is_signed = scheme.is_some_and(|scheme| {
            let mut names = scheme.signature_headers.iter();
            names.any(|name| view.header(name).is_some())
        });
        let sentence = "The scheme signs the address, and none was given.".to_string();
        match is_signed {
            true => trials.certain(Cause::UrlMissing, sentence),
            false => trials.likely(Cause::UrlMissing, sentence),
        }
        return;
    }
    let Some(address) = Address::read(view.url) else {
        trials.likely(
            Cause::UrlDiffers,
            "The given address has no scheme and host; the sender signed the full one.".to_string(),
        );
        return;
    };
    for (other, what) in address.others(view) {
        if other != view.url
            && trials
                .verifies(&View {
                    url: &other,
                    ..*view
                })
                .is_some()
        {
            trials.certain(
                Cause::UrlDiffers,
                format!("The sender signed an address with another {what}."),
            );
            return;
        }
    }
}

/// An address in its parts.
struct Address<'a> {
    scheme: &'a str,
    host: &'a str,
    /// With its colon.
    port: &'a str,
    /// With query.
    path: &'a str,
}

impl<'a> Address<'a> {
    fn read(url: &'a str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end)?;
        let (host, port) = host_and_port(authority);
        Some(Self {
            scheme,
            host,
            port,
            path,
        })
    }

    /// Addresses that the sender may have called, and in what they differ. From one changed part to several.
    fn others(&self, view: &View<'a>) -> Vec<(String, &'static str)> {
        let schemes = [self.scheme, "https", "http"];
        let mut hosts = Vec::from([(self.host, self.port)]);
        for name in HOST_HEADERS {
            if let Some(authority) = view.header_text(name) {
                // A chain of proxies lists the outermost first.
                let authority = authority.split(',').next().unwrap_or_default().trim();
                hosts.push(host_and_port(authority));
            }
        }
        let with_port: Vec<_> = hosts.iter().map(|(host, _)| (*host, self.port)).collect();
        let without_port: Vec<_> = hosts.iter().map(|(host, _)| (*host, "")).collect();
        hosts.extend(with_port.into_iter().chain(without_port));
        let paths = self.paths(view);

        let mut others = Vec::new();
        for (host, port) in &hosts {
            for path in &paths {
                for scheme in schemes {
                    let changed = [
                        (scheme != self.scheme, "scheme"),
                        (*host != self.host, "host"),
                        (*port != self.port, "port"),
                        (path != self.path, "path"),
                    ];
                    let what: Vec<_> = changed
                        .iter()
                        .filter(|(is, _)| *is)
                        .map(|(_, what)| *what)
                        .collect();
                    let what = match what.as_slice() {
                        [what] => what,
                        ["host", "port"] => "host and port",
                        ["scheme", "host"] => "scheme and host",
                        ["scheme", "port"] => "scheme and port",
                        _ => "scheme, host, port or path (several of them)",
                    };
                    let url = [scheme, "://", host, port, path].concat();
                    if others.iter().all(|(known, _)| *known != url) {
                        others.push((url, what));
                    }
                }
            }
        }
        others
    }

    /// The path as it stands, with the prefix that a proxy cut off, without its first segment, with and without a slash at its
    /// end, without its query.
    fn paths(&self, view: &View<'_>) -> Vec<String> {
        let path = self.path;
        let (bare, query) = match path.split_once('?') {
            Some((bare, query)) => (bare, ["?", query].concat()),
            None => (path, String::new()),
        };
        let mut paths = Vec::from([path.to_string()]);
        for name in PATH_HEADERS {
            if let Some(original) = view
                .header_text(name)
                .filter(|original| original.starts_with('/'))
            {
                paths.push(original.to_string());
                paths.push([original, &query].concat());
            }
        }
        for name in PREFIX_HEADERS {
            if let Some(prefix) = view.header_text(name) {
                paths.push([prefix.trim_end_matches('/'), path].concat());
            }
        }
        if let Some((_, rest)) = bare.strip_prefix('/').and_then(|bare| bare.split_once('/')) {
            paths.push(["/", rest, &query].concat());
        }
        paths.push(match bare.strip_suffix('/') {
            Some(bare) => [bare, &query].concat(),
            None => [bare, "/", &query].concat(),
        });
        paths.push(bare.to_string());
        paths
    }
}

fn host_and_port(authority: &str) -> (&str, &str) {
    let host_at = authority
        .rfind(['@', ']'])
        .map_or(0, |at| at.saturating_add(1));
    let port_at = authority.get(host_at..).and_then(|host| host.rfind(':'));
    port_at
        .and_then(|at| authority.split_at_checked(at.saturating_add(host_at)))
        .unwrap_or((authority, ""))
}
