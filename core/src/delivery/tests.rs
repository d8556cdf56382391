mod notices;

use super::*;
use crate::retry::{Backoff, Jitter, RetrySchedule};
use alloc::vec::Vec;

const FAILED: Outcome = Outcome::Response {
    status: 503,
    retry_after_s: None,
};
const OK: Outcome = Outcome::Response {
    status: 204,
    retry_after_s: None,
};

fn policy(auto_pause: AutoPause) -> DeliveryPolicy {
    DeliveryPolicy::new(RetrySchedule::CLEANMAILS, 10_000, auto_pause)
}

fn attempt(number: u32, outcome: Outcome) -> EndedAttempt {
    EndedAttempt {
        number,
        probe: false,
        outcome,
        first_started_at_ms: 1_000,
        ended_at_ms: 50_000,
    }
}

fn judged(auto_pause: AutoPause, attempt: &EndedAttempt, health: &EndpointHealth) -> Judgement {
    judge(
        &policy(auto_pause),
        attempt,
        health,
        EndpointState::Active,
        TimeScale::REAL,
        0,
    )
}

fn reason(judgement: &Judgement) -> Option<PauseReason> {
    judgement.pause.map(|pause| pause.reason)
}

fn status(status: u16) -> Outcome {
    Outcome::Response {
        status,
        retry_after_s: None,
    }
}

// Holds: C30, R-S6
#[test]
fn retries_follow_the_schedule_and_then_the_delivery_is_a_dead_letter() {
    let health = EndpointHealth::default();
    let next: Vec<_> = (1..=4)
        .map(|number| judged(AutoPause::Never, &attempt(number, FAILED), &health).next)
        .collect();
    assert_eq!(
        next,
        [
            Next::RetryAt(52_000),
            Next::RetryAt(54_000),
            Next::RetryAt(58_000),
            Next::DeadLettered(DeadLetterReason::Exhausted)
        ]
    );
}

// Holds: R-X4
#[test]
fn retry_after_only_lengthens_and_is_capped() {
    let with = |seconds| Outcome::Response {
        status: 429,
        retry_after_s: Some(seconds),
    };
    let wait_ms = |outcome| {
        let judgement = judged(
            AutoPause::Never,
            &attempt(2, outcome),
            &EndpointHealth::default(),
        );
        match judgement.next {
            Next::RetryAt(at_ms) => at_ms - 50_000,
            other => unreachable!("{other:?}"),
        }
    };
    assert_eq!(wait_ms(with(1)), 4_000);
    assert_eq!(wait_ms(with(60)), 60_000);
    assert_eq!(wait_ms(with(u32::MAX)), RETRY_AFTER_MS_MAX);
}

// Holds: R-X4
#[test]
fn gone_ends_the_delivery_and_pauses_the_endpoint() {
    let gone = Outcome::Response {
        status: 410,
        retry_after_s: None,
    };
    let judgement = judged(
        AutoPause::Never,
        &attempt(1, gone),
        &EndpointHealth::default(),
    );
    assert_eq!(judgement.next, Next::DeadLettered(DeadLetterReason::Gone));
    assert_eq!(reason(&judgement), Some(PauseReason::Gone));
    assert_eq!(judgement.state, EndpointState::PausedGone);
}

// Holds: R-C3
#[test]
fn a_paused_endpoint_gets_no_retry_but_a_success_still_counts() {
    for state in EndpointState::ALL.iter().copied() {
        if state.is_active() {
            continue;
        }
        let health = EndpointHealth::default();
        let judged = |number, outcome| {
            judge(
                &policy(AutoPause::Never),
                &attempt(number, outcome),
                &health,
                state,
                TimeScale::REAL,
                0,
            )
        };
        assert_eq!(judged(1, FAILED).next, Next::Held);
        assert_eq!(judged(1, OK).next, Next::Delivered);
        let last = judged(4, FAILED);
        assert_eq!(last.next, Next::DeadLettered(DeadLetterReason::Exhausted));
        assert_eq!(last.pause, None);
    }
}

// Holds: C31, C32, R-C2
#[test]
fn ten_exhausted_deliveries_in_a_row_pause_a_cleanmails_endpoint() {
    // C31 read as R-C2 says: deliveries, not attempts; any success resets (C32).
    let rule = AutoPause::ConsecutiveDeliveries(10);
    let mut health = EndpointHealth::default();
    for round in 1..=9 {
        let judgement = judged(rule, &attempt(4, FAILED), &health);
        assert_eq!(judgement.pause, None, "round {round}");
        health = judgement.health;
    }
    let success = judged(rule, &attempt(1, OK), &health);
    assert_eq!(success.health.exhausted_in_a_row, 0);
    let tenth = judged(rule, &attempt(4, FAILED), &health);
    assert_eq!(reason(&tenth), Some(PauseReason::Failing));
    assert_eq!(tenth.state, EndpointState::PausedFailing);
    assert_eq!(tenth.health.exhausted_in_a_row, 10);
}

