//! Settings of the section `network`, checked.

use super::Wrong;
use crate::{
    network::{AllowEntry, DnsResolver, GuardSettings},
    transport::{Proxy, Roots},
};
use ipnet::IpNet;
use serde::Deserialize;
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

/// The port that DNS servers listen on.
const DNS_PORT: u16 = 53;
/// Most entries of a list.
const ENTRIES_MAX: usize = 1_000;

/// How receivers are reached. What each setting means is said in `config.default.toml`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    pub allow: Vec<String>,
    pub ports: Vec<u16>,
    pub egress: Vec<String>,
    pub dns_servers: Vec<String>,
    pub proxy: String,
    pub roots: PathBuf,
    pub lookup_timeout_ms: u64,
    pub connect_timeout_ms: u64,
    pub tls_timeout_ms: u64,
    pub head_timeout_ms: u64,
    pub idle_max: u32,
}

/// Limits of milliseconds: a tenth of a second, and the longest timeout that a policy may have.
const TIMEOUT_RANGE: (u64, u64) = (100, 300_000);

impl Network {
    /// Names, values and ranges of what is a number.
    pub(super) fn ranges(&self) -> [(&'static str, u64, u64, u64); 5] {
        let (least, most) = TIMEOUT_RANGE;
        let limit = |key, value| (key, value, least, most);
        [
            limit("network.lookup_timeout_ms", self.lookup_timeout_ms),
            limit("network.connect_timeout_ms", self.connect_timeout_ms),
            limit("network.tls_timeout_ms", self.tls_timeout_ms),
            limit("network.head_timeout_ms", self.head_timeout_ms),
            ("network.idle_max", self.idle_max.into(), 0, 65_536),
        ]
    }

    pub(super) fn check(&self) -> Result<(), Wrong> {
        self.guard()?;
        self.egress()?;
        self.dns_servers()?;
        self.proxy()?;
        Ok(())
    }

    /// What the guard is told.
    ///
    /// # Errors
    /// [`Wrong`]
    pub fn guard(&self) -> Result<GuardSettings, Wrong> {
        let allow: Result<Vec<AllowEntry>, _> =
            self.allow.iter().map(|entry| entry.parse()).collect();
        let allow = allow.map_err(|error: crate::network::AllowError| {
            refused("network.allow", &error.to_string())
        })?;
        let lengths = [
            ("network.allow", self.allow.len()),
            ("network.ports", self.ports.len()),
            ("network.egress", self.egress.len()),
        ];
        for (key, length) in lengths {
            if length > ENTRIES_MAX {
                let problem = format!("has at most {ENTRIES_MAX} entries, not {length}");
                return Err(refused(key, &problem));
            }
        }
        Ok(GuardSettings {
            allow,
            ports: self.ports.clone(),
            lookup_limit: Duration::from_millis(self.lookup_timeout_ms),
        })
    }

    /// Where requests leave from: networks, a single address as one of its own.
    ///
    /// # Errors
    /// [`Wrong`]
    pub fn egress(&self) -> Result<Vec<IpNet>, Wrong> {
        let read = |text: &String| {
            let alone = |ip: IpAddr| IpNet::from(ip);
            text.parse().or_else(|_| text.parse().map(alone))
        };
        let networks: Result<_, std::net::AddrParseError> = self.egress.iter().map(read).collect();
        let problem = "must be addresses or networks such as 203.0.113.7 or 203.0.113.0/24";
        networks.map_err(|_| refused("network.egress", problem))
    }

    /// Servers to ask instead of the machine's.
    ///
    /// # Errors
    /// [`Wrong`]
    pub fn dns_servers(&self) -> Result<Vec<SocketAddr>, Wrong> {
        let read = |text: &String| {
            let alone = |ip: IpAddr| SocketAddr::new(ip, DNS_PORT);
            text.parse().or_else(|_| text.parse().map(alone))
        };
        let servers: Result<_, std::net::AddrParseError> =
            self.dns_servers.iter().map(read).collect();
        let problem = "must be addresses such as 192.0.2.53 or 192.0.2.53:5353";
        servers.map_err(|_| refused("network.dns_servers", problem))
    }

    /// What looks names up. It goes by the machine's settings as they are now where these say nothing.
    ///
    /// # Errors
    /// [`Wrong`], when those of the machine cannot be read.
    pub fn resolver(&self) -> Result<DnsResolver, Wrong> {
        DnsResolver::new(&self.dns_servers()?).map_err(|problem| {
            let problem = format!("the machine's DNS settings cannot be read: {problem}");
            refused("network.dns_servers", &problem)
        })
    }

    /// The proxy, if there is one.
    ///
    /// # Errors
    /// [`Wrong`]
    pub fn proxy(&self) -> Result<Option<Proxy>, Wrong> {
        match self.proxy.as_str() {
            "" => Ok(None),
            text => Proxy::parse(text)
                .map(Some)
                .map_err(|error| refused("network.proxy", &error.to_string())),
        }
    }

    /// The authorities to trust.
    ///
    /// # Errors
    /// [`Wrong`], when the file cannot be used.
    pub fn roots(&self) -> Result<Roots, Wrong> {
        match self.roots.as_os_str().is_empty() {
            true => Ok(Roots::of_machine()),
            false => Roots::from_file(&self.roots)
                .map_err(|error| refused("network.roots", &error.to_string())),
        }
    }
}

fn refused(key: &'static str, problem: &str) -> Wrong {
    Wrong {
        key,
        problem: problem.to_owned(),
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("allow", &self.allow)
            .field("ports", &self.ports)
            .field("egress", &self.egress)
            .field("dns_servers", &self.dns_servers)
            // It may hold a password.
            .field("proxy_set", &!self.proxy.is_empty())
            .field("roots", &self.roots)
            .field("lookup_timeout_ms", &self.lookup_timeout_ms)
            .field("connect_timeout_ms", &self.connect_timeout_ms)
            .field("tls_timeout_ms", &self.tls_timeout_ms)
            .field("head_timeout_ms", &self.head_timeout_ms)
            .field("idle_max", &self.idle_max)
            .finish()
    }
}
