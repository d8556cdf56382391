//! Verifying changed requests, within bounds.

use super::{Cause, Confidence, Explanation, Finding, Rejection};
use crate::secret::SecretForm;
use crate::signature::{Config, KeyedScheme, Request, Tolerance, Valid, scheme::Scheme};
use alloc::{string::String, vec::Vec};

/// Most verifications that one explanation makes.
pub const TRIALS_MAX: u32 = 600;
/// Most bytes that one explanation hashes, counted as the length of the body for each secret and verification, or prints anew
/// as JSON.
pub const HASHED_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Counted for each verification beside the body: headers, address, the blocks of the key.
const OVERHEAD_BYTES: usize = 256;

/// A request, perhaps with something changed.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) method: &'a str,
    pub(super) url: &'a str,
    pub(super) headers: &'a [(&'a str, &'a [u8])],
    pub(super) body: &'a [u8],
}

impl<'a> View<'a> {
    pub(super) fn header(&self, name: &str) -> Option<&'a [u8]> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))?;
        crate::headers::trimmed(found.1)
    }

    pub(super) fn header_text(&self, name: &str) -> Option<&'a str> {
        core::str::from_utf8(self.header(name)?).ok()
    }

    /// The headers with one of them replaced, or added where there was none.
    pub(super) fn with_header(&self, name: &'a str, value: &'a [u8]) -> Vec<(&'a str, &'a [u8])> {
        let others = self.headers.iter().copied();
        let others = others.filter(|(candidate, _)| !candidate.eq_ignore_ascii_case(name));
        [(name, value)].into_iter().chain(others).collect()
    }
}

/// Verifications and what they found.
pub(super) struct Trials<'a> {
    config: Config<'a>,
    now_s: i64,
    keyed: Option<KeyedScheme>,
    trials: u32,
    hashed_bytes: usize,
    complete: bool,
    findings: Vec<Finding>,
}

impl<'a> Trials<'a> {
    pub(super) fn new(config: Config<'a>, now_s: i64) -> Self {
        let mut without_window = config.clone();
        without_window.tolerance = Tolerance::Off;
        Self {
            keyed: KeyedScheme::new(&without_window).ok(),
            config,
            now_s,
            trials: 0,
            hashed_bytes: 0,
            complete: true,
            findings: Vec::new(),
        }
    }

    /// What the verifier itself says.
    pub(super) fn verdict(&mut self, view: &View<'_>) -> Result<Valid, Rejection> {
        let keyed = KeyedScheme::new(&self.config).map_err(Rejection::Config)?;
        self.trials = self.trials.saturating_add(1);
        let verdict = keyed.verify(&request(view), self.now_s);
        verdict.map_err(Rejection::Request)
    }

    pub(super) fn config(&self) -> &Config<'a> {
        &self.config
    }

    pub(super) fn now_s(&self) -> i64 {
        self.now_s
    }

    /// The scheme in force, where the configuration makes one.
    pub(super) fn scheme(&self) -> Option<Scheme> {
        self.config.declaration().ok()
    }

    /// Whether something certain was found already.
    pub(super) fn is_solved(&self) -> bool {
        let mut findings = self.findings.iter();
        findings.any(|finding| finding.confidence == Confidence::Certain)
    }

    /// Whether the request verifies, at any time.
    pub(super) fn verifies(&mut self, view: &View<'_>) -> Option<Valid> {
        let keyed = self.keyed.take()?;
        let valid = self.verifies_with(&keyed, view);
        self.keyed = Some(keyed);
        valid
    }

    /// Whether the request verifies under another configuration, at any time. One that makes no verifier verifies nothing.
    pub(super) fn verifies_as(&mut self, config: &Config<'_>, view: &View<'_>) -> Option<Valid> {
        let mut config = config.clone();
        config.tolerance = Tolerance::Off;
        let keyed = KeyedScheme::new(&config).ok()?;
        self.verifies_with(&keyed, view)
    }

    /// Whether the request verifies with this one secret, read in this form.
    pub(super) fn verifies_with_secret(
        &mut self,
        text: &str,
        form: SecretForm,
        view: &View<'_>,
    ) -> Option<Valid> {
        let mut config = self.config.clone();
        config.secrets = Vec::from([text]);
        config.tolerance = Tolerance::Off;
        let keyed = KeyedScheme::with_secret_form(&config, form).ok()?;
        self.verifies_with(&keyed, view)
    }

    fn verifies_with(&mut self, keyed: &KeyedScheme, view: &View<'_>) -> Option<Valid> {
        if !self.can_afford(view.body.len()) {
            return None;
        }
        self.trials = self.trials.saturating_add(1);
        self.hashed_bytes = self.hashed_bytes.saturating_add(self.cost(view.body.len()));
        keyed.verify(&request(view), self.now_s).ok()
    }

    /// Whether a verification of a body of this length is within the bounds; notes it where not.
    pub(super) fn can_afford(&mut self, body_bytes: usize) -> bool {
        let hashed_bytes = self.hashed_bytes.saturating_add(self.cost(body_bytes));
        let affordable = self.trials < TRIALS_MAX && hashed_bytes <= HASHED_BYTES_MAX;
        self.complete &= affordable;
        affordable
    }

    /// Counts bytes that were worked on without a verification.
    pub(super) const fn charge(&mut self, bytes: usize) {
        self.hashed_bytes = self.hashed_bytes.saturating_add(bytes);
    }

    /// Notes that something was not tried.
    pub(super) const fn leave_out(&mut self) {
        self.complete = false;
    }

    fn cost(&self, body_bytes: usize) -> usize {
        let secrets = self.config.secrets.len().max(1);
        body_bytes
            .saturating_add(OVERHEAD_BYTES)
            .saturating_mul(secrets)
    }

    pub(super) fn certain(&mut self, cause: Cause, sentence: String) {
        self.add(cause, Confidence::Certain, sentence);
    }

    pub(super) fn likely(&mut self, cause: Cause, sentence: String) {
        self.add(cause, Confidence::Likely, sentence);
    }

    /// Adds a finding, once for each cause: the surest and first one counts.
    fn add(&mut self, cause: Cause, confidence: Confidence, sentence: String) {
        let finding = Finding {
            cause,
            confidence,
            sentence,
            fix: cause.fix(),
        };
        match self
            .findings
            .iter_mut()
            .find(|finding| finding.cause == cause)
        {
            Some(known) if known.confidence > confidence => *known = finding,
            Some(_) => {}
            None => self.findings.push(finding),
        }
    }

    pub(super) fn finish(mut self, verdict: Result<Valid, Rejection>) -> Explanation {
        self.findings.sort_by_key(|finding| finding.confidence);
        Explanation {
            verdict,
            findings: self.findings,
            trials: self.trials,
            complete: self.complete,
        }
    }
}

fn request<'v>(view: &'v View<'v>) -> Request<'v, [(&'v str, &'v [u8])]> {
    Request {
        method: view.method,
        url: view.url,
        headers: view.headers,
        body: view.body,
    }
}
