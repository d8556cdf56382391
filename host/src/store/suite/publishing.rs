//! Versions, idempotency keys, deletion, and lists.

use super::*;

async fn an_event_that_was_matched_against_an_older_endpoint_is_not_kept(fixture: Fixture) {
    let endpoint = fixture.endpoint().await;
    let mut changed = endpoint.clone();
    changed.version = 2;
    fixture.update(&changed, None, 5).await;
    let stale = message(&endpoint, DeliveryState::Pending, 10);
    assert_eq!(
        fixture.store.publish(stale.clone()).await.unwrap(),
        Published::Stale
    );
    assert_eq!(fixture.store.message(stale.id).await.unwrap(), None);
    fixture
        .store
        .delete_endpoint(endpoint.id.clone(), 6)
        .await
        .unwrap();
    let gone = fixture
        .store
        .publish(message(&endpoint, DeliveryState::Pending, 10))
        .await;
    assert_eq!(gone.unwrap(), Published::Stale);
}

async fn an_idempotency_key_recognises_its_request_for_as_long_as_it_is_valid(fixture: Fixture) {
    let endpoint = fixture.endpoint().await;
    let with_key = |at_ms: u64, byte: u8, valid_since_ms: u64| NewMessage {
        idempotency: Some(Idempotency {
            key: "key".to_owned(),
            request_sha256: [byte; 32],
            valid_since_ms,
        }),
        ..message(&endpoint, DeliveryState::Pending, at_ms)
    };
    let first = fixture.publish(with_key(10, 1, 0)).await;
    let receipt = Receipt {
        message_id: first.id.clone(),
        event_type: first.event_type.clone(),
        deliveries: vec![(
            first.deliveries[0].id.clone(),
            endpoint.id.clone(),
            DeliveryState::Pending,
        )],
    };
    let again = fixture.store.publish(with_key(20, 1, 10)).await.unwrap();
    assert_eq!(again, Published::Duplicate(receipt));
    let other = fixture.store.publish(with_key(20, 2, 10)).await.unwrap();
    assert_eq!(other, Published::Conflict);
    assert_eq!(fixture.store.stats().await.unwrap().messages, 1);
    let later = fixture.store.publish(with_key(30, 2, 11)).await.unwrap();
    assert_eq!(waiting(later), []);
    let forget = Prune {
        what: Prunable::Keys,
        after: None,
        before_ms: 31,
        dead_before_ms: None,
        rows_max: 10,
    };
    let forgotten = Pruned {
        removed: 1,
        next: None,
    };
    assert_eq!(fixture.store.prune(forget).await.unwrap(), forgotten);
}

async fn a_batch_is_kept_as_a_whole_or_not_at_all(fixture: Fixture) {
    let endpoint = fixture.endpoint().await;
    let key = |key: &str, byte: u8| {
        Some(Idempotency {
            key: key.to_owned(),
            request_sha256: [byte; 32],
            valid_since_ms: 0,
        })
    };
    let event = |at_ms: u64, idempotency: Option<Idempotency>| NewMessage {
        idempotency,
        ..message(&endpoint, DeliveryState::Pending, at_ms)
    };
    let publish = |messages: &[NewMessage], idempotency: Option<Idempotency>| {
        fixture.store.publish_batch(NewBatch {
            messages: messages.to_vec(),
            idempotency,
        })
    };
    let first = [event(10, key("a", 1)), event(20, None)];
    let PublishedBatch::Done(done) = publish(&first, key("request", 1)).await.unwrap() else {
        panic!("not done");
    };
    for published in done {
        assert_eq!(waiting(published), []);
    }

    // The same request again, and another one under its key.
    let again = publish(&first, key("request", 1)).await.unwrap();
    let PublishedBatch::Duplicate(receipts) = again else {
        panic!("{again:?}");
    };
    let ids: Vec<_> = receipts.iter().map(|receipt| &receipt.message_id).collect();
    assert_eq!(ids, [&first[0].id, &first[1].id]);
    let other = publish(&first, key("request", 2)).await.unwrap();
    assert_eq!(other, PublishedBatch::Conflict(None));

    // An event that is known is answered with what it got, beside one that is new.
    let mixed = [event(30, None), event(40, key("a", 1))];
    let PublishedBatch::Done(done) = publish(&mixed, None).await.unwrap() else {
        panic!("not done");
    };
    assert_eq!(waiting(done[0].clone()), []);
    assert!(matches!(&done[1], Published::Duplicate(receipt) if receipt.message_id == first[0].id));
    assert_eq!(fixture.store.stats().await.unwrap().messages, 3);

    // One conflict, or one endpoint that changed, and none is kept.
    let conflict = [event(50, None), event(60, key("a", 2))];
    assert_eq!(
        publish(&conflict, None).await.unwrap(),
        PublishedBatch::Conflict(Some(1))
    );
    let mut stale = [event(70, None), event(80, None)];
    stale[1].deliveries[0].endpoint_version = 9;
    assert_eq!(publish(&stale, None).await.unwrap(), PublishedBatch::Stale);
    assert_eq!(fixture.store.stats().await.unwrap().messages, 3);
}

