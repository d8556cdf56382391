//! The file as a whole: copied, checked, measured.

use super::*;
use rusqlite::Connection;
use std::os::unix::fs::PermissionsExt;

#[tokio::test]
async fn a_backup_of_a_running_store_holds_all_that_was_answered_and_opens() {
    let fixture = Fixture::new();
    let endpoint = fixture.endpoint().await;
    let kept = fixture
        .publish(message(&endpoint, DeliveryState::Pending, 10))
        .await;
    let to = fixture.folder.path().join("copy.db");
    let mut reports = Vec::new();
    let bytes = backup(&fixture.path(), &to, |pages, of| reports.push((pages, of))).unwrap();
    assert_eq!(std::fs::metadata(&to).unwrap().len(), bytes);
    let last = reports.last().unwrap();
    assert_eq!(last.0, last.1);
    let mode = std::fs::metadata(&to).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
    // Written later, so not in it.
    fixture
        .publish(message(&endpoint, DeliveryState::Pending, 20))
        .await;
    assert_eq!(check(&to).unwrap(), Vec::<String>::new());
    let claim = Claim {
        endpoint_id: endpoint.id,
        places: 2,
        held_max: 2,
    };
    let claimed = open(&to).claim(vec![claim], u64::MAX, 99).await.unwrap();
    let found: Vec<_> = claimed
        .into_iter()
        .next()
        .unwrap()
        .leases
        .into_iter()
        .map(|l| (l.message_id, l.body))
        .collect();
    assert_eq!(found, [(kept.id, kept.body)]);
    // Nothing else is left beside it.
    let names = std::fs::read_dir(fixture.folder.path()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.into_iter().all(|name| !name.contains("partial")));
}

#[tokio::test]
async fn a_backup_overwrites_nothing_and_says_what_is_missing() {
    let fixture = Fixture::new();
    let to = fixture.folder.path().join("copy.db");
    std::fs::write(&to, "precious").unwrap();
    let refused = backup(&fixture.path(), &to, |_, _| {});
    assert!(
        matches!(refused, Err(BackupError::Exists { .. })),
        "{refused:?}"
    );
    assert_eq!(std::fs::read(&to).unwrap(), b"precious");
    let nowhere = fixture.folder.path().join("missing/copy.db");
    let refused = backup(&fixture.path(), &nowhere, |_, _| {});
    assert!(
        matches!(refused, Err(BackupError::Write { .. })),
        "{refused:?}"
    );
    let nothing = fixture.folder.path().join("nothing.db");
    let to = fixture.folder.path().join("other.db");
    let refused = backup(&nothing, &to, |_, _| {});
    assert!(matches!(refused, Err(BackupError::Store(_))), "{refused:?}");
    assert!(!to.exists() && !nothing.exists());
}

#[tokio::test]
async fn every_invariant_that_is_broken_is_named() {
    let fixture = Fixture::new();
    let endpoint = fixture.endpoint().await;
    for state in [DeliveryState::Pending, DeliveryState::Sending] {
        fixture.publish(message(&endpoint, state, 10)).await;
    }
    fixture.store.close().await.unwrap();
    let path = fixture.path();
    assert_eq!(check(&path).unwrap(), Vec::<String>::new());
    for (damage, finding) in [
        ("UPDATE deliveries SET message_id = 'msg_0' WHERE state = 'pending'", "without its message"),
        ("UPDATE deliveries SET endpoint_id = 'ep_0' WHERE state = 'pending'", "without its endpoint"),
        ("UPDATE deliveries SET body_id = 99 WHERE state = 'pending'", "without its body"),
        ("UPDATE deliveries SET next_attempt_at_ms = NULL WHERE state = 'pending'", "without the time"),
        ("UPDATE deliveries SET state = 'dead_lettered' WHERE state = 'pending'", "without a reason"),
        ("UPDATE bodies SET message_id = 'msg_0' WHERE id = 1", "a body without its message"),
        (
            "INSERT INTO attempts (delivery_id, number, id, started_at_ms, duration_ms, status, response)
             VALUES ('dlv_0', 1, 'atmpt_0', 1, 1, 200, x'')",
            "an attempt without its delivery",
        ),
        (
            "INSERT INTO attempts (delivery_id, number, id, started_at_ms, duration_ms, status, response)
             SELECT id, 1, 'atmpt_0', 1, 1, 200, x'' FROM deliveries WHERE state = 'pending'",
            "more attempts than it counts",
        ),
        ("UPDATE counters SET value = value + 1 WHERE name = 'messages'", "a counter that differs"),
    ] {
        let copy = fixture.folder.path().join("damaged.db");
        std::fs::copy(&path, &copy).unwrap();
        let connection = Connection::open(&copy).unwrap();
        connection.execute_batch(damage).unwrap();
        drop(connection);
        let findings = check(&copy).unwrap();
        assert!(
            findings.iter().any(|found| found.contains(finding)),
            "{damage}: {findings:?}"
        );
    }
}

