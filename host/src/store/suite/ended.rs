//! What has ended: listed, acknowledged and sent again.

use super::*;

/// A delivery that was given up at `at_ms + 10`, of a message of the same moment.
pub(super) async fn dead(fixture: &Fixture, endpoint: &Endpoint, at_ms: u64) -> NewMessage {
    let new = fixture
        .publish(message(endpoint, DeliveryState::Sending, at_ms))
        .await;
    let id = &new.deliveries[0].id;
    let mut record = ended(endpoint, id, DeliveryState::DeadLettered);
    record.dead_reason = Some(DeadLetterReason::Exhausted);
    record.attempt.started_at_ms = at_ms;
    fixture.store.record(record).await.unwrap();
    new
}

pub(super) async fn delivered(fixture: &Fixture, endpoint: &Endpoint, at_ms: u64) -> NewMessage {
    let new = fixture
        .publish(message(endpoint, DeliveryState::Sending, at_ms))
        .await;
    let mut record = ended(endpoint, &new.deliveries[0].id, DeliveryState::Delivered);
    record.attempt.started_at_ms = at_ms;
    fixture.store.record(record).await.unwrap();
    new
}

pub(super) fn id(message: &NewMessage) -> DeliveryId {
    message.deliveries[0].id.clone()
}

async fn select(fixture: &Fixture, selection: &Selection) -> Vec<DeliveryId> {
    let page = Page {
        after: None,
        newest_first: false,
        limit: 100,
    };
    let selected = fixture.store.select(selection.clone(), page).await.unwrap();
    assert_eq!(selected.next, None);
    let counted = fixture.store.count(selection.clone()).await.unwrap();
    assert_eq!(counted.count, selected.found.len() as u64);
    selected.found.into_iter().map(|found| found.id).collect()
}

async fn every_condition_of_a_selection_narrows_it(fixture: Fixture) {
    let (one, two) = (fixture.endpoint().await, fixture.endpoint().await);
    let a = id(&dead(&fixture, &one, 1_000).await);
    let b = id(&dead(&fixture, &two, 2_000).await);
    let c = id(&dead(&fixture, &one, 3_000).await);
    let d = id(&delivered(&fixture, &one, 4_000).await);
    fixture
        .store
        .acknowledge(vec![b.clone()], 5_000)
        .await
        .unwrap();
    let all = Selection::all(WorkspaceId::default(), EndedState::DeadLettered);
    let all = || all.clone();
    assert_eq!(
        select(&fixture, &all()).await,
        [a.clone(), b.clone(), c.clone()]
    );
    let delivered = Selection::all(WorkspaceId::default(), EndedState::Delivered);
    assert_eq!(select(&fixture, &delivered).await, std::slice::from_ref(&d));
    for (selection, expected) in [
        (
            Selection {
                endpoint_id: Some(one.id.clone()),
                ..all()
            },
            vec![&a, &c],
        ),
        (
            Selection {
                event_type: Some("email.replied".to_owned()),
                ..all()
            },
            vec![&a, &b, &c],
        ),
        (
            Selection {
                event_type: Some("email.sent".to_owned()),
                ..all()
            },
            vec![],
        ),
        (
            Selection {
                reason: Some(DeadLetterReason::Exhausted),
                ..all()
            },
            vec![&a, &b, &c],
        ),
        (
            Selection {
                reason: Some(DeadLetterReason::Gone),
                ..all()
            },
            vec![],
        ),
        (
            Selection {
                acknowledged: Some(false),
                ..all()
            },
            vec![&a, &c],
        ),
        (
            Selection {
                acknowledged: Some(true),
                ..all()
            },
            vec![&b],
        ),
        (
            Selection {
                created_since_ms: Some(2_000),
                ..all()
            },
            vec![&b, &c],
        ),
        (
            Selection {
                created_until_ms: Some(2_000),
                ..all()
            },
            vec![&a],
        ),
        (
            Selection {
                ended_since_ms: Some(2_010),
                ..all()
            },
            vec![&b, &c],
        ),
        (
            Selection {
                ended_until_ms: Some(2_010),
                ..all()
            },
            vec![&a],
        ),
        (
            Selection {
                ids: Some(vec![c.clone(), a.clone(), d.clone(), a.clone()]),
                ..all()
            },
            vec![&a, &c],
        ),
    ] {
        let found = select(&fixture, &selection).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{selection:?}");
    }
}

