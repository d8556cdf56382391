//! Endpoints: making, changing and deleting them.

mod address;
mod certificate;
mod dry_run;
mod rotation;
mod signing;

pub use self::{
    address::URL_BYTES_MAX,
    certificate::{ClientCertificate, set_certificate},
    dry_run::{DryRun, LAST_MAX, Looked, Tested, dry_run, dry_run_of},
    rotation::{Rotate, Turned, finish, rotate, wipe_expired},
};

use self::{
    address::{check_address, check_url},
    signing::{check_secret, make_secret, needs_secret},
};

use crate::{
    context::Context,
    ids::{EndpointId, WorkspaceId},
    registry::Entry,
    rules::RulesError,
    store::{Endpoint, Resume, SecretText, SigningSecret, StateReason, StoreError, Word},
    worker::Worker,
};
use countersign_core::delivery::{EndpointHealth, EndpointState};
use countersign_guest::{CheckEndpoint, EndpointRules, EndpointSettings, Rejection};
use std::{sync::Arc, time::Duration};

/// Longest secret. Anything beyond 64 bytes is hashed down by HMAC anyway.
pub const SECRET_BYTES_MAX: usize = 1024;
/// How often a change is tried because other hosts change the same endpoint.
const CHANGES_MAX: u32 = 10;
/// Longest pause between two tries, in milliseconds.
const PAUSE_MS_MAX: u8 = 40;
/// Longest name.
pub const NAME_BYTES_MAX: usize = 200;

/// An endpoint as a client describes it.
#[derive(Debug, Clone, Default)]
pub struct Description {
    pub workspace: WorkspaceId,
    pub provider: String,
    pub url: String,
    pub name: Option<String>,
    /// JSON text of the subscription.
    pub events: Option<String>,
    /// JSON text of the scope.
    pub scope: Option<String>,
    /// JSON text of the filter.
    pub filter: Option<String>,
    /// JSON text of the signature.
    pub signature: Option<String>,
    pub secret: Option<SecretText>,
    /// JSON text of the settings.
    pub settings: Option<String>,
    /// `None`: active.
    pub state: Option<EndpointState>,
}

/// What a client changes about an endpoint; `None` leaves it.
#[derive(Debug, Clone, Default)]
pub struct Change {
    pub url: Option<String>,
    pub name: Option<Option<String>>,
    pub events: Option<String>,
    pub scope: Option<String>,
    /// JSON text of the filter; `null` for none.
    pub filter: Option<String>,
    /// JSON text of the signature; `null` for the provider's own.
    pub signature: Option<String>,
    pub secret: Option<Option<SecretText>>,
    /// JSON text of the settings that change.
    pub settings: Option<String>,
    pub state: Option<EndpointState>,
    /// What becomes of held deliveries when it is set active; `None`: they go out.
    pub resume: Option<Resume>,
}

/// Why an endpoint was not made or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The description is wrong; the client's mistake.
    #[error("{}", .0.message)]
    Rejected(Rejection),
    /// There is none of this id.
    #[error("no such endpoint")]
    Unknown,
    /// A defect.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// Busy or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A new endpoint.
#[derive(Debug, Clone)]
pub struct Made {
    pub endpoint: Endpoint,
    /// The secret was made here. This is the only time that it is shown.
    pub secret_made: bool,
}