#[tokio::test]
async fn a_damaged_file_is_not_opened() {
    let fixture = Fixture::new();
    let endpoint = fixture.endpoint().await;
    for at_ms in 0..200 {
        fixture
            .publish(message(&endpoint, DeliveryState::Pending, at_ms))
            .await;
    }
    fixture.store.close().await.unwrap();
    let mut bytes = std::fs::read(fixture.path()).unwrap();
    // All pages but the first, which says that this is a database.
    for byte in bytes.iter_mut().skip(4096) {
        *byte ^= 0x5a;
    }
    let damaged = fixture.folder.path().join("damaged.db");
    std::fs::write(&damaged, bytes).unwrap();
    for check in [StartCheck::Quick, StartCheck::Full] {
        let options = Options { check, ..OPTIONS };
        let refused = SqliteStore::open(&damaged, options, &keys(), Arc::new(SystemChance)).err();
        assert!(
            matches!(refused, Some(StoreError::Damaged { .. })),
            "{refused:?}"
        );
    }
    assert!(!check(&damaged).unwrap().is_empty());
}

#[tokio::test]
async fn a_check_that_takes_too_long_is_given_up_and_the_file_is_opened() {
    let fixture = Fixture::new();
    let endpoint = fixture.endpoint().await;
    for at_ms in 0..200 {
        fixture
            .publish(message(&endpoint, DeliveryState::Pending, at_ms))
            .await;
    }
    fixture.store.close().await.unwrap();
    let Fixture { suite, folder } = fixture;
    drop(suite);
    let options = Options {
        check_limit: Duration::ZERO,
        ..OPTIONS
    };
    let store = SqliteStore::open(
        &folder.path().join("a.db"),
        options,
        &keys(),
        Arc::new(SystemChance),
    )
    .unwrap();
    assert_eq!(store.stats().await.unwrap().messages, 200);
}

#[tokio::test]
async fn room_that_was_freed_is_not_in_use_and_is_used_again() {
    let fixture = Fixture::new();
    let endpoint = fixture.endpoint().await;
    let mut sizes = Vec::new();
    for _ in 0..3 {
        for at_ms in 0..20 {
            let mut large = message(&endpoint, DeliveryState::Sending, at_ms);
            large.body = Bytes::from(vec![b'x'; 100_000]);
            let large = fixture.publish(large).await;
            let done = ended(&endpoint, &large.deliveries[0].id, DeliveryState::Delivered);
            fixture.store.record(done).await.unwrap();
        }
        let full = fixture.store.size().await.unwrap();
        let step = Prune {
            what: Prunable::Bodies,
            after: None,
            before_ms: 90_000,
            dead_before_ms: None,
            rows_max: 100,
        };
        assert_eq!(fixture.store.prune(step).await.unwrap().removed, 20);
        let empty = fixture.store.size().await.unwrap();
        assert!(full.used_bytes > 2_000_000 && empty.used_bytes < 300_000);
        sizes.push(full.file_bytes);
    }
    assert!(sizes[2] < sizes[0] + 200_000, "{sizes:?}");
}
