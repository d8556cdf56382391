//! What is kept, claimed and remembered.

use super::*;

async fn what_was_answered_survives_a_crash_and_is_sent_again_with_the_same_bytes(before: Fixture) {
    let endpoint = before.endpoint().await;
    let sending = before
        .publish(message(&endpoint, DeliveryState::Sending, 10))
        .await;
    let pending = before
        .publish(message(&endpoint, DeliveryState::Pending, 20))
        .await;

    let after = before.after_a_crash().await;
    let endpoints = after.store.endpoints().await.unwrap();
    assert_eq!(endpoints, std::slice::from_ref(&endpoint));
    assert_eq!(after.recover(30).await.interrupted, 1);
    assert_eq!(
        after.store.due().await.unwrap(),
        [(endpoint.id.clone(), 20)]
    );
    let claimed = after.claim(&endpoint, 30).await;
    let found: Vec<_> = claimed
        .leases
        .iter()
        .map(|lease| (lease.message_id.clone(), lease.body.clone()))
        .collect();
    assert_eq!(
        found,
        [(pending.id, pending.body), (sending.id, sending.body)]
    );
    assert_eq!(after.recover(30).await.interrupted, 2);
}

async fn a_delivery_is_claimed_once_and_in_the_order_of_its_time(fixture: Fixture) {
    let endpoint = fixture.endpoint().await;
    for at_ms in [30, 10, 20, 99] {
        fixture
            .publish(message(&endpoint, DeliveryState::Pending, at_ms))
            .await;
    }
    let first = fixture.claim(&endpoint, 50).await;
    let bodies: Vec<_> = first
        .leases
        .iter()
        .map(|lease| lease.body.clone())
        .collect();
    assert_eq!(bodies, ["{\"at\":10}", "{\"at\":20}"]);
    assert_eq!(first.next_due_at_ms, Some(30));
    assert_eq!(fixture.claim(&endpoint, 50).await.leases.len(), 1);
    let none = fixture.claim(&endpoint, 50).await;
    assert_eq!((none.leases.len(), none.next_due_at_ms), (0, Some(99)));
    let ids = first.leases.iter().map(|lease| lease.delivery_id.clone());
    fixture
        .store
        .put_back(ids.collect(), None, 60)
        .await
        .unwrap();
    assert_eq!(fixture.claim(&endpoint, 59).await.leases.len(), 0);
    assert_eq!(fixture.claim(&endpoint, 60).await.leases.len(), 2);
}

async fn an_attempt_is_kept_with_what_follows_from_it(fixture: Fixture) {
    let endpoint = fixture.endpoint().await;
    let new = fixture
        .publish(message(&endpoint, DeliveryState::Sending, 10))
        .await;
    let id = &new.deliveries[0].id;
    let recorded = ended(&endpoint, id, DeliveryState::Pending);
    fixture.store.record(recorded.clone()).await.unwrap();
    let (delivery, attempts) = fixture.store.delivery(id.clone()).await.unwrap().unwrap();
    assert_eq!(attempts, [recorded.attempt]);
    assert_eq!(
        (delivery.state, delivery.next_attempt_at_ms),
        (DeliveryState::Pending, Some(500))
    );
    let stored = fixture.store.endpoints().await.unwrap().remove(0);
    assert_eq!(stored.health, recorded.health);
    let lease = fixture.claim(&endpoint, 500).await.leases.remove(0);
    assert_eq!(
        (lease.attempts_total, lease.first_started_at_ms),
        (1, Some(100))
    );
}