async fn pages_follow_one_another_in_both_directions_and_by_ids(fixture: Fixture) {
    let endpoint = fixture.endpoint().await;
    let mut expected = Vec::new();
    for at_ms in 1..=7 {
        expected.push(id(&dead(&fixture, &endpoint, at_ms * 1_000).await));
    }
    let all = Selection::all(WorkspaceId::default(), EndedState::DeadLettered);
    let by_ids = Selection {
        ids: Some(expected.iter().rev().cloned().collect()),
        ..all.clone()
    };
    for selection in [all, by_ids] {
        for newest_first in [false, true] {
            let mut page = Page {
                after: None,
                newest_first,
                limit: 3,
            };
            let mut seen = Vec::new();
            loop {
                let selected = fixture
                    .store
                    .select(selection.clone(), page.clone())
                    .await
                    .unwrap();
                assert!(selected.found.len() <= 3);
                seen.extend(selected.found.into_iter().map(|found| found.id));
                page.after = selected.next;
                if page.after.is_none() {
                    break;
                }
            }
            if newest_first {
                seen.reverse();
            }
            assert_eq!(seen, expected, "{newest_first}");
        }
    }
}

async fn a_dead_letter_is_acknowledged_once_and_stays_until_it_is_sent_again(fixture: Fixture) {
    let endpoint = fixture.endpoint().await;
    let dead = id(&dead(&fixture, &endpoint, 1_000).await);
    let open = id(&fixture
        .publish(message(&endpoint, DeliveryState::Pending, 2_000))
        .await);
    for now_ms in [5_000, 6_000] {
        let marked = fixture
            .store
            .acknowledge(vec![dead.clone(), open.clone()], now_ms);
        assert_eq!(marked.await.unwrap(), 1);
    }
    let (found, _) = fixture.store.delivery(dead.clone()).await.unwrap().unwrap();
    assert_eq!(
        (found.acknowledged_at_ms, found.updated_at_ms),
        (Some(5_000), 1_010)
    );
    let retried = fixture.store.retry(dead.clone(), DEAD.to_vec(), 7_000);
    assert_eq!(
        retried.await.unwrap(),
        Retried::Pending(endpoint.id.clone())
    );
    let (found, attempts) = fixture.store.delivery(dead).await.unwrap().unwrap();
    assert_eq!((found.acknowledged_at_ms, attempts.len()), (None, 1));
}

async fn a_delivery_is_sent_again_only_from_the_states_that_the_rules_name(fixture: Fixture) {
    let endpoint = fixture.endpoint().await;
    let new = delivered(&fixture, &endpoint, 1_000).await;
    let refused = fixture.store.retry(id(&new), DEAD.to_vec(), 2_000).await;
    assert_eq!(refused.unwrap(), Retried::NotNow(DeliveryState::Delivered));
    let states = vec![DeliveryState::Delivered, DeliveryState::DeadLettered];
    let resent = fixture.store.retry(id(&new), states, 2_000).await.unwrap();
    assert_eq!(resent, Retried::Pending(endpoint.id.clone()));
    let lease = fixture.claim(&endpoint, 2_000).await.leases.remove(0);
    assert_eq!((lease.message_id, lease.body), (new.id, new.body));
    assert_eq!((lease.attempts_total, lease.attempts_in_round), (1, 0));
}

pub(in crate::store) fn replay(now_ms: u64) -> Replay {
    Replay {
        id: ReplayId::new(now_ms, &SystemChance),
        state: ReplayState::Running,
        selection: Selection {
            workspace: WorkspaceId::default(),
            endpoint_id: Some(EndpointId::new(1, &SystemChance)),
            event_type: Some("email.replied".to_owned()),
            reason: Some(DeadLetterReason::Gone),
            acknowledged: Some(true),
            created_since_ms: Some(1),
            created_until_ms: Some(2),
            ended_since_ms: Some(3),
            ended_until_ms: Some(4),
            ids: Some(vec![DeliveryId::new(1, &SystemChance)]),
            state: EndedState::DeadLettered,
        },
        per_second: 5,
        matched: Counted {
            count: 7,
            at_least: true,
        },
        cursor: None,
        replayed: 0,
        skipped: 0,
        created_at_ms: now_ms,
        updated_at_ms: now_ms,
    }
}

