//! Signing recorded requests anew.

use super::super::{
    captured::Captured,
    sender::{Sender, borrowed},
};
use crate::{
    chance::SystemChance,
    error::Error,
    ids::MessageId,
    rules::{Kernel, Rules},
};
use countersign_core::{
    Config, Headers, KeyedScheme, Message, SignedAt, provider::Provider, signature::Carrier,
};

/// Signs as a sender does.
pub(super) struct Resigner {
    kernel: Kernel,
    secret: crate::store::SecretText,
    url: String,
    /// The sender's own signature, and those that it adds beside it.
    signatures: Vec<Signature>,
}

struct Signature {
    scheme: String,
    options: Vec<(String, String)>,
    id_header: Option<String>,
}

impl Resigner {
    /// For requests to `url`.
    ///
    /// # Errors
    /// [`Error::Usage`], [`Error::Rules`]
    pub(super) fn new(sender: Sender, url: &str) -> Result<Self, Error> {
        let Sender {
            name,
            scheme,
            options,
            secrets,
        } = sender;
        let Ok([secret]) = <[_; 1]>::try_from(secrets) else {
            return Err(Error::usage("Sign with one secret."));
        };
        let rules = Rules::load()?;
        // One of ours signs in two ways at once, as its deliveries do.
        let is_own = scheme == name && options.is_empty() && Provider::named(&name).is_ok();
        let declared = match is_own {
            true => {
                let plan = rules.plan(&name, true, None)?;
                let signatures = plan.signatures.iter();
                signatures
                    .map(|signature| (signature.scheme.clone(), signature.options.clone()))
                    .collect()
            }
            false => vec![(scheme, options)],
        };
        let signatures = declared
            .into_iter()
            .map(|(scheme, options)| Signature::new(scheme, options, secret.as_str()))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            kernel: rules.kernel,
            secret,
            url: url.to_owned(),
            signatures,
        })
    }

    /// Replaces the signatures of a request by new ones, made at `now_ms`. Its message id stays what it was.
    ///
    /// # Errors
    /// As of [`new`](Self::new).
    pub(super) fn sign(&self, captured: &mut Captured, now_ms: u64) -> Result<(), Error> {
        let at = SignedAt::UnixMs(i64::try_from(now_ms).unwrap_or(i64::MAX));
        let mut place = 0_u32;
        for signature in &self.signatures {
            let id = signature.id(captured, now_ms);
            let mut signer = self.kernel.signer(
                &signature.scheme,
                &[self.secret.as_str()],
                &borrowed(&signature.options),
            )?;
            let signed = signer.sign(&Message {
                id: id.as_deref(),
                method: &captured.method,
                url: &self.url,
                ..Message::new(at, &captured.body)
            })?;
            let was_there = signed
                .iter()
                .any(|(name, _)| captured.headers.header(name).is_some());
            // The first is the sender's own; what it did not add to this request is not added now.
            if place == 0 || was_there {
                captured.headers.retain(|(known, _)| {
                    !signed
                        .iter()
                        .any(|(name, _)| name.eq_ignore_ascii_case(known))
                });
                let signed = signed.into_iter();
                captured
                    .headers
                    .extend(signed.map(|(name, value)| (name, value.into_bytes())));
            }
            place = place.saturating_add(1);
        }
        Ok(())
    }
}

impl Signature {
    fn new(scheme: String, options: Vec<(String, String)>, secret: &str) -> Result<Self, Error> {
        let config = Config {
            options: borrowed(&options),
            ..Config::new(&scheme, &[secret])
        };
        // For its declaration; the kernel signs.
        let keyed = KeyedScheme::signer(&config).map_err(|error| Error::Usage {
            code: Some(error.code()),
            message: error.to_string(),
        })?;
        if keyed.scheme().carrier != Carrier::Headers {
            return Err(Error::usage(format!(
                "{scheme} signs in the body, which a replay leaves as it is; leave --re-sign out."
            )));
        }
        let id_header = keyed.scheme().id_header.as_ref().map(ToString::to_string);
        Ok(Self {
            id_header,
            scheme,
            options,
        })
    }

    /// The id of the request, or a new one; `None` where none is signed.
    fn id(&self, captured: &Captured, now_ms: u64) -> Option<String> {
        let name = self.id_header.as_deref()?.to_ascii_lowercase();
        let id = captured.headers.header(&name);
        let id = id.and_then(|id| std::str::from_utf8(id).ok());
        let id = id.map(str::trim).filter(|id| !id.is_empty());
        Some(id.map_or_else(
            || MessageId::new(now_ms, &SystemChance).to_string(),
            ToOwned::to_owned,
        ))
    }
}
