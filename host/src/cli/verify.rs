//! `countersign verify`

use super::{
    output::{GREEN, Output, RED, paint},
    request::{ClockArgs, RequestArgs},
    sender::{SenderArgs, kernel},
    verdict::{Seconds, Verdict},
};
use crate::{clock::rfc3339, error::Error};
use clap::Args;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  countersign verify --provider cleanmails --secret-file secret.txt request.http
  countersign verify --scheme stripe -H 'Stripe-Signature: t=...' --body-file body.json
  countersign trigger sendemall email.replied --print | countersign verify --provider sendemall
  countersign verify -p smartlead --line 3 hooks.jsonl --tolerance off --json
      The third request of a recording.

The body must be the exact bytes that arrived: JSON that was parsed and printed again does not fit. When it does not
verify, ask \"countersign explain\" with the same options.

Exit code: 0 the signature fits, 1 it does not, 2 the command was called wrongly.";

/// Says whether a request is really from its sender.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Verify {
    #[command(flatten)]
    sender: SenderArgs,
    #[command(flatten)]
    request: RequestArgs,
    #[command(flatten)]
    clock: ClockArgs,
}

impl Verify {
    pub(super) fn run(self, out: &Output) -> Result<ExitCode, Error> {
        let sender = self.sender.read(out)?;
        let captured = self.request.read()?;
        let (tolerance, now_s) = (self.clock.tolerance().kernel(), self.clock.now_s());
        let verdict = Verdict::of(&kernel()?, &sender, tolerance, &captured, now_s)?;
        out.either(&verdict, sentence(&verdict))?;
        if !verdict.is_valid() && !out.is_json() {
            out.note("\"countersign explain\" with the same options says why.");
        }
        Ok(exit_code(&verdict))
    }
}

/// 0 for what is valid, 1 for what is refused.
pub(super) fn exit_code(verdict: &Verdict) -> ExitCode {
    ExitCode::from(u8::from(!verdict.is_valid()))
}

fn sentence(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Valid {
            secret_index,
            timestamp,
            covers,
            ..
        } => {
            let made = timestamp.map_or_else(String::new, made);
            let covers = match covers.is_empty() {
                true => "nothing of the request".to_owned(),
                false => covers.join(", "),
            };
            let valid = paint(GREEN, "valid");
            let place = secret_index.saturating_add(1);
            format!("{valid}: secret {place} fits{made}; the signature covers {covers}")
        }
        Verdict::Refused { code, message, .. } => format!("{}: {message}", paint(RED, code)),
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, and a time before 1970 is told as 1970"
)]
fn made(Seconds(at_s): Seconds) -> String {
    format!(", made {}", rfc3339((at_s * 1_000.0).round() as u64))
}