// Holds: S31, R-S5
#[test]
fn a_smartlead_endpoint_is_disabled_unless_something_succeeded_since_the_delivery_began() {
    // S31 read as R-S5 says.
    let rule = AutoPause::NoSuccessSinceDeliveryBegan;
    let silent = EndpointHealth::default();
    let succeeded_at = |at_ms| silent.after_success(at_ms);
    let pause = |health: &EndpointHealth| reason(&judged(rule, &attempt(4, FAILED), health));
    assert_eq!(pause(&silent), Some(PauseReason::Failing));
    assert_eq!(pause(&succeeded_at(999)), Some(PauseReason::Failing));
    assert_eq!(pause(&succeeded_at(1_000)), None);
}

#[test]
fn jitter_lengthens_a_retry_but_retry_after_stands_above_it() {
    let jittered = DeliveryPolicy {
        jitter: Jitter::around(100, 100).unwrap(),
        ..policy(AutoPause::Never)
    };
    let wait_ms = |retry_after_s, chance| {
        let outcome = Outcome::Response {
            status: 503,
            retry_after_s,
        };
        let health = EndpointHealth::default();
        let ended = attempt(3, outcome);
        let judgement = judge(
            &jittered,
            &ended,
            &health,
            EndpointState::Active,
            TimeScale::REAL,
            chance,
        );
        match judgement.next {
            Next::RetryAt(at_ms) => at_ms - ended.ended_at_ms,
            other => unreachable!("{other:?}"),
        }
    };
    assert_eq!(wait_ms(None, 0), 0);
    assert_eq!(wait_ms(None, u64::MAX), 16_000);
    assert_eq!(wait_ms(Some(5), 0), 5_000);
    assert_eq!(wait_ms(Some(5), u64::MAX), 16_000);
    assert_eq!(wait_ms(Some(60), u64::MAX), 60_000);
}

#[test]
fn the_time_scale_hastens_waits_and_limits_but_not_retry_after() {
    let probing = DeliveryPolicy {
        probing: Some(Probing::STANDARD),
        ..policy(AutoPause::FailingFor { limit_ms: 50_000 })
    };
    let judge = |ended: &EndedAttempt, health: &EndpointHealth| {
        let scale = TimeScale::faster_by(10);
        judge(&probing, ended, health, EndpointState::Active, scale, 0)
    };
    let first = judge(&attempt(1, FAILED), &EndpointHealth::default());
    assert_eq!(first.next, Next::RetryAt(50_200));
    let mut later = attempt(2, FAILED);
    later.ended_at_ms = 54_999;
    assert_eq!(judge(&later, &first.health).pause, None);
    later.ended_at_ms = 55_000;
    let pause = judge(&later, &first.health).pause.unwrap();
    assert_eq!(pause.probe_at_ms, Some(55_000 + 30_000));
    later.outcome = Outcome::Response {
        status: 503,
        retry_after_s: Some(60),
    };
    let pause = judge(&later, &first.health).pause.unwrap();
    assert_eq!(pause.probe_at_ms, Some(55_000 + 60_000));
}

// Holds: R-C2, R-S5
#[test]
fn consecutive_attempts_of_any_delivery_pause_an_endpoint_and_its_delivery_is_held() {
    // The settings of R-C2 (ten) and R-S5 (five).
    for limit in [5, 10] {
        let rule = AutoPause::ConsecutiveAttempts(limit);
        let mut health = EndpointHealth::default();
        for round in 1..limit {
            let judgement = judged(rule, &attempt(1, FAILED), &health);
            assert_eq!(judgement.next, Next::RetryAt(52_000), "attempt {round}");
            assert_eq!(judgement.pause, None);
            health = judgement.health;
        }
        let success = judged(rule, &attempt(1, OK), &health);
        assert_eq!(success.health.failed_in_a_row, 0);
        let last = judged(rule, &attempt(1, FAILED), &health);
        assert_eq!(reason(&last), Some(PauseReason::Failing));
        assert_eq!(last.next, Next::Held);
        assert_eq!(last.health.failed_in_a_row, limit);
    }
}

