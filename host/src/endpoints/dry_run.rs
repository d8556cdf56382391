//! Trying a filter: which of the events that were published would have passed, and why others would not.
//!
//! To be asked by those who may change the endpoint: whoever can try filters can find out what is in a body.

use super::{EndpointError, check, rejected};
use crate::{
    context::Context,
    rules::RulesError,
    store::{Bodies, Endpoint, Message},
};
use countersign_guest::{
    CheckEndpoint, EndpointRules, Published, Tried, Try,
    filter::{Filter, Miss},
};
use std::sync::Arc;

/// Most events that are looked at.
pub const LAST_MAX: u32 = 1_000;
/// Events that are read and tried at a time.
const STEP_EVENTS_MAX: u32 = 100;
/// Bytes of bodies that are read at a time.
const STEP_BYTES_MAX: u64 = 1024 * 1024;
/// Reads of one dry run. Each looks at a bounded number of messages, so that one that finds nothing ends, too.
const STEPS_MAX: u32 = 100;
/// Conditions that are named for each of many events.
const MISSES_OF_MANY_MAX: u32 = 3;
/// Conditions that are named for one event.
const MISSES_OF_ONE_MAX: u32 = 20;

/// What is tried, with the events that were published last.
#[derive(Debug, Clone)]
pub struct DryRun {
    /// JSON text of the filter; `None`: the endpoint's own.
    pub filter: Option<String>,
    /// How many events, from 1 to [`LAST_MAX`].
    pub last: u32,
}

/// What a dry run came to.
#[derive(Debug)]
pub struct Looked {
    /// Newest first.
    pub events: Vec<(Message, Tested)>,
    /// There were as many as asked for, or no more. If not, the search was given up after a bounded number of messages.
    pub complete: bool,
}

/// What becomes of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tested {
    /// It would go to the endpoint.
    Matches,
    /// The endpoint does not subscribe to such; with what its filter would say.
    NotSubscribed(Vec<Miss>),
    /// These conditions do not hold.
    Filtered(Vec<Miss>),
    /// Its body is no longer kept.
    BodyForgotten,
}

impl From<Tried> for Tested {
    fn from(tried: Tried) -> Self {
        match tried {
            Tried {
                subscribed: false,
                misses,
            } => Self::NotSubscribed(misses),
            Tried { misses, .. } if misses.is_empty() => Self::Matches,
            Tried { misses, .. } => Self::Filtered(misses),
        }
    }
}

/// Tries a filter with the events of the endpoint's provider that were published last.
///
/// # Errors
/// [`EndpointError`]
pub async fn dry_run(
    context: Arc<Context>,
    endpoint: &Endpoint,
    asked: DryRun,
) -> Result<Looked, EndpointError> {
    let rules = rules(&context, endpoint, asked.filter)?;
    let wanted = usize::try_from(asked.last.min(LAST_MAX)).unwrap_or(usize::MAX);
    let mut events = Vec::new();
    let mut before = None;
    for _ in 0..STEPS_MAX {
        let left = wanted.saturating_sub(events.len());
        let page = context.store.bodies(Bodies {
            workspace: endpoint.workspace.clone(),
            provider: endpoint.provider.clone(),
            before,
            limit: u32::try_from(left).unwrap_or(u32::MAX).min(STEP_EVENTS_MAX),
            bytes_max: STEP_BYTES_MAX,
        });
        let page = page.await?;
        let bodies = page.found.iter().filter_map(|(message, body)| {
            Some((message.event_type.clone(), body.as_ref()?.to_vec()))
        });
        let asked = Try {
            rules: rules.clone(),
            events: bodies.collect(),
            misses_max: MISSES_OF_MANY_MAX,
        };
        let mut tried = tried(&context, asked).await?.into_iter();
        for (message, body) in page.found {
            let tested = match body {
                None => Tested::BodyForgotten,
                Some(_) => tried
                    .next()
                    .ok_or(RulesError::Answer("it leaves out an event"))?
                    .into(),
            };
            events.push((message, tested));
        }
        before = page.next;
        if before.is_none() || events.len() >= wanted {
            let complete = true;
            return Ok(Looked { events, complete });
        }
    }
    let complete = false;
    Ok(Looked { events, complete })
}

/// Tries a filter with an event that is [complete](crate::publish::complete) and was not published.
///
/// # Errors
/// [`EndpointError`]
pub async fn dry_run_of(
    context: Arc<Context>,
    endpoint: &Endpoint,
    filter: Option<String>,
    event: Published,
) -> Result<Tested, EndpointError> {
    let asked = Try {
        rules: rules(&context, endpoint, filter)?,
        events: vec![(event.event_type, event.body)],
        misses_max: MISSES_OF_ONE_MAX,
    };
    let tried = tried(&context, asked).await?.into_iter().next();
    let tried = tried.ok_or(RulesError::Answer("it leaves out an event"))?;
    Ok(tried.into())
}

/// The endpoint's rules with the filter that is tried.
fn rules(
    context: &Context,
    endpoint: &Endpoint,
    filter: Option<String>,
) -> Result<EndpointRules, EndpointError> {
    let tried: Option<Filter> = match filter {
        None => endpoint.rules.filter.clone(),
        Some(text) => {
            let question = CheckEndpoint {
                provider: endpoint.provider.clone(),
                events: None,
                scope: None,
                filter: Some(text),
                signature: None,
                settings: None,
                before: (*endpoint.settings).clone(),
            };
            check(context, question)?.0.filter
        }
    };
    if tried.is_none() {
        let message = "the endpoint has no filter; give a `filter` to try";
        return Err(rejected("filter", "missing_field", message));
    }
    Ok(EndpointRules {
        filter: tried,
        ..endpoint.rules.clone()
    })
}

/// On a thread for blocking work, a few of them at a time.
async fn tried(context: &Arc<Context>, asked: Try) -> Result<Vec<Tried>, RulesError> {
    if asked.events.is_empty() {
        return Ok(Vec::new());
    }
    let _turn = context.long_renders.acquire().await;
    let context = Arc::clone(context);
    let answered = tokio::task::spawn_blocking(move || context.rules.guest.tried(asked)).await;
    answered.unwrap_or_else(|error| Err(RulesError::Trap(error.to_string())))
}