async fn a_deleted_endpoint_takes_its_waiting_deliveries_and_its_secret_with_it(fixture: Fixture) {
    let endpoint = fixture.endpoint().await;
    let mut ids = Vec::new();
    for state in [
        DeliveryState::Pending,
        DeliveryState::Held,
        DeliveryState::Sending,
    ] {
        let new = fixture.publish(message(&endpoint, state, 10)).await;
        ids.push(new.deliveries[0].id.clone());
    }
    fixture
        .store
        .delete_endpoint(endpoint.id.clone(), 20)
        .await
        .unwrap();
    assert_eq!(fixture.state(&ids[0]).await, DeliveryState::Cancelled);
    assert_eq!(fixture.state(&ids[1]).await, DeliveryState::Cancelled);
    assert_eq!(fixture.state(&ids[2]).await, DeliveryState::Sending);
    fixture.recover(30).await;
    assert_eq!(fixture.state(&ids[2]).await, DeliveryState::Cancelled);
    assert!(fixture.store.endpoints().await.unwrap().is_empty());
    assert!(fixture.sealed().is_empty());
}

async fn lists_are_filtered_and_paged_from_the_newest(fixture: Fixture) {
    let (one, two) = (fixture.endpoint().await, fixture.endpoint().await);
    let mut dead = Vec::new();
    for (endpoint, at_ms) in [(&one, 10), (&two, 20), (&one, 30)] {
        let new = fixture
            .publish(message(endpoint, DeliveryState::Sending, at_ms))
            .await;
        let id = new.deliveries[0].id.clone();
        let record = ended(endpoint, &id, DeliveryState::DeadLettered);
        fixture.store.record(record).await.unwrap();
        dead.insert(0, id);
    }
    let list = |filter: Filter| {
        let listed = fixture.store.deliveries(filter);
        async {
            listed
                .await
                .unwrap()
                .found
                .into_iter()
                .map(|found| found.id)
                .collect::<Vec<_>>()
        }
    };
    let all = Filter {
        limit: 2,
        ..Filter::default()
    };
    assert_eq!(list(all.clone()).await, dead[..2]);
    let filter = Filter {
        after: Some(dead[1].clone()),
        ..all.clone()
    };
    assert_eq!(list(filter).await, dead[2..]);
    let filter = Filter {
        state: Some(DeliveryState::DeadLettered),
        endpoint_id: Some(one.id.clone()),
        ..all.clone()
    };
    assert_eq!(list(filter).await, [dead[0].clone(), dead[2].clone()]);
    let filter = Filter {
        state: Some(DeliveryState::Pending),
        ..all
    };
    assert!(list(filter).await.is_empty());
    let stats = fixture.store.stats().await.unwrap();
    let dead_lettered = Counted {
        count: 3,
        at_least: false,
    };
    assert!(
        stats
            .deliveries
            .contains(&(DeliveryState::DeadLettered, dead_lettered))
    );
}

contract!(
    an_event_that_was_matched_against_an_older_endpoint_is_not_kept,
    an_idempotency_key_recognises_its_request_for_as_long_as_it_is_valid,
    a_batch_is_kept_as_a_whole_or_not_at_all,
    a_deleted_endpoint_takes_its_waiting_deliveries_and_its_secret_with_it,
    lists_are_filtered_and_paged_from_the_newest,
);
