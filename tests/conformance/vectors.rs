//! The signature vectors, through the faces that are reached from Rust. The JavaScript faces have the same suite in
//! `npm/test`.

use countersign_tests::{
    faces::{Native, Wasmtime},
    vectors::{self, Face},
};

#[track_caller]
fn hold(face: &dyn Face) {
    let report = vectors::run(face, &vectors::dir(None));
    for file in &report.files {
        println!(
            "{} {}: {} passed, {} failed",
            report.face, file.file, file.passed, file.failed
        );
    }
    assert!(report.is_success(), "{report:#?}");
}

// Holds: C26, C27, S27, R-S1, R-S16, E25, E26, P9, R-P4
#[test]
fn every_vector_passes_natively() {
    hold(&Native);
}

// Holds: C26, C27, S27, R-S1, R-S16, E25, E26, P9, R-P4
#[test]
fn every_vector_passes_in_wasmtime() {
    hold(&Wasmtime::new().unwrap());
}

#[test]
fn a_folder_without_vectors_is_an_error() {
    let empty = tempfile::tempdir().unwrap();
    let report = vectors::run(&Native, empty.path());
    assert!(!report.is_success());
    assert!(
        report
            .error
            .is_some_and(|error| error.contains("no vectors"))
    );
}

#[test]
fn unknown_formats_schemes_and_fields_are_failures() {
    let good = r#"{"format":"webhook-vectors/1","scheme":"platform","title":"","spec":{},"vectors":[{"id":"a","title":"",
        "origin":"computed","secrets":["s"],"request":{"method":"POST","headers":[],"body":""},
        "expect":{"valid":false,"reasons":["missing_header"]},"checked":true}]}"#;
    let failed = |text: String| {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("v.json"), text).unwrap();
        let report = vectors::run(&Native, dir.path());
        report.files[0].failed
    };
    assert_eq!(failed(good.to_owned()), 0);
    for (from, to) in [
        ("webhook-vectors/1", "webhook-vectors/2"),
        ("\"platform\"", "\"nobody\""),
        ("\"secrets\"", "\"extra\":1,\"secrets\""),
        ("missing_header", "bad_signature"),
        ("\"body\":\"\"", "\"content\":\"\""),
    ] {
        assert_eq!(failed(good.replace(from, to)), 1, "{to}");
    }
}
