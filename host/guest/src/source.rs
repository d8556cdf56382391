//! Whose events an endpoint gets: a provider's, a workspace's own, or ours about our own deliveries.

use crate::message::{CheckEndpoint, EndpointRules, Rejection};
use countersign_core::{
    delivery::DeliveryPolicy,
    filter::Filter,
    operational,
    provider::Provider,
    standard,
    subscription::{Scope, Subscription, SubscriptionError},
};
use serde_json::Value;

/// Whose events an endpoint gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// A provider's.
    Provider(Provider),
    /// A workspace's own.
    Standard,
    /// Ours, about our own deliveries.
    Operational,
}

impl Source {
    /// The source of this name.
    ///
    /// # Errors
    /// [`Rejection`] that names the known ones.
    pub(crate) fn named(name: &str) -> Result<Self, Rejection> {
        match name {
            operational::SOURCE => Ok(Self::Operational),
            standard::SOURCE => Ok(Self::Standard),
            name => Provider::named(name)
                .map(Self::Provider)
                .map_err(|error| Rejection {
                    field: "provider".to_owned(),
                    code: "unknown_provider".to_owned(),
                    message: format!(
                        "{error}, {} for events of your own, and {} for events about deliveries",
                        standard::SOURCE,
                        operational::SOURCE
                    ),
                }),
        }
    }

    /// How its attempts are judged, unless an owner sets it differently.
    pub(crate) fn policy(self) -> &'static DeliveryPolicy {
        match self {
            Self::Provider(provider) => provider.policy(),
            Self::Standard => &standard::POLICY,
            Self::Operational => &operational::POLICY,
        }
    }

    /// Whether every delivery is signed, so that an endpoint made without a secret gets one (E25, R-E5). What has no
    /// document that says otherwise is.
    pub(crate) fn always_signed(self) -> bool {
        match self {
            Self::Provider(provider) => provider.always_signed(),
            Self::Standard | Self::Operational => true,
        }
    }

    /// What an endpoint of this source gets.
    ///
    /// # Errors
    /// [`Rejection`]
    pub(crate) fn rules(self, endpoint: &CheckEndpoint) -> Result<EndpointRules, Rejection> {
        let events = json("events", endpoint.events.as_deref())?;
        let scope = json("scope", endpoint.scope.as_deref())?;
        Ok(EndpointRules {
            subscription: self.subscription(events.as_ref())?,
            scope: self.scope(scope.as_ref())?,
            filter: match endpoint.filter.as_deref() {
                None | Some("null") => None,
                Some(text) => Some(filter(text)?),
            },
        })
    }

    fn subscription(self, events: Option<&Value>) -> Result<Subscription, Rejection> {
        let refused = |code: &str, message: String| Rejection {
            field: "events".to_owned(),
            code: code.to_owned(),
            message,
        };
        match self {
            Self::Provider(provider) => Subscription::read(provider, events)
                .map_err(|error| refused(error.code(), error.to_string())),
            Self::Standard => standard::subscription(events)
                .map_err(|error| refused(error.code(), error.to_string())),
            Self::Operational => operational::subscription(events).map_err(|error| {
                let code = match error.unknown.is_empty() {
                    true => "subscription_invalid",
                    false => "unknown_event_type",
                };
                refused(code, error.to_string())
            }),
        }
    }

    fn scope(self, scope: Option<&Value>) -> Result<Scope, Rejection> {
        let refused = |code: &str, message: String| Rejection {
            field: "scope".to_owned(),
            code: code.to_owned(),
            message,
        };
        match self {
            Self::Provider(provider) => {
                Scope::read(provider, scope).map_err(|error: SubscriptionError| {
                    let whole = refused(error.code(), error.to_string());
                    match error.field() {
                        Some(name) => Rejection {
                            field: format!("scope.{name}"),
                            ..whole
                        },
                        None => whole,
                    }
                })
            }
            Self::Standard | Self::Operational if scope.is_some_and(|scope| !scope.is_null()) => {
                let message = "these events have no scopes; leave `scope` out";
                Err(refused("scope_invalid", message.to_owned()))
            }
            Self::Standard | Self::Operational => Ok(Scope::User),
        }
    }
}

fn filter(text: &str) -> Result<Filter, Rejection> {
    Filter::parse(text).map_err(|error| Rejection {
        field: match error.path.as_str() {
            "" => "filter".to_owned(),
            path if path.starts_with('[') => format!("filter{path}"),
            path => format!("filter.{path}"),
        },
        code: "filter_invalid".to_owned(),
        message: error.to_string(),
    })
}

fn json(field: &str, text: Option<&str>) -> Result<Option<Value>, Rejection> {
    text.map(serde_json::from_str)
        .transpose()
        .map_err(|_| Rejection {
            field: field.to_owned(),
            code: "json_invalid".to_owned(),
            message: format!("`{field}` is not JSON"),
        })
}
