//! Ordering per key in the store, held against a model that keeps lists: whatever is published, claimed, recorded, paused,
//! resumed, replayed, deleted or interrupted, in whatever order.

use bytes::Bytes;
use countersign_core::{
    delivery::{DeadLetterReason, EndpointHealth, EndpointState, Outcome},
    subscription::{Scope, Subscription},
};
use countersign_host::{
    chance::SystemChance,
    ids::{AttemptId, DeliveryId, EndpointId, MessageId, WorkspaceId},
    store::{
        Attempt, Claim, DeliveryState, Ended, Endpoint, Lease, NewDelivery, NewMessage, Published,
        Resume, Retried, StateReason, Store, Stored,
        sqlite::{Durability, Options, QueueLimits, SqliteStore, StartCheck, check},
    },
    vault::KeySource,
};
use proptest::prelude::*;
use std::{collections::HashMap, sync::Arc, time::Duration};

const KEYS: u8 = 3;

#[derive(Debug, Clone, Copy)]
enum Step {
    /// With a key, or without.
    Publish(Option<u8>),
    Claim(u32),
    /// Ends the attempt at this place.
    End(usize, DeliveryState),
    PutBack(usize),
    Pause,
    Resume(bool),
    Retry(usize),
    Resend(usize),
    Recover,
    Delete,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop::option::weighted(0.8, 0..KEYS).prop_map(Step::Publish),
        6 => (1..5_u32).prop_map(Step::Claim),
        8 => (any::<usize>(), prop::sample::select(vec![
            DeliveryState::Delivered, DeliveryState::Delivered, DeliveryState::DeadLettered, DeliveryState::Pending,
        ])).prop_map(|(place, state)| Step::End(place, state)),
        1 => any::<usize>().prop_map(Step::PutBack),
        1 => Just(Step::Pause),
        2 => any::<bool>().prop_map(Step::Resume),
        2 => any::<usize>().prop_map(Step::Retry),
        1 => any::<usize>().prop_map(Step::Resend),
        1 => Just(Step::Recover),
    ]
}

/// What the store must agree with.
#[derive(Default)]
struct Model {
    /// Open deliveries of a key, first come first.
    queues: HashMap<u8, Vec<DeliveryId>>,
    key_of: HashMap<DeliveryId, Option<u8>>,
    sending: Vec<Lease>,
    dead: Vec<DeliveryId>,
    delivered: Vec<DeliveryId>,
}

