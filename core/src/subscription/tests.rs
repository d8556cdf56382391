use super::*;
use serde_json::json;

fn read(provider: Provider, value: Value) -> Result<Subscription, SubscriptionError> {
    Subscription::read(provider, Some(&value))
}

fn only(names: &[&str]) -> Subscription {
    Subscription::Only(names.iter().map(|name| (*name).to_owned()).collect())
}

// Holds: C16, E10, R-E4
#[test]
fn nothing_an_empty_list_and_a_star_mean_all() {
    for provider in [Provider::Cleanmails, Provider::Sendemall] {
        assert_eq!(Subscription::read(provider, None), Ok(Subscription::All));
        for value in [json!(null), json!([]), json!(["*"])] {
            assert_eq!(read(provider, value), Ok(Subscription::All));
        }
    }
    assert!(Subscription::All.wants("anything.at.all"));
}

// Holds: C17, E10
#[test]
fn a_list_keeps_its_order_and_drops_doubles() {
    let value = json!(["email.replied", "email.sent", "email.replied"]);
    let subscription = read(Provider::Cleanmails, value).unwrap();
    assert_eq!(subscription, only(&["email.replied", "email.sent"]));
    assert!(subscription.wants("email.sent"));
    assert!(!subscription.wants("email.opened"));
}

// Holds: S21, S25, R-S17
#[test]
fn a_map_switches_on_what_is_true_and_nothing_else() {
    let value = json!({"EMAIL_SENT": true, "EMAIL_UNSUBSCRIBED": false});
    let subscription = read(Provider::Smartlead, value).unwrap();
    assert_eq!(subscription, only(&["EMAIL_SENT"]));
    assert_eq!(read(Provider::Smartlead, json!({})), Ok(only(&[])));
    assert_eq!(
        subscription.spelled(Provider::Smartlead),
        json!({
            "EMAIL_SENT": true, "EMAIL_OPENED": false, "EMAIL_CLICKED": false, "EMAIL_REPLIED": false,
            "EMAIL_BOUNCED": false, "EMAIL_UNSUBSCRIBED": false
        })
    );
}

// Holds: P5, R-P1
#[test]
fn a_comma_list_takes_every_spelling_and_echoes_the_short_one() {
    let subscription = read(
        Provider::Platform,
        json!(" open,email.click , email.bounced,open,"),
    )
    .unwrap();
    assert_eq!(
        subscription,
        only(&["email.open", "email.click", "email.bounce"])
    );
    assert_eq!(
        subscription.spelled(Provider::Platform),
        json!("open,click,bounce")
    );
    for empty in ["", " , "] {
        assert_eq!(
            read(Provider::Platform, json!(empty)),
            Err(SubscriptionError::Empty)
        );
    }
}

// Holds: R-C11, R-P1
#[test]
fn unknown_names_are_refused_and_listed() {
    for (provider, value) in [
        (Provider::Cleanmails, json!(["email.sent", "email.sennt"])),
        (
            Provider::Smartlead,
            json!({"EMAIL_SENT": true, "email.sennt": false}),
        ),
        (Provider::Platform, json!("open,email.sennt")),
    ] {
        let error = read(provider, value).unwrap_err();
        assert_eq!(error.code(), "unknown_event_type");
        let text = error.to_string();
        assert!(text.contains("email.sennt"), "{text}");
        assert!(text.contains(provider.event_types()[0]), "{text}");
    }
}

#[test]
fn other_forms_are_refused() {
    for value in [
        json!(7),
        json!(true),
        json!([1]),
        json!({"EMAIL_SENT": "yes"}),
    ] {
        assert_eq!(
            read(Provider::Smartlead, value),
            Err(SubscriptionError::WrongForm)
        );
    }
}

// Holds: S20, R-S9
#[test]
fn scopes_choose_by_client_and_campaign() {
    let scope = |value: Value| Scope::read(Provider::Smartlead, Some(&value));
    let user = scope(json!({"level": "user"})).unwrap();
    let client = scope(json!({"level": "client", "client_id": 7})).unwrap();
    let campaign = scope(json!({"level": "campaign", "campaign_id": "123"})).unwrap();
    assert_eq!(Scope::read(Provider::Smartlead, None), Ok(Scope::User));
    for (client_id, campaign_id, expected) in [
        (Some("7"), Some("123"), [true, true, true]),
        (Some("8"), Some("123"), [true, false, true]),
        (Some("7.0"), Some("0123"), [true, true, true]),
        (None, Some("124"), [true, false, false]),
        (None, None, [true, false, false]),
    ] {
        let included =
            [&user, &client, &campaign].map(|scope| scope.includes(client_id, campaign_id));
        assert_eq!(included, expected, "{client_id:?} {campaign_id:?}");
    }
    for broken in [
        json!({"level": "client"}),
        json!({"level": "campaign", "client_id": 7}),
        json!({"level": "galaxy"}),
        json!("user"),
        json!({}),
    ] {
        assert_eq!(scope(broken).unwrap_err().code(), "scope_invalid");
    }
    let nested = scope(json!({"level": "client", "client_id": [7]})).unwrap_err();
    assert_eq!(
        (nested.code(), nested.field()),
        ("wrong_type", Some("client_id"))
    );
    let elsewhere = Scope::read(
        Provider::Platform,
        Some(&json!({"level": "campaign", "campaign_id": 1})),
    );
    assert_eq!(elsewhere.unwrap_err().code(), "scope_invalid");
}

// Holds: R-S10
#[test]
fn every_level_gets_an_event_unless_the_user_s_is_to_win() {
    let (user, client) = (Scope::User, Scope::Client("7".into()));
    let campaign = Scope::Campaign("5".into());
    let admitted = |overlap: Overlap, user_level_wants| {
        [&user, &client, &campaign].map(|scope| overlap.admits(scope, user_level_wants))
    };
    assert_eq!(admitted(Overlap::Each, true), [true, true, true], "R-S10");
    assert_eq!(
        admitted(Overlap::UserLevelWins, true),
        [true, false, false],
        "R-S10"
    );
    assert_eq!(
        admitted(Overlap::UserLevelWins, false),
        [true, true, true],
        "R-S10"
    );
}
