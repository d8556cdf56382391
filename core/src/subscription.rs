//! Subscriptions: which events an endpoint wants, in every provider's spelling.

mod association;
mod id;

pub use self::association::Association;

use crate::provider::{Provider, Spelling};
use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Which event types an endpoint wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subscription {
    /// Every event, also of types that come later.
    All,
    /// These types, under their documented names, in the order given. A name that ends with `.*` stands for every type that
    /// begins so; only [`standard`](crate::standard) has such.
    Only(Vec<String>),
}

/// Which part of an account an endpoint hears of (S20).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Every campaign of the user.
    User,
    /// The campaigns of one client, by id.
    Client(String),
    /// One campaign, by id.
    Campaign(String),
}

/// What becomes of an event that endpoints of several levels want (R-S10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// Each of them gets it. The documents say nothing else.
    #[default]
    Each,
    /// Where one of the user's level gets it, those of clients and campaigns do not. SmartLead says so outside of the documents.
    UserLevelWins,
}

impl Overlap {
    /// Whether an endpoint of this scope gets what it wants; `user_level_wants` says whether one of the user's level wants it, too.
    pub const fn admits(self, scope: &Scope, user_level_wants: bool) -> bool {
        match (self, scope) {
            (Self::Each, _) | (Self::UserLevelWins, Scope::User) => true,
            (Self::UserLevelWins, Scope::Client(_) | Scope::Campaign(_)) => !user_level_wants,
        }
    }
}

/// A subscription or scope that cannot be read. The fault of whoever creates the endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscriptionError {
    /// Names that the provider does not document. A typo that matches nothing would be worse than a refusal (R-C11).
    UnknownEventTypes {
        /// The names as given.
        names: Vec<String>,
        /// Whose events they should be.
        provider: Provider,
    },
    /// Not a list of names, an object of booleans, or a comma list.
    WrongForm,
    /// A comma list without a name in it (P3: the platform requires one).
    Empty,
    /// A scope without the id it needs (R-S9), of a wrong form, or with a provider that has none.
    Scope {
        /// What is wrong and what to do.
        detail: &'static str,
    },
    /// The id of a client or campaign is none (S8, S19). To leave it out would widen the scope.
    WrongId {
        /// The field that it is in.
        field: &'static str,
    },
}

impl SubscriptionError {
    /// The name of the mistake.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownEventTypes { .. } => "unknown_event_type",
            Self::WrongForm | Self::Empty => "subscription_invalid",
            Self::Scope { .. } => "scope_invalid",
            Self::WrongId { .. } => "wrong_type",
        }
    }

    /// The field of a scope that is wrong by itself.
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::WrongId { field } => Some(field),
            _ => None,
        }
    }
}

impl fmt::Display for SubscriptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownEventTypes { names, provider } => write!(
                f,
                "{} documents no event type {}; known are: {}",
                provider.name(),
                names.join(", "),
                provider.event_types().join(", ")
            ),
            Self::WrongForm => f.write_str(
                "give a list of event types, an object of event types and booleans, or one string with commas; leave it \
                 out for all events",
            ),
            Self::Empty => f.write_str("name at least one event type"),
            Self::Scope { detail } => f.write_str(detail),
            Self::WrongId { field } => {
                write!(f, "`{field}` must be a whole number from 0, such as 123, or null")
            }
        }
    }
}

impl core::error::Error for SubscriptionError {}

impl Subscription {
    /// Reads a subscription in any of the four spellings: a list (empty means all: C16; `["*"]` too: R-E4), an object of
    /// booleans (false and missing are off: S21), a comma list (P5, R-P1), or nothing at all, which means all.
    ///
    /// ```
    /// use countersign_core::{provider::Provider, subscription::Subscription};
    /// use serde_json::json;
    ///
    /// let wanted = Subscription::read(Provider::Platform, Some(&json!("open, bounce"))).unwrap();
    /// assert!(wanted.wants("email.bounce") && !wanted.wants("email.click"));
    /// assert_eq!(wanted.spelled(Provider::Platform), json!("open,bounce"));
    /// ```
    ///
    /// # Errors
    /// [`SubscriptionError`]; unknown names are refused, not skipped.
    pub fn read(provider: Provider, value: Option<&Value>) -> Result<Self, SubscriptionError> {
        match value {
            None | Some(Value::Null) => Ok(Self::All),
            Some(Value::Array(names)) if names.is_empty() => Ok(Self::All),
            Some(Value::Array(names)) => {
                let names: Option<Vec<_>> = names.iter().map(Value::as_str).collect();
                match names.ok_or(SubscriptionError::WrongForm)?.as_slice() {
                    ["*"] => Ok(Self::All),
                    names => Self::only(provider, names.iter().copied()),
                }
            }
            Some(Value::Object(switches)) => {
                if !switches.values().all(Value::is_boolean) {
                    return Err(SubscriptionError::WrongForm);
                }
                // Names are checked also where they are off: a typo is one either way.
                Self::only(provider, switches.keys().map(String::as_str))?;
                let on = |(name, switch): (&'_ String, &Value)| {
                    (switch == &Value::Bool(true)).then(|| name.clone())
                };
                let names: Vec<_> = switches.iter().filter_map(on).collect();
                Self::only(provider, names.iter().map(String::as_str))
            }
            Some(Value::String(list)) => {
                let names = list.split(',').map(str::trim);
                let names: Vec<_> = names.filter(|name| !name.is_empty()).collect();
                match names.is_empty() {
                    true => Err(SubscriptionError::Empty),
                    false => Self::only(provider, names.into_iter()),
                }
            }
            Some(_) => Err(SubscriptionError::WrongForm),
        }
    }