struct World {
    store: SqliteStore,
    endpoint: Endpoint,
    model: Model,
    now_ms: u64,
    runtime: tokio::runtime::Runtime,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            limits: QueueLimits {
                queue_max: 64,
                queue_bytes_max: 1024 * 1024,
                batch_max: 16,
            },
            durability: Durability::Normal,
            reserve_bytes: 0,
            check: StartCheck::Off,
            check_limit: Duration::from_secs(1),
        };
        let keys = KeySource::File(folder.path().join("secrets.key"));
        let file = folder.path().join("a.db");
        let store = SqliteStore::open(&file, options, &keys, Arc::new(SystemChance)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let endpoint = Endpoint {
            id: EndpointId::new(1, &SystemChance),
            workspace: WorkspaceId::default(),
            number: 1,
            provider: "platform".to_owned(),
            url: "https://example.com/".to_owned(),
            name: None,
            rules: countersign_guest::EndpointRules {
                subscription: Subscription::All,
                scope: Scope::User,
                filter: None,
            },
            settings: Arc::default(),
            secrets: Vec::new(),
            identity: None,
            state: EndpointState::Active,
            reason: None,
            since_ms: 1,
            probe_at_ms: None,
            health: EndpointHealth::default(),
            version: 1,
            created_at_ms: 1,
        };
        runtime
            .block_on(store.create_endpoint(endpoint.clone()))
            .unwrap();
        Self {
            store,
            endpoint,
            model: Model::default(),
            now_ms: 1_000,
            runtime,
            folder,
        }
    }

    fn apply(&mut self, step: Step) {
        self.now_ms += 1;
        match step {
            Step::Publish(key) => self.publish(key),
            Step::Claim(places) => self.claim(places),
            Step::End(place, state) => self.end(place, state),
            Step::PutBack(place) => {
                if let Some(lease) = self.take(place) {
                    let put_back =
                        self.store
                            .put_back(vec![lease.delivery_id], lease.fence, self.now_ms);
                    self.runtime.block_on(put_back).unwrap();
                }
            }
            Step::Pause => {
                self.endpoint.state = EndpointState::PausedManual;
                self.endpoint.reason = Some(StateReason::Manual);
                self.update(None);
            }
            Step::Resume(all) => {
                if !self.endpoint.state.is_active() {
                    self.endpoint.since_ms = self.now_ms;
                }
                self.endpoint.state = EndpointState::Active;
                self.endpoint.reason = None;
                self.update(Some(match all {
                    true => Resume::All,
                    false => Resume::Since(self.now_ms),
                }));
                self.settle(!all);
            }
            Step::Retry(place) => {
                let dead = self.model.dead.clone();
                self.retry(place, &dead, DeliveryState::DeadLettered);
            }
            Step::Resend(place) => {
                let delivered = self.model.delivered.clone();
                self.retry(place, &delivered, DeliveryState::Delivered);
            }
            Step::Recover => {
                self.model.sending.clear();
                self.runtime
                    .block_on(self.store.recover(self.now_ms))
                    .unwrap();
            }
            Step::Delete => {
                let id = self.endpoint.id.clone();
                self.runtime
                    .block_on(self.store.delete_endpoint(id, self.now_ms))
                    .unwrap();
            }
        }
        self.check();
    }

    fn publish(&mut self, key: Option<u8>) {
        let id = DeliveryId::new(self.now_ms, &SystemChance);
        let message = NewMessage {
            id: MessageId::new(self.now_ms, &SystemChance),
            workspace: WorkspaceId::default(),
            provider: "platform".to_owned(),
            event_type: "open".to_owned(),
            body: Bytes::from_static(b"{}"),
            created_at_ms: self.now_ms,
            idempotency: None,
            catalogue: None,
            deliveries: vec![NewDelivery {
                id: id.clone(),
                endpoint_id: self.endpoint.id.clone(),
                endpoint_version: self.endpoint.version,
                state: match self.endpoint.state.is_active() {
                    true => DeliveryState::Pending,
                    false => DeliveryState::Held,
                },
                order_key: key.map(|key| key.to_string().into()),
            }],
        };
        let published = self.runtime.block_on(self.store.publish(message)).unwrap();
        let waits = key.is_some_and(|key| {
            self.model
                .queues
                .get(&key)
                .is_some_and(|queue| !queue.is_empty())
        });
        let waiting = if waits { vec![id.clone()] } else { Vec::new() };
        let fence = None;
        assert_eq!(published, Published::Stored(Stored { waiting, fence }));
        if let Some(key) = key {
            self.model.queues.entry(key).or_default().push(id.clone());
        }
        self.model.key_of.insert(id, key);
    }

    fn claim(&mut self, places: u32) {
        let claim = Claim {
            endpoint_id: self.endpoint.id.clone(),
            places,
            held_max: places,
        };
        let claiming = self.store.claim(vec![claim], u64::MAX, self.now_ms);
        let claimed = self.runtime.block_on(claiming).unwrap().remove(0);
        for lease in claimed.leases {
            assert!(self.endpoint.state.is_active());
            if let Some(key) = self.model.key_of[&lease.delivery_id] {
                assert_eq!(
                    self.model.queues[&key].first(),
                    Some(&lease.delivery_id),
                    "out of turn"
                );
            }
            self.model.sending.push(lease);
        }
    }

    fn take(&mut self, place: usize) -> Option<Lease> {
        let count = self.model.sending.len();
        (count > 0).then(|| self.model.sending.swap_remove(place % count))
    }

    fn end(&mut self, place: usize, state: DeliveryState) {
        let Some(lease) = self.take(place) else {
            return;
        };
        let state = match (state, self.endpoint.state.is_active()) {
            (DeliveryState::Pending, false) => DeliveryState::Held,
            (state, _) => state,
        };
        let ended = Ended {
            fence: None,
            delivery_id: lease.delivery_id.clone(),
            endpoint_id: lease.endpoint_id.clone(),
            attempt: Attempt {
                id: AttemptId::new(self.now_ms, &SystemChance),
                number: lease.attempts_total + 1,
                started_at_ms: self.now_ms,
                duration_ms: 0,
                outcome: Outcome::Response {
                    status: 200,
                    retry_after_s: None,
                },
                detail: None,
                response: Vec::new(),
            },
            attempts_in_round: lease.attempts_in_round + 1,
            first_started_at_ms: self.now_ms,
            state,
            dead_reason: (state == DeliveryState::DeadLettered)
                .then_some(DeadLetterReason::Exhausted),
            next_attempt_at_ms: (state == DeliveryState::Pending).then_some(self.now_ms),
            health: EndpointHealth::default(),
            order_key: lease.order_key.clone(),
            change: None,
            operational: Vec::new(),
        };
        self.runtime.block_on(self.store.record(ended)).unwrap();
        if matches!(
            state,
            DeliveryState::Delivered | DeliveryState::DeadLettered
        ) {
            self.leave(&lease.delivery_id);
        }
        match state {
            DeliveryState::DeadLettered => self.model.dead.push(lease.delivery_id),
            DeliveryState::Delivered => self.model.delivered.push(lease.delivery_id),
            _ => {}
        }
    }

    fn leave(&mut self, id: &DeliveryId) {
        if let Some(key) = self.model.key_of[id] {
            self.model
                .queues
                .get_mut(&key)
                .unwrap()
                .retain(|open| open != id);
        }
    }

    fn update(&mut self, resume: Option<Resume>) {
        self.endpoint.version += 1;
        let updated = self
            .store
            .update_endpoint(self.endpoint.clone(), resume, self.now_ms);
        self.runtime.block_on(updated).unwrap();
    }

    /// Until everything has followed. What is skipped becomes dead letters, which the store says and the model takes over.
    fn settle(&mut self, skips: bool) {
        let id = self.endpoint.id.clone();
        while self
            .runtime
            .block_on(self.store.follow(id.clone(), self.now_ms))
            .unwrap()
        {}
        if skips {
            let known: Vec<_> = self.model.key_of.keys().cloned().collect();
            for id in known {
                let skipped = self.state(&id) == DeliveryState::DeadLettered
                    && !self.model.dead.contains(&id);
                if skipped {
                    assert!(
                        !self
                            .model
                            .sending
                            .iter()
                            .any(|lease| lease.delivery_id == id)
                    );
                    self.leave(&id);
                    self.model.dead.push(id);
                }
            }
        }
    }

    fn retry(&mut self, place: usize, ended: &[DeliveryId], state: DeliveryState) {
        let count = ended.len();
        if count == 0 {
            return;
        }
        let id = ended[place % count].clone();
        let retried = self
            .runtime
            .block_on(self.store.retry(id.clone(), vec![state], self.now_ms))
            .unwrap();
        if !self.endpoint.state.is_active() {
            assert_eq!(retried, Retried::EndpointNotActive);
            return;
        }
        self.model.dead.retain(|dead| *dead != id);
        self.model.delivered.retain(|delivered| *delivered != id);
        let key = self.model.key_of[&id];
        let queue = key.map(|key| self.model.queues.entry(key).or_default());
        let waits = queue.as_ref().is_some_and(|queue| !queue.is_empty());
        match waits {
            true => assert_eq!(retried, Retried::Waiting),
            false => assert_eq!(retried, Retried::Pending(self.endpoint.id.clone())),
        }
        if let Some(queue) = queue {
            queue.push(id);
        }
    }

    /// As `countersign check` sees it: rows, places and counters.
    fn is_sound(&self) {
        assert_eq!(
            check(&self.folder.path().join("a.db")).unwrap(),
            Vec::<String>::new()
        );
    }

    fn state(&self, id: &DeliveryId) -> DeliveryState {
        let found = self
            .runtime
            .block_on(self.store.delivery(id.clone()))
            .unwrap();
        found.unwrap().0.state
    }

    /// The first of each key has its turn, all others wait.
    fn check(&self) {
        for queue in self.model.queues.values() {
            for (place, id) in queue.iter().enumerate() {
                let state = self.state(id);
                let waits = state == DeliveryState::Waiting;
                assert_eq!(waits, place > 0, "{id} is {state:?} at place {place}");
            }
        }
    }

    /// Everything that is open ends.
    fn finish(&mut self) {
        self.apply(Step::Recover);
        self.apply(Step::Resume(true));
        for _ in 0..1_000 {
            self.apply(Step::Claim(4));
            if self.model.sending.is_empty() {
                break;
            }
            while !self.model.sending.is_empty() {
                self.apply(Step::End(0, DeliveryState::Delivered));
            }
        }
        for id in self.model.key_of.keys() {
            let state = self.state(id);
            let ended = [DeliveryState::Delivered, DeliveryState::DeadLettered];
            assert!(ended.contains(&state), "{id} is left {state:?}");
        }
    }
}

proptest! {
    // Each step is a commit on a real file.
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn the_store_keeps_the_order_of_every_key(steps in prop::collection::vec(step(), 1..60), delete in any::<bool>()) {
        let mut world = World::new();
        for step in steps {
            world.apply(step);
        }
        world.is_sound();
        match delete {
            false => world.finish(),
            true => {
                world.model.queues.clear();
                world.apply(Step::Delete);
                world.settle(false);
                world.apply(Step::Recover);
                for id in world.model.key_of.keys() {
                    let state = world.state(id);
                    let ended = [DeliveryState::Delivered, DeliveryState::DeadLettered, DeliveryState::Cancelled];
                    assert!(ended.contains(&state), "{id} is left {state:?}");
                }
            }
        }
        world.is_sound();
    }
}
