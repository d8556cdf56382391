//! The binary: command line in, exit code out.

use mimalloc::MiMalloc;
use std::process::ExitCode;

/// Deliveries are many small pieces of memory that one thread makes and another one drops.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    countersign_host::cli::main()
}
