//! Which addresses may be called: the guard against endpoints that point into networks they have no business in.
//!
//! A name is looked up once, every address of the answer is judged, and what is returned is what is connected to. Nothing
//! between here and the socket looks a name up again.

mod allow;
mod port;
mod resolve;
mod special;
mod target;

pub use allow::{AllowEntry, AllowError};
pub use resolve::{DnsResolver, LookUp, Resolver, Unresolved};
pub use special::Special;
pub use target::Target;

use crate::clock::{Clock, within};
use allow::AllowList;
use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use url::Host;

/// Addresses of one name that are tried at most. The others are judged too.
const ADDRESSES_MAX: usize = 8;

/// What an operator decides about addresses.
#[derive(Debug, Clone, Default)]
pub struct GuardSettings {
    /// Exceptions: networks and hosts that may be called.
    pub allow: Vec<AllowEntry>,
    /// The only ports that may be called. Empty: every port but those of the Fetch standard's list.
    pub ports: Vec<u16>,
    /// Limit of a look-up.
    pub lookup_limit: Duration,
}

/// Says which addresses may be called. What it goes by can be replaced; a question that is under way is answered by what was
/// in force when it was asked.
pub struct Guard {
    in_force: RwLock<Arc<InForce>>,
}

/// What a guard goes by.
struct InForce {
    allow: AllowList,
    ports: Vec<u16>,
    lookup_limit: Duration,
    resolver: Arc<dyn Resolver>,
    clock: Arc<dyn Clock>,
}

/// Why an address is not called. The text is for the owner of the endpoint: it tells no address of a name, since those of
/// names inside a network are nobody's business.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The address itself is special.
    #[error("{address} is {}", .special.text())]
    Address {
        /// As written in the endpoint.
        address: IpAddr,
        special: Special,
    },
    /// The name leads to a special address.
    #[error("{host} leads to {}", .special.text())]
    Name {
        /// As written in the endpoint.
        host: String,
        special: Special,
    },
    /// The port is not for webhooks.
    #[error("port {0} is not one that webhooks are sent to")]
    Port(u16),
    /// The name has no address at the moment.
    #[error("{host} does not resolve: {problem}")]
    Unresolved {
        /// As written in the endpoint.
        host: String,
        /// What the resolver says.
        problem: String,
    },
    /// No DNS server answered in time.
    #[error("{host} could not be looked up in time")]
    LookupTimeout {
        /// As written in the endpoint.
        host: String,
    },
}