/// Makes an endpoint. To be run to its end.
///
/// # Errors
/// [`EndpointError`]; nothing is stored then.
pub async fn create(
    context: Arc<Context>,
    worker: Arc<Worker>,
    given: Description,
) -> Result<Made, EndpointError> {
    let (rules, settings) = check(
        &context,
        CheckEndpoint {
            provider: given.provider.clone(),
            events: given.events,
            scope: given.scope,
            filter: given.filter,
            signature: given.signature,
            settings: given.settings,
            before: EndpointSettings::default(),
        },
    )?;
    let url = check_url(&given.url, context.config.current().delivery.allow_http)?;
    check_address(&context, &url).await?;
    check_name(given.name.as_deref())?;
    let signature = settings.signature.as_ref();
    let plan = context.rules.plan(&given.provider, true, signature)?;
    let secret_made = given.secret.is_none() && plan.always_signed;
    let secret = match secret_made {
        true => Some(make_secret(&context, &plan)?),
        false => given.secret,
    };
    if let Some(secret) = &secret {
        check_secret(&context, &plan, secret)?;
    }
    let now_ms = context.clock.now_ms();
    let state = given.state.unwrap_or(EndpointState::Active);
    let mut endpoint = Endpoint {
        id: EndpointId::new(now_ms, &*context.chance),
        workspace: given.workspace,
        // The store's to give.
        number: 0,
        provider: given.provider,
        url,
        name: given.name,
        rules,
        settings: Arc::new(settings),
        secrets: secrets(secret, now_ms),
        identity: None,
        state,
        reason: (!state.is_active()).then_some(StateReason::Manual),
        since_ms: now_ms,
        probe_at_ms: None,
        health: EndpointHealth::default(),
        version: 1,
        created_at_ms: now_ms,
    };
    endpoint.number = context.store.create_endpoint(endpoint.clone()).await?;
    worker.configure(&endpoint.id, &endpoint.settings);
    context.registry.insert(endpoint.clone());
    Ok(Made {
        endpoint,
        secret_made,
    })
}

/// Changes an endpoint. To be run to its end.
///
/// # Errors
/// [`EndpointError`]; nothing is changed then.
pub async fn change(
    context: Arc<Context>,
    worker: Arc<Worker>,
    id: EndpointId,
    change: Change,
) -> Result<Endpoint, EndpointError> {
    for _ in 1..CHANGES_MAX {
        match change_once(&context, &worker, &id, change.clone()).await {
            // What another host has made of it is in memory now.
            Err(EndpointError::Store(StoreError::Changed)) => {}
            changed => return changed,
        }
        // Not all of them at the same moment again.
        let mut chance = [0];
        context.chance.fill(&mut chance);
        let pause = Duration::from_millis(u64::from(chance[0] % PAUSE_MS_MAX));
        context.clock.sleep(pause).await;
    }
    change_once(&context, &worker, &id, change).await
}

async fn change_once(
    context: &Arc<Context>,
    worker: &Arc<Worker>,
    id: &EndpointId,
    change: Change,
) -> Result<Endpoint, EndpointError> {
    let entry = context.registry.find(id).ok_or(EndpointError::Unknown)?;
    let provider = entry.snapshot().provider;
    let url = change
        .url
        .map(|url| check_url(&url, context.config.current().delivery.allow_http))
        .transpose()?;
    if let Some(url) = &url {
        check_address(context, url).await?;
    }
    check_name(change.name.as_ref().and_then(Option::as_deref))?;
    let now_ms = context.clock.now_ms();
    let resumed = change.state == Some(EndpointState::Active);
    let resume = resumed.then(|| change.resume.unwrap_or(Resume::All));
    let (stored, before, after) = entry.change(|endpoint, deleted| {
        if deleted {
            return Err(EndpointError::Unknown);
        }
        let before = endpoint.clone();
        // Under the lock, so that two changes of different settings do not undo each other.
        let (rules, settings) = check(
            context,
            CheckEndpoint {
                provider: provider.clone(),
                events: change.events.clone(),
                scope: change.scope.clone(),
                filter: change.filter.clone(),
                signature: change.signature.clone(),
                settings: change.settings.clone(),
                before: (*before.settings).clone(),
            },
        )?;
        let mut after = before.clone();
        after.version = before.version.saturating_add(1);
        if change.events.is_some() {
            after.rules.subscription = rules.subscription;
        }
        if change.scope.is_some() {
            after.rules.scope = rules.scope;
        }
        if change.filter.is_some() {
            after.rules.filter = rules.filter;
        }
        if change.settings.is_some() || change.signature.is_some() {
            after.settings = Arc::new(settings);
        }
        after.url = url.unwrap_or(after.url);
        after.name = change.name.unwrap_or(after.name);
        if let Some(secret) = change.secret {
            // No overlap: that is what a rotation is for.
            after.secrets = secrets(secret, now_ms);
        }
        if after.secrets != before.secrets || change.signature.is_some() {
            let signature = after.settings.signature.as_ref();
            let plan = context.rules.plan(&provider, true, signature)?;
            if after.secrets.is_empty() && plan.always_signed {
                return Err(needs_secret(&plan));
            }
            for secret in &after.secrets {
                check_secret(context, &plan, &secret.text)?;
            }
        }
        if let Some(state) = change.state {
            if state == EndpointState::Active {
                after.health = context.rules.guest.reactivate(after.health)?;
            }
            if state.word() != before.state.word() {
                after.since_ms = now_ms;
            }
            after.state = state;
            after.reason = (state != EndpointState::Active).then_some(StateReason::Manual);
            after.probe_at_ms = None;
        }
        *endpoint = after.clone();
        let stored = context.store.update_endpoint(after.clone(), resume, now_ms);
        Ok((stored, before, after))
    })?;
    let stored = stored.await;
    let more = settle(context, &entry, stored, before, &after).await?;
    // Whoever works it sees to what was held.
    let resumed = resumed && context.store.owns(&after.id);
    worker.changed(&after, resumed, more);
    Ok(after)
}

