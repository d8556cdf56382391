//! Questions to the guest. Its messages are described in `countersign-guest`.

use super::{
    RulesError,
    engine::{Engine, Limits, Sandbox},
    pool::{MEMORY_BYTES_KEPT, Pool},
};
use countersign_guest::{
    ABI_VERSION, Answer, AskSample, Call, CheckEndpoint, DeliveryPlan, EndpointRules,
    EndpointSettings, INPUT_BYTES_MAX, Judge, Notify, Publish, Published, Receive, Received,
    Rejection, SignaturePlan, Tried, Try,
    delivery::{
        EndpointHealth, EndpointState, Judgement,
        machine::{
            delivery::{Input as Asked, State},
            endpoint::Input,
        },
        rotation::{Rotated, Rotation, SecretTimes},
    },
};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};
use wasmtime::TypedFunc;

/// A publish of the longest body holds it several times over; everything else is far smaller.
const LIMITS: Limits = Limits {
    memory_bytes_max: 64 * 1024 * 1024,
    // The longest body takes some tens of milliseconds.
    deadline_ms: 1_000,
};

/// Plans of endpoints with a signature of their own that are remembered; when there are more, all are asked for anew.
const OWN_PLANS_MAX: usize = 1_024;

/// The module that decides. It can be replaced while calls are under way: those finish on the one that they began on.
pub struct Guest {
    current: RwLock<Arc<Loaded>>,
}

/// A module in use.
struct Loaded {
    pool: Arc<Pool<Instance>>,
    sha256: String,
    /// `None` for the one of this binary.
    file: Option<PathBuf>,
    /// By provider name, without and with the headers of Standard Webhooks. Plans are constants of the module, and it knows
    /// few providers.
    plans: [RwLock<HashMap<String, Arc<DeliveryPlan>>>; 2],
    /// Of endpoints with a signature of their own: at most [`OWN_PLANS_MAX`].
    own_plans: RwLock<HashMap<OwnPlan, Arc<DeliveryPlan>>>,
}

/// Provider, headers of Standard Webhooks, signature.
type OwnPlan = (String, bool, SignaturePlan);

struct Instance {
    sandbox: Sandbox,
    input: TypedFunc<u32, u32>,
    call: TypedFunc<u32, u32>,
    output: TypedFunc<(), u32>,
}

impl Guest {
    /// Compiles the module and makes a first instance.
    ///
    /// # Errors
    /// [`RulesError::Module`]
    pub fn new(engine: &Engine, wasm: &[u8], file: Option<PathBuf>) -> Result<Self, RulesError> {
        let template = engine.compile("guest", wasm, LIMITS)?;
        let make = move || {
            let mut sandbox = template.instance()?;
            let version = sandbox.function::<(), u32>("abi_version")?;
            let version = sandbox.call(&version, ())?;
            if version != ABI_VERSION {
                return Err(RulesError::Module {
                    module: "guest",
                    problem: format!("its ABI is {version}, this host speaks {ABI_VERSION}"),
                });
            }
            Ok(Instance {
                input: sandbox.function("input")?,
                call: sandbox.function("call")?,
                output: sandbox.function("output")?,
                sandbox,
            })
        };
        let pool = Pool::new(make, |instance| {
            instance.sandbox.memory_bytes() <= MEMORY_BYTES_KEPT
        })?;
        let loaded = Loaded {
            pool,
            sha256: base16ct::lower::encode_string(&Sha256::digest(wasm)),
            file,
            plans: Default::default(),
            own_plans: RwLock::default(),
        };
        Ok(Self {
            current: RwLock::new(Arc::new(loaded)),
        })
    }

    /// Takes over the module of another one. Calls that have begun finish on the one before.
    pub(super) fn become_like(&self, other: &Self) {
        let new = other.current();
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = new;
    }

    /// SHA-256 of the module in use, lower-case hex.
    pub fn sha256(&self) -> String {
        self.current().sha256.clone()
    }

    /// The file of the module in use; `None` for the one of this binary.
    pub fn file(&self) -> Option<PathBuf> {
        self.current().file.clone()
    }

