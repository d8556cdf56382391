//! Delivery decisions: the tables of `docs/DELIVERY.md` are what the code does, and what holds for any input.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects)]

use countersign_core::{
    delivery::{
        AutoPause, ClientErrors, DeadLetterReason, DeliveryPolicy, EndedAttempt, EndpointHealth,
        EndpointState, FailureKind, Judgement, Next, Outcome, PauseReason, Probing, SuccessRule,
        judge,
        machine::{Transition, delivery, endpoint},
    },
    retry::{Backoff, DELAY_MS_MAX, Jitter, RETRY_AFTER_MS_MAX, RetrySchedule, TimeScale},
};
use proptest::prelude::*;
use std::{collections::BTreeSet, fmt::Write, path::Path};

/// Set to `1`, it makes the test write the tables instead of comparing them.
const BLESS: &str = "COUNTERSIGN_BLESS";
const END: &str = "<!-- end of table -->";

/// A table in Markdown: inputs down, states across.
fn table<S: Copy + PartialEq, I: Copy, R>(
    states: &[S],
    inputs: &[I],
    state_name: fn(S) -> &'static str,
    input_name: fn(I) -> &'static str,
    reason: fn(R) -> &'static str,
    transition: fn(S, I) -> Transition<S, R>,
) -> String {
    let mut text = String::from("| |");
    for state in states {
        write!(text, " {} |", state_name(*state)).unwrap();
    }
    text.push_str("\n| --- |");
    text.push_str(&" --- |".repeat(states.len()));
    for input in inputs {
        write!(text, "\n| **{}** |", input_name(*input)).unwrap();
        for state in states {
            let cell = match transition(*state, *input) {
                Transition::To(next) => format!("to **{}**", state_name(next)),
                Transition::Ignored(why) => format!("ignored: {}", reason(why)),
                Transition::Refused(why) => format!("refused: {}", reason(why)),
            };
            write!(text, " {cell} |").unwrap();
        }
    }
    text.push('\n');
    text
}

/// The page with the table of this name replaced.
fn with_table(page: &str, name: &str, table: &str) -> String {
    let begin = format!("<!-- table: {name} -->\n");
    let (before, rest) = page.split_once(&begin).expect("where the table begins");
    let (_, after) = rest.split_once(END).expect("where the table ends");
    format!("{before}{begin}{table}{END}{after}")
}

#[test]
fn the_page_shows_what_the_machines_do() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/DELIVERY.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let deliveries = table(
        delivery::State::ALL,
        delivery::Input::ALL,
        delivery::State::as_str,
        delivery::Input::as_str,
        delivery::Reason::as_str,
        delivery::transition,
    );
    let endpoints = table(
        endpoint::State::ALL,
        endpoint::Input::ALL,
        endpoint::State::as_str,
        endpoint::Input::as_str,
        endpoint::Reason::as_str,
        endpoint::transition,
    );
    let expected = with_table(&page, "delivery", &deliveries);
    let expected = with_table(&expected, "endpoint", &endpoints);
    if std::env::var(BLESS).as_deref() == Ok("1") {
        std::fs::write(&path, &expected).unwrap();
        return;
    }
    assert!(
        page == expected,
        "docs/DELIVERY.md does not show what the code does; run the test again with {BLESS}=1 and read the difference"
    );
}

/// Every pair by its words, so that two that look alike would be noticed.
fn pairs<S: Copy, I: Copy>(
    states: &[S],
    inputs: &[I],
    state: fn(S) -> &'static str,
    input: fn(I) -> &'static str,
) -> BTreeSet<(&'static str, &'static str)> {
    let row = |i: &I| {
        let name = input(*i);
        states
            .iter()
            .map(move |s| (state(*s), name))
            .collect::<Vec<_>>()
    };
    inputs.iter().flat_map(row).collect()
}

