//! `countersign explain`

use super::{
    SECRET,
    explanation::Explanation,
    output::{GREEN, Output, RED, paint, shown},
    request::{ClockArgs, RequestArgs},
    secret::in_file,
    sender::{SenderArgs, kernel},
    verdict::Verdict,
    verify::exit_code,
};
use crate::{
    error::Error,
    rules::{Code, KernelError},
    store::SecretText,
};
use clap::Args;
use std::{path::PathBuf, process::ExitCode};

const EXAMPLES: &str = "\
Examples:
  countersign explain --provider sendemall --secret-file secret.txt request.http
  countersign explain --scheme github --other staging=staging.txt --other old=old.txt request.json
  countersign explain -p cleanmails --line 7 hooks.jsonl

Changes one thing at a time in secret, header, address, clock and body, and verifies again. What then fits is the cause.

Exit code: 0 the signature fits, 1 it does not, 2 the command was called wrongly, or the secret can be no key.";

/// Says why a signature does not match, and what to do.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Explain {
    #[command(flatten)]
    sender: SenderArgs,
    /// The secret of another endpoint, to see whether it is that one; may be repeated
    #[arg(long = "other", value_name = "NAME=FILE", value_parser = other, help_heading = SECRET)]
    others: Vec<(String, PathBuf)>,
    #[command(flatten)]
    request: RequestArgs,
    #[command(flatten)]
    clock: ClockArgs,
}

fn other(text: &str) -> Result<(String, PathBuf), &'static str> {
    text.split_once('=')
        .filter(|(name, _)| !name.trim().is_empty())
        .map(|(name, file)| (name.trim().to_owned(), PathBuf::from(file)))
        .ok_or("it takes NAME=FILE")
}

impl Explain {
    pub(super) fn run(self, out: &Output) -> Result<ExitCode, Error> {
        let sender = self.sender.read(out)?;
        let others = self
            .others
            .into_iter()
            .map(|(name, file)| Ok((name, in_file(&file)?)))
            .collect::<Result<Vec<(String, SecretText)>, Error>>()?;
        let others: Vec<_> = others
            .iter()
            .map(|(name, secret)| (name.as_str(), secret.as_str()))
            .collect();
        let captured = self.request.read()?;
        let (tolerance, now_s) = (self.clock.tolerance(), self.clock.now_s());
        // Whether it fits is told by what tells it elsewhere; the core says why not.
        let told = Verdict::of(&kernel()?, &sender, tolerance.kernel(), &captured, now_s);
        let verdict = match told {
            Ok(verdict) => Some(verdict),
            // Both have causes of their own: the secret may be that of another scheme, or cut.
            Err(KernelError::Refused(Code::SecretInvalid | Code::UrlMissing)) => None,
            Err(error) => return Err(error.into()),
        };
        let mut explanation = Explanation::of(&sender, tolerance, &captured, &others, now_s);
        if let Some(verdict) = verdict {
            explanation.verdict = verdict;
        }
        out.either(&explanation, text(&explanation))?;
        Ok(match explanation.verdict.code() {
            // With `verify` a wrong call, and here as well.
            code if code == Code::SecretInvalid.name() => ExitCode::from(2),
            _ => exit_code(&explanation.verdict),
        })
    }
}

fn text(explanation: &Explanation) -> String {
    match &explanation.verdict {
        Verdict::Valid { .. } => format!("{}: nothing to explain", paint(GREEN, "valid")),
        Verdict::Refused { code, message, .. } => {
            let mut lines = vec![format!("{}: {}", paint(RED, code), shown(message))];
            lines.extend(explanation.lines());
            lines.join("\n")
        }
    }
}