    fn current(&self) -> Arc<Loaded> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Checks the description of an endpoint, and puts its settings into those that it had.
    ///
    /// # Errors
    /// [`RulesError`]; the inner error is for whoever described it.
    pub fn check_endpoint(
        &self,
        endpoint: CheckEndpoint,
    ) -> Result<Result<(EndpointRules, EndpointSettings), Rejection>, RulesError> {
        match self.ask(&Call::CheckEndpoint(endpoint))? {
            Answer::Endpoint(rules, settings) => Ok(Ok((rules, settings))),
            Answer::Rejected(rejection) => Ok(Err(rejection)),
            _ => Err(MISMATCH),
        }
    }

    /// Asks for whom an event is.
    ///
    /// # Errors
    /// [`RulesError`]; the inner error is for whoever published it.
    pub fn publish(&self, event: Publish) -> Result<Result<Published, Rejection>, RulesError> {
        match self.ask(&Call::Publish(event))? {
            Answer::Published(published) => Ok(Ok(published)),
            Answer::Rejected(rejection) => Ok(Err(rejection)),
            _ => Err(MISMATCH),
        }
    }

    /// Asks for the body of a sample event.
    ///
    /// # Errors
    /// [`RulesError`]; the inner error is for whoever named the type.
    pub fn sample(&self, wanted: AskSample) -> Result<Result<Vec<u8>, Rejection>, RulesError> {
        match self.ask(&Call::Sample(wanted))? {
            Answer::Sample(body) => Ok(Ok(body)),
            Answer::Rejected(rejection) => Ok(Err(rejection)),
            _ => Err(MISMATCH),
        }
    }

    /// Asks how deliveries of a provider are made, to an endpoint with this signature if it has one of its own.
    ///
    /// # Errors
    /// [`RulesError`]
    pub fn plan(
        &self,
        provider: &str,
        standard_headers: bool,
        signature: Option<&SignaturePlan>,
    ) -> Result<Arc<DeliveryPlan>, RulesError> {
        let loaded = self.current();
        if let Some(signature) = signature {
            return loaded.own_plan((provider.to_owned(), standard_headers, signature.clone()));
        }
        let [without, with] = &loaded.plans;
        let plans = match standard_headers {
            true => with,
            false => without,
        };
        let known = plans.read().ok();
        if let Some(plan) = known.and_then(|plans| plans.get(provider).cloned()) {
            return Ok(plan);
        }
        let plan = loaded.plan(Call::Plan {
            provider: provider.to_owned(),
            standard_headers,
            signature: None,
        })?;
        if let Ok(mut plans) = plans.write() {
            plans.insert(provider.to_owned(), Arc::clone(&plan));
        }
        Ok(plan)
    }

    /// Asks which events would go to an endpoint with these rules, and why not.
    ///
    /// # Errors
    /// [`RulesError`]
    pub fn tried(&self, asked: Try) -> Result<Vec<Tried>, RulesError> {
        match self.ask(&Call::Try(asked))? {
            Answer::Tried(tried) => Ok(tried),
            other => Err(unexpected(other)),
        }
    }

    /// Asks what follows from an attempt.
    ///
    /// # Errors
    /// [`RulesError`]
    pub fn judge(&self, attempt: Judge) -> Result<Judgement, RulesError> {
        match self.ask(&Call::Judge(attempt))? {
            Answer::Judged(judgement) => Ok(judgement),
            other => Err(unexpected(other)),
        }
    }

    /// Asks for the health of an endpoint that its owner sets active.
    ///
    /// # Errors
    /// [`RulesError`]
    pub fn reactivate(&self, health: EndpointHealth) -> Result<EndpointHealth, RulesError> {
        match self.ask(&Call::Reactivate { health })? {
            Answer::Health(health) => Ok(health),
            other => Err(unexpected(other)),
        }
    }

    /// Asks what happens to the state of an endpoint; `None`: nothing.
    ///
    /// # Errors
    /// [`RulesError`]
    pub fn moved(
        &self,
        state: EndpointState,
        input: Input,
    ) -> Result<Option<EndpointState>, RulesError> {
        match self.ask(&Call::Move { state, input })? {
            Answer::Moved(next) => Ok(next),
            other => Err(unexpected(other)),
        }
    }

