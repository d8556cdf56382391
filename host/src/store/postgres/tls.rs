//! TLS to the database: whom to trust, and what to do when that fails.

use crate::store::StoreError;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use std::{error::Error, io, path::PathBuf, sync::Arc};
use tokio_postgres_rustls::MakeRustlsConnect;

/// What the client says of a server that refuses TLS.
const WITHOUT_TLS: &str = "server does not support TLS";

/// Whom a connection with TLS trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trust {
    /// Whoever answers: what is sent is hidden from those who only listen.
    Anybody,
    /// Whoever has a certificate for the host's name from the machine's authorities, or from those in a file.
    Certified(Option<PathBuf>),
}

const NAME_ROOTS: &str =
    "Name the file with the certificate of the server's authority: sslrootcert=/path/ca.pem";

/// What connects with TLS.
pub(super) fn connector(trust: &Trust) -> Result<MakeRustlsConnect, StoreError> {
    let failed = |problem: String| StoreError::Failed {
        doing: "preparing TLS to the database",
        problem,
    };
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(error.to_string()))?;
    let config = match trust {
        Trust::Anybody => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider))),
        Trust::Certified(roots) => {
            builder.with_root_certificates(trusted(roots.as_ref()).map_err(failed)?)
        }
    };
    Ok(MakeRustlsConnect::new(config.with_no_client_auth()))
}

/// What an operator does about a connection that failed, where that is about TLS.
pub(super) fn advice(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.to_string() == WITHOUT_TLS {
            return Some("Switch `ssl` on at the server, or do without: sslmode=prefer");
        }
        // What is in an error of input and output is not among its causes.
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        if let Some(rustls::Error::InvalidCertificate(why)) =
            inner.and_then(|inner| inner.downcast_ref())
        {
            return Some(about(why));
        }
        cause = error.source();
    }
    None
}

fn about(why: &CertificateError) -> &'static str {
    match why {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => NAME_ROOTS,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "Use a name that the server's certificate is for, or give the server one for this name, as a subjectAltName"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "Give the server a new certificate, and see that the clock of this machine is right"
        }
        CertificateError::Other(_) => {
            "Give the server a certificate of version 3 that an authority has signed, not the authority's own"
        }
        _ => "Give the server a certificate that can be checked",
    }
}

/// The authorities of a file, or the machine's.
fn trusted(file: Option<&PathBuf>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let (place, found) = match file {
        Some(file) => {
            let place = file.display().to_string();
            let found = CertificateDer::pem_file_iter(file)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .map_err(|error| format!("{place}: {error}. {NAME_ROOTS}"))?;
            (place, found)
        }
        None => (
            "this machine".to_owned(),
            rustls_native_certs::load_native_certs().certs,
        ),
    };
    roots.add_parsable_certificates(found);
    match roots.is_empty() {
        true => Err(format!(
            "{place}: no certificate of an authority was found. {NAME_ROOTS}"
        )),
        false => Ok(roots),
    }
}

/// Takes every certificate. The signature must still be the certificate's.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
