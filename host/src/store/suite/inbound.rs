//! What other senders posted: once, as a whole, and for as long as it is to be kept.

use super::*;
use crate::{
    ids::{InboundId, WorkspaceId},
    store::{
        Inbound, InboundFilter, NewInbound, NewInboundEvent, NewKey, NewMessage, TakenIn,
        VerifiedBy,
    },
};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

fn key(byte: u8, valid_until_ms: u64) -> NewKey {
    NewKey {
        sha256: [byte; 32],
        valid_until_ms,
    }
}

fn event(byte: u8, messages: Vec<NewMessage>) -> NewInboundEvent {
    NewInboundEvent {
        event_type: "email.bounced".to_owned(),
        key: key(byte, 100 * DAY_MS),
        event: format!("{{\"n\":{byte}}}"),
        passed_on: "[]".to_owned(),
        messages,
    }
}

fn request(at_ms: u64, body: &str, events: Vec<NewInboundEvent>) -> NewInbound {
    let byte = body.len() as u8;
    NewInbound {
        request: Inbound {
            id: InboundId::new(at_ms, &SystemChance),
            workspace: WorkspaceId::default(),
            source: "mailgun".to_owned(),
            provider: "mailgun".to_owned(),
            verified: VerifiedBy::Signature,
            scheme: Some("mailgun".to_owned()),
            received_at_ms: at_ms,
            events_total: events.len() as u64,
            body_sha256: [byte; 32],
            body_bytes: body.len() as u64,
        },
        body: Bytes::from(body.to_owned()),
        used_once: None,
        events,
    }
}

fn stored(is_new: &[bool]) -> TakenIn {
    TakenIn::Stored {
        is_new: is_new.to_vec(),
        stored: Stored::default(),
    }
}

impl Fixture {
    async fn take_in(&self, inbound: &NewInbound) -> TakenIn {
        match self.store.take_in(inbound.clone()).await.unwrap() {
            TakenIn::Stored { is_new, stored } => TakenIn::Stored {
                is_new,
                stored: Stored {
                    fence: None,
                    ..stored
                },
            },
            other => other,
        }
    }

    async fn listed(&self) -> Vec<Inbound> {
        let filter = InboundFilter {
            workspace: WorkspaceId::default(),
            source: None,
            after: None,
            limit: 100,
        };
        self.store.inbound_requests(filter).await.unwrap()
    }

    async fn pruned(&self, what: Prunable, before_ms: u64, rows_max: u32) -> (u64, bool) {
        let step = Prune {
            what,
            after: None,
            before_ms,
            dead_before_ms: None,
            rows_max,
        };
        let pruned = self.store.prune(step).await.unwrap();
        (pruned.removed, pruned.next.is_some())
    }
}

