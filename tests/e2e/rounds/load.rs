//! Publishers, each with keys of its own, so that the order of what has the same key is known.

use crate::fleet::{kind, now_ms};
use anyhow::Context;
use countersign_tests::{history::Accepted, host};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

pub(crate) const PUBLISHERS: usize = 3;
/// Keys of each.
const KEYS: u64 = 4;
/// Longest time until one event is accepted by some host.
const ACCEPTED_MAX: Duration = Duration::from_secs(30);
/// Longest wait for an answer: a host that is stopped gives none.
const ANSWER_MAX: Duration = Duration::from_secs(3);
/// Between two tries.
const AGAIN: Duration = Duration::from_millis(20);

/// Publishes to one host after the other until it is told to stop. An event whose answer was lost or refused goes to another host
/// under the same idempotency key.
pub(crate) struct Publisher<'a> {
    pub(crate) urls: &'a [String],
    /// Id and name of each.
    pub(crate) endpoints: &'a [(String, &'static str)],
    pub(crate) stop: &'a AtomicBool,
}

impl Publisher<'_> {
    pub(crate) fn publish(&self, seed: u64) -> anyhow::Result<Vec<Accepted>> {
        let mut chance = fastrand::Rng::with_seed(seed);
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(ANSWER_MAX))
            .build()
            .into();
        let mut accepted = Vec::new();
        let mut places: HashMap<String, u64> = HashMap::new();
        let mut number = 0_u64;
        while !self.stop.load(Ordering::Relaxed) {
            number += 1;
            let ordered = chance.bool();
            let key = format!("{seed}-{}", chance.u64(..KEYS));
            let event = json!({
                "provider": "standard",
                "payload": {"type": format!("{}.made", kind(ordered)), "data": {"key": key, "number": number}},
            });
            let once = format!("{seed}-{number}");
            let answer = self.until_accepted(&agent, &once, &event.to_string(), &mut chance)?;
            let place = places.entry(key.clone()).or_default();
            *place += 1;
            let message = answer["message_id"].as_str().context("no message id")?;
            let deliveries = answer["deliveries"].as_array().context("no deliveries")?;
            anyhow::ensure!(deliveries.len() == 3, "not to every endpoint: {answer}");
            for delivery in deliveries {
                accepted.push(Accepted {
                    delivery: delivery["id"].as_str().context("no id")?.to_owned(),
                    message: message.to_owned(),
                    endpoint: self.name(&delivery["endpoint_id"])?.to_owned(),
                    order: ordered.then(|| (key.clone(), *place)),
                    at_ms: now_ms(),
                });
            }
            thread::sleep(Duration::from_millis(chance.u64(3..20)));
        }
        Ok(accepted)
    }

    fn name(&self, id: &Value) -> anyhow::Result<&'static str> {
        let found = self.endpoints.iter().find(|(known, _)| known == id);
        found
            .map(|(_, name)| *name)
            .with_context(|| format!("{id} is no endpoint"))
    }

    fn until_accepted(
        &self,
        agent: &ureq::Agent,
        once: &str,
        event: &str,
        chance: &mut fastrand::Rng,
    ) -> anyhow::Result<Value> {
        let began = Instant::now();
        let headers = [
            ("content-type", "application/json"),
            ("idempotency-key", once),
        ];
        loop {
            let url = chance.choice(self.urls).context("no host")?;
            let url = format!("{url}/v1/events");
            let last = match host::post(agent, &url, &headers, event.as_bytes()) {
                Ok(answer) if answer.status == 202 => return Ok(answer.json),
                Ok(answer) => {
                    anyhow::ensure!(answer.status == 503, "{answer:?}");
                    anyhow::ensure!(answer.retry_after.is_some(), "no Retry-After: {answer:?}");
                    answer.json.to_string()
                }
                Err(error) => error.to_string(),
            };
            anyhow::ensure!(
                began.elapsed() < ACCEPTED_MAX,
                "no host takes an event: {last}"
            );
            thread::sleep(AGAIN);
        }
    }
}
