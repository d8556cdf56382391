//! The client certificate of an endpoint.

use super::{EndpointError, alter, rejected};
use crate::{
    context::Context,
    identity::{ClientIdentity, IdentityError},
    ids::EndpointId,
    store::{Endpoint, SecretText},
};
use std::sync::Arc;

/// A client certificate as a client gives it, both parts as PEM.
#[derive(Debug, Clone)]
pub struct ClientCertificate {
    /// The endpoint's own certificate, followed by intermediate ones.
    pub chain: String,
    pub key: SecretText,
}

/// Sets the certificate that is shown to a receiver that asks for one, or takes it away. Attempts that begin from now on use it,
/// over connections of their own. To be run to its end.
///
/// # Errors
/// [`EndpointError`]; nothing is changed then.
pub async fn set_certificate(
    context: Arc<Context>,
    id: EndpointId,
    certificate: Option<ClientCertificate>,
) -> Result<Endpoint, EndpointError> {
    let entry = context.registry.find(&id).ok_or(EndpointError::Unknown)?;
    let identity = certificate
        .map(|certificate| read(&certificate))
        .transpose()?;
    let change = |endpoint: &mut Endpoint| {
        endpoint.identity = identity;
        Ok(())
    };
    alter(&context, &entry, change).await
}

fn read(certificate: &ClientCertificate) -> Result<ClientIdentity, EndpointError> {
    let identity = ClientIdentity::from_pem(&certificate.chain, &certificate.key);
    identity.map_err(|error| {
        let (field, code) = match error {
            IdentityError::Certificate => ("certificate", "certificate_invalid"),
            IdentityError::Key => ("private_key", "private_key_invalid"),
            IdentityError::Mismatch => ("private_key", "private_key_mismatch"),
        };
        rejected(field, code, &error.to_string())
    })
}
