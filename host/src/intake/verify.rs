//! Whether somebody vouches for a request: the raw bytes, before anything of them is read.

use super::{IntakeError, Posted, Verified};
use crate::{
    config::{Check, Hidden, Signature},
    context::Context,
    rules::{Code, KernelError, Keyed, RulesError},
    store::VerifiedBy,
};
use countersign_core::{Headers, Request};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

pub(super) fn verify(
    context: &Context,
    posted: &Posted,
    now_ms: u64,
) -> Result<Verified, IntakeError> {
    let by = match &posted.source.check {
        Check::Open => VerifiedBy::Nothing,
        Check::Token { header, tokens } => {
            match has_token(&posted.headers, header.as_deref(), tokens) {
                true => VerifiedBy::Token,
                false => return Err(IntakeError::Unverified("token")),
            }
        }
        Check::Signature(signature) => {
            check_signature(context, posted, signature, now_ms)?;
            VerifiedBy::Signature
        }
    };
    Ok(Verified { by })
}

/// Every token is compared, and digests are of one length, so that the time tells nothing about any of them.
fn has_token(headers: &[(String, Vec<u8>)], header: Option<&str>, tokens: &[Hidden]) -> bool {
    let given = match header {
        Some(name) => headers.header(name),
        None => headers.header("authorization").and_then(|value| {
            let (scheme, token) = value.split_at_checked(7)?;
            scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
        }),
    };
    let Some(given) = given else {
        return false;
    };
    let given = Sha256::digest(given.trim_ascii());
    let fits = tokens.iter().fold(Choice::from(0), |fits, token| {
        let expected = Sha256::digest(token.as_str().as_bytes());
        fits | given.as_slice().ct_eq(expected.as_slice())
    });
    fits.into()
}

fn check_signature(
    context: &Context,
    posted: &Posted,
    signature: &Signature,
    now_ms: u64,
) -> Result<(), IntakeError> {
    let secrets: Vec<_> = signature.secrets.iter().map(Hidden::as_str).collect();
    let options = signature.options.iter();
    let options: Vec<_> = options.map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let keyed = Keyed {
        scheme: &signature.scheme,
        tolerance: signature.tolerance_s,
        secrets: &secrets,
        options: &options,
        read_at: posted.read_at,
    };
    let request = Request {
        url: &signature.url,
        ..Request::new(posted.headers.as_slice(), &posted.body)
    };
    let now_s = i64::try_from(now_ms / 1_000).unwrap_or(i64::MAX);
    let verdict = context.rules.kernel.verify(keyed, &request, now_s);
    match verdict {
        Ok(verdict) if verdict.code == Code::Valid => Ok(()),
        Ok(verdict) => Err(IntakeError::Unverified(verdict.code.name())),
        // The keys were tried when the settings were read.
        Err(KernelError::Refused(code)) => Err(RulesError::Refused(code.text().to_owned()).into()),
        Err(KernelError::Rules(error)) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_token_of_the_source_lets_in() {
        let tokens = ["first-token-of-all", "second-token-of-all"];
        let tokens = tokens.map(|token| Hidden(token.to_owned()));
        let sent = |name: &str, value: &str| vec![(name.to_owned(), value.as_bytes().to_vec())];
        let bearer = |value: &str| has_token(&sent("authorization", value), None, &tokens);
        assert!(bearer("Bearer first-token-of-all"));
        assert!(bearer("bearer second-token-of-all "));
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer first-token-of-al",
            "first-token-of-all",
        ] {
            assert!(!bearer(wrong), "{wrong}");
        }
        let own = |name: &str, value: &str| has_token(&sent(name, value), Some("x-token"), &tokens);
        assert!(own("x-token", "first-token-of-all"));
        assert!(!own("x-token", "Bearer first-token-of-all"));
        assert!(!own("authorization", "Bearer first-token-of-all"));
        assert!(!has_token(&[], None, &tokens));
    }
}
