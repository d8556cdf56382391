//! What is told about endpoints is kept with what it tells of.

use super::*;

#[tokio::test]
async fn it_is_kept_with_the_attempt_and_as_each_endpoint_is_then() {
    let before = Fixture::new();
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
    before.store.update_endpoint(changed, 20).await.unwrap();
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

    let after = before.after_a_crash();
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
    assert_eq!(check(&after.path()).unwrap(), Vec::<String>::new());
}
