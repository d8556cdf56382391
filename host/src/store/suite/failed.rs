//! Dead letters by the id of their event.

use super::{ended::delivered, *};

/// A dead letter whose body is this.
async fn failed(fixture: &Fixture, endpoint: &Endpoint, at_ms: u64, body: &str) -> DeliveryId {
    let mut new = message(endpoint, DeliveryState::Sending, at_ms);
    new.body = Bytes::copy_from_slice(body.as_bytes());
    let new = fixture.publish(new).await;
    let id = new.deliveries[0].id.clone();
    let mut record = super::ended(endpoint, &id, DeliveryState::DeadLettered);
    record.dead_reason = Some(DeadLetterReason::Exhausted);
    fixture.store.record(record).await.unwrap();
    id
}

async fn page(
    fixture: &Fixture,
    endpoint: &Endpoint,
    after: Option<DeliveryId>,
    limit: u32,
) -> (Vec<DeliveryId>, Option<DeliveryId>) {
    let listed = fixture
        .store
        .failed_events(endpoint.id.clone(), after, limit);
    let listed = listed.await.unwrap();
    let ids = listed.found.into_iter().map(|event| event.delivery.id);
    (ids.collect(), listed.next)
}

async fn named(fixture: &Fixture, endpoint: &Endpoint, event: &str) -> Vec<DeliveryId> {
    let found = fixture
        .store
        .failed_deliveries(endpoint.id.clone(), event.to_owned());
    found.await.unwrap()
}

async fn failed_events_are_listed_oldest_first_by_endpoint_and_found_by_their_own_id(
    fixture: Fixture,
) {
    let (one, two) = (fixture.endpoint().await, fixture.endpoint().await);
    let late = failed(&fixture, &one, 3_000, r#"{"id":"evt_late"}"#).await;
    let early = failed(&fixture, &one, 1_000, r#"{"id":"evt_early","data":{}}"#).await;
    let other = failed(&fixture, &two, 2_000, r#"{"id":"evt_early"}"#).await;
    delivered(&fixture, &one, 500).await;

    let both = [early.clone(), late.clone()];
    assert_eq!(page(&fixture, &one, None, 10).await, (both.to_vec(), None));
    let (first, next) = page(&fixture, &one, None, 1).await;
    assert_eq!((first, &next), (vec![early.clone()], &Some(early.clone())));
    assert_eq!(page(&fixture, &one, next, 1).await, (vec![late], None));

    let listed = fixture.store.failed_events(one.id.clone(), None, 1);
    let event = listed.await.unwrap().found.remove(0);
    assert_eq!(
        event.body.as_deref(),
        Some(br#"{"id":"evt_early","data":{}}"#.as_slice())
    );
    assert_eq!(event.event_id.as_deref(), Some("evt_early"));
    assert_eq!(event.last_attempt.map(|attempt| attempt.number), Some(1));

    assert_eq!(named(&fixture, &one, "evt_early").await, [early]);
    assert_eq!(named(&fixture, &two, "evt_early").await, [other]);
    assert_eq!(named(&fixture, &one, "evt_nobody_s").await, []);
}

async fn what_is_acknowledged_replayed_or_forgotten_leaves_the_list(fixture: Fixture) {
    let endpoint = fixture.endpoint().await;
    let ids = [
        failed(&fixture, &endpoint, 1_000, r#"{"id":"a"}"#).await,
        failed(&fixture, &endpoint, 2_000, r#"{"id":"b"}"#).await,
        failed(&fixture, &endpoint, 3_000, r#"{"id":"c"}"#).await,
    ];
    let [a, b, c] = &ids;
    fixture
        .store
        .acknowledge(vec![a.clone()], 4_000)
        .await
        .unwrap();
    assert_eq!(
        page(&fixture, &endpoint, None, 10).await.0,
        [b.clone(), c.clone()]
    );
    // Acknowledged, it is still one of them: a second call finds it (R-E1).
    assert_eq!(
        named(&fixture, &endpoint, "a").await,
        std::slice::from_ref(a)
    );
    for id in [a, b] {
        let retried = fixture.store.retry(id.clone(), DEAD.to_vec(), 5_000);
        assert_eq!(
            retried.await.unwrap(),
            Retried::Pending(endpoint.id.clone())
        );
    }
    assert_eq!(named(&fixture, &endpoint, "a").await, []);
    assert_eq!(
        page(&fixture, &endpoint, None, 10).await.0,
        std::slice::from_ref(c)
    );
    // It dies again, unseen.
    let claimed = fixture.claim(&endpoint, 6_000).await;
    let mut record = super::ended(
        &endpoint,
        &claimed.leases[0].delivery_id,
        DeliveryState::DeadLettered,
    );
    record.attempt.number = 2;
    record.dead_reason = Some(DeadLetterReason::Gone);
    fixture.store.record(record).await.unwrap();
    assert_eq!(
        page(&fixture, &endpoint, None, 10).await.0,
        [a.clone(), c.clone()]
    );

    let everything = Prune {
        what: Prunable::Messages,
        before_ms: u64::MAX >> 20,
        dead_before_ms: Some(u64::MAX >> 20),
        after: None,
        rows_max: 100,
    };
    fixture.store.prune(everything).await.unwrap();
    assert_eq!(
        page(&fixture, &endpoint, None, 10).await,
        (Vec::new(), None)
    );
}

async fn a_body_that_has_no_id_or_is_no_json_is_listed_without_one(fixture: Fixture) {
    let endpoint = fixture.endpoint().await;
    for (at_ms, body) in [
        (1, r#"{"id":7}"#),
        (2, "{}"),
        (3, "no JSON"),
        (4, "[]"),
        (5, "\u{0}{\"id\":\"a\"}"),
    ] {
        failed(&fixture, &endpoint, at_ms, body).await;
    }
    let listed = fixture.store.failed_events(endpoint.id.clone(), None, 10);
    let found = listed.await.unwrap().found;
    assert_eq!(found.len(), 5);
    assert!(
        found.iter().all(|event| event.event_id.is_none()),
        "{found:?}"
    );
}

contract!(
    failed_events_are_listed_oldest_first_by_endpoint_and_found_by_their_own_id,
    what_is_acknowledged_replayed_or_forgotten_leaves_the_list,
    a_body_that_has_no_id_or_is_no_json_is_listed_without_one,
);