    fn only<'a>(
        provider: Provider,
        names: impl Iterator<Item = &'a str>,
    ) -> Result<Self, SubscriptionError> {
        let mut known: Vec<String> = Vec::new();
        let mut unknown = Vec::new();
        for name in names {
            match provider.canonical_type(name) {
                Some(name) if known.iter().any(|other| other == name) => {}
                Some(name) => known.push(name.to_owned()),
                None => unknown.push(name.to_owned()),
            }
        }
        match unknown.is_empty() {
            true => Ok(Self::Only(known)),
            false => Err(SubscriptionError::UnknownEventTypes {
                names: unknown,
                provider,
            }),
        }
    }

    /// Whether an event of this type is wanted; the name is the documented one.
    pub fn wants(&self, event_type: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.iter().any(|name| fits(name, event_type)),
        }
    }

    /// The subscription as the provider's own API echoes it.
    pub fn spelled(&self, provider: Provider) -> Value {
        match provider.spelling() {
            Spelling::List => match self {
                Self::All => Value::Array(Vec::new()),
                Self::Only(names) => names
                    .iter()
                    .map(|name| Value::from(name.as_str()))
                    .collect(),
            },
            Spelling::BoolMap => {
                let switch = |name: &&str| ((*name).to_owned(), Value::Bool(self.wants(name)));
                Value::Object(
                    provider
                        .event_types()
                        .iter()
                        .map(switch)
                        .collect::<Map<_, _>>(),
                )
            }
            Spelling::CommaList => {
                let short = |name: &str| name.strip_prefix("email.").unwrap_or(name).to_string();
                let names: Vec<_> = match self {
                    Self::All => provider
                        .event_types()
                        .iter()
                        .map(|name| short(name))
                        .collect(),
                    Self::Only(names) => names.iter().map(|name| short(name)).collect(),
                };
                Value::String(names.join(","))
            }
        }
    }
}

fn fits(name: &str, event_type: &str) -> bool {
    match name.strip_suffix('*') {
        None => name == event_type,
        Some(beginning) => event_type.starts_with(beginning),
    }
}

impl Scope {
    /// Reads `{"level": "user" | "client" | "campaign", "client_id": …, "campaign_id": …}`, or the same in SmartLead's own
    /// spelling, [`Association`]; nothing at all means the user's whole account. Ids may be numbers or strings; in SmartLead's
    /// spelling they are numbers, also as strings.
    ///
    /// # Errors
    /// [`SubscriptionError::Scope`], [`SubscriptionError::WrongId`].
    pub fn read(provider: Provider, value: Option<&Value>) -> Result<Self, SubscriptionError> {
        let refused = |detail| Err(SubscriptionError::Scope { detail });
        let fields = match value {
            None | Some(Value::Null) => return Ok(Self::User),
            Some(Value::Object(fields)) => fields,
            Some(_) => return refused("give an object with `level`: user, client or campaign"),
        };
        if Association::is_spelling_of(fields) {
            let scope = Association::read(fields)?;
            return match provider {
                Provider::Smartlead => Ok(scope),
                _ => refused("only SmartLead has scopes; leave `scope` out"),
            };
        }
        let id = |name| id::number_or_text(fields, name);
        let scope = match fields.get("level").and_then(Value::as_str) {
            Some("user") => Self::User,
            Some("client") => match id("client_id")? {
                Some(id) => Self::Client(id),
                None => return refused("the level `client` needs a `client_id`"),
            },
            Some("campaign") => match id("campaign_id")? {
                Some(id) => Self::Campaign(id),
                None => return refused("the level `campaign` needs a `campaign_id`"),
            },
            _ => return refused("`level` must be user, client or campaign"),
        };
        match (provider, &scope) {
            (Provider::Smartlead, _) | (_, Self::User) => Ok(scope),
            _ => refused("only SmartLead has scopes; leave `scope` out"),
        }
    }

    /// Whether an event of this client and campaign is within the scope. Ids that are numbers are compared by value.
    pub fn includes(&self, client_id: Option<&str>, campaign_id: Option<&str>) -> bool {
        match self {
            Self::User => true,
            Self::Client(id) => client_id.is_some_and(|of_event| id::is_of(id, of_event)),
            Self::Campaign(id) => campaign_id.is_some_and(|of_event| id::is_of(id, of_event)),
        }
    }
}

#[cfg(test)]
mod tests;
