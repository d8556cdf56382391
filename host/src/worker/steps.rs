//! What follows an attempt or a change of an endpoint: deliveries that follow its state, what was held, and probes.

use super::{STORE_FAILED, Slot, Worker, attempt::Settled};
use crate::{
    ids::EndpointId,
    rules::RulesError,
    store::{Endpoint, Lease},
};
use countersign_core::delivery::machine::endpoint::Input;
use std::{
    collections::HashMap,
    sync::{Arc, MutexGuard, PoisonError},
};

impl Worker {
    /// The endpoint was changed by its owner. `resumed`: it was set active. `more`: what the store says of deliveries that are
    /// to follow.
    pub fn changed(self: &Arc<Self>, endpoint: &Endpoint, resumed: bool, more: bool) {
        let now_ms = self.context.clock.now_ms();
        self.configure(&endpoint.id, &endpoint.settings);
        match endpoint.probe_at_ms {
            Some(at_ms) => self.probes().arm(&endpoint.id, at_ms),
            None => self.probes().disarm(&endpoint.id),
        }
        if more {
            self.follow(&endpoint.id);
        }
        if resumed {
            self.slots().drain(&endpoint.id, now_ms, true);
        }
        self.wake.notify_one();
    }

    /// The endpoint was deleted.
    pub fn deleted(self: &Arc<Self>, endpoint: &EndpointId, more: bool) {
        self.slots().forget(endpoint);
        self.probes().disarm(endpoint);
        if more {
            self.follow(endpoint);
        }
    }

    /// This host works the endpoint from now on.
    pub fn adopted(self: &Arc<Self>, endpoint: &Endpoint) {
        let now_ms = self.context.clock.now_ms();
        self.slots().adopt(&endpoint.id, &endpoint.settings, now_ms);
        match endpoint.probe_at_ms {
            Some(at_ms) => self.probes().arm(&endpoint.id, at_ms),
            None => self.probes().disarm(&endpoint.id),
        }
    }

    /// Another host works the endpoint from now on. What is under way is finished.
    pub fn left(&self, endpoint: &EndpointId) {
        self.slots().forget(endpoint);
        self.probes().disarm(endpoint);
        self.wake.notify_one();
    }

    /// Others work everything that this host did. What is under way ends without being recorded.
    pub fn lost_lease(&self) {
        self.probes().clear();
        let mut slots = self.slots();
        for lease in slots.forget_all() {
            slots.release(&lease.endpoint_id, 1, lease.body.len() as u64);
        }
        drop(slots);
        self.lost
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.wake.notify_one();
    }

    /// Looks for everything anew: there are endpoints that this host did not work before.
    pub async fn look_again(self: &Arc<Self>) {
        let now_ms = self.context.clock.now_ms();
        self.round(now_ms).await;
        self.wake.notify_one();
    }

    /// A delivery of the endpoint was published and is held.
    pub fn held(&self, endpoint: &EndpointId) {
        let now_ms = self.context.clock.now_ms();
        if self.probes().held(endpoint, now_ms) {
            self.wake.notify_one();
        }
    }

    /// What follows from an attempt that has been recorded.
    pub(super) fn after(self: &Arc<Self>, lease: &Lease, settled: &Settled) {
        let endpoint = &lease.endpoint_id;
        if let Some(at_ms) = settled.next_due_at_ms {
            self.due(endpoint, at_ms);
        }
        if let Some(change) = &settled.change {
            match change.probe_at_ms {
                Some(at_ms) => self.probes().arm(endpoint, at_ms),
                None => self.probes().disarm(endpoint),
            }
            if change.state.is_active() {
                let now_ms = self.context.clock.now_ms();
                self.slots().drain(endpoint, now_ms, true);
            }
            self.wake.notify_one();
        }
        for told in &settled.told {
            let now_ms = self.context.clock.now_ms();
            self.due(told, now_ms);
            // Or it is, and may be what a probe waits for.
            self.held(told);
        }
        if settled.left.follow {
            self.follow(endpoint);
        }
        if settled.left.drain {
            let now_ms = self.context.clock.now_ms();
            self.slots().drain(endpoint, now_ms, false);
            self.wake.notify_one();
        }
    }

