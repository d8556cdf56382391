//! What is told about endpoints is kept with what it tells of.

use super::*;

async fn it_is_kept_with_the_attempt_and_as_each_endpoint_is_then(before: Fixture) {
    let failing = before.endpoint().await;
    let (active, paused, gone) = (
        before.endpoint().await,
        before.endpoint().await,
        before.endpoint().await,
    );
    let sending = before
        .publish(message(&failing, DeliveryState::Sending, 10))
        .await;
    let changed = Endpoint {
        state: EndpointState::PausedManual,
        reason: Some(StateReason::Manual),
        version: 2,
        ..paused.clone()
    };
    before
        .store
        .update_endpoint(changed, None, 20)
        .await
        .unwrap();
    before
        .store
        .delete_endpoint(gone.id.clone(), 20)
        .await
        .unwrap();
    // Matched before those changes.
    let mut told = message(&active, DeliveryState::Pending, 110);
    for endpoint in [&paused, &gone] {
        told.deliveries
            .extend(message(endpoint, DeliveryState::Pending, 110).deliveries);
    }
    let mut last = ended(
        &failing,
        &sending.deliveries[0].id,
        DeliveryState::DeadLettered,
    );
    last.dead_reason = Some(DeadLetterReason::Exhausted);
    last.operational = vec![told.clone()];
    before.store.record(last).await.unwrap();

    let after = before.after_a_crash().await;
    let [to_active, to_paused, to_gone] = &told.deliveries[..] else {
        unreachable!("three were made");
    };
    assert_eq!(after.state(&to_paused.id).await, DeliveryState::Held);
    let none = after.store.delivery(to_gone.id.clone()).await.unwrap();
    assert_eq!(none, None);
    let lease = after.claim(&active, 110).await.leases.remove(0);
    assert_eq!(
        (lease.delivery_id, lease.body),
        (to_active.id.clone(), told.body)
    );
    assert_eq!(after.findings(), Vec::<String>::new());
}

async fn it_goes_behind_what_is_open_of_its_key(fixture: Fixture) {
    let (failing, told) = (fixture.endpoint().await, fixture.endpoint().await);
    let mut first = message(&told, DeliveryState::Pending, 100);
    first.deliveries[0].order_key = Some("key".into());
    let sending = fixture
        .publish(message(&failing, DeliveryState::Sending, 10))
        .await;
    let mut second = message(&told, DeliveryState::Pending, 110);
    second.deliveries[0].order_key = Some("key".into());
    let record = Ended {
        operational: vec![first.clone(), second.clone()],
        ..ended(
            &failing,
            &sending.deliveries[0].id,
            DeliveryState::Delivered,
        )
    };
    fixture.store.record(record).await.unwrap();
    let (first, second) = (&first.deliveries[0].id, &second.deliveries[0].id);
    assert_eq!(fixture.state(first).await, DeliveryState::Pending);
    assert_eq!(fixture.state(second).await, DeliveryState::Waiting);
    let counted = fixture.store.stats().await.unwrap().deliveries;
    let waiting = counted
        .iter()
        .find(|(state, _)| *state == DeliveryState::Waiting);
    assert_eq!(waiting.map(|(_, counted)| counted.count), Some(1));
    assert_eq!(fixture.claim(&told, 200).await.leases.len(), 1);
    let last = Ended {
        order_key: Some("key".into()),
        ..ended(&told, first, DeliveryState::Delivered)
    };
    fixture.store.record(last).await.unwrap();
    assert_eq!(fixture.state(second).await, DeliveryState::Pending);
    assert_eq!(fixture.findings(), Vec::<String>::new());
}

contract!(
    it_is_kept_with_the_attempt_and_as_each_endpoint_is_then,
    it_goes_behind_what_is_open_of_its_key,
);