/// Changes an endpoint in memory and in the store, unless `change` leaves it as it is; for what the delivery loop need not
/// hear of. Returns it as it is then.
async fn alter(
    context: &Context,
    entry: &Arc<Entry>,
    change: impl FnOnce(&mut Endpoint) -> Result<(), EndpointError>,
) -> Result<Endpoint, EndpointError> {
    let now_ms = context.clock.now_ms();
    let (stored, before, after) = entry.change(|endpoint, deleted| {
        if deleted {
            return Err(EndpointError::Unknown);
        }
        let before = endpoint.clone();
        let mut after = before.clone();
        change(&mut after)?;
        if after == before {
            return Ok((None, before, after));
        }
        after.version = before.version.saturating_add(1);
        *endpoint = after.clone();
        let stored = context.store.update_endpoint(after.clone(), None, now_ms);
        Ok((Some(stored), before, after))
    })?;
    if let Some(stored) = stored {
        let stored = stored.await;
        settle(context, entry, stored, before, &after).await?;
    }
    Ok(after)
}

/// What follows once it is known whether a change is stored: without, it is taken back. Keys that were prepared from secrets
/// which do not count any more are forgotten either way.
async fn settle(
    context: &Context,
    entry: &Entry,
    stored: Result<bool, StoreError>,
    before: Endpoint,
    after: &Endpoint,
) -> Result<bool, EndpointError> {
    let other_secrets = after.secrets != before.secrets;
    if let Err(error) = &stored {
        entry.take_back(after, before, error);
        if matches!(error, StoreError::Changed) {
            context.read_anew().await?;
        }
    }
    if other_secrets {
        context.rules.kernel.forget_signers();
    }
    Ok(stored?)
}

/// Deletes an endpoint. To be run to its end.
///
/// # Errors
/// [`EndpointError`]; the endpoint stays then.
pub async fn delete(
    context: Arc<Context>,
    worker: Arc<Worker>,
    id: EndpointId,
) -> Result<(), EndpointError> {
    let now_ms = context.clock.now_ms();
    let delete = || context.store.delete_endpoint(id.clone(), now_ms);
    let (entry, deleted) = context
        .registry
        .remove(&id, delete)
        .ok_or(EndpointError::Unknown)?;
    match deleted.await {
        Ok(more) => {
            context.rules.kernel.forget_signers();
            worker.deleted(&id, more);
            Ok(())
        }
        Err(error) => {
            context.registry.restore(entry);
            Err(error.into())
        }
    }
}

fn check(
    context: &Context,
    question: CheckEndpoint,
) -> Result<(EndpointRules, EndpointSettings), EndpointError> {
    let checked = context.rules.guest.check_endpoint(question)?;
    checked.map_err(EndpointError::Rejected)
}

fn secrets(secret: Option<SecretText>, now_ms: u64) -> Vec<SigningSecret> {
    let secret = secret.map(|text| SigningSecret::newest(text, now_ms));
    secret.into_iter().collect()
}

fn check_name(name: Option<&str>) -> Result<(), EndpointError> {
    match name {
        Some(name) if name.len() > NAME_BYTES_MAX => {
            let message = format!("a name has at most {NAME_BYTES_MAX} bytes");
            Err(rejected("name", "name_invalid", &message))
        }
        _ => Ok(()),
    }
}

fn rejected(field: &str, code: &str, message: &str) -> EndpointError {
    EndpointError::Rejected(Rejection {
        field: field.to_owned(),
        code: code.to_owned(),
        message: message.to_owned(),
    })
}
