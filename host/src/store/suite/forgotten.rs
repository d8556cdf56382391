//! What has ended: forgotten and counted.

use super::{
    ended::{dead, delivered, id, replay},
    *,
};

fn prune(what: Prunable, before_ms: u64) -> Prune {
    Prune {
        what,
        after: None,
        before_ms,
        dead_before_ms: None,
        rows_max: 2,
    }
}

/// Takes all steps; returns how much was forgotten.
async fn prune_all(fixture: &Fixture, mut step: Prune) -> u64 {
    let mut removed = 0;
    loop {
        let pruned = fixture.store.prune(step.clone()).await.unwrap();
        removed += pruned.removed;
        step.after = pruned.next;
        if step.after.is_none() {
            return removed;
        }
    }
}

async fn only_what_has_ended_long_enough_is_forgotten(fixture: Fixture) {
    let endpoint = fixture.endpoint().await;
    let unseen = dead(&fixture, &endpoint, 1_500).await;
    let seen = dead(&fixture, &endpoint, 1_600).await;
    fixture
        .store
        .acknowledge(vec![id(&seen)], 2_000)
        .await
        .unwrap();
    let mut open = Vec::new();
    for state in [
        DeliveryState::Pending,
        DeliveryState::Sending,
        DeliveryState::Held,
    ] {
        open.push(fixture.publish(message(&endpoint, state, 1_700)).await);
    }
    let mut first = message(&endpoint, DeliveryState::Pending, 1_700);
    first.deliveries[0].order_key = Some("key".into());
    let mut second = first.clone();
    second.id = MessageId::new(1_700, &SystemChance);
    second.deliveries[0].id = DeliveryId::of(&second.id, 0);
    open.push(fixture.publish(first).await);
    let published = fixture.store.publish(second.clone()).await.unwrap();
    assert_eq!(waiting(published), [id(&second)]);
    open.push(second);
    // Made early and delivered late.
    let late = fixture
        .publish(message(&endpoint, DeliveryState::Sending, 1_800))
        .await;
    let mut record = ended(&endpoint, &id(&late), DeliveryState::Delivered);
    record.attempt.started_at_ms = 9_000;
    fixture.store.record(record).await.unwrap();

    let done: Vec<_> = {
        let mut done = Vec::new();
        for at_ms in [1_000, 2_000, 3_000, 4_000, 5_000] {
            done.push(delivered(&fixture, &endpoint, at_ms).await);
        }
        done
    };

    // Attempts, then bodies, then all of it: done[0..3] and `seen`.
    assert_eq!(
        prune_all(&fixture, prune(Prunable::Attempts, 4_000)).await,
        4
    );
    let found = fixture.store.delivery(id(&done[0])).await.unwrap().unwrap();
    assert!(found.1.is_empty());
    let states = || vec![DeliveryState::Delivered, DeliveryState::DeadLettered];
    assert_eq!(prune_all(&fixture, prune(Prunable::Bodies, 4_000)).await, 4);
    let retried = fixture
        .store
        .retry(id(&done[0]), states(), 9_000)
        .await
        .unwrap();
    assert_eq!(retried, Retried::WithoutBody);
    assert_eq!(
        prune_all(&fixture, prune(Prunable::Messages, 4_000)).await,
        4
    );
    for gone in done[..3].iter().chain([&seen]) {
        assert_eq!(fixture.store.message(gone.id.clone()).await.unwrap(), None);
        assert_eq!(fixture.store.delivery(id(gone)).await.unwrap(), None);
    }
    let kept = || done[3..].iter().chain([&unseen, &late]).chain(&open);
    for kept in kept() {
        assert!(
            fixture
                .store
                .message(kept.id.clone())
                .await
                .unwrap()
                .is_some()
        );
    }
    // Everything that is left can still be sent.
    for kept in done[3..].iter().chain([&unseen, &late]) {
        let retried = fixture
            .store
            .retry(id(kept), states(), 9_000)
            .await
            .unwrap();
        assert_eq!(retried, Retried::Pending(endpoint.id.clone()));
    }
    let stats = fixture.store.stats().await.unwrap();
    assert_eq!(stats.messages, kept().count() as u64);
    assert_eq!(
        prune_all(&fixture, prune(Prunable::Messages, 99_000)).await,
        0
    );
}

