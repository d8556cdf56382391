//! Fuzz targets. Each takes any bytes, and fails by a panic when something does not hold; that nothing panics by itself is
//! only the first of these things.
//!
//! A new target is a module here with a function `run`, its line in [`TARGETS`], a file of three lines in `fuzz_targets/`
//! with its `[[bin]]` in `Cargo.toml`, and a first file in `corpus/<name>/`.
#![forbid(unsafe_code)]

pub mod events;
pub mod explain;
pub mod filter;
pub mod header_lists;
pub mod input;
pub mod json_field;
pub mod payload;
pub mod timestamp;
pub mod verify;

/// A target by its name, which is also that of its corpus.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: [Target; 8] = [
    Target {
        name: "events",
        run: events::run,
    },
    Target {
        name: "explain",
        run: explain::run,
    },
    Target {
        name: "filter",
        run: filter::run,
    },
    Target {
        name: "header_lists",
        run: header_lists::run,
    },
    Target {
        name: "json_field",
        run: json_field::run,
    },
    Target {
        name: "payload",
        run: payload::run,
    },
    Target {
        name: "timestamp",
        run: timestamp::run,
    },
    Target {
        name: "verify",
        run: verify::run,
    },
];
