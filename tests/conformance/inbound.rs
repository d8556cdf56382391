//! The inbound samples, through the normaliser.

use countersign_tests::inbound::{self, Report};

fn run_with(sample: &str) -> Report {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("resend")).unwrap();
    std::fs::write(dir.path().join("resend/sample.json"), sample).unwrap();
    inbound::run(dir.path())
}

#[test]
fn every_sample_is_read_as_expected_and_as_it_was_before() {
    let report = inbound::run(&inbound::dir(None));
    for file in &report.files {
        println!(
            "{} {} {:?} {:?}",
            file.provider, file.file, file.types, file.verified
        );
    }
    assert!(report.is_success(), "{report:#?}");
}

// Holds: P13, R-P6
#[test]
fn the_project_s_own_samples_are_all_there_and_verified() {
    let report = inbound::run(&inbound::own_dir());
    assert!(report.is_success(), "{report:#?}");
    let count = |provider: &str| {
        let files = report.files.iter().filter(|file| file.provider == provider);
        files.count()
    };
    assert_eq!(
        [count("resend"), count("sendgrid"), count("mailgun")],
        [13, 13, 9]
    );
    assert!(report.files.iter().all(|file| file.verified));
}

#[test]
fn a_folder_without_samples_is_an_error() {
    let empty = tempfile::tempdir().unwrap();
    let report = inbound::run(empty.path());
    assert!(!report.is_success());
    assert!(
        report
            .error
            .is_some_and(|error| error.contains("no samples"))
    );
}

#[test]
fn unknown_formats_providers_and_fields_are_failures_and_so_is_any_other_reading() {
    let good =
        std::fs::read_to_string(inbound::own_dir().join("resend/email.clicked.json")).unwrap();
    assert!(run_with(&good).is_success());
    for (from, to) in [
        ("webhook-inbound/1", "webhook-inbound/2"),
        ("\"provider\": \"resend\"", "\"provider\": \"nobody\""),
        ("\"title\"", "\"extra\": 1, \"title\""),
        ("\"expect\": {", "\"expect\": { \"extra\": 1,"),
        ("\"scheme\": \"resend\"", "\"scheme\": \"stripe\""),
        ("\"scheme\": \"resend\"", "\"scheme\": \"nobody\""),
        ("\"dedupe\": \"msg_", "\"dedupe\": \"other_"),
        ("\"dedupe\"", "\"reason\": null, \"dedupe\""),
        ("\"provider_event\": \"email.clicked\",", ""),
        ("\"timestamp\": \"2026", "\"timestamp\": \"2027"),
        ("\"category\": \"quote\"", "\"category\": \"other\""),
    ] {
        let changed = good.replacen(from, to, 1);
        assert_ne!(changed, good, "{from}");
        let report = run_with(&changed);
        assert_eq!(report.files.len(), 1);
        assert!(!report.is_success(), "{to}");
    }
}
