//! Forged histories: each broken promise is found.

use super::*;
use crate::history::Kept;

/// One delivery that host `a` (generation 1) sends and records.
fn sound() -> History {
    let mut history = History::default();
    add(&mut history, "1", 0);
    history
}

/// A delivery with this number from this moment on.
fn add(history: &mut History, number: &str, at_ms: i64) {
    let delivery = format!("dlv_{number}");
    let message = format!("msg_{number}");
    history.accepted.push(Accepted {
        delivery: delivery.clone(),
        message: message.clone(),
        endpoint: "one".to_owned(),
        order: Some(("k".to_owned(), number.parse().unwrap())),
        at_ms,
    });
    let leased = What::Leased {
        delivery: delivery.clone(),
    };
    let sent = What::Sent {
        delivery: delivery.clone(),
    };
    let recorded = What::Recorded {
        delivery: delivery.clone(),
    };
    history.done.extend([
        done("a", 1, at_ms + 1, leased),
        done("a", 1, at_ms + 2, sent),
        done("a", 1, at_ms + 4, recorded),
    ]);
    history.received.push(Received {
        message,
        endpoint: "one".to_owned(),
        accepted: true,
        at_ms: at_ms + 3,
    });
    history.kept.push(Kept {
        delivery,
        state: "delivered".to_owned(),
        successes: 1,
    });
}

fn done(host: &str, generation: Generation, at_ms: i64, what: What) -> Done {
    Done {
        host: host.to_owned(),
        generation: Some(generation),
        at_ms,
        what,
    }
}

fn one() -> String {
    "dlv_1".to_owned()
}

fn disturbed(host: Option<&str>, from_ms: i64, to_ms: i64) -> Disturbance {
    Disturbance {
        host: host.map(ToOwned::to_owned),
        what: "stopped".to_owned(),
        from_ms,
        to_ms,
    }
}

/// The only violation of a history.
fn violation(history: &History) -> Violation {
    let findings = check(history);
    let [violation] = findings.violations.as_slice() else {
        panic!("{findings:?}");
    };
    violation.clone()
}

#[test]
fn what_is_sound_is_found_sound() {
    let mut history = sound();
    add(&mut history, "2", 10);
    let findings = check(&history);
    assert_eq!(findings.violations, []);
    assert_eq!(
        (findings.recorded, findings.duplicates, findings.taken_over),
        (2, 0, 0)
    );
}

#[test]
fn what_never_arrives_is_found() {
    let mut history = sound();
    history.received[0].accepted = false;
    let delivery = one();
    assert_eq!(violation(&history), Violation::NeverReceived { delivery });
}

#[test]
fn what_is_not_kept_or_not_delivered_is_found() {
    let mut history = sound();
    history.kept[0].state = "pending".to_owned();
    assert!(matches!(
        violation(&history),
        Violation::NotDelivered { .. }
    ));
    history.kept.clear();
    assert!(matches!(violation(&history), Violation::Forgotten { .. }));
}

#[test]
fn what_nobody_published_is_found() {
    let mut history = sound();
    let mut strange = history.received[0].clone();
    strange.message = "msg_9".to_owned();
    history.received.push(strange);
    assert!(matches!(violation(&history), Violation::Invented { .. }));
}

#[test]
fn a_success_that_is_kept_twice_or_not_at_all_is_found() {
    for count in [0, 2] {
        let mut history = sound();
        history.kept[0].successes = count;
        let delivery = one();
        assert_eq!(
            violation(&history),
            Violation::Successes { delivery, count }
        );
    }
}

#[test]
fn two_hosts_at_a_time_are_found_and_a_takeover_is_none() {
    let mut history = sound();
    // Generation 2 takes it while generation 1 is at it.
    let leased = What::Leased { delivery: one() };
    history.done.insert(2, done("b", 2, 3, leased));
    let found = check(&history).violations;
    assert!(
        matches!(
            found[0],
            Violation::TwoHosts {
                first: 1,
                second: 2,
                ..
            }
        ),
        "{found:?}"
    );
    // The first one was stopped, and its lease ran out; it recorded nothing.
    history
        .done
        .retain(|done| done.generation == Some(2) || !matches!(done.what, What::Recorded { .. }));
    history.disturbances.push(disturbed(Some("a"), 2, 3));
    let findings = check(&history);
    assert_eq!((findings.violations, findings.taken_over), (vec![], 1));
    // Or its own host says that the lease was over.
    history.disturbances.clear();
    history.done.insert(2, done("a", 1, 2, What::Lost));
    assert_eq!(check(&history).violations, []);
    history.done.remove(2);
    // It is no excuse that another one was.
    history.disturbances = vec![disturbed(Some("c"), 2, 3)];
    assert!(matches!(violation(&history), Violation::TwoHosts { .. }));
}

