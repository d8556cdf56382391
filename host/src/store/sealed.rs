//! Signing secrets and the keys of client certificates, sealed: the same in every store.

use crate::{
    store::{Endpoint, SecretText, StoreError},
    vault::{KeyError, OpenError, Place, Vault},
};
use countersign_core::delivery::rotation::SecretTimes;

/// A table with a secret of an endpoint in each row, in its columns `endpoint_id` and `sealed`.
#[derive(Clone, Copy)]
pub(super) struct Table {
    pub(super) name: &'static str,
    /// What its secrets are bound to, beside the endpoint.
    field: &'static str,
}

pub(super) const SIGNING: Table = Table {
    name: "endpoint_secrets",
    field: "endpoint_secrets.sealed",
};
pub(super) const CERTIFICATES: Table = Table {
    name: "client_certificates",
    field: "client_certificates.sealed",
};
/// What a change of the key seals anew.
pub(super) const TABLES: [Table; 2] = [SIGNING, CERTIFICATES];

impl Table {
    pub(super) fn seal(
        self,
        vault: &Vault,
        owner: &str,
        secret: &SecretText,
    ) -> Result<String, KeyError> {
        let field = self.field;
        vault.seal(Place { field, owner }, secret)
    }

    pub(super) fn open(
        self,
        vault: &Vault,
        owner: &str,
        sealed: &str,
    ) -> Result<SecretText, OpenError> {
        let field = self.field;
        vault.open(Place { field, owner }, sealed)
    }
}

/// The secrets of an endpoint as they are stored.
pub(super) struct Sealed {
    /// Signing secrets, newest first.
    pub(super) signing: Vec<(String, SecretTimes)>,
    /// The chain of its client certificate, and the sealed key.
    pub(super) certificate: Option<(String, String)>,
}

/// Seals the secrets of an endpoint.
pub(super) fn seal(vault: &Vault, endpoint: &Endpoint) -> Result<Sealed, StoreError> {
    let owner = endpoint.id.as_str();
    let signing = endpoint.secrets.iter().map(|secret| {
        let sealed = SIGNING.seal(vault, owner, &secret.text)?;
        Ok::<_, StoreError>((sealed, secret.times))
    });
    let certificate = endpoint.identity.as_ref().map(|identity| {
        let sealed = CERTIFICATES.seal(vault, owner, identity.key())?;
        Ok::<_, StoreError>((identity.chain_pem(), sealed))
    });
    Ok(Sealed {
        signing: signing.collect::<Result<_, _>>()?,
        certificate: certificate.transpose()?,
    })
}

impl From<KeyError> for StoreError {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}
