//! Exceptions that an operator makes.

use ipnet::IpNet;
use std::{fmt, net::IpAddr, str::FromStr};
use url::Host;

/// Something that may be called although its address is special.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowEntry {
    /// `10.0.0.0/8`, `fd12::/16`, or one address.
    Network(IpNet),
    /// `hooks.internal`: that name, wherever it leads. Names below it are other names.
    Name(String),
}

/// An entry that is neither a network nor a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither a network such as 10.0.0.0/8, an address, nor a host name")]
pub struct AllowError(String);

impl FromStr for AllowEntry {
    type Err = AllowError;

    fn from_str(text: &str) -> Result<Self, AllowError> {
        let refused = || AllowError(text.to_owned());
        if let Ok(network) = text.parse::<IpNet>() {
            return Ok(Self::Network(network.trunc()));
        }
        if text.contains('/') {
            return Err(refused());
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Network(address.to_canonical().into()));
        }
        match Host::parse(text) {
            Ok(Host::Domain(name)) if !name.contains('*') => Ok(Self::Name(bare(&name).to_owned())),
            _ => Err(refused()),
        }
    }
}

impl fmt::Display for AllowEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => network.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

#[derive(Debug)]
pub(super) struct AllowList {
    networks: Vec<IpNet>,
    names: Vec<String>,
}

impl AllowList {
    pub(super) fn new(entries: Vec<AllowEntry>) -> Self {
        let (mut networks, mut names) = (Vec::new(), Vec::new());
        for entry in entries {
            match entry {
                AllowEntry::Network(network) => networks.push(network),
                AllowEntry::Name(name) => names.push(name),
            }
        }
        Self { networks, names }
    }

    pub(super) fn contains(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|net| net.contains(&address))
    }

    /// Whether the address has an entry of its own.
    pub(super) fn exactly(&self, address: IpAddr) -> bool {
        let own = IpNet::from(address);
        self.networks.contains(&own)
    }

    /// Whether the host has an entry.
    pub(super) fn names(&self, host: &str) -> bool {
        self.names.iter().any(|name| name == bare(host))
    }
}

/// A name is the same with the dot of the root and without.
fn bare(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}
