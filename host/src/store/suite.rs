//! The contract of [`Store`], held by every store that there is: each test is made for both. What concerns files is in
//! `sqlite/tests`.
//!
//! A crash is played by what a process that is killed leaves: a copy of the files, or a database whose host is silent.

/// Makes the tests of a module for each store. A test that is not listed is code that nobody calls, which the compiler says.
macro_rules! contract {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $test() {
                super::$test($crate::store::suite::sqlite::fixture()).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                if let Some(fixture) = $crate::store::suite::postgres::fixture().await {
                    super::$test(fixture).await;
                }
            })+
        }
    };
}

mod basics;
mod bodies;
mod commits;
mod ended;
mod failed;
mod fenced;
mod forgotten;
mod inbound;
mod lists;
mod operational;
pub(in crate::store) mod postgres;
mod publishing;
pub(in crate::store) mod sqlite;
mod steps;
mod versions;

pub(in crate::store) use self::ended::replay;

use super::*;
use crate::{chance::SystemChance, ids::AttemptId, vault::KeySource};
use countersign_core::{
    delivery::{DeadLetterReason, EndpointHealth, EndpointState, FailureKind, Outcome},
    subscription::{Scope, Subscription},
};
use countersign_guest::{EndpointRules, EndpointSettings};
use std::sync::Arc;

/// The secret of the endpoints.
pub(in crate::store) const SECRET: &str = "whsec_of the tests";
/// The states from which a dead letter is replayed.
pub(in crate::store) const DEAD: [DeliveryState; 1] = [DeliveryState::DeadLettered];

/// The key of the secrets.
pub(in crate::store) fn keys() -> KeySource {
    KeySource::Given(zeroize::Zeroizing::new("01".repeat(32)))
}

/// What the suite must know of a store that the store does not say of itself.
pub(in crate::store) trait Engine: Send + Sync {
    /// What another process finds after this one was killed. The store of before is used no more.
    fn after_a_crash(&self) -> Pin<Box<dyn Future<Output = Fixture> + Send + '_>>;
    /// Whoever used the data before is known to have gone.
    fn before_recovery(&self);
    /// Every invariant that its data breaks, in words.
    fn findings(&self) -> Vec<String>;
    /// Secrets that it keeps, as they are kept.
    fn sealed(&self) -> Vec<String>;
}

/// A store, empty at first.
pub(in crate::store) struct Fixture {
    pub(in crate::store) store: Arc<dyn Store>,
    pub(in crate::store) engine: Box<dyn Engine>,
}

impl Fixture {
    pub(in crate::store) async fn after_a_crash(&self) -> Self {
        self.engine.after_a_crash().await
    }

    pub(in crate::store) async fn recover(&self, now_ms: u64) -> Recovered {
        self.engine.before_recovery();
        self.store.recover(now_ms).await.unwrap()
    }

    pub(in crate::store) fn findings(&self) -> Vec<String> {
        self.engine.findings()
    }

    pub(in crate::store) fn sealed(&self) -> Vec<String> {
        self.engine.sealed()
    }

    pub(in crate::store) async fn endpoint(&self) -> Endpoint {
        create_endpoint(&*self.store).await
    }

    pub(in crate::store) async fn publish(&self, message: NewMessage) -> NewMessage {
        let published = self.store.publish(message.clone()).await.unwrap();
        assert_eq!(waiting(published), []);
        message
    }

    pub(in crate::store) async fn state(&self, delivery: &DeliveryId) -> DeliveryState {
        let found = self.store.delivery(delivery.clone()).await.unwrap();
        found.unwrap().0.state
    }

    pub(in crate::store) async fn claim(&self, endpoint: &Endpoint, now_ms: u64) -> Claimed {
        self.claim_up_to(endpoint, 2, u64::MAX, now_ms).await
    }

    pub(in crate::store) async fn claim_up_to(
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

    pub(in crate::store) async fn update(
        &self,
        endpoint: &Endpoint,
        resume: Option<Resume>,
        now_ms: u64,
    ) -> bool {
        let updated = self.store.update_endpoint(endpoint.clone(), resume, now_ms);
        updated.await.unwrap()
    }
}

/// Of what is kept of a message, the deliveries that wait.
#[track_caller]
pub(crate) fn waiting(published: Published) -> Vec<DeliveryId> {
    match published {
        Published::Stored(stored) => stored.waiting,
        other => panic!("{other:?}"),
    }
}

pub(in crate::store) async fn create_endpoint(store: &dyn Store) -> Endpoint {
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
    endpoint.number = store.create_endpoint(endpoint.clone()).await.unwrap();
    endpoint
}

pub(in crate::store) fn message(
    endpoint: &Endpoint,
    state: DeliveryState,
    at_ms: u64,
) -> NewMessage {
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
        catalogue: None,
        deliveries: vec![NewDelivery {
            id: delivery,
            endpoint_id: endpoint.id.clone(),
            endpoint_version: endpoint.version,
            state,
            order_key: None,
        }],
    }
}

pub(in crate::store) fn ended(
    endpoint: &Endpoint,
    delivery: &DeliveryId,
    state: DeliveryState,
) -> Ended {
    Ended {
        delivery_id: delivery.clone(),
        fence: None,
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

pub(in crate::store) fn paused(reason: StateReason, version: u64) -> Option<StateChange> {
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
