//! The way out as the settings have it, at the start and after each reload.

use crate::{
    clock::Clock,
    config::{Network, Wrong},
    network::{DnsResolver, Guard, GuardSettings},
    transport::{HttpTransport, Limits, Proxy, Roots, Route},
};
use countersign_guest::settings::CONCURRENCY_MAX;
use std::{sync::Arc, time::Duration};

/// What the settings say, with what is in the files that they name, and in those of the machine.
pub(super) struct Prepared {
    guard: GuardSettings,
    resolver: DnsResolver,
    roots: Roots,
    proxy: Option<Proxy>,
    limits: Limits,
}

impl Prepared {
    /// Reads the files.
    ///
    /// # Errors
    /// [`Wrong`]
    pub(super) fn new(network: &Network) -> Result<Self, Wrong> {
        let guard = network.guard()?;
        if !guard.allow.is_empty() {
            tracing::info!(allow = ?network.allow, "endpoints may be in networks that are not public");
        }
        Ok(Self {
            guard,
            resolver: network.resolver()?,
            roots: network.roots()?,
            proxy: network.proxy()?,
            limits: Limits {
                connect: Duration::from_millis(network.connect_timeout_ms),
                tls: Duration::from_millis(network.tls_timeout_ms),
                head: Duration::from_millis(network.head_timeout_ms),
                idle_max: network.idle_max as usize,
                endpoint_idle_max: CONCURRENCY_MAX as usize,
            },
        })
    }
}

/// The guard, and the transport behind it.
pub(super) struct Outbound {
    pub(super) guard: Arc<Guard>,
    pub(super) transport: Arc<HttpTransport>,
}

impl Outbound {
    pub(super) fn new(prepared: Prepared, clock: &Arc<dyn Clock>) -> Self {
        let resolver = Arc::new(prepared.resolver);
        let guard = Arc::new(Guard::new(prepared.guard, resolver, Arc::clone(clock)));
        let route = Route {
            guard: Arc::clone(&guard),
            roots: prepared.roots,
            proxy: prepared.proxy,
        };
        let transport = HttpTransport::new(Arc::clone(clock), route, prepared.limits);
        Self {
            guard,
            transport: Arc::new(transport),
        }
    }

    /// Goes this way from now on.
    pub(super) fn replace(&self, prepared: Prepared) {
        // The guard first: whoever goes the new way has been judged by it.
        self.guard
            .replace(prepared.guard, Arc::new(prepared.resolver));
        let route = Route {
            guard: Arc::clone(&self.guard),
            roots: prepared.roots,
            proxy: prepared.proxy,
        };
        self.transport.replace(route, prepared.limits);
    }
}
