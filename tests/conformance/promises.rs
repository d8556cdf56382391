//! Every number of `docs/PROVIDERS.md` is held by tests that run, and `docs/CONFORMANCE.md` says by which.
//!
//! `COUNTERSIGN_BLESS=1 cargo test --release -p countersign-tests --test promises` writes the document; read its difference.

use countersign_tests::{
    inbound,
    promises::{Conformance, Group, document},
};
use std::path::Path;

fn conformance() -> Conformance {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    Conformance::of(root).unwrap_or_else(|error| panic!("{error:#}"))
}

#[test]
fn every_number_is_held_by_tests_that_run() {
    let complaints = conformance().complaints;
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn no_number_of_the_document_is_overlooked() {
    let promises = conformance().promises;
    let count = |group, is_reading| {
        let of = promises.iter().filter(|promise| {
            (promise.number.group, promise.number.is_reading) == (group, is_reading)
        });
        of.count()
    };
    let counts = Group::ALL.map(|group| (count(group, false), count(group, true)));
    assert_eq!(counts, [(33, 13), (46, 20), (40, 15), (16, 12), (0, 10)]);
    for promise in &promises {
        assert!(promise.text.len() > 3, "{promise:?}");
    }
}

#[test]
fn the_document_says_which() {
    let text = document(&conformance()).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/CONFORMANCE.md");
    inbound::expect_file(&path, &text).unwrap_or_else(|error| panic!("{error:#}"));
}