async fn dead_letters_that_nobody_acknowledged_are_forgotten_only_with_an_age_of_their_own(
    fixture: Fixture,
) {
    let endpoint = fixture.endpoint().await;
    dead(&fixture, &endpoint, 1_000).await;
    let young = dead(&fixture, &endpoint, 2_000).await;
    assert_eq!(
        prune_all(&fixture, prune(Prunable::Messages, 90_000)).await,
        0
    );
    let aged = Prune {
        dead_before_ms: Some(2_000),
        ..prune(Prunable::Messages, 90_000)
    };
    assert_eq!(prune_all(&fixture, aged).await, 1);
    assert!(fixture.store.message(young.id).await.unwrap().is_some());
}

async fn ended_replays_are_forgotten_and_open_ones_are_not(fixture: Fixture) {
    for at_ms in 1..=5 {
        let mut old = replay(at_ms);
        old.state = ReplayState::Completed;
        fixture.store.create_replay(old, 9).await.unwrap();
    }
    fixture.store.create_replay(replay(1), 9).await.unwrap();
    assert_eq!(prune_all(&fixture, prune(Prunable::Replays, 4)).await, 3);
    let left = fixture.store.replays(WorkspaceId::default(), None, 10);
    assert_eq!(left.await.unwrap().len(), 3);
}

async fn counts_are_those_of_the_rows_after_every_change(fixture: Fixture) {
    let endpoint = fixture.endpoint().await;
    let done = delivered(&fixture, &endpoint, 1_000).await;
    delivered(&fixture, &endpoint, 2_000).await;
    dead(&fixture, &endpoint, 3_000).await;
    for state in [
        DeliveryState::Pending,
        DeliveryState::Pending,
        DeliveryState::Held,
    ] {
        fixture.publish(message(&endpoint, state, 4_000)).await;
    }
    let counts = || async {
        let stats = fixture.store.stats().await.unwrap();
        let deliveries = stats.deliveries.iter();
        let counts: Vec<_> = deliveries.map(|(_, counted)| counted.count).collect();
        (stats.messages, counts)
    };
    for at_ms in [4_500, 4_501] {
        let mut ordered = message(&endpoint, DeliveryState::Pending, at_ms);
        ordered.deliveries[0].order_key = Some("key".into());
        fixture.store.publish(ordered).await.unwrap();
    }
    // Pending, sending, delivered, dead letters, waiting, held, cancelled.
    assert_eq!(counts().await, (8, vec![3, 0, 2, 1, 1, 1, 0]));
    let claim = Claim {
        endpoint_id: endpoint.id.clone(),
        places: 2,
        held_max: 0,
    };
    let claiming = fixture.store.claim(vec![claim], u64::MAX, 4_000);
    assert_eq!(claiming.await.unwrap()[0].leases.len(), 2);
    let again = vec![DeliveryState::Delivered];
    fixture.store.retry(id(&done), again, 5_000).await.unwrap();
    assert_eq!(counts().await, (8, vec![2, 2, 1, 1, 1, 1, 0]));
    fixture
        .store
        .delete_endpoint(endpoint.id.clone(), 6_000)
        .await
        .unwrap();
    assert_eq!(counts().await, (8, vec![0, 2, 1, 1, 0, 0, 4]));
    fixture.recover(7_000).await;
    assert_eq!(counts().await, (8, vec![0, 0, 1, 1, 0, 0, 6]));
    prune_all(&fixture, prune(Prunable::Messages, 90_000)).await;
    assert_eq!(counts().await, (1, vec![0, 0, 0, 1, 0, 0, 0]));
    assert_eq!(fixture.findings(), Vec::<String>::new());
}

contract!(
    only_what_has_ended_long_enough_is_forgotten,
    dead_letters_that_nobody_acknowledged_are_forgotten_only_with_an_age_of_their_own,
    ended_replays_are_forgotten_and_open_ones_are_not,
    counts_are_those_of_the_rows_after_every_change,
);