    /// Asks which endpoints are told of something, and with which bytes.
    ///
    /// # Errors
    /// [`RulesError`]
    pub fn notify(&self, notify: Notify) -> Result<Published, RulesError> {
        match self.ask(&Call::Notify(notify))? {
            Answer::Published(published) => Ok(published),
            other => Err(unexpected(other)),
        }
    }

    /// Asks in which states a delivery takes an input; in all others it is refused.
    ///
    /// # Errors
    /// [`RulesError`]
    pub fn allowed(&self, input: Asked) -> Result<Vec<State>, RulesError> {
        match self.ask(&Call::Allowed { input })? {
            Answer::Allowed(states) => Ok(states),
            other => Err(unexpected(other)),
        }
    }

    /// Asks which secrets of an endpoint sign, newest first in, in the order of their signatures out.
    ///
    /// # Errors
    /// [`RulesError`]
    pub fn signing_order(
        &self,
        secrets: Vec<SecretTimes>,
        now_ms: u64,
    ) -> Result<Vec<u32>, RulesError> {
        match self.ask(&Call::SigningOrder { secrets, now_ms })? {
            Answer::SigningOrder(order) => Ok(order),
            other => Err(unexpected(other)),
        }
    }

    /// Asks for the secrets of an endpoint after a new one was set.
    ///
    /// # Errors
    /// [`RulesError`]; the inner error is for whoever sets it.
    pub fn rotate(
        &self,
        secrets: Vec<SecretTimes>,
        rotation: Rotation,
        now_ms: u64,
    ) -> Result<Result<Vec<Rotated>, Rejection>, RulesError> {
        let call = Call::Rotate {
            secrets,
            rotation,
            now_ms,
        };
        match self.ask(&call)? {
            Answer::Rotated(rotated) => Ok(Ok(rotated)),
            Answer::Rejected(rejection) => Ok(Err(rejection)),
            _ => Err(MISMATCH),
        }
    }

    /// Asks whose a request is that was posted here, by the name of the source; `None`: nobody's that is known.
    ///
    /// # Errors
    /// [`RulesError`]
    pub fn recognise(
        &self,
        headers: Vec<(String, Vec<u8>)>,
        body: Vec<u8>,
    ) -> Result<Option<String>, RulesError> {
        match self.ask(&Call::Recognise { headers, body })? {
            Answer::Recognised(source) => Ok(source),
            other => Err(unexpected(other)),
        }
    }

    /// Asks what a verified request says, and for whom its events are.
    ///
    /// # Errors
    /// [`RulesError`]; the inner error is for whoever posted it.
    pub fn receive(&self, request: Receive) -> Result<Result<Received, Rejection>, RulesError> {
        match self.ask(&Call::Receive(request))? {
            Answer::Received(received) => Ok(Ok(received)),
            Answer::Rejected(rejection) => Ok(Err(rejection)),
            _ => Err(MISMATCH),
        }
    }

    fn ask(&self, call: &Call) -> Result<Answer, RulesError> {
        self.current().ask(call)
    }
}

impl Loaded {
    fn plan(&self, call: Call) -> Result<Arc<DeliveryPlan>, RulesError> {
        match self.ask(&call)? {
            Answer::Plan(plan) => Ok(Arc::new(plan)),
            other => Err(unexpected(other)),
        }
    }

    fn own_plan(&self, asked: OwnPlan) -> Result<Arc<DeliveryPlan>, RulesError> {
        let known = self.own_plans.read().ok();
        if let Some(plan) = known.and_then(|plans| plans.get(&asked).cloned()) {
            return Ok(plan);
        }
        let (provider, standard_headers, signature) = asked.clone();
        let plan = self.plan(Call::Plan {
            provider,
            standard_headers,
            signature: Some(signature),
        })?;
        if let Ok(mut plans) = self.own_plans.write() {
            if plans.len() >= OWN_PLANS_MAX {
                plans.clear();
            }
            plans.insert(asked, Arc::clone(&plan));
        }
        Ok(plan)
    }

