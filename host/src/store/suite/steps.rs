//! What is done in steps, and in order.

use super::*;
use crate::store::STEP_ROWS;

/// Publishes so many deliveries in one batch and returns their ids.
async fn publish_many(
    fixture: &Fixture,
    endpoint: &Endpoint,
    state: DeliveryState,
    times: std::ops::Range<u64>,
) -> Vec<DeliveryId> {
    let messages: Vec<_> = times.map(|at_ms| message(endpoint, state, at_ms)).collect();
    let ids = messages
        .iter()
        .map(|message| message.deliveries[0].id.clone())
        .collect();
    let batch = NewBatch {
        messages,
        idempotency: None,
    };
    let published = fixture.store.publish_batch(batch).await.unwrap();
    assert!(matches!(published, PublishedBatch::Done(_)));
    ids
}

async fn count(fixture: &Fixture, state: DeliveryState) -> u64 {
    let stats = fixture.store.stats().await.unwrap();
    let found = stats
        .deliveries
        .iter()
        .find(|(counted, _)| *counted == state);
    found.map_or(0, |(_, counted)| counted.count)
}

fn active(endpoint: &Endpoint, version: u64) -> Endpoint {
    Endpoint {
        state: EndpointState::Active,
        reason: None,
        version,
        ..endpoint.clone()
    }
}

fn paused_by_hand(endpoint: &Endpoint, version: u64) -> Endpoint {
    Endpoint {
        state: EndpointState::PausedManual,
        reason: Some(StateReason::Manual),
        version,
        ..endpoint.clone()
    }
}

async fn a_pause_a_resumption_and_a_deletion_of_many_take_steps_and_nothing_slips_through(
    fixture: Fixture,
) {
    let endpoint = fixture.endpoint().await;
    let step = u64::from(STEP_ROWS);
    publish_many(
        &fixture,
        &endpoint,
        DeliveryState::Pending,
        0..2 * step + 10,
    )
    .await;

    let pause = paused_by_hand(&endpoint, 2);
    assert!(fixture.update(&pause, None, 5_000).await);
    assert_eq!(count(&fixture, DeliveryState::Held).await, step);
    assert!(fixture.claim(&pause, 5_000).await.leases.is_empty());
    let unsettled = fixture.store.backlogs().await.unwrap().unsettled;
    assert_eq!(unsettled, std::slice::from_ref(&endpoint.id));
    while fixture
        .store
        .follow(endpoint.id.clone(), 5_000)
        .await
        .unwrap()
    {}
    assert_eq!(count(&fixture, DeliveryState::Held).await, 2 * step + 10);
    assert_eq!(fixture.store.backlogs().await.unwrap(), Backlogs::default());

    // Those from the last ten milliseconds go out, the others can be replayed.
    let resume = Some(Resume::Since(2 * step));
    assert!(fixture.update(&active(&endpoint, 3), resume, 6_000).await);
    let none = fixture.claim(&endpoint, 6_000).await;
    assert_eq!((none.leases.len(), none.held_left), (0, true));
    while fixture
        .store
        .follow(endpoint.id.clone(), 6_000)
        .await
        .unwrap()
    {}
    assert_eq!(count(&fixture, DeliveryState::DeadLettered).await, 2 * step);
    let claimed = fixture.claim_up_to(&endpoint, 4, u64::MAX, 6_000).await;
    assert_eq!((claimed.held, claimed.held_left), (4, true));
    let first = &claimed.leases[0].body;
    assert_eq!(first, format!("{{\"at\":{}}}", 2 * step).as_bytes());
    let filter = Filter {
        state: Some(DeliveryState::DeadLettered),
        limit: 1,
        ..Filter::default()
    };
    let mut found = fixture.store.deliveries(filter).await.unwrap().found;
    let dead = found.remove(0);
    assert_eq!(dead.dead_reason, Some(DeadLetterReason::Skipped));
    let retried = fixture
        .store
        .retry(dead.id, DEAD.to_vec(), 6_000)
        .await
        .unwrap();
    assert_eq!(retried, Retried::Pending(endpoint.id.clone()));

    publish_many(
        &fixture,
        &active(&endpoint, 3),
        DeliveryState::Pending,
        7_000..7_000 + 2 * step,
    )
    .await;
    assert!(
        fixture
            .store
            .delete_endpoint(endpoint.id.clone(), 9_000)
            .await
            .unwrap()
    );
    assert!(fixture.claim(&endpoint, 9_000).await.leases.is_empty());
    while fixture
        .store
        .follow(endpoint.id.clone(), 9_000)
        .await
        .unwrap()
    {}
    assert_eq!(
        count(&fixture, DeliveryState::Cancelled).await,
        2 * step + 7
    );
    assert_eq!(count(&fixture, DeliveryState::Sending).await, 4);
    assert_eq!(fixture.store.backlogs().await.unwrap(), Backlogs::default());
}

