//! How deliveries are made: which signatures, which other headers, for how long.

use crate::{
    message::{DeliveryPlan, NewSecret, Rejection, SignaturePlan},
    settings::outgoing,
    source::Source,
};
use countersign_core::{provider::Provider, signature::outgoing::SenderSecret};

/// The scheme of one's own and operational events, and beside a provider's.
const STANDARD: &str = "standard-webhooks";
/// The header by which repeats are told.
const ID_HEADER: &str = "webhook-id";
/// What that scheme writes.
const STANDARD_HEADERS: [&str; 3] = [ID_HEADER, "webhook-timestamp", "webhook-signature"];

/// How deliveries of this source are made to an endpoint, which may have a signature of its own.
pub(crate) fn plan(
    source: Source,
    standard_headers: bool,
    own: Option<SignaturePlan>,
) -> Result<DeliveryPlan, Rejection> {
    let always_signed = source.always_signed() || own.is_some();
    let signature = own.unwrap_or_else(|| usual(source));
    let scheme = outgoing(&signature)?;
    let writes = |name: &str| {
        let mut names = scheme.header_names.iter();
        names.any(|written| written.eq_ignore_ascii_case(name))
    };
    // A signature that writes one of these headers itself stands in for all of them.
    let standard = standard_headers && !STANDARD_HEADERS.iter().any(|name| writes(name));
    let beside = match standard {
        true => beside(scheme.secret),
        false => None,
    };
    // R-S3: SmartLead has no event id in the body; elsewhere it uses this header.
    let request_id = match source {
        Source::Provider(Provider::Smartlead) => Some("X-Request-Id"),
        Source::Provider(_) | Source::Standard | Source::Operational => None,
    };
    // `webhook-id` also without a secret, so that a receiver can drop repeats. One's own events have nothing else for that.
    let id = (standard || !matches!(source, Source::Provider(_))).then_some(ID_HEADER);
    Ok(DeliveryPlan {
        timeout_ms: source.policy().timeout_ms,
        content_type: "application/json".to_owned(),
        always_signed,
        secret_description: scheme.secret.description().to_owned(),
        new_secret: new_secret(scheme.secret),
        id_headers: [id, request_id]
            .into_iter()
            .flatten()
            .map(str::to_owned)
            .collect(),
        signatures: [Some(signature), beside].into_iter().flatten().collect(),
    })
}

/// The source's own signature.
fn usual(source: Source) -> SignaturePlan {
    let scheme = match source {
        Source::Provider(provider) => provider.name(),
        Source::Standard | Source::Operational => STANDARD,
    };
    SignaturePlan {
        scheme: scheme.to_owned(),
        options: Vec::new(),
    }
}

/// The signature of Standard Webhooks beside another one, so that a timestamp is signed, too (R-X1); `None` where the receiver
/// does not hold the sender's secret, or got it with the request.
fn beside(secret: SenderSecret) -> Option<SignaturePlan> {
    let options = match secret {
        // R-E6: the same key, as text.
        SenderSecret::Text | SenderSecret::Hex | SenderSecret::Base64 => {
            vec![("secret_format".to_owned(), "raw".to_owned())]
        }
        SenderSecret::StandardWebhooks => Vec::new(),
        SenderSecret::Ed25519Seed | SenderSecret::EcdsaPrivateKey | SenderSecret::Credentials => {
            return None;
        }
    };
    Some(SignaturePlan {
        scheme: STANDARD.to_owned(),
        options,
    })
}

/// `None` where a receiver would have to be told more than the secret.
const fn new_secret(secret: SenderSecret) -> Option<NewSecret> {
    match secret {
        SenderSecret::Text => Some(NewSecret::WhsecHex),
        SenderSecret::StandardWebhooks => Some(NewSecret::WhsecBase64),
        SenderSecret::Hex => Some(NewSecret::Hex),
        SenderSecret::Base64 => Some(NewSecret::Base64),
        SenderSecret::Ed25519Seed | SenderSecret::EcdsaPrivateKey | SenderSecret::Credentials => {
            None
        }
    }
}

#[cfg(test)]
mod tests;
