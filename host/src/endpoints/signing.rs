//! The secrets of an endpoint and what they sign. What fits what is the rules' to say.

use super::{EndpointError, SECRET_BYTES_MAX, rejected};
use crate::{
    chance::signing_secret,
    context::Context,
    rules::{Code, KernelError},
    store::SecretText,
};
use countersign_guest::DeliveryPlan;

/// Whether the secret can sign as the plan says.
pub(super) fn check_secret(
    context: &Context,
    plan: &DeliveryPlan,
    secret: &SecretText,
) -> Result<(), EndpointError> {
    if secret.as_str().len() > SECRET_BYTES_MAX {
        let message = format!("a secret has at most {SECRET_BYTES_MAX} bytes");
        return Err(rejected("secret", "secret_invalid", &message));
    }
    match context.rules.check_secret(plan, secret.as_str()) {
        Ok(()) => Ok(()),
        Err(KernelError::Refused(code)) => {
            let message = match code {
                Code::SecretInvalid | Code::SecretCannotSign => {
                    format!("{} {}", code.text(), what_it_is(plan))
                }
                _ => code.text().to_owned(),
            };
            Err(rejected("secret", code.name(), &message))
        }
        Err(KernelError::Rules(error)) => Err(error.into()),
    }
}

/// A new secret for an endpoint whose owner gives none.
pub(super) fn make_secret(
    context: &Context,
    plan: &DeliveryPlan,
) -> Result<SecretText, EndpointError> {
    match plan.new_secret {
        Some(kind) => Ok(SecretText::new(signing_secret(&*context.chance, kind))),
        None => Err(needs_secret(plan)),
    }
}

/// The endpoint's deliveries are signed, and there is nothing to sign them with.
pub(super) fn needs_secret(plan: &DeliveryPlan) -> EndpointError {
    let message = format!(
        "every delivery of this endpoint is signed; give a `secret`. {}",
        what_it_is(plan)
    );
    rejected("secret", "secret_invalid", &message)
}

fn what_it_is(plan: &DeliveryPlan) -> String {
    let scheme = plan.signatures.first();
    let scheme = scheme.map_or("", |signature| signature.scheme.as_str());
    format!("The scheme {scheme} takes {}.", plan.secret_description)
}
