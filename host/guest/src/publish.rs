//! To whom an event goes, and with which bytes.

use crate::{
    body::Body,
    message::{EndpointRules, Match, Notify, Publish, Published, Rejection, Target, Tried, Try},
    order::Keys,
    source::Source,
};
use countersign_core::{
    event::{EventKind, EventType},
    operational,
    provider::{Defaults, Payload, Provider},
    standard,
    subscription::{Overlap, Scope},
};

/// Checks and completes an event, and finds who gets it.
pub(crate) fn publish(event: &Publish) -> Result<Published, Rejection> {
    let defaults = Defaults {
        id: &event.default_id,
        timestamp: &event.default_timestamp,
    };
    match Source::named(&event.provider)? {
        Source::Provider(provider) => {
            let payload = Payload::complete(provider, &event.payload, defaults)?;
            let whose = Whose {
                client_id: event.client_id.as_deref(),
                bot: event.bot,
                overlap: event.overlap,
            };
            Ok(addressed(provider, &payload, whose, &event.endpoints))
        }
        Source::Standard => {
            let payload = standard::Payload::complete(&event.payload, defaults)?;
            Ok(own_addressed(&payload, event.bot, &event.endpoints))
        }
        Source::Operational => Err(Rejection {
            field: "provider".to_owned(),
            code: "provider_reserved".to_owned(),
            message: "events of this source are made by the server itself; publish as a provider, or as `standard`"
                .to_owned(),
        }),
    }
}

/// What of an event its payload does not say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whose<'a> {
    pub(crate) client_id: Option<&'a str>,
    pub(crate) bot: bool,
    pub(crate) overlap: Overlap,
}

/// An event of a provider with those of the endpoints that get it.
pub(crate) fn addressed(
    provider: Provider,
    payload: &Payload,
    whose: Whose<'_>,
    endpoints: &[Target],
) -> Published {
    let bytes = payload.encode();
    let campaign_id = payload.campaign_id();
    let happened = Happened {
        provider: Some(provider),
        event_type: payload.event_type(),
        body: Body::new(&bytes),
    };
    let dropped = dropped_as_bot(whose.bot, payload.kind());
    let matches = happened.matches(endpoints, whose.overlap, |rules| {
        !dropped
            && rules
                .scope
                .includes(whose.client_id, campaign_id.as_deref())
    });
    Published {
        event_type: payload.event_type().to_owned(),
        body: bytes,
        matches,
    }
}

/// The same of an event of a workspace's own.
pub(crate) fn own_addressed(
    payload: &standard::Payload,
    bot: bool,
    endpoints: &[Target],
) -> Published {
    let bytes = payload.encode();
    let happened = Happened {
        provider: None,
        event_type: payload.event_type(),
        body: Body::known(&bytes, payload.value()),
    };
    // Names of normalised events mean what they mean there.
    let kind = EventType::from(payload.event_type().to_owned()).kind();
    let dropped = dropped_as_bot(bot, kind);
    let matches = happened.matches(endpoints, Overlap::Each, |_| !dropped);
    Published {
        event_type: payload.event_type().to_owned(),
        body: bytes,
        matches,
    }
}

/// Who is told of something, with which bytes.
pub(crate) fn notified(notify: &Notify) -> Published {
    let event_type = operational::event_type(notify.notice);
    let bytes = operational::render(notify.notice, &notify.about);
    let happened = Happened {
        provider: None,
        event_type,
        body: Body::new(&bytes),
    };
    let matches = happened.matches(&notify.endpoints, Overlap::Each, |_| true);
    Published {
        event_type: event_type.to_owned(),
        body: bytes,
        matches,
    }
}

/// What becomes of each event under these rules.
pub(crate) fn tried(asked: &Try) -> Vec<Tried> {
    let misses_max = usize::try_from(asked.misses_max).unwrap_or(usize::MAX);
    let tried = asked.events.iter().map(|(event_type, bytes)| Tried {
        subscribed: asked.rules.subscription.wants(event_type),
        misses: match &asked.rules.filter {
            Some(filter) => filter.explain(event_type, Body::new(bytes).value(), misses_max),
            None => Vec::new(),
        },
    });
    tried.collect()
}

/// R-C13: only opens and clicks by people are delivered.
pub(crate) fn dropped_as_bot(bot: bool, kind: EventKind) -> bool {
    bot && matches!(kind, EventKind::Opened | EventKind::Clicked)
}

/// An event that is to find its endpoints.
struct Happened<'a> {
    /// Whose leads and campaigns it is about.
    provider: Option<Provider>,
    event_type: &'a str,
    body: Body<'a>,
}

impl Happened<'_> {
    /// Those that subscribe to it, whose filter it passes and from whom no other level takes it (R-S10). What costs least is asked
    /// first.
    fn matches(
        &self,
        endpoints: &[Target],
        overlap: Overlap,
        wanted: impl Fn(&EndpointRules) -> bool,
    ) -> Vec<Match> {
        let mut keys = Keys::new(self.provider, &self.body);
        let passes = |rules: &EndpointRules| match &rules.filter {
            None => true,
            Some(filter) => filter.holds(self.event_type, self.body.value()),
        };
        let gets = |rules: &EndpointRules| {
            rules.subscription.wants(self.event_type) && wanted(rules) && passes(rules)
        };
        // One that does not get it, for whatever reason, takes it from nobody.
        let by_the_user =
            |target: &Target| target.rules.scope == Scope::User && gets(&target.rules);
        let user_level_gets =
            overlap == Overlap::UserLevelWins && endpoints.iter().any(by_the_user);
        let gets =
            |rules: &EndpointRules| overlap.admits(&rules.scope, user_level_gets) && gets(rules);
        let matching = endpoints.iter().zip(0..);
        matching
            .filter(|(target, _)| gets(&target.rules))
            .map(|(target, endpoint)| Match {
                endpoint,
                held: !target.state.is_active(),
                order_key: keys.key(&target.ordering),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
