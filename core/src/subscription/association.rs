//! Scopes as SmartLead's API spells them: a number for the level, and the id that goes with it (S19, S20).

use super::{Scope, SubscriptionError, id};
use alloc::{borrow::ToOwned, string::String};
use serde::Serialize;
use serde_json::{Map, Value};

const TYPE: &str = "association_type";
const CAMPAIGN: &str = "email_campaign_id";
const CLIENT: &str = "client_id";

/// A scope in SmartLead's fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Association {
    /// 1 the user, 2 a client, 3 a campaign.
    pub association_type: u8,
    /// Of type 3; a number where it is one.
    pub email_campaign_id: Option<Value>,
    /// Of type 2; a number where it is one.
    pub client_id: Option<Value>,
}

impl Association {
    /// Whether these are its fields and not those of the other spelling.
    pub(super) fn is_spelling_of(fields: &Map<String, Value>) -> bool {
        let own = || {
            [TYPE, CAMPAIGN, CLIENT]
                .iter()
                .any(|name| fields.contains_key(*name))
        };
        !fields.contains_key("level") && own()
    }

    /// R-S9: without a type it is the campaign's when there is one, else the client's when there is one, else the user's. The words
    /// `user`, `client` and `campaign` are taken for their numbers (R-S13). An id is read also where its type leaves it out.
    pub(super) fn read(fields: &Map<String, Value>) -> Result<Scope, SubscriptionError> {
        let refused = |detail| Err(SubscriptionError::Scope { detail });
        let given = match fields.get(TYPE) {
            None | Some(Value::Null) => None,
            Some(Value::String(word)) => Some(word.clone()),
            Some(Value::Number(number)) => Some(alloc::format!("{number}")),
            Some(_) => Some(String::new()),
        };
        let (campaign, client) = (id::number(fields, CAMPAIGN)?, id::number(fields, CLIENT)?);
        match (given.as_deref(), campaign) {
            (None, None) => Ok(client.map_or(Scope::User, Scope::Client)),
            (Some("1" | "user"), _) => Ok(Scope::User),
            (None, Some(campaign)) | (Some("3" | "campaign"), Some(campaign)) => {
                Ok(Scope::Campaign(campaign))
            }
            (Some("3" | "campaign"), None) => {
                refused("`association_type` 3 (campaign) needs an `email_campaign_id`")
            }
            (Some("2" | "client"), _) => match client {
                Some(client) => Ok(Scope::Client(client)),
                None => refused("`association_type` 2 (client) needs a `client_id`"),
            },
            (Some(_), _) => {
                refused("`association_type` must be 1 (user), 2 (client) or 3 (campaign)")
            }
        }
    }
}

impl Scope {
    /// The scope as SmartLead's API echoes it.
    pub fn association(&self) -> Association {
        let (association_type, email_campaign_id, client_id) = match self {
            Self::User => (1, None, None),
            Self::Client(id) => (2, None, Some(echo(id))),
            Self::Campaign(id) => (3, Some(echo(id)), None),
        };
        Association {
            association_type,
            email_campaign_id,
            client_id,
        }
    }
}

/// SmartLead's ids are numbers; a text that the other spelling took stays one.
fn echo(id: &str) -> Value {
    match id.parse::<u64>() {
        Ok(number) if alloc::format!("{number}") == id => number.into(),
        _ => id.to_owned().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Provider;
    use serde_json::json;

    fn read(value: Value) -> Result<Scope, SubscriptionError> {
        Scope::read(Provider::Smartlead, Some(&value))
    }

    // Holds: S20, R-S9, R-S13
    #[test]
    fn the_type_says_whose_events_they_are_and_the_campaign_does_without_one() {
        for (given, scope) in [
            (json!({"association_type": 1}), Scope::User),
            (
                json!({"association_type": 1, "email_campaign_id": 123}),
                Scope::User,
            ),
            (json!({"association_type": null}), Scope::User),
            (
                json!({"association_type": 2, "client_id": 7}),
                Scope::Client("7".into()),
            ),
            (
                json!({"association_type": 3, "email_campaign_id": 123}),
                Scope::Campaign("123".into()),
            ),
            (
                json!({"association_type": "campaign", "email_campaign_id": "123"}),
                Scope::Campaign("123".into()),
            ),
            (
                json!({"association_type": 3, "email_campaign_id": 123.0}),
                Scope::Campaign("123".into()),
            ),
            (
                json!({"email_campaign_id": 123, "client_id": 7}),
                Scope::Campaign("123".into()),
            ),
            (
                json!({"email_campaign_id": 123}),
                Scope::Campaign("123".into()),
            ),
            (json!({"email_campaign_id": null}), Scope::User),
            (json!({"client_id": 7}), Scope::Client("7".into())),
        ] {
            assert_eq!(read(given.clone()), Ok(scope), "R-S9, S20: {given}");
        }
    }

    // Holds: R-S9
    #[test]
    fn a_type_without_its_id_and_an_unknown_type_are_refused_by_name() {
        for (given, named) in [
            (
                json!({"association_type": 2, "email_campaign_id": 1}),
                "client_id",
            ),
            (json!({"association_type": 3}), "email_campaign_id"),
            (json!({"association_type": 4}), "association_type"),
            (json!({"association_type": []}), "association_type"),
        ] {
            let error = read(given.clone()).unwrap_err();
            assert_eq!(error.code(), "scope_invalid");
            let text = alloc::string::ToString::to_string(&error);
            assert!(text.contains(named), "{given}: {text}");
        }
        let elsewhere = Scope::read(Provider::Cleanmails, Some(&json!({"association_type": 1})));
        assert!(elsewhere.is_err());
    }

    // Holds: S19, S20
    #[test]
    fn an_id_that_is_none_is_refused_whatever_the_type() {
        for kind in [json!(null), json!(1), json!(2), json!(3)] {
            for name in [CAMPAIGN, CLIENT] {
                for wrong in [
                    json!([123]),
                    json!(true),
                    json!(false),
                    json!(""),
                    json!({"id": 1}),
                    json!(5.5),
                ] {
                    let given = json!({"association_type": kind, name: wrong});
                    let error = read(given.clone()).unwrap_err();
                    assert_eq!(
                        (error.code(), error.field()),
                        ("wrong_type", Some(name)),
                        "{given}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_scope_is_echoed_as_it_was_given() {
        for given in [
            json!({"association_type": 1, "email_campaign_id": null, "client_id": null}),
            json!({"association_type": 2, "email_campaign_id": null, "client_id": 7}),
            json!({"association_type": 3, "email_campaign_id": 123, "client_id": null}),
        ] {
            let echoed = read(given.clone()).unwrap().association();
            assert_eq!(serde_json::to_value(echoed).unwrap(), given);
        }
    }
}