#[test]
fn what_is_asked_of_a_delivery_is_allowed_where_it_is_not_refused() {
    use delivery::{Input, State, allowed};

    let states = |input| allowed(input).collect::<Vec<_>>();
    assert_eq!(states(Input::ReplayAsked), [State::DeadLettered]);
    assert_eq!(
        states(Input::ResendAsked),
        [State::Delivered, State::DeadLettered]
    );
    assert_eq!(states(Input::Acknowledged), [State::DeadLettered]);
}

// Holds: R-X8
#[test]
fn every_pair_is_decided_and_no_state_is_a_trap() {
    use delivery::{Input, State};

    let deliveries = pairs(State::ALL, Input::ALL, State::as_str, Input::as_str);
    assert_eq!(deliveries.len(), 8 * 19);
    let endpoints = pairs(
        EndpointState::ALL,
        endpoint::Input::ALL,
        EndpointState::as_str,
        endpoint::Input::as_str,
    );
    assert_eq!(endpoints.len(), 6 * 11);

    for state in State::ALL.iter().copied() {
        let next: Vec<_> = Input::ALL
            .iter()
            .filter_map(|input| match delivery::transition(state, *input) {
                Transition::To(next) => Some(next),
                Transition::Ignored(_) | Transition::Refused(_) => None,
            })
            .collect();
        // A step goes somewhere else; only what nobody wants stays for ever, and what the receiver has is sent once more
        // only when that is asked for by name.
        assert!(!next.contains(&state), "{state:?}");
        assert_eq!(next.is_empty(), state == State::Cancelled, "{state:?}");
        if state == State::Delivered {
            let resent = delivery::transition(state, Input::ResendAsked);
            assert_eq!(
                (next, resent),
                (vec![State::Pending], Transition::To(State::Pending))
            );
        }
        let sending = delivery::transition(state, Input::Claimed);
        assert!(!state.is_final() || matches!(sending, Transition::Refused(_)));
    }
    for state in EndpointState::ALL.iter().copied() {
        for input in endpoint::Input::ALL.iter().copied() {
            let after = endpoint::transition(state, input);
            assert_ne!(after, Transition::To(state), "{state:?} {input:?}");
            // Nobody but its owner opens what its owner closed.
            let by_owner = [EndpointState::PausedManual, EndpointState::Disabled].contains(&state);
            let by_hand = [
                endpoint::Input::PausedByHand,
                endpoint::Input::ResumedByHand,
                endpoint::Input::DisabledByHand,
            ]
            .contains(&input);
            if by_owner && !by_hand {
                assert_eq!(after.after(state), state, "{state:?} {input:?}");
            }
        }
        // By hand it is always one step to active.
        let resumed = endpoint::transition(state, endpoint::Input::ResumedByHand);
        assert_eq!(resumed.after(state), EndpointState::Active);
    }
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let status = prop_oneof![
        Just(200),
        Just(204),
        Just(404),
        Just(410),
        Just(429),
        Just(503),
        any::<u16>()
    ];
    prop_oneof![
        4 => (status, any::<Option<u32>>())
            .prop_map(|(status, retry_after_s)| Outcome::Response { status, retry_after_s }),
        1 => Just(Outcome::Failure(FailureKind::Timeout)),
    ]
}

/// Ordinary numbers and extreme ones.
fn moment() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..10_000_000_u64,
        any::<u64>(),
        (u64::MAX - 1_000)..=u64::MAX
    ]
}