async fn a_pause_holds_what_is_pending_and_activation_releases_it(fixture: Fixture) {
    let endpoint = fixture.endpoint().await;
    let sending = fixture
        .publish(message(&endpoint, DeliveryState::Sending, 10))
        .await;
    let waiting = fixture
        .publish(message(&endpoint, DeliveryState::Pending, 20))
        .await;
    let mut last = ended(
        &endpoint,
        &sending.deliveries[0].id,
        DeliveryState::DeadLettered,
    );
    last.change = paused(StateReason::Failing, 2);
    fixture.store.record(last).await.unwrap();
    assert_eq!(
        fixture.state(&waiting.deliveries[0].id).await,
        DeliveryState::Held
    );
    let paused = fixture.store.endpoints().await.unwrap().remove(0);
    assert_eq!(
        (paused.state, paused.reason),
        (EndpointState::PausedFailing, Some(StateReason::Failing))
    );
    assert_eq!(paused.probe_at_ms, Some(900));
    assert!(fixture.claim(&endpoint, 999).await.leases.is_empty());
    let dead = fixture
        .store
        .retry(sending.deliveries[0].id.clone(), DEAD.to_vec(), 120)
        .await
        .unwrap();
    assert_eq!(dead, Retried::EndpointNotActive);

    let active = Endpoint {
        state: EndpointState::Active,
        reason: None,
        version: 3,
        ..paused
    };
    assert!(!fixture.update(&active, Some(Resume::All), 200).await);
    let backlogs = fixture.store.backlogs().await.unwrap();
    assert_eq!(backlogs.draining, std::slice::from_ref(&active.id));
    let claimed = fixture.claim(&active, 200).await;
    assert_eq!(
        (claimed.leases.len(), claimed.held, claimed.held_left),
        (1, 1, false)
    );
    let retried = fixture
        .store
        .retry(sending.deliveries[0].id.clone(), DEAD.to_vec(), 300)
        .await
        .unwrap();
    assert_eq!(retried, Retried::Pending(active.id.clone()));
    let lease = fixture.claim(&active, 300).await.leases.remove(0);
    // The old attempts stay; the schedule begins anew.
    assert_eq!((lease.attempts_total, lease.attempts_in_round), (1, 0));
    assert_eq!(lease.first_started_at_ms, None);
}

async fn a_paused_endpoint_is_read_back_with_what_paused_it(fixture: Fixture) {
    let endpoint = fixture.endpoint().await;
    for (version, state, reason, read) in [
        (2, EndpointState::PausedFailing, StateReason::Failing, None),
        (3, EndpointState::PausedGone, StateReason::Gone, None),
        (4, EndpointState::PausedManual, StateReason::Manual, None),
        (5, EndpointState::Disabled, StateReason::Manual, None),
        // The probe ended with the process.
        (
            6,
            EndpointState::HalfOpen,
            StateReason::Failing,
            Some(EndpointState::PausedFailing),
        ),
    ] {
        let written = Endpoint {
            state,
            reason: Some(reason),
            version,
            ..endpoint.clone()
        };
        fixture.update(&written, None, 100).await;
        let found = fixture.store.endpoints().await.unwrap().remove(0);
        let expected = Endpoint {
            state: read.unwrap_or(state),
            ..written
        };
        assert_eq!(found, expected);
    }
}

async fn what_is_remembered_of_an_endpoint_is_kept(fixture: Fixture) {
    let endpoint = fixture.endpoint().await;
    let sending = fixture
        .publish(message(&endpoint, DeliveryState::Sending, 10))
        .await;
    let mut last = ended(
        &endpoint,
        &sending.deliveries[0].id,
        DeliveryState::DeadLettered,
    );
    last.dead_reason = Some(DeadLetterReason::ClientError);
    fixture.store.record(last.clone()).await.unwrap();
    let found = fixture.store.endpoints().await.unwrap().remove(0);
    assert_eq!(found.health, last.health);
    let changed = Endpoint {
        version: 2,
        ..found
    };
    fixture.update(&changed, None, 100).await;
    assert_eq!(fixture.store.endpoints().await.unwrap(), [changed]);
    let delivery = fixture.store.delivery(last.delivery_id).await.unwrap();
    assert_eq!(
        delivery.unwrap().0.dead_reason,
        Some(DeadLetterReason::ClientError)
    );
}

contract!(
    what_was_answered_survives_a_crash_and_is_sent_again_with_the_same_bytes,
    a_delivery_is_claimed_once_and_in_the_order_of_its_time,
    an_attempt_is_kept_with_what_follows_from_it,
    a_pause_holds_what_is_pending_and_activation_releases_it,
    a_paused_endpoint_is_read_back_with_what_paused_it,
    what_is_remembered_of_an_endpoint_is_kept,
);