async fn held_deliveries_and_new_ones_share_the_places_oldest_first(fixture: Fixture) {
    let endpoint = fixture.endpoint().await;
    let held = publish_many(&fixture, &endpoint, DeliveryState::Held, 0..3).await;
    let due = publish_many(&fixture, &endpoint, DeliveryState::Pending, 10..13).await;
    let claimed = fixture.claim_up_to(&endpoint, 4, u64::MAX, 20).await;
    let ids: Vec<_> = claimed
        .leases
        .iter()
        .map(|lease| lease.delivery_id.clone())
        .collect();
    assert_eq!(ids, [&held[..2], &due[..2]].concat());
    assert_eq!(
        (claimed.held, claimed.held_left, claimed.next_due_at_ms),
        (2, true, Some(12))
    );
    let rest = fixture.claim_up_to(&endpoint, 4, u64::MAX, 20).await;
    assert_eq!(
        (rest.leases.len(), rest.held, rest.held_left),
        (2, 1, false)
    );
}

async fn a_claim_stops_when_the_bodies_are_long_and_takes_one_in_any_case(fixture: Fixture) {
    let endpoint = fixture.endpoint().await;
    publish_many(&fixture, &endpoint, DeliveryState::Pending, 10..15).await;
    // Each body is `{"at":10}`.
    assert_eq!(
        fixture.claim_up_to(&endpoint, 5, 0, 20).await.leases.len(),
        1
    );
    let two = fixture.claim_up_to(&endpoint, 5, 10, 20).await;
    assert_eq!((two.leases.len(), two.next_due_at_ms), (2, Some(13)));
}

async fn a_probe_is_the_oldest_held_delivery_and_survives_as_held(fixture: Fixture) {
    let endpoint = fixture.endpoint().await;
    let ids = publish_many(&fixture, &endpoint, DeliveryState::Held, 0..2).await;
    fixture
        .update(&paused_by_hand(&endpoint, 2), None, 10)
        .await;
    let probe = fixture
        .store
        .claim_probe(endpoint.id.clone(), 20)
        .await
        .unwrap();
    let probe = probe.unwrap();
    assert!(probe.probe);
    assert_eq!(probe.delivery_id, ids[0]);
    let after = fixture.after_a_crash().await;
    after.recover(30).await;
    assert_eq!(after.state(&ids[0]).await, DeliveryState::Held);
    let again = after
        .store
        .claim_probe(endpoint.id.clone(), 40)
        .await
        .unwrap();
    assert_eq!(again.unwrap().delivery_id, ids[0]);
    after
        .store
        .claim_probe(endpoint.id.clone(), 40)
        .await
        .unwrap();
    let none = after
        .store
        .claim_probe(endpoint.id.clone(), 40)
        .await
        .unwrap();
    assert!(none.is_none());
}