impl Guard {
    /// A guard.
    pub fn new(
        settings: GuardSettings,
        resolver: Arc<dyn Resolver>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            in_force: RwLock::new(Arc::new(InForce::new(settings, resolver, clock))),
        }
    }

    /// Goes by these settings and this resolver from now on. Connections that were made before are not its concern.
    pub fn replace(&self, settings: GuardSettings, resolver: Arc<dyn Resolver>) {
        let mut in_force = self
            .in_force
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let clock = Arc::clone(&in_force.clock);
        *in_force = Arc::new(InForce::new(settings, resolver, clock));
    }

    fn in_force(&self) -> Arc<InForce> {
        let in_force = self.in_force.read();
        Arc::clone(&in_force.unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks the target up and judges it. The addresses that may be connected to, in the order to try them, at most eight.
    ///
    /// # Errors
    /// [`Refusal`]; also when only one address of several is refused, because an answer with a private address among
    /// public ones is a mistake or an attack.
    pub async fn addresses(&self, target: &Target) -> Result<Vec<SocketAddr>, Refusal> {
        self.in_force().addresses(target).await
    }

    /// Judges the address of an endpoint that is being made or changed. A name that does not resolve at the moment passes,
    /// for it is judged again at every attempt.
    ///
    /// # Errors
    /// [`Refusal`], never of the look-up.
    pub async fn check(&self, target: &Target) -> Result<(), Refusal> {
        match self.addresses(target).await {
            Ok(_) | Err(Refusal::Unresolved { .. } | Refusal::LookupTimeout { .. }) => Ok(()),
            Err(refusal) => Err(refusal),
        }
    }

    /// Looks up a host that the operator chose, which is not judged: the proxy.
    ///
    /// # Errors
    /// [`Refusal`] of the look-up.
    pub async fn operators_own(&self, target: &Target) -> Result<Vec<SocketAddr>, Refusal> {
        self.in_force().operators_own(target).await
    }
}

impl InForce {
    fn new(settings: GuardSettings, resolver: Arc<dyn Resolver>, clock: Arc<dyn Clock>) -> Self {
        Self {
            allow: AllowList::new(settings.allow),
            ports: settings.ports,
            lookup_limit: settings.lookup_limit,
            resolver,
            clock,
        }
    }

    /// See [`Guard::addresses`].
    async fn addresses(&self, target: &Target) -> Result<Vec<SocketAddr>, Refusal> {
        self.check_port(target.port)?;
        let found = match &target.host {
            Host::Ipv4(address) => self.literal((*address).into())?,
            Host::Ipv6(address) => self.literal((*address).into())?,
            Host::Domain(name) => {
                let mut found = self.look_up(name).await?;
                let allowed_by_name = self.allow.names(name);
                for address in &found {
                    if let Some(special) = self.refused(*address, allowed_by_name) {
                        let host = name.clone();
                        return Err(Refusal::Name { host, special });
                    }
                }
                alternate(&mut found);
                found
            }
        };
        let with_port = |address: IpAddr| SocketAddr::new(address.to_canonical(), target.port);
        let found = found.into_iter().take(ADDRESSES_MAX);
        Ok(found.map(with_port).collect())
    }

    /// See [`Guard::operators_own`].
    async fn operators_own(&self, target: &Target) -> Result<Vec<SocketAddr>, Refusal> {
        let mut found = match &target.host {
            Host::Ipv4(address) => vec![(*address).into()],
            Host::Ipv6(address) => vec![(*address).into()],
            Host::Domain(name) => self.look_up(name).await?,
        };
        alternate(&mut found);
        let with_port = |address: IpAddr| SocketAddr::new(address, target.port);
        let found = found.into_iter().take(ADDRESSES_MAX);
        Ok(found.map(with_port).collect())
    }

    fn check_port(&self, port: u16) -> Result<(), Refusal> {
        let allowed = match self.ports.is_empty() {
            true => !port::is_bad(port),
            false => self.ports.contains(&port),
        };
        match allowed {
            true => Ok(()),
            false => Err(Refusal::Port(port)),
        }
    }

    fn literal(&self, address: IpAddr) -> Result<Vec<IpAddr>, Refusal> {
        match self.refused(address, false) {
            None => Ok(vec![address]),
            Some(special) => Err(Refusal::Address { address, special }),
        }
    }

    async fn look_up(&self, name: &str) -> Result<Vec<IpAddr>, Refusal> {
        let host = name.to_owned();
        let look_up = self.resolver.look_up(name);
        match within(&*self.clock, self.lookup_limit, look_up).await {
            None | Some(Err(Unresolved::Silence)) => Err(Refusal::LookupTimeout { host }),
            Some(Ok(found)) if !found.is_empty() => Ok(found),
            Some(Ok(_)) => Err(Refusal::Unresolved {
                host,
                problem: "it has no address".to_owned(),
            }),
            Some(Err(Unresolved::Problem(problem))) => Err(Refusal::Unresolved { host, problem }),
        }
    }

    /// Why this address must not be called; `None` when it may be.
    fn refused(&self, address: IpAddr, allowed_by_name: bool) -> Option<Special> {
        let address = address.to_canonical();
        let special = match special::of(address) {
            Some(special) => special,
            // An address that carries others leads where they lead.
            None => {
                let IpAddr::V6(v6) = address else { return None };
                special::embedded(v6)
                    .find_map(|inner| self.refused(IpAddr::V4(inner), allowed_by_name))?
            }
        };
        let allowed = match special {
            // Its answers are credentials. A wide exception does not mean it.
            Special::Metadata => self.allow.exactly(address),
            _ => allowed_by_name || self.allow.contains(address),
        };
        (!allowed).then_some(special)
    }
}

/// IPv4 and IPv6 in turn, beginning with IPv4: what receivers' networks let in is mostly stated in IPv4.
fn alternate(addresses: &mut [IpAddr]) {
    // A stable sort: the first of each kind, then the second of each.
    let (mut v4, mut v6) = (0_usize, 0_usize);
    addresses.sort_by_cached_key(|address| {
        let place = match address {
            IpAddr::V4(_) => &mut v4,
            IpAddr::V6(_) => &mut v6,
        };
        *place += 1;
        (*place, address.is_ipv6())
    });
}

#[cfg(test)]
mod tests;
