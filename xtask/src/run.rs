//! Running programs so that whoever waits sees what for: the name of the step, its own output or a spinner, the
//! seconds it took. A spinner only appears on a terminal; a log gets plain lines.

use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use console::{StyledObject, style};
use indicatif::{ProgressBar, ProgressStyle};

/// How often a child with a time limit is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A step that has begun.
pub(crate) struct Step {
    label: String,
    started: Instant,
}

impl Step {
    /// Announces a step.
    pub(crate) fn begin(label: impl Into<String>) -> Self {
        let label = label.into();
        eprintln!("{} {label}", style("==>").cyan().bold().for_stderr());
        Self {
            label,
            started: Instant::now(),
        }
    }

    /// Says that the step is finished, how long it took, and what came of it.
    pub(crate) fn done(self, note: &str) {
        self.end(style(" ok").green(), note);
    }

    /// Says that the step failed. For steps after which the chore goes on; others return their error.
    pub(crate) fn failed(self, reason: &str) {
        self.end(style("BAD").red(), reason);
    }

    fn end(self, mark: StyledObject<&str>, note: &str) {
        let seconds = self.started.elapsed().as_secs_f64();
        let separator = if note.is_empty() { "" } else { ": " };
        eprintln!(
            "{} {}{separator}{note} ({seconds:.1} s)",
            mark.bold().for_stderr(),
            self.label
        );
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

/// One line for a step that had nothing to do.
pub(crate) fn up_to_date(label: &str) {
    note(&format!("{label}: up to date"));
}

/// One line about a decision or a fact.
pub(crate) fn note(text: &str) {
    eprintln!("{} {text}", style(" --").dim().for_stderr());
}

/// Runs a program whose own output tells how it is getting on.
pub(crate) fn inherit(command: &mut Command) -> Result<()> {
    let status = spawned(command.status(), command)?;
    check(status, command)
}

/// Runs a program in silence behind a spinner; its output is only shown when it fails.
pub(crate) fn quiet(label: &str, command: &mut Command) -> Result<Vec<u8>> {
    let spinner = ProgressBar::new_spinner().with_message(label.to_owned());
    if let Ok(look) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        spinner.set_style(look);
    }
    spinner.enable_steady_tick(Duration::from_millis(100));
    let output = command.stdin(Stdio::null()).output();
    spinner.finish_and_clear();
    let output = spawned(output, command)?;
    if !output.status.success() {
        io::stderr().write_all(&output.stdout).ok();
        io::stderr().write_all(&output.stderr).ok();
    }
    check(output.status, command)?;
    Ok(output.stdout)
}

/// Asks a program something small. `None` when it is missing or fails.
pub(crate) fn ask(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    if !output.status.success() {
        return None;
    }
    String::from_utf8(output.stdout).ok()
}

/// What a program printed while it was also shown.
pub(crate) struct Shown {
    pub(crate) success: bool,
    /// Standard output and standard error, without colours.
    pub(crate) text: String,
}

/// Runs a program with its output passed through and kept, for suites whose counts are read from it.
pub(crate) fn show_and_keep(command: &mut Command) -> Result<Shown> {
    if console::user_attended_stderr() {
        // The children write to pipes and would drop their colours.
        command
            .env("CARGO_TERM_COLOR", "always")
            .env("FORCE_COLOR", "1");
    }
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = spawned(child, command)?;
    let out = child
        .stdout
        .take()
        .map(|pipe| thread::spawn(move || copy_and_keep(pipe, io::stdout())));
    let err = child
        .stderr
        .take()
        .map(|pipe| thread::spawn(move || copy_and_keep(pipe, io::stderr())));
    let mut kept = Vec::new();
    for reader in [out, err].into_iter().flatten() {
        kept.extend(reader.join().unwrap_or_default());
        kept.push(b'\n');
    }
    let status = spawned(child.wait(), command)?;
    let text = String::from_utf8_lossy(&kept);
    Ok(Shown {
        success: status.success(),
        text: console::strip_ansi_codes(&text).into_owned(),
    })
}

fn copy_and_keep(mut from: impl Read, mut to: impl Write) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut chunk = [0; 8192];
    while let Ok(read) = from.read(&mut chunk) {
        if read == 0 {
            break;
        }
        kept.extend_from_slice(&chunk[..read]);
        to.write_all(&chunk[..read]).and_then(|()| to.flush()).ok();
    }
    kept
}

/// How a program with a time limit ended.
pub(crate) enum Limited {
    Ended(Output),
    /// It was killed.
    TimedOut,
}

/// Runs a program and kills it when it takes longer than `limit`.
pub(crate) fn with_limit(command: &mut Command, limit: Duration) -> Result<Limited> {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = spawned(child, command)?;
    let errors = child
        .stderr
        .take()
        .map(|pipe| thread::spawn(move || copy_and_keep(pipe, io::sink())));
    let Some(status) = wait_until(&mut child, Instant::now() + limit)? else {
        child.kill().ok();
        child.wait().ok();
        return Ok(Limited::TimedOut);
    };
    let stderr = errors
        .and_then(|reader| reader.join().ok())
        .unwrap_or_default();
    Ok(Limited::Ended(Output {
        status,
        stdout: Vec::new(),
        stderr,
    }))
}

fn wait_until(child: &mut Child, deadline: Instant) -> Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child
            .try_wait()
            .context("a child process could not be waited for")?
        {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// Program and arguments as one line, for messages.
pub(crate) fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

fn spawned<T>(result: io::Result<T>, command: &Command) -> Result<T> {
    result.with_context(|| {
        let program = command.get_program().to_string_lossy();
        format!("`{program}` could not be started; install it or put it on PATH")
    })
}

fn check(status: ExitStatus, command: &Command) -> Result<()> {
    if !status.success() {
        bail!(
            "`{}` failed ({status}); its output above says why",
            line(command)
        );
    }
    Ok(())
}