async fn a_delivery_waits_for_the_one_before_it_of_its_key_and_for_no_other(fixture: Fixture) {
    let endpoint = fixture.endpoint().await;
    let keyed = |key: &str, at_ms: u64| {
        let mut message = message(&endpoint, DeliveryState::Pending, at_ms);
        message.deliveries[0].order_key = Some(key.into());
        message
    };
    let mut ids = Vec::new();
    for (key, at_ms, waits) in [
        ("a", 10, false),
        ("a", 20, true),
        ("b", 30, false),
        ("a", 40, true),
    ] {
        let message = keyed(key, at_ms);
        let id = message.deliveries[0].id.clone();
        let published = fixture.store.publish(message).await.unwrap();
        let expected = if waits { vec![id.clone()] } else { Vec::new() };
        assert_eq!(waiting(published), expected);
        ids.push(id);
    }
    let claimed = fixture.claim_up_to(&endpoint, 9, u64::MAX, 50).await;
    let taken: Vec<_> = claimed
        .leases
        .iter()
        .map(|lease| lease.delivery_id.clone())
        .collect();
    assert_eq!(taken, [ids[0].clone(), ids[2].clone()]);
    let end = |id: &DeliveryId, state: DeliveryState| Ended {
        order_key: Some("a".into()),
        ..ended(&endpoint, id, state)
    };
    // A retry keeps its turn.
    fixture
        .store
        .record(end(&ids[0], DeliveryState::Pending))
        .await
        .unwrap();
    assert_eq!(fixture.state(&ids[1]).await, DeliveryState::Waiting);
    fixture.claim(&endpoint, 600).await;
    let mut second = end(&ids[0], DeliveryState::DeadLettered);
    second.attempt.number = 2;
    fixture.store.record(second).await.unwrap();
    assert_eq!(fixture.state(&ids[1]).await, DeliveryState::Pending);
    assert_eq!(fixture.state(&ids[3]).await, DeliveryState::Waiting);

    // The dead letter goes behind those that are open.
    assert_eq!(
        fixture
            .store
            .retry(ids[0].clone(), DEAD.to_vec(), 700)
            .await
            .unwrap(),
        Retried::Waiting
    );
    // Paused in between, the turn passes to one that is held.
    let claimed = fixture.claim(&endpoint, 700).await;
    assert_eq!(claimed.leases[0].delivery_id, ids[1]);
    fixture
        .update(&paused_by_hand(&endpoint, 2), None, 710)
        .await;
    fixture
        .store
        .record(end(&ids[1], DeliveryState::Delivered))
        .await
        .unwrap();
    assert_eq!(fixture.state(&ids[3]).await, DeliveryState::Held);
    assert_eq!(fixture.state(&ids[0]).await, DeliveryState::Waiting);

    // What waited while it was paused goes out with what was held.
    let resumed = Endpoint {
        since_ms: 750,
        ..active(&endpoint, 3)
    };
    fixture.update(&resumed, Some(Resume::All), 750).await;
    let claimed = fixture.claim(&resumed, 750).await;
    assert_eq!(claimed.leases[0].delivery_id, ids[3]);
    let mut put_back = paused_by_hand(&endpoint, 4);
    put_back.since_ms = 760;
    fixture.update(&put_back, None, 760).await;
    fixture
        .store
        .put_back(vec![ids[3].clone()], None, 760)
        .await
        .unwrap();
    assert_eq!(fixture.state(&ids[3]).await, DeliveryState::Held);

    // None of what was held is wanted: the one behind it was there before, too.
    let resumed = Endpoint {
        since_ms: 800,
        ..active(&endpoint, 5)
    };
    fixture
        .update(&resumed, Some(Resume::Since(800)), 800)
        .await;
    while fixture
        .store
        .follow(endpoint.id.clone(), 800)
        .await
        .unwrap()
    {}
    assert_eq!(fixture.state(&ids[3]).await, DeliveryState::DeadLettered);
    assert_eq!(fixture.state(&ids[0]).await, DeliveryState::DeadLettered);
    let mut later = keyed("a", 900);
    later.deliveries[0].endpoint_version = 5;
    let published = fixture.store.publish(later).await.unwrap();
    assert_eq!(waiting(published), []);
}

contract!(
    a_pause_a_resumption_and_a_deletion_of_many_take_steps_and_nothing_slips_through,
    held_deliveries_and_new_ones_share_the_places_oldest_first,
    a_claim_stops_when_the_bodies_are_long_and_takes_one_in_any_case,
    a_probe_is_the_oldest_held_delivery_and_survives_as_held,
    a_delivery_waits_for_the_one_before_it_of_its_key_and_for_no_other,
);