// Holds: R-P11
#[test]
fn a_full_day_of_nothing_but_failures_pauses_an_endpoint() {
    // The setting of R-P11.
    let rule = AutoPause::FAILING_FOR_A_DAY;
    let at = |ended_at_ms, outcome| EndedAttempt {
        ended_at_ms,
        ..attempt(1, outcome)
    };
    let day_ms = 24 * 60 * 60 * 1_000;
    let first = judged(rule, &at(7, FAILED), &EndpointHealth::default());
    assert_eq!(
        (first.pause, first.health.failing_since_ms),
        (None, Some(7))
    );
    let early = judged(rule, &at(6 + day_ms, FAILED), &first.health);
    assert_eq!(early.pause, None);
    let late = judged(rule, &at(7 + day_ms, FAILED), &early.health);
    assert_eq!(reason(&late), Some(PauseReason::Failing));
    // One success between them, and the day begins anew.
    let between = judged(rule, &at(100, OK), &first.health).health;
    assert_eq!(between.failing_since_ms, None);
    let after = judged(rule, &at(7 + day_ms, FAILED), &between);
    assert_eq!(
        (after.pause, after.health.failing_since_ms),
        (None, Some(7 + day_ms))
    );
    // A failure that is told after a later success does not begin before it.
    let overtaken = judged(rule, &at(50, FAILED), &between);
    assert_eq!(overtaken.health.failing_since_ms, Some(100));
}

// Holds: S33, R-S7, E29
#[test]
fn only_200_is_a_success_when_the_policy_says_so() {
    let strict = DeliveryPolicy {
        success: SuccessRule::Only200,
        ..policy(AutoPause::Never)
    };
    for code in 0..=u16::MAX {
        let any = strict_or_not(&policy(AutoPause::Never), code) == Next::Delivered;
        let only = strict_or_not(&strict, code) == Next::Delivered;
        assert_eq!(any, (200..300).contains(&code), "{code}");
        assert_eq!(only, code == 200, "{code}");
    }
}

fn strict_or_not(policy: &DeliveryPolicy, code: u16) -> Next {
    let health = EndpointHealth::default();
    let ended = attempt(1, status(code));
    judge(
        policy,
        &ended,
        &health,
        EndpointState::Active,
        TimeScale::REAL,
        0,
    )
    .next
}

// Holds: E30, R-X9
#[test]
fn client_errors_are_final_when_the_policy_says_so_except_those_that_ask_for_another_attempt() {
    let strict = DeliveryPolicy {
        client_errors: ClientErrors::Final,
        ..policy(AutoPause::Never)
    };
    for code in 300..600 {
        let next = strict_or_not(&strict, code);
        let expected = match code {
            410 => Next::DeadLettered(DeadLetterReason::Gone),
            408 | 425 | 429 => Next::RetryAt(52_000),
            400..=499 => Next::DeadLettered(DeadLetterReason::ClientError),
            _ => Next::RetryAt(52_000),
        };
        assert_eq!(next, expected, "{code}");
        let lenient = strict_or_not(&policy(AutoPause::Never), code);
        assert_eq!(lenient == Next::RetryAt(52_000), code != 410, "{code}");
    }
    // Such a delivery counts as given up.
    let rule = DeliveryPolicy {
        auto_pause: AutoPause::ConsecutiveDeliveries(1),
        ..strict
    };
    let judgement = judge(
        &rule,
        &attempt(1, status(404)),
        &EndpointHealth::default(),
        EndpointState::Active,
        TimeScale::REAL,
        0,
    );
    assert_eq!(reason(&judgement), Some(PauseReason::Failing));
}

/// A policy that pauses at the first failure, with cool-downs of 1, 2, 4, 5, 5 s.
fn probing() -> DeliveryPolicy {
    DeliveryPolicy {
        probing: Some(Probing {
            cool_down: Backoff {
                base_ms: 1_000,
                factor: 2,
                cap_ms: 5_000,
            },
        }),
        ..policy(AutoPause::ConsecutiveAttempts(1))
    }
}

fn probed(outcome: Outcome, health: &EndpointHealth, state: EndpointState) -> Judgement {
    let probe = EndedAttempt {
        probe: true,
        ..attempt(4, outcome)
    };
    judge(&probing(), &probe, health, state, TimeScale::REAL, 0)
}

