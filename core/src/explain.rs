//! Why does this signature not match?
//!
//! [`explain`] changes one thing at a time in the request, the secret or the configuration, in ways that are known to happen,
//! and verifies again. What then fits is the cause, for certain; what merely looks like a known mistake is called likely.
//!
//! An explanation holds no secret, no expected signature and nothing of the body. It is for whoever runs the receiver; a
//! stranger gets a status and no detail.
//!
//! # Cost
//! At most [`TRIALS_MAX`] verifications, and together at most [`HASHED_BYTES_MAX`] bytes hashed or printed anew. Measured where
//! nothing explains the request: 0.2 ms for a body of 200 bytes, 20 ms for 15 KB, a tenth of a second for 300 KB of JSON, which
//! is the worst; about five times that in WebAssembly. Where the cause is found early it costs a few verifications. Call it
//! after a refusal that somebody wants to understand, not for each request of a stranger.

mod body;
mod cause;
mod form;
mod header;
mod json;
mod provider;
mod secret;
mod time;
mod trial;
mod unusable;
mod url;

pub use self::{
    cause::{Cause, Confidence, Finding},
    trial::{HASHED_BYTES_MAX, TRIALS_MAX},
};

use self::trial::{Trials, View};
use crate::signature::{Config, ConfigError, Refusal, Request, Valid};
use alloc::vec::Vec;

/// What [`explain`] needs to know.
#[derive(Debug)]
pub struct Question<'a, N, V> {
    /// The request as it arrived, with every header, repeated ones included.
    pub request: Request<'a, [(N, V)]>,
    /// What the verifier was built from.
    pub config: Config<'a>,
    /// The receiver's clock, in unix seconds.
    pub now_s: i64,
    /// Names and secrets of other endpoints, to see whether the secret is that of another one. May be empty.
    pub other_endpoints: &'a [(&'a str, &'a str)],
}

/// What [`explain`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What the verifier says.
    pub verdict: Result<Valid, Rejection>,
    /// Causes, certain ones first. Empty where the request is valid, and where nothing explains why it is not: then the
    /// secret is another one, or the body was changed in a way that cannot be undone.
    pub findings: Vec<Finding>,
    /// Verifications that were made.
    pub trials: u32,
    /// Whether everything was tried; `false` where the bounds were reached first.
    pub complete: bool,
}

/// Why there is something to explain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// The verifier refuses the request.
    Request(Refusal),
    /// No verifier can be built.
    Config(ConfigError),
}

impl Rejection {
    /// The name of the refusal or mistake.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Request(refusal) => refusal.code(),
            Self::Config(error) => error.code(),
        }
    }
}

/// Says why a request does not verify, and what to do.
///
/// ```
/// use countersign_core::{
///     Config, Request,
///     explain::{Cause, Confidence, Question, explain},
/// };
///
/// // A framework parsed the body and printed it again, with blanks that were not signed.
/// let headers = [("X-Hub-Signature-256", "sha256=d05f6b00fbf5252c6cf3271aae9870ade175288f13ed0762a6679bc482a5dc71")];
/// let question = Question {
///     request: Request::new(headers.as_slice(), b"{\"zen\": 1}"),
///     config: Config::new("github", &["s3cret"]),
///     now_s: 1_772_000_000,
///     other_endpoints: &[],
/// };
/// let explanation = explain(&question);
/// let finding = &explanation.findings[0];
/// assert_eq!((finding.cause, finding.confidence), (Cause::BodyReserialised, Confidence::Certain));
/// assert!(finding.fix.contains("raw"));
/// ```
pub fn explain<N: AsRef<str>, V: AsRef<[u8]>>(question: &Question<'_, N, V>) -> Explanation {
    let headers: Vec<_> = question
        .request
        .headers
        .iter()
        .map(|(name, value)| (name.as_ref(), value.as_ref()))
        .collect();
    let view = View {
        method: question.request.method,
        url: question.request.url,
        headers: &headers,
        body: question.request.body,
    };
    let mut trials = Trials::new(question.config.clone(), question.now_s);
    let verdict = trials.verdict(&view);
    if let Err(rejection) = &verdict {
        search(&mut trials, &view, question.other_endpoints);
        if let Rejection::Config(ConfigError::SecretInvalid(secret)) = rejection {
            unusable::explain(&mut trials, *secret);
        }
    }
    trials.finish(verdict)
}

/// From what is cheap and frequent to what is dear, until something certain is found.
fn search(trials: &mut Trials<'_>, view: &View<'_>, other_endpoints: &[(&str, &str)]) {
    type Step = fn(&mut Trials<'_>, &View<'_>);
    // Cleanmails and the platform share a header and differ by a prefix (R-P4): there both answers are right.
    const FORM: Step = |trials, view| {
        provider::explain(trials, view);
        form::explain(trials, view);
    };
    const STEPS: [Step; 5] = [
        time::explain,
        header::explain,
        FORM,
        url::explain,
        body::explain,
    ];
    provider::missing_headers(trials, view);
    secret::explain(trials, view, other_endpoints);
    for step in STEPS {
        if trials.is_solved() {
            return;
        }
        step(trials, view);
    }
}

#[cfg(test)]
mod tests;
