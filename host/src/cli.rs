//! The command line: one file a command. Here is what the commands are called, and how the program ends.

mod backup;
mod captured;
mod check;
mod completions;
mod config;
mod core;
mod data;
mod explain;
mod explanation;
mod keys;
mod listen;
mod man;
mod migrate_store;
mod output;
mod recording;
mod replay;
mod request;
mod secret;
mod sender;
mod serve;
mod sign;
mod trigger;
mod verdict;
mod verify;
mod version;

use self::output::Output;
use crate::error::{EXIT_CODES, Error};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, error::ErrorKind};
use std::process::ExitCode;

/// Countersign sends webhooks and loses none: every event is on disk before it is acknowledged, every attempt is signed and
/// recorded, and what fails is tried again as its provider documents. It also helps whoever writes a receiver.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, after_help = format!("{TRY_IT}\n\n{EXIT_CODES}"))]
pub struct Cli {
    /// Prints results as JSON, one value a line, and errors as JSON on standard error
    #[arg(long, global = true, help_heading = OUTPUT, display_order = 1_000)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Listen(listen::Listen),
    Trigger(trigger::Trigger),
    Replay(replay::Replay),
    Verify(verify::Verify),
    Explain(explain::Explain),
    Sign(sign::Sign),
    Backup(backup::Backup),
    Check(check::Check),
    MigrateStore(migrate_store::MigrateStore),
    Config(config::Config),
    /// The key that signing secrets are sealed with.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// The rules of a running host.
    #[command(subcommand)]
    Core(core::Core),
    Version(version::Version),
    Completions(completions::Completions),
    Man(man::Man),
}

const TRY_IT: &str = "\
Try it:
  COUNTERSIGN_SECRET=test countersign listen --provider cleanmails
  COUNTERSIGN_SECRET=test countersign trigger cleanmails email.replied --to http://127.0.0.1:3000/hooks
      The second in another terminal. Each command has a help of its own: countersign listen --help";

/// Headings of the help texts, the same for every command.
const SENDER: &str = "Sender";
const SECRET: &str = "Secret (several are tried in turn)";
const REQUEST: &str = "Request";
const CLOCK: &str = "Clock";
const OUTPUT: &str = "Output";

impl Command {
    /// As it is called on the command line.
    const fn name(&self) -> &'static str {
        match self {
            Self::Serve(_) => "serve",
            Self::Listen(_) => "listen",
            Self::Trigger(_) => "trigger",
            Self::Replay(_) => "replay",
            Self::Verify(_) => "verify",
            Self::Explain(_) => "explain",
            Self::Sign(_) => "sign",
            Self::Backup(_) => "backup",
            Self::Check(_) => "check",
            Self::MigrateStore(_) => "migrate-store",
            Self::Config(_) => "config",
            Self::Keys(_) => "keys",
            Self::Core(_) => "core",
            Self::Version(_) => "version",
            Self::Completions(_) => "completions",
            Self::Man(_) => "man",
        }
    }

    fn run(self, out: &Output) -> Result<ExitCode, Error> {
        match self {
            Self::Serve(command) => command.run(),
            Self::Listen(command) => command.run(out),
            Self::Trigger(command) => command.run(out),
            Self::Replay(command) => command.run(out),
            Self::Verify(command) => command.run(out),
            Self::Explain(command) => command.run(out),
            Self::Sign(command) => command.run(out),
            Self::Backup(command) => command.run(out),
            Self::Check(command) => command.run(out),
            Self::MigrateStore(command) => command.run(out),
            Self::Config(command) => command.run(out),
            Self::Keys(command) => command.run(out),
            Self::Core(command) => command.run(out),
            Self::Version(command) => command.run(out),
            Self::Completions(command) => command.run(out),
            Self::Man(command) => command.run(out),
        }
    }
}

/// Does what this process was called for, and says how that ended.
pub fn main() -> ExitCode {
    let json = std::env::args_os()
        .skip(1)
        .take_while(|argument| argument != "--")
        .any(|argument| argument == "--json");
    let out = Output::new(json);
    let parsed = command()
        .try_get_matches()
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return not_understood(&error, &out),
    };
    let name = cli.command.name();
    match cli.command.run(&out) {
        Ok(code) => code,
        Err(Error::OutputClosed) => ExitCode::SUCCESS,
        Err(error) => {
            out.failed(name, &error);
            error.exit_code()
        }
    }
}

/// The command line as it is described to clap.
fn command() -> clap::Command {
    Cli::command()
}

/// Ends with what clap says: the help that was asked for, or what is wrong with the call.
fn not_understood(error: &clap::Error, out: &Output) -> ExitCode {
    let is_mistake = error.use_stderr();
    // Without any argument the help is shown, and is no mistake that has a text of its own.
    let shows_help = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if is_mistake && out.is_json() && !shows_help {
        let text = error.render().to_string();
        let first = text.lines().next().unwrap_or_default();
        out.mistake("usage", first.trim_start_matches("error: "));
    } else {
        // Nobody is left to be told when this fails.
        let _ = error.print();
    }
    ExitCode::from(if is_mistake { 2 } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_command_says_what_it_does_and_shows_an_example() {
        for command in command().get_subcommands() {
            let name = command.get_name();
            assert!(command.get_about().is_some(), "{name}");
            let mut parts = command.get_subcommands().peekable();
            if parts.peek().is_some() {
                assert!(parts.all(|part| part.get_about().is_some()), "{name}");
                continue;
            }
            let examples = command.get_after_help().map(ToString::to_string);
            let examples = examples.unwrap_or_default();
            let teaches = examples.contains(&format!("countersign {name}"));
            assert!(teaches, "{name} has no example");
            for line in examples.lines() {
                assert!(line.chars().count() <= 120, "{name}: {line}");
            }
        }
    }
}
