//! Asking rustup for a target, with a short time limit: its server may be out of reach.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::run::{self, Limited};

/// Enough for a download of some 20 MB on a fair line; whoever has a slower one runs the command by hand.
const LIMIT: Duration = Duration::from_secs(20);

pub(super) fn present() -> bool {
    which::which("rustup").is_ok()
}

/// Runs `rustup target add`. It adds to the toolchain in use: rustup hands that on through the environment.
pub(super) fn add_target(target: &str) -> Result<()> {
    let mut command = Command::new("rustup");
    command.args(["target", "add", target]);
    let step = run::Step::begin(format!(
        "rustup target add {target} (at most {} s)",
        LIMIT.as_secs()
    ));
    match run::with_limit(&mut command, LIMIT)? {
        Limited::TimedOut => bail!("rustup did not finish within {} s", LIMIT.as_secs()),
        Limited::Ended(output) if !output.status.success() => {
            bail!(
                "rustup failed after {:.1} s: {}",
                step.elapsed().as_secs_f64(),
                reason(&output.stderr)
            )
        }
        Limited::Ended(_) => {
            step.done("");
            Ok(())
        }
    }
}

/// The line of rustup's output that names the failure.
fn reason(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let text = console::strip_ansi_codes(&text);
    let named = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("error: "));
    let last = text.lines().map(str::trim).rfind(|line| !line.is_empty());
    named.or(last).unwrap_or("it gave no reason").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_line_is_the_reason() {
        let text =
            "info: syncing\nerror: could not download file\n\nCaused by:\n    connection refused\n";
        assert_eq!(reason(text.as_bytes()), "could not download file");
        assert_eq!(reason(b"just this\n"), "just this");
        assert_eq!(reason(b""), "it gave no reason");
    }
}
