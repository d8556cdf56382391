//! Why a signature does not match, in the shape that the npm package prints.

use super::{
    captured::Captured,
    output::{BOLD, DIM, GREEN, paint, shown},
    request::ToleranceGiven,
    sender::Sender,
    verdict::Verdict,
};
use countersign_core::explain::{self, Confidence, Question};
use serde::Serialize;

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Explanation {
    pub(super) verdict: Verdict,
    pub(super) findings: Vec<Finding>,
    trials: u32,
    complete: bool,
}

/// One cause.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Finding {
    code: &'static str,
    confidence: &'static str,
    message: String,
    fix: &'static str,
}

const NOTHING: &str = "No known mistake explains it: the secret is another one, or the body was changed beyond repair.";
const NOT_ALL: &str = "Not everything was tried: the body is very large.";

impl Explanation {
    /// Asks the core. `others` are names and secrets of other endpoints.
    pub(super) fn of(
        sender: &Sender,
        tolerance: ToleranceGiven,
        captured: &Captured,
        others: &[(&str, &str)],
        now_s: i64,
    ) -> Self {
        let explanation = explain::explain(&Question {
            request: captured.request(),
            config: sender.config(tolerance.core()),
            now_s,
            other_endpoints: others,
        });
        let findings = explanation.findings.into_iter();
        Self {
            verdict: Verdict::of_core(&explanation.verdict),
            findings: findings
                .map(|finding| Finding {
                    code: finding.cause.code(),
                    confidence: match finding.confidence {
                        Confidence::Certain => "certain",
                        Confidence::Likely => "likely",
                    },
                    message: finding.sentence,
                    fix: finding.fix,
                })
                .collect(),
            trials: explanation.trials,
            complete: explanation.complete,
        }
    }

    /// For people.
    pub(super) fn lines(&self) -> Vec<String> {
        if self.findings.is_empty() {
            let mut lines = vec![NOTHING.to_owned()];
            if !self.complete {
                lines.push(NOT_ALL.to_owned());
            }
            return lines;
        }
        let findings = self.findings.iter();
        findings.flat_map(Finding::lines).collect()
    }
}

impl Finding {
    fn lines(&self) -> [String; 2] {
        let style = match self.confidence {
            "certain" => BOLD,
            _ => DIM,
        };
        let confidence = paint(style, self.confidence);
        let code = paint(DIM, format_args!("({})", self.code));
        let fix = paint(GREEN, "fix");
        [
            format!("{confidence}: {} {code}", shown(&self.message)),
            format!("  {fix}: {}", shown(self.fix)),
        ]
    }
}
