//! Rotating the secrets of an endpoint. What is alive and what signs first is the rules' to say.

use super::{
    EndpointError, alter, rejected,
    signing::{check_secret, make_secret},
};
use crate::{
    context::Context,
    ids::EndpointId,
    registry::Entry,
    rules::RulesError,
    store::{Endpoint, SecretText, SigningSecret},
};
use countersign_core::delivery::rotation::{Rotation, SecretTimes};
use std::sync::Arc;

/// What a client asks for.
#[derive(Debug, Clone, Default)]
pub struct Rotate {
    /// The new secret; one is made when there is none.
    pub secret: Option<SecretText>,
    pub rotation: Rotation,
}

/// An endpoint after a rotation.
#[derive(Debug, Clone)]
pub struct Turned {
    pub endpoint: Endpoint,
    /// The secret that was made here. This is the only time that it is shown.
    pub made: Option<SecretText>,
}

/// Sets a new secret beside the present ones. To be run to its end.
///
/// # Errors
/// [`EndpointError`]; nothing is changed then.
pub async fn rotate(
    context: Arc<Context>,
    id: EndpointId,
    asked: Rotate,
) -> Result<Turned, EndpointError> {
    let entry = context.registry.find(&id).ok_or(EndpointError::Unknown)?;
    let now_ms = context.clock.now_ms();
    let mut made = None;
    let endpoint = change_secrets(&context, &entry, |endpoint| {
        let (secrets, signature) = (&endpoint.secrets, endpoint.settings.signature.as_ref());
        let plan = context.rules.plan(&endpoint.provider, true, signature)?;
        let new = match asked.secret {
            Some(given) => given,
            None => made.insert(make_secret(&context, &plan)?).clone(),
        };
        check_secret(&context, &plan, &new)?;
        if secrets.iter().any(|present| present.text == new) {
            let message = "the endpoint has this secret already; give another one, or leave `secret` out to have one made";
            return Err(rejected("secret", "secret_unchanged", message));
        }
        let times: Vec<_> = secrets.iter().map(|secret| secret.times).collect();
        let rotated = context.rules.guest.rotate(times, asked.rotation, now_ms)?;
        let rotated = rotated.map_err(EndpointError::Rejected)?;
        let secret = |times: SecretTimes, before: Option<u32>| {
            let text = match before {
                None => Some(&new),
                Some(place) => secrets.get(place as usize).map(|secret| &secret.text),
            };
            let text = text.ok_or(RulesError::Answer("it names a secret that is not there"))?;
            Ok(SigningSecret {
                text: text.clone(),
                times,
            })
        };
        let rotated = rotated.iter().map(|r| secret(r.times, r.before));
        rotated.collect::<Result<_, RulesError>>().map_err(Into::into)
    })
    .await?;
    Ok(Turned { endpoint, made })
}

/// Ends an overlap now: the newest secret alone signs, the others are wiped. To be run to its end.
///
/// # Errors
/// [`EndpointError`]; nothing is changed then.
pub async fn finish(context: Arc<Context>, id: EndpointId) -> Result<Endpoint, EndpointError> {
    let entry = context.registry.find(&id).ok_or(EndpointError::Unknown)?;
    let newest = |endpoint: &Endpoint| Ok(endpoint.secrets.iter().take(1).cloned().collect());
    change_secrets(&context, &entry, newest).await
}

/// Wipes the secrets whose time is over. What cannot be stored is wiped the next time.
pub async fn wipe_expired(context: &Context, now_ms: u64) {
    let rotating = context.registry.rotating().into_iter();
    // Whoever works them sees to it.
    for entry in rotating.filter(|entry| context.store.owns(&entry.id)) {
        let wiped = change_secrets(context, &entry, |endpoint| {
            let secrets = &endpoint.secrets;
            let times: Vec<_> = secrets.iter().map(|secret| secret.times).collect();
            let alive = context.rules.guest.signing_order(times, now_ms)?;
            let alive = (0..)
                .zip(secrets)
                .filter(|(place, _)| alive.contains(place));
            Ok(alive.map(|(_, secret)| secret.clone()).collect())
        });
        match wiped.await {
            Ok(_) | Err(EndpointError::Unknown) => {}
            Err(error) => {
                tracing::error!(endpoint = %entry.id, %error, "an expired secret could not be wiped yet");
            }
        }
    }
}

/// Replaces the secrets, unless they stay as they are.
async fn change_secrets(
    context: &Context,
    entry: &Arc<Entry>,
    change: impl FnOnce(&Endpoint) -> Result<Vec<SigningSecret>, EndpointError>,
) -> Result<Endpoint, EndpointError> {
    let change = |endpoint: &mut Endpoint| {
        endpoint.secrets = change(endpoint)?;
        Ok(())
    };
    alter(context, entry, change).await
}
