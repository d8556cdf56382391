//! TLS: whom we trust, and who we say we are.

use super::failure::Failed;
use crate::identity::ClientIdentity;
use countersign_core::delivery::FailureKind;
use rustls::{
    ClientConfig, RootCertStore,
    client::Resumption,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, ServerName, pem::PemObject},
    sign::{CertifiedKey, SingleCertAndKey},
};
use std::{path::Path, sync::Arc};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsConnector, client::TlsStream};
use url::Host;

/// Sessions that are remembered for one endpoint with a certificate of its own.
const OWN_SESSIONS_MAX: usize = 2;

/// The certificate authorities that receivers' certificates must come from.
#[derive(Debug, Clone)]
pub struct Roots(Arc<RootCertStore>);

/// No usable authorities.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootsError {
    /// The file cannot be read, or is not PEM.
    #[error("cannot read certificates from it: {0}")]
    Unreadable(rustls::pki_types::pem::Error),
    /// One of the certificates is not usable.
    #[error("certificate {place} in it is not usable: {problem}")]
    Certificate {
        /// Which one, counted from 1.
        place: usize,
        problem: rustls::Error,
    },
    /// There is no certificate in it.
    #[error("there is no certificate in it")]
    Empty,
}

impl Roots {
    /// Those of the machine.
    pub fn of_machine() -> Self {
        let found = rustls_native_certs::load_native_certs();
        let mut store = RootCertStore::empty();
        let (taken, _) = store.add_parsable_certificates(found.certs);
        if taken == 0 {
            tracing::warn!(
                errors = ?found.errors,
                "this machine has no certificate authorities: every https endpoint will fail; install ca-certificates, \
                 or set network.roots"
            );
        }
        Self(Arc::new(store))
    }

    /// Those of a PEM file, and no others.
    ///
    /// # Errors
    /// [`RootsError`]
    pub fn from_file(path: &Path) -> Result<Self, RootsError> {
        let mut store = RootCertStore::empty();
        let certificates = CertificateDer::pem_file_iter(path).map_err(RootsError::Unreadable)?;
        for (index, certificate) in certificates.enumerate() {
            let certificate = certificate.map_err(RootsError::Unreadable)?;
            store
                .add(certificate)
                .map_err(|problem| RootsError::Certificate {
                    place: index.saturating_add(1),
                    problem,
                })?;
        }
        match store.is_empty() {
            true => Err(RootsError::Empty),
            false => Ok(Self(Arc::new(store))),
        }
    }
}

/// Makes handshakes.
pub(super) struct Tls {
    anonymous: Arc<ClientConfig>,
}

impl Tls {
    pub(super) fn new(roots: Roots) -> Self {
        Self::speaking(roots, &[b"h2", b"http/1.1"])
    }

    /// For whoever speaks no HTTP/2.
    pub(super) fn http1_only(roots: Roots) -> Self {
        Self::speaking(roots, &[b"http/1.1"])
    }

    fn speaking(roots: Roots, protocols: &[&[u8]]) -> Self {
        let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            // The provider is ring's own, which has the suites of every default version.
            .expect("ring supports the default TLS versions")
            .with_root_certificates(roots.0)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Self {
            anonymous: Arc::new(config),
        }
    }

    pub(super) async fn handshake<T>(
        &self,
        io: T,
        host: &Host<String>,
        identity: Option<&ClientIdentity>,
    ) -> Result<TlsStream<T>, Failed>
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let name = match host {
            Host::Ipv4(address) => ServerName::IpAddress((*address).into()),
            Host::Ipv6(address) => ServerName::IpAddress((*address).into()),
            Host::Domain(name) => {
                // Certificates name hosts without the dot of the root.
                let name = name.strip_suffix('.').unwrap_or(name);
                ServerName::try_from(name.to_owned()).map_err(|_| {
                    Failed::new(
                        FailureKind::Tls,
                        "no certificate can be for such a host name",
                    )
                })?
            }
        };
        let config = match identity {
            None => Arc::clone(&self.anonymous),
            Some(identity) => {
                let mut config = ClientConfig::clone(&self.anonymous);
                let pair = CertifiedKey::clone(identity.pair());
                config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(pair));
                // A session that began with one identity must not go on with another.
                config.resumption = Resumption::in_memory_sessions(OWN_SESSIONS_MAX);
                Arc::new(config)
            }
        };
        let shaken = TlsConnector::from(config).connect(name, io).await;
        shaken.map_err(|error| Failed::tls(&error))
    }
}