fn policy() -> impl Strategy<Value = DeliveryPolicy> {
    let schedule = prop::collection::vec(0..=DELAY_MS_MAX, 0..6);
    let percents = (0..=100_u8, 0..=100_u8);
    let auto_pause = prop_oneof![
        Just(AutoPause::Never),
        Just(AutoPause::NoSuccessSinceDeliveryBegan),
        any::<u32>().prop_map(AutoPause::ConsecutiveDeliveries),
        (0..4_u32).prop_map(AutoPause::ConsecutiveAttempts),
        any::<u64>().prop_map(|limit_ms| AutoPause::FailingFor { limit_ms }),
    ];
    let probing = prop::option::of((any::<u64>(), any::<u32>(), any::<u64>()));
    (
        schedule,
        percents,
        auto_pause,
        probing,
        any::<[bool; 2]>(),
        any::<u64>(),
    )
        .prop_map(
            |(delays_ms, percents, auto_pause, probing, strict, timeout_ms)| DeliveryPolicy {
                schedule: RetrySchedule::custom(delays_ms).unwrap(),
                jitter: Jitter::around(percents.0, percents.1).unwrap(),
                timeout_ms,
                success: match strict[0] {
                    true => SuccessRule::Only200,
                    false => SuccessRule::Any2xx,
                },
                client_errors: match strict[1] {
                    true => ClientErrors::Final,
                    false => ClientErrors::Retried,
                },
                auto_pause,
                probing: probing.map(|(base_ms, factor, cap_ms)| Probing {
                    cool_down: Backoff {
                        base_ms,
                        factor,
                        cap_ms,
                    },
                }),
            },
        )
}

fn health() -> impl Strategy<Value = EndpointHealth> {
    (
        any::<u32>(),
        any::<u32>(),
        any::<u32>(),
        prop::option::of(moment()),
        prop::option::of(moment()),
    )
        .prop_map(
            |(failed, exhausted, pauses, since, success)| EndpointHealth {
                warned_percent: [0, 50, 70, 90, 100][(failed % 5) as usize],
                unwell: failed % 2 == 1,
                failed_in_a_row: failed,
                exhausted_in_a_row: exhausted,
                pauses_in_a_row: pauses,
                failing_since_ms: since,
                last_success_at_ms: success,
            },
        )
}

fn attempt() -> impl Strategy<Value = EndedAttempt> {
    let number = prop_oneof![0..8_u32, any::<u32>()];
    (number, any::<bool>(), outcome(), moment(), moment()).prop_map(
        |(number, probe, outcome, first, ended)| EndedAttempt {
            number,
            probe,
            outcome,
            first_started_at_ms: first,
            ended_at_ms: ended,
        },
    )
}

fn state() -> impl Strategy<Value = EndpointState> {
    prop::sample::select(EndpointState::ALL)
}

fn retry_after_ms(outcome: &Outcome) -> u64 {
    match outcome {
        Outcome::Response {
            retry_after_s: Some(seconds),
            ..
        } => (u64::from(*seconds) * 1_000).min(RETRY_AFTER_MS_MAX),
        _ => 0,
    }
}