async fn a_replay_reads_back_and_only_so_many_are_open(fixture: Fixture) {
    let (one, two) = (replay(1), replay(2));
    assert!(fixture.store.create_replay(one.clone(), 2).await.unwrap());
    assert!(fixture.store.create_replay(two.clone(), 2).await.unwrap());
    assert!(!fixture.store.create_replay(replay(3), 2).await.unwrap());
    let change = |to| {
        let from = vec![ReplayState::Running, ReplayState::Paused];
        fixture.store.change_replay(two.id.clone(), from, to, 9)
    };
    assert_eq!(
        change(ReplayState::Paused).await.unwrap().unwrap().state,
        ReplayState::Paused
    );
    let open = || fixture.store.open_replays();
    assert_eq!(open().await.unwrap().len(), 2);
    change(ReplayState::Cancelled).await.unwrap();
    // It has ended, and stays so.
    let after = change(ReplayState::Running).await.unwrap().unwrap();
    assert_eq!(
        (after.state, after.updated_at_ms),
        (ReplayState::Cancelled, 9)
    );
    assert_eq!(open().await.unwrap(), std::slice::from_ref(&one));
    let all = fixture.store.replays(WorkspaceId::default(), None, 10);
    assert_eq!(all.await.unwrap().len(), 2);
    assert_eq!(
        fixture.store.replay(one.id.clone()).await.unwrap(),
        Some(one)
    );
    assert!(fixture.store.create_replay(replay(3), 2).await.unwrap());
}

async fn a_step_of_a_replay_counts_what_it_did_and_is_not_made_twice(before: Fixture) {
    let (one, two) = (before.endpoint().await, before.endpoint().await);
    let a = dead(&before, &one, 1_000).await;
    let b = dead(&before, &two, 2_000).await;
    let c = delivered(&before, &one, 3_000).await;
    let paused = Endpoint {
        state: EndpointState::PausedManual,
        reason: Some(StateReason::Manual),
        version: 2,
        ..two
    };
    before.store.update_endpoint(paused, None, 5).await.unwrap();
    let job = replay(10);
    assert!(before.store.create_replay(job.clone(), 1).await.unwrap());
    let step = ReplayStep {
        id: job.id.clone(),
        from: None,
        deliveries: vec![id(&a), id(&b), id(&c)],
        states: DEAD.to_vec(),
        to: Some(id(&c)),
        now_ms: 20,
    };
    let stepped = before.store.step_replay(step.clone()).await.unwrap();
    assert_eq!(stepped.endpoints, std::slice::from_ref(&one.id));
    // Both the deliveries and the place of the replay survive a crash.
    let after = before.after_a_crash().await;
    let found = after.store.replay(job.id.clone()).await.unwrap().unwrap();
    assert_eq!((found.replayed, found.skipped), (1, 2));
    assert_eq!(
        (found.cursor, found.state),
        (Some(id(&c)), ReplayState::Running)
    );
    assert_eq!(after.state(&id(&a)).await, DeliveryState::Pending);
    assert_eq!(after.state(&id(&b)).await, DeliveryState::DeadLettered);
    assert_eq!(
        after.store.step_replay(step.clone()).await.unwrap(),
        Stepped::default()
    );
    let last = ReplayStep {
        from: Some(id(&c)),
        deliveries: Vec::new(),
        to: None,
        ..step
    };
    after.store.step_replay(last.clone()).await.unwrap();
    let found = after.store.replay(job.id.clone()).await.unwrap().unwrap();
    assert_eq!((found.state, found.replayed), (ReplayState::Completed, 1));
    // What has ended takes no step.
    assert_eq!(
        after.store.step_replay(last).await.unwrap(),
        Stepped::default()
    );
}

contract!(
    every_condition_of_a_selection_narrows_it,
    pages_follow_one_another_in_both_directions_and_by_ids,
    a_dead_letter_is_acknowledged_once_and_stays_until_it_is_sent_again,
    a_delivery_is_sent_again_only_from_the_states_that_the_rules_name,
    a_replay_reads_back_and_only_so_many_are_open,
    a_step_of_a_replay_counts_what_it_did_and_is_not_made_twice,
);