#[test]
fn a_lease_that_is_told_of_late_is_one_of_before() {
    let leased = || What::Leased { delivery: one() };
    let mut history = sound();
    history.done.clear();
    history.done.push(done("b", 2, 5_000, leased()));
    // The commit was made at 2 and known at 6000.
    history.done.push(done("a", 3, 6_000, What::Registered));
    history.done.push(done("a", 1, 2, leased()));
    let recorded = What::Recorded { delivery: one() };
    history.done.push(done("b", 2, 6_100, recorded));
    assert!(matches!(
        violation(&history),
        Violation::TwoHosts {
            first: 1,
            second: 2,
            ..
        }
    ));
    history.disturbances.push(disturbed(Some("a"), 2, 5_000));
    let findings = check(&history);
    assert_eq!((findings.violations, findings.taken_over), (vec![], 1));
}

#[test]
fn whoever_sends_under_a_lease_that_it_knows_to_be_over_is_found() {
    for (at_ms, is_sound) in [(2_005, true), (2_100, false)] {
        let mut history = sound();
        history.done.truncate(2);
        history.done.push(done("a", 1, 2_000, What::Lost));
        history.done.push(done("a", 3, 2_001, What::Registered));
        let sent = What::Sent { delivery: one() };
        history.done.push(done("a", 1, at_ms, sent));
        let found = check(&history).violations;
        let without = |found: &Violation| matches!(found, Violation::SentWithoutLease { .. });
        assert_eq!(!found.iter().any(without), is_sound, "{found:?}");
    }
}

#[test]
fn whoever_wakes_up_late_and_writes_or_sends_is_found() {
    let recorded = What::Recorded { delivery: one() };
    let sent = What::Sent { delivery: one() };
    let put_back = What::PutBack { delivery: one() };
    for (what, at_ms) in [(recorded, 5_001), (put_back, 5_001), (sent, 5_300)] {
        let mut history = sound();
        history.done.truncate(2);
        let leased = What::Leased { delivery: one() };
        history.done.push(done("b", 2, 5_000, leased));
        history.disturbances.push(disturbed(Some("a"), 2, 5_000));
        assert_eq!(check(&history).violations, []);
        history.done.push(done("a", 1, at_ms, what.clone()));
        assert!(matches!(
            violation(&history),
            Violation::Late {
                generation: 1,
                newer: 2,
                ..
            }
        ));
        // Also when the new host is done with it.
        let recorded = What::Recorded { delivery: one() };
        history.done.push(done("b", 2, 5_000, recorded));
        assert!(matches!(violation(&history), Violation::Late { .. }));
    }
}

#[test]
fn two_outcomes_of_one_lease_are_found() {
    let mut history = sound();
    let recorded = What::Recorded { delivery: one() };
    history.done.push(done("a", 1, 9, recorded));
    assert!(matches!(
        violation(&history),
        Violation::RecordedAgain { generation: 1, .. }
    ));
    // With a lease of its own it is another attempt.
    let leased = What::Leased { delivery: one() };
    history.done.insert(3, done("a", 1, 8, leased));
    assert_eq!(check(&history).violations, []);
}

#[test]
fn a_duplicate_without_a_reason_is_found_and_one_with_a_reason_is_counted() {
    let mut history = sound();
    let mut again = history.received[0].clone();
    again.at_ms = 9_000;
    history.received.push(again);
    assert!(matches!(
        violation(&history),
        Violation::UnexplainedDuplicate {
            first_ms: 3,
            again_ms: 9_000,
            ..
        }
    ));
    history.disturbances.push(disturbed(None, 20_000, 21_000));
    assert_eq!(check(&history).violations.len(), 1);
    history.disturbances.push(disturbed(None, 100, 200));
    let findings = check(&history);
    assert_eq!((findings.violations, findings.duplicates), (vec![], 1));
}

#[test]
fn what_overtakes_another_of_its_key_is_found() {
    let mut history = sound();
    add(&mut history, "2", 10);
    history.received[1].at_ms = 2;
    assert!(matches!(
        violation(&history),
        Violation::OutOfOrder { place: 2, .. }
    ));
    // Of another key it may.
    history.accepted[1].order = Some(("other".to_owned(), 2));
    assert_eq!(check(&history).violations, []);
}
