//! The contract of [`Store`], on a real file. A crash is played by a copy of the files: what a process that is killed leaves.

mod bodies;
mod commits;
mod ended;
mod failed;
mod files;
mod forgotten;
mod inbound;
mod lists;
mod operational;
mod publishing;
mod sealing;
mod steps;

use super::*;
use crate::{
    chance::SystemChance,
    ids::AttemptId,
    store::{
        Attempt, DeliveryState, EndedState, Idempotency, NewDelivery, Prunable, Receipt,
        SecretText, SigningSecret, StateChange, StateReason,
    },
};
use bytes::Bytes;
use countersign_core::{
    delivery::{DeadLetterReason, EndpointHealth, EndpointState, FailureKind, Outcome},
    subscription::{Scope, Subscription},
};
use countersign_guest::{EndpointRules, EndpointSettings};
use rusqlite::Connection;
use std::{path::PathBuf, sync::Arc};
use tempfile::TempDir;

pub(super) const OPTIONS: Options = Options {
    limits: QueueLimits {
        queue_max: 64,
        queue_bytes_max: 1024 * 1024,
        batch_max: 16,
    },
    durability: Durability::Full,
    reserve_bytes: 0,
    check: StartCheck::Quick,
    check_limit: Duration::from_secs(60),
};

const SECRET: &str = "whsec_of the tests";

fn keys() -> KeySource {
    KeySource::Given(zeroize::Zeroizing::new("01".repeat(32)))
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, OPTIONS, &keys(), Arc::new(SystemChance)).unwrap()
}

/// The states from which a dead letter is replayed.
const DEAD: [DeliveryState; 1] = [DeliveryState::DeadLettered];

struct Fixture {
    store: SqliteStore,
    folder: TempDir,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder.path().join("a.db"));
        Self { store, folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("a.db")
    }

    /// What another process finds after this one was killed.
    fn after_a_crash(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.db", "a.db-wal"] {
            std::fs::copy(self.folder.path().join(name), folder.path().join(name)).unwrap();
        }
        let store = open(&folder.path().join("a.db"));
        Self { store, folder }
    }

    async fn endpoint(&self) -> Endpoint {
        let mut endpoint = Endpoint {
            id: EndpointId::new(1, &SystemChance),
            workspace: WorkspaceId::default(),
            number: 0,
            provider: "cleanmails".to_owned(),
            url: "https://example.com/".to_owned(),
            name: Some("name".to_owned()),
            rules: EndpointRules {
                subscription: Subscription::All,
                scope: Scope::User,
                filter: None,
            },
            settings: Arc::new(EndpointSettings {
                concurrency: Some(7),
                ..EndpointSettings::default()
            }),
            secrets: vec![SigningSecret::newest(SecretText::new(SECRET.to_owned()), 1)],
            identity: None,
            state: EndpointState::Active,
            reason: None,
            since_ms: 1,
            probe_at_ms: None,
            health: EndpointHealth::default(),
            version: 1,
            created_at_ms: 1,
        };
        endpoint.number = self.store.create_endpoint(endpoint.clone()).await.unwrap();
        endpoint
    }

    async fn publish(&self, message: NewMessage) -> NewMessage {
        let published = self.store.publish(message.clone()).await.unwrap();
        assert_eq!(published, Published::Stored(Vec::new()));
        message
    }

    async fn state(&self, delivery: &DeliveryId) -> DeliveryState {
        let found = self.store.delivery(delivery.clone()).await.unwrap();
        found.unwrap().0.state
    }

    async fn claim(&self, endpoint: &Endpoint, now_ms: u64) -> Claimed {
        self.claim_up_to(endpoint, 2, u64::MAX, now_ms).await
    }

    async fn claim_up_to(
        &self,
        endpoint: &Endpoint,
        places: u32,
        body_bytes_max: u64,
        now_ms: u64,
    ) -> Claimed {
        let claim = Claim {
            endpoint_id: endpoint.id.clone(),
            places,
            held_max: places,
        };
        let claimed = self.store.claim(vec![claim], body_bytes_max, now_ms);
        claimed.await.unwrap().remove(0)
    }

    async fn update(&self, endpoint: &Endpoint, resume: Option<Resume>, now_ms: u64) -> bool {
        let updated = self.store.update_endpoint(endpoint.clone(), resume, now_ms);
        updated.await.unwrap()
    }
}

