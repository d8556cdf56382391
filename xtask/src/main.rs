//! Chores of Countersign. `cargo xtask --help` lists them.

mod bench;
mod build;
mod demo;
mod fuzz;
mod inbound;
mod npm;
mod postgres;
mod run;
mod size;
mod stamp;
mod table;
mod test;
mod tidy;
mod toolchain;
mod vectors;
mod wasm;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    version,
    about = "Chores of Countersign. Start with `cargo xtask build`, then `cargo xtask test`."
)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Build the wasm modules, the npm package and the host binary
    ///
    /// Nothing is done twice: a second run without a change says so and ends. Results: target/countersign/ (kernel.wasm,
    /// guest.wasm, toolkit/, manifest.json with sizes and hashes, countersign.tgz) and target/release/countersign.
    #[command(after_long_help = TOOLCHAIN_HELP)]
    Build {
        /// Stop after the wasm modules
        #[arg(long)]
        wasm_only: bool,
    },
    /// Build, then show the whole way of an event with real parts
    ///
    /// Starts the host on a store of its own, an Express app and a Worker under workerd that use the packed npm package,
    /// publishes every example event of the providers' documents, and ends with a table: event, provider, receiver,
    /// attempts, verified, milliseconds, outcome. Fails unless every delivery ended as it should.
    Demo {
        /// Leave everything running, and print addresses and three curl lines to try
        #[arg(long)]
        keep: bool,
    },
    /// Build, then run every suite and count
    ///
    /// Rust tests in the release profile (cargo-nextest when it is installed), documentation examples, the core without
    /// the standard library, the npm suites, the vectors. Ends with one table and fails when a test failed or a suite
    /// ran none. The table names what was left out because this machine lacks something; with `CI` set that fails.
    Test {
        /// Only this part; may be given several times
        #[arg(long = "face", value_enum)]
        faces: Vec<test::Face>,
    },
    /// Run the same vectors through every runtime
    ///
    /// Native Rust, wasmtime, and the packed npm package in Node (ES modules and CommonJS), Node 22 and 24, Deno, Bun, workerd
    /// with and without Node's modules, Vercel's edge VM and Chromium; one row per file, one column per face. Fails when a
    /// vector failed or a face found none. A runtime that is not on this machine is named in the last line; with `CI` set it
    /// fails too.
    Vectors {
        /// Folder of vector files [default: COUNTERSIGN_VECTORS, else tests/vectors]
        directory: Option<PathBuf>,
    },
    /// Read the inbound samples of Resend, SendGrid and Mailgun and check what the normaliser makes of them
    ///
    /// One row per file: provider, events, their normalised types, whether the signature was verified. Fails when an event is
    /// not as its file expects, when a file has an unknown format, provider or field, or when there is none.
    /// COUNTERSIGN_BLESS=1 writes the snapshots of the repository's own samples anew.
    Inbound {
        /// Folder of samples [default: COUNTERSIGN_INBOUND, else tests/inbound]
        directory: Option<PathBuf>,
    },
    /// Measure something, on a machine that does little else
    Bench {
        /// What
        #[command(subcommand)]
        measurement: bench::Measurement,
    },
    /// Build, then run what concerns PostgreSQL on other versions than this machine's
    ///
    /// The tests of the stores and of hosts that share a database, once a version. The versions come from npm, pinned in
    /// tests/cluster/versions, and stay in target/postgres. `cargo xtask test` runs everything on the machine's own.
    Postgres {
        /// Only these, such as 14 [default: all that there are for this machine]
        versions: Vec<u32>,
    },
    /// Fuzz, and say how many executions it came to
    ///
    /// The targets in fuzz/, through cargo-fuzz: with the nightly compiler and AddressSanitizer where there is a nightly
    /// one. `cargo xtask test` runs every file of the corpora through the same targets and needs neither.
    Fuzz {
        /// Only this target
        target: Option<String>,
        /// How long each target runs
        #[arg(long, default_value_t = 60)]
        seconds: u32,
    },
    /// Weigh the wasm modules against their budgets
    ///
    /// Raw, gzip (level 9) and brotli (quality 11) bytes of every module that is shipped. Fails when a budget is exceeded;
    /// `cargo xtask test` does the same.
    Size {
        /// Say what weighs most instead: bytes of code by crate and by function, of one module or of all
        #[arg(long, value_name = "MODULE", num_args = 0..=1, default_missing_value = "all")]
        functions: Option<String>,
    },
    /// Check form, lints, licences and the rules of the house
    Tidy,
}

const TOOLCHAIN_HELP: &str = "\
The wasm toolchain is found or made in this order:
  1. the rustc in use already has the target wasm32-unknown-unknown
  2. a private sysroot that an earlier build left under target/sysroot
  3. rustup target add wasm32-unknown-unknown, given up after 20 seconds
  4. a private sysroot, compiled once from any rustc that brings its own sources
  5. on Debian, as root: apt-get install rustc-web libstd-rust-web-dev rust-web-src, then 4

COUNTERSIGN_WASM_TOOLCHAIN=auto|target|rustup|sysroot allows one of them only: target is 1, rustup is 3, sysroot
is 2, 4 and 5.";

fn main() -> ExitCode {
    match run(Arguments::parse().chore) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!(
                "{} {error:#}",
                console::style("error:").red().bold().for_stderr()
            );
            ExitCode::FAILURE
        }
    }
}

fn run(chore: Chore) -> Result<()> {
    let workspace = Workspace::find()?;
    match chore {
        Chore::Build { wasm_only } => {
            let scope = if wasm_only {
                build::Scope::WasmOnly
            } else {
                build::Scope::All
            };
            build::build(&workspace, scope)
        }
        Chore::Demo { keep } => demo::demo(&workspace, keep),
        Chore::Test { faces } => test::test(&workspace, &faces),
        Chore::Vectors { directory } => vectors::vectors(&workspace, directory),
        Chore::Inbound { directory } => inbound::inbound(&workspace, directory),
        Chore::Bench { measurement } => bench::bench(&workspace, &measurement),
        Chore::Postgres { versions } => postgres::postgres(&workspace, &versions),
        Chore::Fuzz { target, seconds } => fuzz::fuzz(&workspace, target.as_deref(), seconds),
        Chore::Size { functions: None } => {
            build::build(&workspace, build::Scope::WasmOnly)?;
            size::size(&workspace)
        }
        Chore::Size {
            functions: Some(module),
        } => size::functions(
            &workspace,
            Some(module.as_str()).filter(|name| *name != "all"),
        ),
        Chore::Tidy => tidy::tidy(&workspace),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn what_a_measurement_is_given_is_passed_on() {
        let line = |words: &str| {
            let words = ["cargo xtask", "bench"].into_iter().chain(words.split(' '));
            match Arguments::try_parse_from(words).map(|given| given.chore) {
                Ok(Chore::Bench { measurement }) => format!("{measurement:?}"),
                Ok(_) => panic!("another chore"),
                Err(error) => error.to_string(),
            }
        };
        assert_eq!(
            line("deliver --only fan-out --help"),
            r#"Deliver(Options { given: ["--only", "fan-out", "--help"] })"#
        );
        assert_eq!(line("timing"), "Timing(Options { given: [] })");
        assert_eq!(line("crash --rounds 7"), "Crash { rounds: 7 }");
        assert!(line("nonsense").contains("nonsense"));
    }
}
