//! `countersign migrate-store`

use super::{data::Data, output::Output};
use crate::{
    config::Config,
    error::Error,
    store::moving::{self, Location, MoveError, Moved, Told},
};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  countersign migrate-store countersign-data/countersign.db postgres://countersign@db/countersign
  countersign migrate-store postgres://countersign@db/countersign back.db
      Stop the sender before, and start it with the new store after.";

/// Moves everything from one store to another: from an SQLite file to a PostgreSQL database, or back.
///
/// Stop every sender that uses one of them first. The source stays as it is; the destination must be empty. When it is
/// interrupted, call it again: it goes on where it was, and no sender opens the destination before the end. At the end both are
/// read once more and compared, by counts and SHA-256 hashes. Signing secrets stay sealed and need the same key as before.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct MigrateStore {
    /// Where everything is: a file, or the address of a database.
    #[arg(value_name = "FROM")]
    from: String,
    /// Where it goes: a file, or the address of a database.
    #[arg(value_name = "TO")]
    to: String,
    #[command(flatten)]
    data: Data,
}

impl MigrateStore {
    pub(super) fn run(self, out: &Output) -> Result<ExitCode, Error> {
        let location = |text: &str| Location::parse(text).map_err(Error::usage);
        let (from, to) = (location(&self.from)?, location(&self.to)?);
        let (config, _) = Config::load(&self.data.sources()?)?;
        let runtime = tokio::runtime::Runtime::new().map_err(|source| Error::System {
            doing: "starting the runtime",
            source,
        })?;
        let mut progress = Progress::new(out);
        let moved = runtime.block_on(moving::run(
            &from,
            &to,
            &config.store_options(),
            &config.key_source(),
            |told| progress.tell(told),
        ));
        progress.bar.finish_and_clear();
        let moved = moved.map_err(|error| match error {
            MoveError::Store(error) => Error::Store(error),
            error => Error::Move(error),
        })?;
        show(out, &to, &moved)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Digits of a hash that people see.
const HASH_SHOWN: usize = 16;

fn show(out: &Output, to: &Location, moved: &Moved) -> Result<(), Error> {
    if out.is_json() {
        let tables: Vec<_> = moved
            .tables
            .iter()
            .map(|(name, rows, sha256)| json!({ "name": name, "rows": rows, "sha256": sha256 }))
            .collect();
        return out.value(&json!({
            "to": to.to_string(), "tables": tables, "texts_with_zero_bytes": moved.replaced,
        }));
    }
    for (name, rows, sha256) in &moved.tables {
        let shown = sha256.get(..HASH_SHOWN).unwrap_or(sha256);
        out.lines(format_args!("{name:<20} {rows:>12} rows   sha256 {shown}…"))?;
    }
    if moved.replaced > 0 {
        let count = moved.replaced;
        out.warn(format_args!(
            "{count} texts held a zero byte, which PostgreSQL cannot keep; it has become U+FFFD"
        ));
    }
    out.lines(format_args!(
        "everything is in {to}, the same on both sides"
    ))
}

/// A bar on a terminal; elsewhere a line for each table.
struct Progress<'a> {
    bar: ProgressBar,
    out: &'a Output,
    /// The table of the last line.
    last: &'static str,
}

impl<'a> Progress<'a> {
    fn new(out: &'a Output) -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        let look = "{msg} [{bar:30}] {human_pos} of {human_len} rows, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(look) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { bar, out, last: "" }
    }

    fn tell(&mut self, told: Told) {
        match told {
            Told::Begins { rows, done } => {
                self.bar.set_length(rows);
                self.bar.set_position(done);
                if done > 0 {
                    self.line(format_args!(
                        "going on: {done} of {rows} rows have moved already"
                    ));
                }
            }
            Told::Checks { rows } => {
                self.bar.set_length(rows);
                self.bar.set_position(0);
                self.bar.reset_eta();
                self.last = "";
            }
            Told::Moved { table, rows } => self.step("moving", table, rows),
            Told::Checked { table, rows } => self.step("checking", table, rows),
        }
    }

    fn step(&mut self, what: &str, table: &'static str, rows: u64) {
        self.bar.inc(rows);
        if std::mem::replace(&mut self.last, table) == table {
            return;
        }
        self.bar.set_message(format!("{what} {table}"));
        if self.bar.is_hidden() {
            self.line(format_args!("{what} {table}"));
        }
    }

    fn line(&self, text: std::fmt::Arguments<'_>) {
        self.bar.suspend(|| self.out.note(text));
    }
}
