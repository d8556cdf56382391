//! Connections: look-up, TCP, TLS. Each failure says by its type in which of them it happened.

use countersign_core::delivery::FailureKind;
use hyper::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::connect::{HttpConnector, dns::Name},
    rt::TokioIo,
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use std::{
    error::Error,
    fmt,
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    vec,
};
use tokio::net::TcpStream;
use tower_service::Service;

pub(super) type Connector = HttpsConnector<Dialler>;

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum DialFailure {
    /// The host name did not resolve.
    Dns(io::Error),
    /// No address of the host took the connection.
    Connect(Box<dyn Error + Send + Sync>),
}

impl DialFailure {
    pub(super) const fn kind(&self) -> FailureKind {
        match self {
            Self::Dns(_) => FailureKind::Dns,
            Self::Connect(_) => FailureKind::Connect,
        }
    }
}

impl fmt::Display for DialFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(error) => write!(f, "the host name does not resolve: {error}"),
            Self::Connect(error) => write!(f, "no connection: {error}"),
        }
    }
}

impl Error for DialFailure {}

/// TLS over the dialler.
pub(super) fn connector() -> Connector {
    let provider = ring::default_provider();
    let trusting = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider.clone());
    let builder = match trusting {
        Ok(builder) => builder,
        Err(error) => {
            tracing::warn!(
                %error,
                "this machine has no certificate authorities: every https endpoint will fail; install ca-certificates"
            );
            HttpsConnectorBuilder::new().with_tls_config(trusting_nobody(provider))
        }
    };
    builder
        .https_or_http()
        .enable_http1()
        .wrap_connector(Dialler::new())
}

fn trusting_nobody(provider: rustls::crypto::CryptoProvider) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        // The provider is ring's own, which has the suites of every default version.
        .expect("ring supports the default TLS versions")
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth()
}

/// Opens TCP connections.
#[derive(Clone)]
pub(super) struct Dialler(HttpConnector<Resolver>);

impl Dialler {
    fn new() -> Self {
        let mut http = HttpConnector::new_with_resolver(Resolver);
        http.enforce_http(false);
        http.set_nodelay(true);
        Self(http)
    }
}

impl Service<Uri> for Dialler {
    type Response = TokioIo<TcpStream>;
    type Error = DialFailure;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, DialFailure>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), DialFailure>> {
        self.0
            .poll_ready(context)
            .map_err(|error| DialFailure::Connect(error.into()))
    }

    fn call(&mut self, address: Uri) -> Self::Future {
        let dialling = self.0.call(address);
        Box::pin(async move {
            dialling.await.map_err(|error| {
                let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
                while let Some(error) = cause {
                    if let Some(Unresolved(error)) = error.downcast_ref() {
                        return DialFailure::Dns(io::Error::new(error.kind(), error.to_string()));
                    }
                    cause = error.source();
                }
                DialFailure::Connect(error.into())
            })
        })
    }
}

/// Looks hosts up as the machine does. The place where addresses that must not be called will be refused.
#[derive(Clone)]
pub(super) struct Resolver;

#[derive(Debug)]
pub(super) struct Unresolved(io::Error);

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Unresolved {}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = Unresolved;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Unresolved>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Unresolved>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found: Vec<_> = found.map_err(Unresolved)?.collect();
            match found.is_empty() {
                true => Err(Unresolved(io::Error::other("no address"))),
                false => Ok(found.into_iter()),
            }
        })
    }
}
