//! Certificates, good and bad, under an authority of the test's own.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use std::sync::Arc;
use tokio_rustls::rustls::{
    RootCertStore, ServerConfig, crypto::ring, pki_types::PrivateKeyDer,
    server::WebPkiClientVerifier,
};

/// Signs certificates.
pub struct Authority {
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A server's certificate with its key.
#[derive(Debug, Clone)]
pub struct Certified {
    /// What a server does with it; offers HTTP/1.1 only.
    pub config: Arc<ServerConfig>,
}

impl Authority {
    /// A new one.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        Self {
            certificate,
            issuer: Issuer::new(params, key),
        }
    }

    /// For senders that trust it.
    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// A certificate for this name.
    pub fn certify(&self, name: &str) -> Certified {
        self.server(self.issue(name, false), &[], false)
    }

    /// One whose time is over.
    pub fn certify_expired(&self, name: &str) -> Certified {
        self.server(self.issue(name, true), &[], false)
    }

    /// A server that speaks these protocols and, if asked for, wants a certificate of this authority from its clients.
    pub fn server_config(&self, name: &str, protocols: &[&str], client_auth: bool) -> Certified {
        self.server(self.issue(name, false), protocols, client_auth)
    }

    /// A certificate and its key as PEM, for a client.
    pub fn client(&self, name: &str) -> (String, String) {
        let (certificate, key) = self.issue(name, false);
        (certificate.pem(), key.serialize_pem())
    }

    /// The same with one whose time is over, since 2021.
    pub fn client_expired(&self, name: &str) -> (String, String) {
        let (certificate, key) = self.issue(name, true);
        (certificate.pem(), key.serialize_pem())
    }

    fn issue(&self, name: &str, expired: bool) -> (rcgen::Certificate, KeyPair) {
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        if expired {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        }
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer);
        (certificate.expect("a certificate"), key)
    }

    fn server(
        &self,
        (certificate, key): (rcgen::Certificate, KeyPair),
        protocols: &[&str],
        client_auth: bool,
    ) -> Certified {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("default versions");
        let builder = match client_auth {
            false => builder.with_no_client_auth(),
            true => {
                let mut roots = RootCertStore::empty();
                roots.add(self.certificate.der().clone()).expect("a root");
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
            }
        };
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let mut config = builder
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("a key that fits the certificate");
        config.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        Certified {
            config: Arc::new(config),
        }
    }
}