    /// Lets deliveries follow the state of their endpoint, a step at a time; other writes come in between.
    pub(super) fn follow(self: &Arc<Self>, endpoint: &EndpointId) {
        let mut following = self.following();
        if let Some(again) = following.get_mut(endpoint) {
            *again = true;
            return;
        }
        following.insert(endpoint.clone(), false);
        drop(following);
        let (worker, endpoint) = (Arc::clone(self), endpoint.clone());
        tokio::spawn(async move {
            loop {
                let now_ms = worker.context.clock.now_ms();
                match worker.context.store.follow(endpoint.clone(), now_ms).await {
                    Ok(true) => {}
                    Ok(false) if worker.asked_again(&endpoint) => {}
                    Ok(false) => break,
                    Err(error) => {
                        // The store has told of it in the log.
                        tracing::debug!(%endpoint, %error, "deliveries do not follow the state of their endpoint yet");
                        // The loop finds it again.
                        worker.context.clock.sleep(STORE_FAILED).await;
                        worker.following().remove(&endpoint);
                        break;
                    }
                }
            }
            // What was skipped may have made others due.
            if worker.context.registry.find(&endpoint).is_some() {
                worker.due(&endpoint, worker.context.clock.now_ms());
            }
        });
    }

    /// Whether the endpoint changed since its deliveries began to follow it. If not, nobody follows any more.
    fn asked_again(&self, endpoint: &EndpointId) -> bool {
        let mut following = self.following();
        match following.get_mut(endpoint) {
            Some(again) if *again => {
                *again = false;
                true
            }
            _ => {
                following.remove(endpoint);
                false
            }
        }
    }

    fn following(&self) -> MutexGuard<'_, HashMap<EndpointId, bool>> {
        self.following
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends the probes that are due.
    pub(super) async fn probe(self: &Arc<Self>, now_ms: u64) {
        loop {
            let Some(endpoint) = self.probes().take(now_ms) else {
                return;
            };
            // Another host sees to it.
            if !self.context.store.owns(&endpoint) {
                continue;
            }
            if !self.slots().reserve_probe(&endpoint, now_ms) {
                let later_ms = now_ms.saturating_add(super::duration_ms(STORE_FAILED));
                self.probes().arm(&endpoint, later_ms);
                return;
            }
            // Given back unless a probe takes it over.
            let slot = Slot::new(self, &endpoint);
            self.probe_one(slot, &endpoint, now_ms).await;
        }
    }

    async fn probe_one(self: &Arc<Self>, slot: Slot, id: &EndpointId, now_ms: u64) {
        let Some(entry) = self.context.registry.find(id) else {
            return;
        };
        let claiming = entry.change(|endpoint, deleted| {
            let next = self
                .context
                .rules
                .guest
                .moved(endpoint.state, Input::ProbeDue)?;
            Ok::<_, RulesError>(match next {
                // Only for as long as the probe is out, and only in memory: a restart loses the probe.
                Some(state) if !deleted && endpoint.probe_at_ms.is_some() => {
                    endpoint.state = state;
                    Some(self.context.store.claim_probe(id.clone(), now_ms))
                }
                _ => None,
            })
        });
        let claimed = match claiming {
            Ok(Some(claiming)) => claiming.await,
            Ok(None) => return,
            Err(error) => {
                tracing::error!(endpoint = %id, %error, "no probe could be made");
                return;
            }
        };
        match claimed {
            Ok(Some(lease)) => self.begin(slot, lease),
            Ok(None) => {
                self.not_probing(id);
                self.probes().want(id);
            }
            Err(error) => {
                self.probe_lost(
                    id,
                    now_ms.saturating_add(super::duration_ms(super::PUT_BACK)),
                );
                self.store_failed(&error).await;
            }
        }
    }

    /// A probe ended without an outcome.
    pub(super) fn probe_lost(&self, endpoint: &EndpointId, again_ms: u64) {
        self.not_probing(endpoint);
        self.probes().arm(endpoint, again_ms);
    }

    fn not_probing(&self, id: &EndpointId) {
        let Some(entry) = self.context.registry.find(id) else {
            return;
        };
        let told = entry.change(|endpoint, _| {
            let next = self
                .context
                .rules
                .guest
                .moved(endpoint.state, Input::ProbeLost)?;
            endpoint.state = next.unwrap_or(endpoint.state);
            Ok::<_, RulesError>(())
        });
        if let Err(error) = told {
            tracing::error!(endpoint = %id, %error, "a lost probe could not be told to the rules");
        }
    }
}
