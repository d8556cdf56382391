//! What the owner of an endpoint is told.

use super::*;
use alloc::vec;

/// What is told after each of these attempts, one after the other, and the health at the end.
fn told(
    policy: &DeliveryPolicy,
    attempts: &[(u32, Outcome)],
) -> (Vec<Vec<Notice>>, EndpointHealth) {
    let (mut health, mut state) = (EndpointHealth::default(), EndpointState::Active);
    let mut all = Vec::new();
    for (number, outcome) in attempts {
        let ended = attempt(*number, outcome.clone());
        let judgement = judge(policy, &ended, &health, state, TimeScale::REAL, 0);
        (health, state) = (judgement.health, judgement.state);
        all.push(judgement.notices);
    }
    (all, health)
}

#[test]
fn an_owner_is_warned_at_half_seventy_and_ninety_percent_of_the_way_to_a_pause_each_once() {
    let rule = policy(AutoPause::ConsecutiveAttempts(20));
    let (all, health) = told(&rule, &vec![(1, FAILED); 21]);
    let at: Vec<_> = (1..)
        .zip(&all)
        .filter(|(_, notices)| !notices.is_empty())
        .map(|(number, notices)| (number, notices.clone()))
        .collect();
    let warning = |percent| vec![Notice::Warning { percent }];
    assert_eq!(
        at,
        [
            (10, warning(50)),
            (14, warning(70)),
            (18, warning(90)),
            (20, vec![Notice::Paused(PauseReason::Failing)]),
        ]
    );
    assert_eq!((health.warned_percent, health.unwell), (100, true));
}

#[test]
fn a_step_that_is_jumped_over_is_not_told() {
    let rule = policy(AutoPause::ConsecutiveAttempts(3));
    let (all, _) = told(&rule, &vec![(1, FAILED); 3]);
    let paused = Notice::Paused(PauseReason::Failing);
    let expected = [vec![], vec![Notice::Warning { percent: 50 }], vec![paused]];
    assert_eq!(all, expected);
}

#[test]
fn the_end_of_trouble_is_told_once_and_only_to_who_knows_of_the_trouble() {
    let rule = policy(AutoPause::ConsecutiveAttempts(4));
    let outcomes = [FAILED, OK, FAILED, FAILED, OK, OK, FAILED, FAILED];
    let attempts: Vec<_> = outcomes.into_iter().map(|outcome| (1, outcome)).collect();
    let (all, health) = told(&rule, &attempts);
    let warning = || vec![Notice::Warning { percent: 50 }];
    let none = Vec::new;
    let recovered = vec![Notice::Recovered];
    assert_eq!(
        all,
        [
            none(),
            none(),
            none(),
            warning(),
            recovered,
            none(),
            none(),
            warning()
        ]
    );
    // Its owner sets it active: warnings begin anew, and the first success is told.
    let active = health.after_reactivation();
    assert_eq!((active.warned_percent, active.unwell), (0, true));
    let state = EndpointState::Active;
    let judgement = judge(&rule, &attempt(1, OK), &active, state, TimeScale::REAL, 0);
    assert_eq!(judgement.notices, [Notice::Recovered]);
    assert!(!judgement.health.unwell);
}

// Holds: R-E13
#[test]
fn a_dead_letter_is_told_with_its_reason_and_a_success_during_a_pause_is_no_recovery() {
    let rule = policy(AutoPause::Never);
    let (all, _) = told(&rule, &[(4, FAILED), (1, status(410))]);
    assert_eq!(all[0], [Notice::Exhausted(DeadLetterReason::Exhausted)]);
    let gone = [
        Notice::Exhausted(DeadLetterReason::Gone),
        Notice::Paused(PauseReason::Gone),
    ];
    assert_eq!(all[1], gone);
    let (all, health) = told(&rule, &[(1, status(410)), (1, OK)]);
    assert!(all[1].is_empty() && health.unwell);
}

#[test]
fn the_other_rules_for_pausing_warn_as_well() {
    // S31: by the attempts of one delivery; the policy of the tests has four.
    let rule = policy(AutoPause::NoSuccessSinceDeliveryBegan);
    let (all, _) = told(&rule, &[(1, FAILED), (2, FAILED), (3, FAILED)]);
    assert_eq!(all[1], [Notice::Warning { percent: 50 }]);
    assert_eq!(all[2], [Notice::Warning { percent: 70 }]);
    // By time: 60 % of the limit have passed.
    let rule = policy(AutoPause::FailingFor { limit_ms: 50_000 });
    let health = EndpointHealth {
        failing_since_ms: Some(20_000),
        ..EndpointHealth::default()
    };
    let judgement = judged(
        AutoPause::FailingFor { limit_ms: 50_000 },
        &attempt(1, FAILED),
        &health,
    );
    assert_eq!(judgement.notices, [Notice::Warning { percent: 50 }]);
    let (all, _) = told(&rule, &[(1, FAILED)]);
    assert!(all[0].is_empty());
}