    fn ask(&self, call: &Call) -> Result<Answer, RulesError> {
        let call = postcard::to_allocvec(call)
            .map_err(|_| RulesError::Answer("the question cannot be written"))?;
        if call.len() > INPUT_BYTES_MAX {
            return Err(RulesError::TooLong { bytes: call.len() });
        }
        self.pool.with(|instance| instance.ask(&call))
    }
}

impl Instance {
    fn ask(&mut self, call: &[u8]) -> Result<Answer, RulesError> {
        let length =
            u32::try_from(call.len()).map_err(|_| RulesError::TooLong { bytes: call.len() })?;
        let place = self.sandbox.call(&self.input, length)?;
        self.sandbox.write(place, call)?;
        let length = self.sandbox.call(&self.call, length)?;
        let place = self.sandbox.call(&self.output, ())?;
        postcard::from_bytes(self.sandbox.read(place, length)?)
            .map_err(|_| RulesError::Answer("it is not encoded as agreed"))
    }
}

const MISMATCH: RulesError = RulesError::Answer("it answers another question");

fn unexpected(answer: Answer) -> RulesError {
    match answer {
        Answer::Rejected(rejection) => RulesError::Refused(rejection.message),
        _ => MISMATCH,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::GUEST_WASM;
    use countersign_guest::{
        Target,
        delivery::{EndedAttempt, Next, Outcome},
        retry::TimeScale,
        subscription::Overlap,
    };

    fn guest() -> Guest {
        Guest::new(&Engine::new().unwrap(), GUEST_WASM, None).unwrap()
    }

    #[test]
    fn an_endpoint_is_checked_and_an_event_finds_it() {
        let guest = guest();
        let check = |events: &str| CheckEndpoint {
            provider: "cleanmails".to_owned(),
            events: Some(events.to_owned()),
            scope: None,
            filter: None,
            signature: None,
            settings: Some(r#"{"ordering": "lead"}"#.to_owned()),
            before: EndpointSettings::default(),
        };
        let checked = guest.check_endpoint(check(r#"["email.replied"]"#));
        let (rules, settings) = checked.unwrap().unwrap();
        let refused = guest.check_endpoint(check(r#"["email.repleid"]"#));
        assert_eq!(refused.unwrap().unwrap_err().code, "unknown_event_type");
        let event = Publish {
            provider: "cleanmails".to_owned(),
            payload: br#"{"event":"email.replied","workspace_id":1,"data":{"lead_id":1}}"#.to_vec(),
            default_id: "1".to_owned(),
            default_timestamp: "2026-01-02T03:04:05Z".to_owned(),
            client_id: None,
            bot: false,
            endpoints: vec![Target {
                rules,
                state: EndpointState::Active,
                ordering: settings.ordering,
            }],
            overlap: Overlap::Each,
        };
        let published = guest.publish(event).unwrap().unwrap();
        assert_eq!(published.event_type, "email.replied");
        assert_eq!(published.matches.len(), 1);
        assert!(published.matches[0].order_key.is_some());
    }

    #[test]
    fn a_failed_attempt_is_tried_again() {
        let judgement = guest().judge(Judge {
            provider: "cleanmails".to_owned(),
            settings: None,
            attempt: EndedAttempt {
                number: 1,
                probe: false,
                outcome: Outcome::Response {
                    status: 500,
                    retry_after_s: None,
                },
                first_started_at_ms: 1_000,
                ended_at_ms: 2_000,
            },
            health: EndpointHealth::default(),
            state: EndpointState::Active,
            scale: TimeScale::REAL,
            chance: u64::MAX,
        });
        assert_eq!(judgement.unwrap().next, Next::RetryAt(4_000));
    }

    #[test]
    fn an_unknown_provider_and_a_call_that_is_too_long_are_errors() {
        let guest = guest();
        assert!(matches!(
            guest.plan("nobody", true, None),
            Err(RulesError::Refused(_))
        ));
        let long = "x".repeat(INPUT_BYTES_MAX + 1);
        assert!(matches!(
            guest.plan(&long, true, None),
            Err(RulesError::TooLong { .. })
        ));
        assert!(guest.plan("cleanmails", true, None).is_ok());
    }
}
