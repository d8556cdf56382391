//! Looking names up.

use hickory_resolver::{
    Resolver as Hickory, TokioResolver,
    config::{LookupIpStrategy, NameServerConfig, ResolverConfig},
    net::{NetError, runtime::TokioRuntimeProvider},
};
use std::{
    future::Future,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    time::Duration,
};

/// Wait for one server's answer to one question. Asked twice, this is still within the limit of a look-up, so that a
/// server that keeps silent about IPv6 does not take the IPv4 addresses away.
const QUESTION_LIMIT: Duration = Duration::from_secs(2);
/// Answers that are remembered, for as long as their servers say.
const REMEMBERED_MAX: u64 = 4_096;
/// Longest time that an answer is remembered, whatever its server says.
const REMEMBERED_FOR_MAX: Duration = Duration::from_secs(60);

/// The addresses of a name, or why there are none.
pub type LookUp<'a> = Pin<Box<dyn Future<Output = Result<Vec<IpAddr>, Unresolved>> + Send + 'a>>;

/// Why a name has no address.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unresolved {
    /// In words.
    Problem(String),
    /// Nobody answered.
    Silence,
}

/// A way to look names up.
///
/// Contract: the answer holds every address that a connection could be made to. It need not be the same the next time.
pub trait Resolver: Send + Sync + 'static {
    /// The addresses of `name`, of both kinds, in any order.
    fn look_up<'a>(&'a self, name: &'a str) -> LookUp<'a>;
}

/// Asks DNS, and `/etc/hosts` before it.
pub struct DnsResolver(TokioResolver);

impl DnsResolver {
    /// Asks these servers, or, when there are none, those that `/etc/resolv.conf` names now.
    ///
    /// # Errors
    /// A text, when the machine's settings cannot be read.
    pub fn new(servers: &[SocketAddr]) -> Result<Self, String> {
        let mut builder = match servers.is_empty() {
            true => TokioResolver::builder_tokio().map_err(|error| error.to_string())?,
            false => {
                let servers = servers.iter().map(|server| {
                    let mut known = NameServerConfig::udp_and_tcp(server.ip());
                    for connection in &mut known.connections {
                        connection.port = server.port();
                    }
                    known
                });
                let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
                Hickory::builder_with_config(config, TokioRuntimeProvider::default())
            }
        };
        let options = builder.options_mut();
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        options.timeout = options.timeout.min(QUESTION_LIMIT);
        options.attempts = 1;
        options.cache_size = REMEMBERED_MAX;
        options.positive_max_ttl = Some(REMEMBERED_FOR_MAX);
        options.negative_max_ttl = Some(REMEMBERED_FOR_MAX);
        let resolver = builder.build().map_err(|error| error.to_string())?;
        Ok(Self(resolver))
    }
}

impl Resolver for DnsResolver {
    fn look_up<'a>(&'a self, name: &'a str) -> LookUp<'a> {
        Box::pin(async move {
            match self.0.lookup_ip(name).await {
                Ok(found) => Ok(found.iter().collect()),
                Err(NetError::Timeout) => Err(Unresolved::Silence),
                Err(error) => Err(Unresolved::Problem(match error {
                    error if error.is_nx_domain() => "there is no such name".to_owned(),
                    error if error.is_no_records_found() => "it has no address".to_owned(),
                    error => error.to_string(),
                })),
            }
        })
    }
}