proptest! {
    // Holds: R-X4
    #[test]
    fn a_wait_is_within_jitter_and_never_below_retry_after(
        policy in policy(), attempt in attempt(), health in health(), factor: u32, chance: u64,
    ) {
        let scale = TimeScale::faster_by(factor);
        let judged = judge(&policy, &attempt, &health, EndpointState::Active, scale, chance);
        if let Next::RetryAt(at_ms) = judged.next {
            let delay_ms = scale.apply(policy.schedule.delay_ms(attempt.number).unwrap());
            let asked_ms = retry_after_ms(&attempt.outcome);
            let least_ms = policy.jitter.apply(delay_ms, 0).max(asked_ms);
            let most_ms = policy.jitter.apply(delay_ms, u64::MAX).max(asked_ms);
            prop_assert!(at_ms >= attempt.ended_at_ms.saturating_add(least_ms));
            prop_assert!(at_ms <= attempt.ended_at_ms.saturating_add(most_ms));
        }
    }

    #[test]
    fn no_wait_is_shorter_than_the_schedule_unless_the_jitter_shortens(
        mut policy in policy(), attempt in attempt(), health in health(), percent in 0..=100_u8, chance: u64,
    ) {
        policy.jitter = Jitter::lengthening(percent).unwrap();
        let judged = judge(&policy, &attempt, &health, EndpointState::Active, TimeScale::REAL, chance);
        if let Next::RetryAt(at_ms) = judged.next {
            let delay_ms = policy.schedule.delay_ms(attempt.number).unwrap();
            prop_assert!(at_ms >= attempt.ended_at_ms.saturating_add(delay_ms));
        }
    }

    #[test]
    fn chance_changes_nothing_but_the_wait(
        policy in policy(), attempt in attempt(), health in health(), state in state(), chances: [u64; 2],
    ) {
        let [one, other] = chances.map(|chance| {
            let mut judged = judge(&policy, &attempt, &health, state, TimeScale::REAL, chance);
            if let Next::RetryAt(at_ms) = &mut judged.next {
                *at_ms = 0;
            }
            judged
        });
        prop_assert_eq!(one, other);
    }

    // Holds: C32
    #[test]
    fn health_only_grows_until_a_success_and_a_success_ends_every_run(
        policy in policy(), attempt in attempt(), health in health(), state in state(), chance: u64,
    ) {
        let after = judge(&policy, &attempt, &health, state, TimeScale::REAL, chance).health;
        let success = matches!(
            (policy.success, &attempt.outcome),
            (SuccessRule::Only200, Outcome::Response { status: 200, .. })
                | (SuccessRule::Any2xx, Outcome::Response { status: 200..=299, .. })
        );
        if success {
            let runs = (after.failed_in_a_row, after.exhausted_in_a_row, after.pauses_in_a_row);
            prop_assert_eq!(runs, (0, 0, 0));
            prop_assert_eq!(after.failing_since_ms, None);
            prop_assert_eq!(after.last_success_at_ms, health.last_success_at_ms.max(Some(attempt.ended_at_ms)));
        } else {
            prop_assert_eq!(after.failed_in_a_row, health.failed_in_a_row.saturating_add(1));
            prop_assert!(after.exhausted_in_a_row >= health.exhausted_in_a_row);
            prop_assert!(after.exhausted_in_a_row - health.exhausted_in_a_row <= 1);
            prop_assert!(after.pauses_in_a_row >= health.pauses_in_a_row);
            prop_assert!(after.pauses_in_a_row - health.pauses_in_a_row <= 1);
            prop_assert_eq!(after.last_success_at_ms, health.last_success_at_ms);
            prop_assert!(after.failing_since_ms.is_some());
            if health.failing_since_ms.is_some() {
                prop_assert_eq!(after.failing_since_ms, health.failing_since_ms);
            }
        }
    }

    #[test]
    fn a_judgement_is_of_one_piece(
        policy in policy(), attempt in attempt(), health in health(), state in state(), chance: u64,
    ) {
        let Judgement { next, state: after, pause, .. } =
            judge(&policy, &attempt, &health, state, TimeScale::REAL, chance);
        // Retries go out to an active endpoint only, and what waits for a paused one is held.
        if let Next::RetryAt(_) = next {
            prop_assert!(after.is_active());
        }
        if let Next::Held = next {
            prop_assert!(!after.is_active());
        }
        // A pause is told exactly when the endpoint gets into the state that goes with it.
        let told = match after {
            _ if after == state => None,
            EndpointState::PausedFailing => Some(PauseReason::Failing),
            EndpointState::PausedGone => Some(PauseReason::Gone),
            EndpointState::Active => {
                prop_assert!(attempt.probe && state == EndpointState::HalfOpen);
                None
            }
            other => return Err(TestCaseError::fail(format!("{state:?} to {other:?}"))),
        };
        prop_assert_eq!(pause.map(|pause| pause.reason), told);
        if let Some(at_ms) = pause.and_then(|pause| pause.probe_at_ms) {
            prop_assert!(policy.probing.is_some() && told == Some(PauseReason::Failing));
            prop_assert!(at_ms >= attempt.ended_at_ms.saturating_add(retry_after_ms(&attempt.outcome)));
        }
        // A probe that fails uses up nothing.
        if attempt.probe && state == EndpointState::HalfOpen {
            prop_assert!(!matches!(
                next,
                Next::RetryAt(_)
                    | Next::DeadLettered(DeadLetterReason::Exhausted | DeadLetterReason::ClientError)
            ));
        }
    }
}
