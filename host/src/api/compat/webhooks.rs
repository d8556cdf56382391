//! What the providers' routes have in common: the endpoints of one provider in one workspace.

use crate::{
    api::{
        App, Problem,
        caller::{Allowed, Managing, Permit},
        request::{Fields, Query},
    },
    config::compat::Served,
    context::to_its_end,
    endpoints::{self, Change, Description, Made},
    ids::EndpointId,
    publish::to_the_second,
    store::{EndedState, Endpoint, SecretText, Selection},
};
use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use countersign_core::{delivery::EndpointState, provider::Provider};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::{ops::Deref, sync::Arc};

/// Endpoints of one answer. None of the documents knows pages; whoever has more asks for those after the last.
const LIST_MAX: usize = 1_000;

/// What a client said that has no effect is told, in so many warnings at most.
const IGNORED_MAX: usize = 10;

/// Whoever asks, with what of this server is theirs to see: the endpoints of the surface's provider in their workspace.
pub(super) struct Account<P> {
    pub(super) app: Arc<App>,
    caller: Allowed<P>,
    provider: Provider,
}

impl<P: Permit + Send> FromRequestParts<Arc<App>> for Account<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let caller = Allowed::from_request_parts(parts, app).await?;
        let served = parts.extensions.get::<Arc<Served>>();
        Ok(Self {
            app: Arc::clone(app),
            caller,
            // Set for every request of a surface.
            provider: served.ok_or_else(Problem::internal)?.provider,
        })
    }
}

/// What of the path names something. What cannot be read is the name of nothing: 404.
pub(super) struct PathOf<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for PathOf<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = Path::<T>::from_request_parts(parts, state).await;
        read.map(|Path(names)| Self(names))
            .map_err(|_| Problem::not_found("webhook"))
    }
}

/// Endpoints in the order in which they were made.
pub(super) struct Listed {
    pub(super) endpoints: Vec<Endpoint>,
    /// There are more behind them.
    pub(super) more: bool,
}

impl<P> Account<P> {
    /// The endpoints behind the one of the query parameter `after`, which `read` understands.
    pub(super) fn list(
        &self,
        query: Option<&str>,
        read: impl FnOnce(&str) -> Option<After>,
    ) -> Result<Listed, Problem> {
        let mut query = Query::known_of(query, &["after"]);
        let after = query.take("after", "the `next` of the answer before", read)?;
        let context = &self.app.context;
        let candidates = context
            .registry
            .candidates(&self.caller.workspace, self.provider.name());
        let behind = |endpoint: &Endpoint| match &after {
            None => true,
            Some(After::Number(number)) => endpoint.number > *number,
            Some(After::Id(id)) => endpoint.id > *id,
        };
        let mut endpoints: Vec<_> = candidates
            .iter()
            .map(|candidate| candidate.entry.snapshot())
            .filter(behind)
            .take(LIST_MAX + 1)
            .collect();
        let more = endpoints.len() > LIST_MAX;
        endpoints.truncate(LIST_MAX);
        Ok(Listed { endpoints, more })
    }

    /// The endpoint of this number (C19, S22, P1).
    pub(super) fn numbered(&self, number: &str) -> Result<Endpoint, Problem> {
        let number = number.parse().ok();
        let found = number.and_then(|number| {
            let registry = &self.app.context.registry;
            registry.find_number(&self.caller.workspace, number)
        });
        self.own(found.map(|entry| entry.snapshot()))
    }

    /// The endpoint of this id.
    pub(super) fn named(&self, id: Option<EndpointId>) -> Result<Endpoint, Problem> {
        let found = id.and_then(|id| {
            let registry = &self.app.context.registry;
            registry.find_in(&self.caller.workspace, &id)
        });
        self.own(found.map(|entry| entry.snapshot()))
    }

    /// An endpoint of another provider is none here.
    fn own(&self, found: Option<Endpoint>) -> Result<Endpoint, Problem> {
        let own = found.filter(|endpoint| endpoint.provider == self.provider.name());
        own.ok_or_else(|| Problem::not_found("webhook"))
    }
}

/// Where a list goes on.
pub(super) enum After {
    Number(u32),
    Id(EndpointId),
}

impl<P> Account<P> {
    /// Every delivery in this state, of this workspace.
    pub(super) fn selection(&self, state: EndedState) -> Selection {
        Selection::all(self.caller.workspace.clone(), state)
    }
}

impl Account<Managing> {
    /// A description with nothing in it but whose endpoint it is.
    pub(super) fn description(&self) -> Description {
        Description {
            workspace: self.caller.workspace.clone(),
            provider: self.provider.name().to_owned(),
            ..Description::default()
        }
    }