async fn a_request_is_kept_with_its_events_and_their_deliveries_and_once_only(fixture: Fixture) {
    let endpoint = fixture.endpoint().await;
    let first = message(&endpoint, DeliveryState::Pending, 10);
    let inbound = request(
        10,
        "body",
        vec![event(1, vec![first.clone()]), event(2, Vec::new())],
    );
    assert_eq!(fixture.take_in(&inbound).await, stored(&[true, true]));

    // A crash between the commit and the answer: the sender posts again.
    let after = fixture.after_a_crash().await;
    let again = NewInbound {
        request: Inbound {
            id: InboundId::new(20, &SystemChance),
            ..inbound.request.clone()
        },
        ..inbound.clone()
    };
    assert_eq!(after.take_in(&again).await, TakenIn::Duplicate);
    assert_eq!(after.listed().await, std::slice::from_ref(&inbound.request));
    assert_eq!(after.store.stats().await.unwrap().messages, 1);

    let found = after
        .store
        .inbound_request(inbound.request.id.clone(), 0, 10);
    let found = found.await.unwrap().unwrap();
    assert_eq!(
        (found.request, found.body.as_slice()),
        (inbound.request.clone(), b"body".as_slice())
    );
    let told: Vec<_> = found
        .events
        .iter()
        .map(|event| (event.place, event.event.as_str()))
        .collect();
    assert_eq!(told, [(0, r#"{"n":1}"#), (1, r#"{"n":2}"#)]);
    let rest = after
        .store
        .inbound_request(inbound.request.id.clone(), 1, 10);
    assert_eq!(rest.await.unwrap().unwrap().events.len(), 1);
    assert_eq!(
        after.state(&first.deliveries[0].id).await,
        DeliveryState::Pending
    );
}

async fn what_is_new_of_a_request_is_kept_and_the_rest_is_not(fixture: Fixture) {
    let endpoint = fixture.endpoint().await;
    let one = |byte, at_ms| {
        event(
            byte,
            vec![message(&endpoint, DeliveryState::Pending, at_ms)],
        )
    };
    fixture
        .take_in(&request(10, "first", vec![one(1, 10)]))
        .await;
    // One came before, one occurs twice in the request itself.
    let second = request(
        20,
        "second",
        vec![one(1, 20), one(2, 21), one(2, 22), one(3, 23)],
    );
    let taken = fixture.take_in(&second).await;
    assert_eq!(taken, stored(&[false, true, false, true]));
    assert_eq!(fixture.store.stats().await.unwrap().messages, 3);
    let found = fixture
        .store
        .inbound_request(second.request.id.clone(), 0, 10);
    let found = found.await.unwrap().unwrap();
    let places: Vec<_> = found.events.iter().map(|event| event.place).collect();
    assert_eq!(places, [1, 3]);
    // A request without events is kept: it says what it says.
    assert_eq!(
        fixture.take_in(&request(30, "[]", Vec::new())).await,
        stored(&[])
    );
    assert_eq!(fixture.listed().await.len(), 3);
}

async fn what_may_be_used_once_is_a_repeat_with_its_body_and_refused_with_another(
    fixture: Fixture,
) {
    let with = |at_ms: u64, body: &str, byte: u8| NewInbound {
        used_once: Some(key(200, 1_000)),
        ..request(at_ms, body, vec![event(byte, Vec::new())])
    };
    assert_eq!(fixture.take_in(&with(10, "body", 1)).await, stored(&[true]));
    let after = fixture.after_a_crash().await;
    assert_eq!(
        after.take_in(&with(20, "body", 1)).await,
        TakenIn::Duplicate
    );
    assert_eq!(
        after.take_in(&with(30, "another", 2)).await,
        TakenIn::UsedBefore
    );
    assert_eq!(after.listed().await.len(), 1);
    // Once it cannot be used any more, it needs no memory, and can be there anew.
    assert_eq!(
        after.take_in(&with(1_000, "another", 2)).await,
        stored(&[true])
    );
}

async fn events_that_were_matched_against_an_older_endpoint_are_not_kept(fixture: Fixture) {
    let endpoint = fixture.endpoint().await;
    let known = event(1, vec![message(&endpoint, DeliveryState::Pending, 10)]);
    fixture
        .take_in(&request(10, "first", vec![known.clone()]))
        .await;
    let mut changed = endpoint.clone();
    changed.version = 2;
    fixture.update(&changed, None, 15).await;
    let new = event(2, vec![message(&endpoint, DeliveryState::Pending, 20)]);
    let stale = request(20, "second", vec![known.clone(), new]);
    assert_eq!(fixture.take_in(&stale).await, TakenIn::Stale);
    assert_eq!(fixture.listed().await.len(), 1);
    // What came before needs no endpoint.
    assert_eq!(
        fixture.take_in(&request(30, "third", vec![known])).await,
        TakenIn::Duplicate
    );
}

async fn deliveries_of_one_key_wait_for_each_other(fixture: Fixture) {
    let endpoint = fixture.endpoint().await;
    let ordered = |at_ms| {
        let mut message = message(&endpoint, DeliveryState::Sending, at_ms);
        message.deliveries[0].order_key = Some("key".into());
        message
    };
    let (first, second) = (ordered(10), ordered(11));
    let later = second.deliveries[0].id.clone();
    let inbound = request(
        10,
        "body",
        vec![event(1, vec![first]), event(2, vec![second])],
    );
    let expected = TakenIn::Stored {
        is_new: vec![true, true],
        stored: Stored {
            waiting: vec![later.clone()],
            fence: None,
        },
    };
    assert_eq!(fixture.take_in(&inbound).await, expected);
    assert_eq!(fixture.state(&later).await, DeliveryState::Waiting);
}

async fn requests_are_forgotten_by_age_in_small_steps_and_repeats_are_known_for_longer(
    fixture: Fixture,
) {
    let many: Vec<_> = (1..=5).map(|byte| event(byte, Vec::new())).collect();
    fixture.take_in(&request(10, "old", many.clone())).await;
    fixture
        .take_in(&request(20, "older", vec![event(6, Vec::new())]))
        .await;
    fixture
        .take_in(&request(9 * DAY_MS, "young", vec![event(7, Vec::new())]))
        .await;
    // Three rows a step: the events of a request go first.
    let mut steps = 0;
    let mut removed = 0;
    loop {
        let (of_step, more) = fixture.pruned(Prunable::Inbound, DAY_MS, 3).await;
        removed += of_step;
        if !more {
            break;
        }
        steps += 1;
    }
    assert_eq!((removed, fixture.listed().await.len()), (2, 1));
    assert!(steps > 2, "{steps}");
    assert_eq!(fixture.findings(), [""; 0]);
    assert_eq!(
        fixture
            .take_in(&request(10 * DAY_MS, "again", many.clone()))
            .await,
        TakenIn::Duplicate
    );
    assert_eq!(
        fixture
            .pruned(Prunable::InboundKeys, 100 * DAY_MS, 100)
            .await,
        (0, false)
    );
    assert_eq!(
        fixture
            .pruned(Prunable::InboundKeys, 100 * DAY_MS + 1, 100)
            .await,
        (7, false)
    );
    assert_eq!(
        fixture.take_in(&request(11 * DAY_MS, "again", many)).await,
        stored(&[true; 5])
    );
}

async fn requests_are_listed_newest_first_by_workspace_and_source(fixture: Fixture) {
    for (at_ms, workspace, source) in [
        (10, "default", "a"),
        (20, "default", "b"),
        (30, "other", "a"),
    ] {
        let mut inbound = request(at_ms, "body", vec![event(at_ms as u8, Vec::new())]);
        inbound.request.workspace = WorkspaceId::parse(workspace).unwrap();
        inbound.request.source = source.to_owned();
        fixture.take_in(&inbound).await;
    }
    let list = |source: Option<&str>, after, limit| {
        let filter = InboundFilter {
            workspace: WorkspaceId::default(),
            source: source.map(str::to_owned),
            after,
            limit,
        };
        fixture.store.inbound_requests(filter)
    };
    let all = list(None, None, 10).await.unwrap();
    let times: Vec<_> = all.iter().map(|found| found.received_at_ms).collect();
    assert_eq!(times, [20, 10]);
    let older = list(None, Some(all[0].id.clone()), 10).await.unwrap();
    assert_eq!(older, all[1..]);
    assert_eq!(list(Some("a"), None, 10).await.unwrap(), all[1..]);
    assert_eq!(list(Some("nobody"), None, 10).await.unwrap(), []);
    assert_eq!(list(None, None, 1).await.unwrap().len(), 1);
}

contract!(
    a_request_is_kept_with_its_events_and_their_deliveries_and_once_only,
    what_is_new_of_a_request_is_kept_and_the_rest_is_not,
    what_may_be_used_once_is_a_repeat_with_its_body_and_refused_with_another,
    events_that_were_matched_against_an_older_endpoint_are_not_kept,
    deliveries_of_one_key_wait_for_each_other,
    requests_are_forgotten_by_age_in_small_steps_and_repeats_are_known_for_longer,
    requests_are_listed_newest_first_by_workspace_and_source,
);
