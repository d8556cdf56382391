//! A host that lost its lease and has another: only of a store for many hosts.

use super::{postgres, *};

#[tokio::test]
async fn what_was_taken_up_under_a_lease_of_before_is_neither_recorded_nor_given_back() {
    let Some(fixture) = postgres::fixture().await else {
        return;
    };
    let endpoint = fixture.endpoint().await;
    fixture
        .publish(message(&endpoint, DeliveryState::Pending, 10))
        .await;
    let take = async || {
        let mut claimed = fixture.claim(&endpoint, 50).await;
        assert_eq!(claimed.leases.len(), 1);
        claimed.leases.remove(0)
    };
    let first = take().await;
    // Registered anew: what it was sending is pending again, and it takes it up a second time.
    fixture.recover(40).await;
    let second = take().await;
    assert_eq!(first.delivery_id, second.delivery_id);
    assert_ne!(first.fence, second.fence);
    // Also when that is heard of late, under the lease of now.
    assert!(!fixture.store.may_send(first.fence));
    assert!(fixture.store.may_send(second.fence));
    let sending = message(&endpoint, DeliveryState::Sending, 50);
    match fixture.store.publish(sending).await.unwrap() {
        Published::Stored(stored) => assert_eq!(stored.fence, second.fence),
        other => panic!("{other:?}"),
    }

    let put_back = fixture
        .store
        .put_back(vec![first.delivery_id.clone()], first.fence, 60);
    put_back.await.unwrap();
    assert_eq!(
        fixture.state(&second.delivery_id).await,
        DeliveryState::Sending
    );
    let end = |fence| Ended {
        fence,
        ..ended(&endpoint, &second.delivery_id, DeliveryState::Delivered)
    };
    let late = fixture.store.record(end(first.fence)).await;
    assert!(matches!(late, Err(StoreError::LeaseLost)), "{late:?}");
    assert_eq!(
        fixture.state(&second.delivery_id).await,
        DeliveryState::Sending
    );
    fixture.store.record(end(second.fence)).await.unwrap();
    assert_eq!(
        fixture.state(&second.delivery_id).await,
        DeliveryState::Delivered
    );
    assert_eq!(fixture.findings(), Vec::<String>::new());
}