fn message(endpoint: &Endpoint, state: DeliveryState, at_ms: u64) -> NewMessage {
    let id = MessageId::new(at_ms, &SystemChance);
    let delivery = DeliveryId::of(&id, 0);
    NewMessage {
        id,
        workspace: WorkspaceId::default(),
        provider: "cleanmails".to_owned(),
        event_type: "email.replied".to_owned(),
        body: Bytes::from(format!("{{\"at\":{at_ms}}}")),
        created_at_ms: at_ms,
        idempotency: None,
        deliveries: vec![NewDelivery {
            id: delivery,
            endpoint_id: endpoint.id.clone(),
            endpoint_version: endpoint.version,
            state,
            order_key: None,
        }],
    }
}

fn ended(endpoint: &Endpoint, delivery: &DeliveryId, state: DeliveryState) -> Ended {
    Ended {
        delivery_id: delivery.clone(),
        endpoint_id: endpoint.id.clone(),
        attempt: Attempt {
            id: AttemptId::new(5, &SystemChance),
            number: 1,
            started_at_ms: 100,
            duration_ms: 10,
            outcome: Outcome::Failure(FailureKind::Timeout),
            detail: Some("no connection was made within 5 ms".to_owned()),
            response: b"\xff\0text".to_vec(),
        },
        attempts_in_round: 1,
        first_started_at_ms: 100,
        state,
        dead_reason: None,
        next_attempt_at_ms: (state == DeliveryState::Pending).then_some(500),
        health: EndpointHealth {
            failed_in_a_row: 5,
            exhausted_in_a_row: 3,
            pauses_in_a_row: 2,
            failing_since_ms: Some(8),
            last_success_at_ms: Some(7),
            warned_percent: 70,
            unwell: true,
        },
        order_key: None,
        change: None,
        operational: Vec::new(),
    }
}

fn paused(reason: StateReason, version: u64) -> Option<StateChange> {
    Some(StateChange {
        state: match reason {
            StateReason::Gone => EndpointState::PausedGone,
            _ => EndpointState::PausedFailing,
        },
        reason: Some(reason),
        since_ms: 110,
        probe_at_ms: Some(900),
        version,
    })
}

#[tokio::test]
async fn what_was_answered_survives_a_crash_and_is_sent_again_with_the_same_bytes() {
    let before = Fixture::new();
    let endpoint = before.endpoint().await;
    let sending = before
        .publish(message(&endpoint, DeliveryState::Sending, 10))
        .await;
    let pending = before
        .publish(message(&endpoint, DeliveryState::Pending, 20))
        .await;

    let after = before.after_a_crash();
    let endpoints = after.store.endpoints().await.unwrap();
    assert_eq!(endpoints, std::slice::from_ref(&endpoint));
    assert_eq!(after.store.recover(30).await.unwrap().interrupted, 1);
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
    assert_eq!(after.store.recover(30).await.unwrap().interrupted, 2);
}

#[tokio::test]
async fn a_delivery_is_claimed_once_and_in_the_order_of_its_time() {
    let fixture = Fixture::new();
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
    fixture.store.put_back(ids.collect(), 60).await.unwrap();
    assert_eq!(fixture.claim(&endpoint, 59).await.leases.len(), 0);
    assert_eq!(fixture.claim(&endpoint, 60).await.leases.len(), 2);
}

#[tokio::test]
async fn an_attempt_is_kept_with_what_follows_from_it() {
    let fixture = Fixture::new();
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

#[tokio::test]
async fn a_pause_holds_what_is_pending_and_activation_releases_it() {
    let fixture = Fixture::new();
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

#[tokio::test]
async fn a_paused_endpoint_is_read_back_with_what_paused_it() {
    let fixture = Fixture::new();
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

#[tokio::test]
async fn what_is_remembered_of_an_endpoint_is_kept() {
    let fixture = Fixture::new();
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
    fixture.update(&found, None, 100).await;
    assert_eq!(fixture.store.endpoints().await.unwrap(), [found]);
    let delivery = fixture.store.delivery(last.delivery_id).await.unwrap();
    assert_eq!(
        delivery.unwrap().0.dead_reason,
        Some(DeadLetterReason::ClientError)
    );
}