    pub(super) async fn create(&self, given: Description) -> Result<Made, Problem> {
        let (context, worker) = (Arc::clone(&self.app.context), Arc::clone(&self.app.worker));
        Ok(to_its_end(endpoints::create(context, worker, given)).await?)
    }

    pub(super) async fn change(&self, id: EndpointId, change: Change) -> Result<Endpoint, Problem> {
        let (context, worker) = (Arc::clone(&self.app.context), Arc::clone(&self.app.worker));
        Ok(to_its_end(endpoints::change(context, worker, id, change)).await?)
    }

    pub(super) async fn delete(&self, id: EndpointId) -> Result<(), Problem> {
        let (context, worker) = (Arc::clone(&self.app.context), Arc::clone(&self.app.worker));
        Ok(to_its_end(endpoints::delete(context, worker, id)).await?)
    }
}

impl<P> Deref for Account<P> {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}

/// The signing secret of a new webhook: left out, null and empty are none, as forms send it.
pub(super) fn secret(fields: &mut Fields) -> Result<Option<SecretText>, Problem> {
    let given = fields.optional::<String>("secret", "a string")?;
    Ok(given.filter(|text| !text.is_empty()).map(SecretText::new))
}

/// What becomes of the signing secret of a webhook.
pub(super) struct SecretChange {
    pub(super) change: Option<Option<SecretText>>,
    /// An empty one was given.
    is_empty: bool,
}

impl SecretChange {
    /// `null` takes it away. An empty one leaves it: a form sends that when it was never shown the secret.
    pub(super) fn read(fields: &mut Fields) -> Result<Self, Problem> {
        let given = fields.nullable::<String>("secret", "a string or null")?;
        let is_empty = matches!(&given, Some(Some(text)) if text.is_empty());
        let change = given.filter(|_| !is_empty);
        Ok(Self {
            change: change.map(|text| text.map(SecretText::new)),
            is_empty,
        })
    }
}

/// The state to set. One that a client is shown already is left as it is, with its reason: whoever sends back what they were
/// shown asks for nothing. Active is always set, since that resets the counters (C20, R-C4, R-S11).
pub(super) fn state_to_set<T: PartialEq>(
    given: Option<EndpointState>,
    now: EndpointState,
    shown: impl Fn(EndpointState) -> T,
) -> Option<EndpointState> {
    given.filter(|given| given.is_active() || shown(*given) != shown(now))
}

/// A state in the words that this provider's clients use.
pub(super) fn state(
    fields: &mut Fields,
    words: &[(&str, EndpointState)],
) -> Result<Option<EndpointState>, Problem> {
    let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
    let known = known.join(" or ");
    let Some(given) = fields.optional::<String>("status", &known)? else {
        return Ok(None);
    };
    let found = words
        .iter()
        .find(|(word, _)| given.eq_ignore_ascii_case(word));
    let refused = || {
        Problem::field(
            "status_invalid",
            "status",
            format!("`status` must be {known}"),
        )
    };
    found.map(|(_, state)| Some(*state)).ok_or_else(refused)
}

/// A moment as all examples write it.
pub(super) fn time(at_ms: u64) -> String {
    to_the_second(at_ms)
}

/// What the owner of an endpoint should know of what they just saved.
pub(super) struct Warnings(Vec<Value>);

impl Warnings {
    /// Of the endpoint as it is, and of fields that have no meaning here. A provider's clients may send what its other documents
    /// know, so those are not refused.
    pub(super) fn new(endpoint: &Endpoint, left: Fields) -> Self {
        let mut warnings = Vec::new();
        if endpoint.secrets.is_empty() {
            // R-S2, R-P3.
            warnings.push(
                "no secret is set: deliveries are not signed, and the receiver cannot tell them from forgeries; set `secret`"
                    .into(),
            );
        }
        let ignored = left.names().take(IGNORED_MAX);
        warnings.extend(ignored.map(|name| {
            let name: String = name.chars().take(100).collect();
            format!("the field `{name}` has no meaning here and was left out").into()
        }));
        Self(warnings)
    }

    /// Of a change, too.
    pub(super) fn of_change(endpoint: &Endpoint, left: Fields, secret: &SecretChange) -> Self {
        let mut warnings = Self::new(endpoint, left);
        if secret.is_empty && !endpoint.secrets.is_empty() {
            warnings
                .add("`secret` was empty, so the present one was left; send null to take it away");
        }
        warnings
    }

    /// One more.
    pub(super) fn add(&mut self, warning: impl Into<Value>) {
        self.0.push(warning.into());
    }

    /// Puts them into an answer, which stays as the document has it when there are none.
    pub(super) fn put(self, answer: &mut Value) {
        if !self.0.is_empty() {
            answer["warnings"] = json!(self.0);
        }
    }
}