#[test]
fn a_failed_probe_holds_its_delivery_and_lengthens_the_cool_down_up_to_its_cap() {
    let mut judgement = judge(
        &probing(),
        &attempt(1, FAILED),
        &EndpointHealth::default(),
        EndpointState::Active,
        TimeScale::REAL,
        0,
    );
    let mut cool_downs_ms = Vec::new();
    for _ in 0..5 {
        assert_eq!(judgement.next, Next::Held);
        assert_eq!(judgement.state, EndpointState::PausedFailing);
        let pause = judgement.pause.unwrap();
        cool_downs_ms.push(pause.probe_at_ms.unwrap() - 50_000);
        let due = endpoint::transition(judgement.state, endpoint::Input::ProbeDue);
        assert_eq!(due, Transition::To(EndpointState::HalfOpen));
        // The last attempt of the schedule; a probe does not use it up.
        judgement = probed(FAILED, &judgement.health, EndpointState::HalfOpen);
    }
    assert_eq!(cool_downs_ms, [1_000, 2_000, 4_000, 5_000, 5_000]);
    assert_eq!(judgement.health.exhausted_in_a_row, 0);

    let opened = probed(OK, &judgement.health, EndpointState::HalfOpen);
    assert_eq!(opened.next, Next::Delivered);
    assert_eq!((opened.state, opened.pause), (EndpointState::Active, None));
    assert_eq!(opened.health.pauses_in_a_row, 0);
}

#[test]
fn a_probe_that_is_answered_with_410_ends_probing() {
    let health = EndpointHealth::default();
    let gone = probed(status(410), &health, EndpointState::HalfOpen);
    assert_eq!(gone.next, Next::DeadLettered(DeadLetterReason::Gone));
    assert_eq!(
        gone.pause,
        Some(Pause {
            reason: PauseReason::Gone,
            probe_at_ms: None
        })
    );
    let due = endpoint::transition(gone.state, endpoint::Input::ProbeDue);
    assert_eq!(due, Transition::Refused(endpoint::Reason::AskedForSilence));
}

#[test]
fn an_owner_who_is_faster_than_the_probe_decides() {
    let health = EndpointHealth::default();
    for state in [EndpointState::PausedManual, EndpointState::Disabled] {
        let opened = probed(OK, &health, state);
        assert_eq!((opened.state, opened.next), (state, Next::Delivered));
        let failed = probed(FAILED, &health, state);
        assert_eq!((failed.state, failed.next), (state, Next::Held));
        assert_eq!(failed.pause, None);
    }
    // Set active meanwhile: an attempt like any other, the last of its schedule.
    let failed = probed(FAILED, &health, EndpointState::Active);
    assert_eq!(failed.next, Next::DeadLettered(DeadLetterReason::Exhausted));
    assert_eq!(failed.state, EndpointState::PausedFailing);
}

#[test]
fn what_began_before_a_pause_neither_lifts_nor_repeats_it() {
    let health = EndpointHealth::default();
    for state in [EndpointState::PausedFailing, EndpointState::HalfOpen] {
        for outcome in [OK, FAILED] {
            let ended = attempt(1, outcome);
            let late = judge(&probing(), &ended, &health, state, TimeScale::REAL, 0);
            assert_eq!((late.state, late.pause), (state, None));
        }
    }
}

#[test]
fn a_policy_names_what_is_out_of_bounds() {
    let sound = policy(AutoPause::Never);
    assert_eq!(sound.check(), Ok(()));
    assert_eq!(probing().check(), Ok(()));
    for timeout_ms in [0, TIMEOUT_MS_MIN - 1, TIMEOUT_MS_MAX + 1] {
        let policy = DeliveryPolicy {
            timeout_ms,
            ..sound.clone()
        };
        let error = PolicyError::TimeoutOutOfRange { timeout_ms };
        assert_eq!(policy.check(), Err(error));
    }
    for auto_pause in [
        AutoPause::ConsecutiveAttempts(0),
        AutoPause::ConsecutiveDeliveries(0),
        AutoPause::FailingFor { limit_ms: 0 },
    ] {
        let error = Err(PolicyError::PauseAfterNothing);
        assert_eq!(policy(auto_pause).check(), error);
    }
    for (base_ms, cap_ms) in [(0, 1), (1, 0), (1, u64::MAX)] {
        let cool_down = Backoff {
            base_ms,
            factor: 2,
            cap_ms,
        };
        let policy = DeliveryPolicy {
            probing: Some(Probing { cool_down }),
            ..sound.clone()
        };
        assert_eq!(policy.check(), Err(PolicyError::CoolDownOutOfRange));
    }
}

#[test]
fn every_answer_to_a_live_endpoint_s_attempt_is_one_of_four() {
    // No state but these follows an attempt, so `judge` has an answer for each that the machine can give.
    for input in delivery::Input::ALL.iter().copied() {
        let after = delivery::transition(delivery::State::Sending, input);
        if let Transition::To(state) = after {
            use delivery::{Input, State};
            let restarts = [Input::AttemptNotMade, Input::HostRestarted].contains(&input);
            let ended = [
                State::Delivered,
                State::RetryDue,
                State::Held,
                State::DeadLettered,
            ];
            assert!(restarts || ended.contains(&state), "{input:?}: {state:?}");
        }
    }
}
