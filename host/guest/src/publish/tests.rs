use super::*;
use crate::{
    message::CheckEndpoint,
    settings::{EndpointSettings, Ordering},
};
use countersign_core::delivery::EndpointState;

fn rules(provider: &str, events: &str, filter: &str) -> Result<EndpointRules, (String, String)> {
    let endpoint = CheckEndpoint {
        provider: provider.to_owned(),
        events: Some(events.to_owned()),
        scope: None,
        filter: Some(filter.to_owned()),
        signature: None,
        settings: None,
        before: EndpointSettings::default(),
    };
    let rules = Source::named(provider).and_then(|source| source.rules(&endpoint));
    rules.map_err(|rejection| (rejection.field, rejection.code))
}

fn event(provider: &str, payload: &str, rules: &[EndpointRules]) -> Publish {
    let target = |rules: &EndpointRules| Target {
        rules: rules.clone(),
        state: EndpointState::Active,
        ordering: Ordering::None,
    };
    Publish {
        provider: provider.to_owned(),
        payload: payload.as_bytes().to_vec(),
        default_id: "7".to_owned(),
        default_timestamp: "2026-01-02T03:04:05Z".to_owned(),
        client_id: None,
        bot: false,
        endpoints: rules.iter().map(target).collect(),
        overlap: Overlap::Each,
    }
}

fn places(event: &Publish) -> Vec<u32> {
    let published = publish(event).unwrap();
    published
        .matches
        .iter()
        .map(|found| found.endpoint)
        .collect()
}

#[test]
fn an_event_of_one_s_own_goes_to_those_that_subscribe_to_its_name_or_beginning() {
    let rules = [
        "null",
        r#"["order.paid"]"#,
        r#"["order.*"]"#,
        r#"["user.*"]"#,
    ]
    .map(|events| rules("standard", events, "null").unwrap());
    let mut event = event(
        "standard",
        r#"{"data":{"total":5},"type":"order.paid"}"#,
        &rules,
    );
    assert_eq!(places(&event), [0, 1, 2]);
    assert_eq!(
        publish(&event).unwrap().body,
        br#"{"type":"order.paid","timestamp":"2026-01-02T03:04:05Z","data":{"total":5}}"#
    );
    event.bot = true;
    assert_eq!(places(&event), [0, 1, 2]);
    event.payload = br#"{"type":"email.opened","data":{}}"#.to_vec();
    assert_eq!(places(&event), [0; 0]);
}

#[test]
fn a_filter_sees_type_and_body_as_they_are_delivered() {
    // The timestamp is filled in, and a short name of the platform gets its documented spelling.
    let filters = [
        r#"{"type": "email.open", "/type": "email.open"}"#,
        r#"{"/timestamp": "2026-01-02T03:04:05Z", "/id": "evt_7"}"#,
        r#"{"type": "open"}"#,
        r#"{"/email_id": {"prefix": "m"}, "/batch": {"gte": 7}}"#,
        r#"{"not": {"/batch": {"exists": true}}}"#,
    ];
    let rules = filters.map(|filter| rules("platform", "null", filter).unwrap());
    let event = event(
        "platform",
        r#"{"type":"open","email_id":"m1","batch":7}"#,
        &rules,
    );
    assert_eq!(places(&event), [0, 1, 3]);
}

#[test]
fn a_filter_is_asked_of_every_source_and_after_the_subscription() {
    let both = rules("standard", r#"["a"]"#, r#"{"/data/n": {"lt": 5}}"#).unwrap();
    for (payload, goes) in [
        (r#"{"type":"a","data":{"n":4.5}}"#, true),
        (r#"{"type":"a","data":{"n":5}}"#, false),
        (r#"{"type":"a","data":[]}"#, false),
        (r#"{"type":"b","data":{"n":4}}"#, false),
    ] {
        let event = event("standard", payload, std::slice::from_ref(&both));
        assert_eq!(places(&event).len(), usize::from(goes), "{payload}");
    }
    let cleanmails = rules(
        "cleanmails",
        "null",
        r#"{"/data/lead_email": {"suffix": ".example"}}"#,
    );
    let payload = r#"{"event":"email.sent","workspace_id":1,"data":{"lead_email":"a@b.example"}}"#;
    let event = event("cleanmails", payload, &[cleanmails.unwrap()]);
    assert_eq!(places(&event), [0]);
}

#[test]
fn a_mistake_in_rules_is_told_with_its_place() {
    let refused = |events: &str, filter: &str| {
        let (field, code) = rules("standard", events, filter).unwrap_err();
        format!("{field} {code}")
    };
    assert_eq!(
        refused("null", r#"{"and": [{"/a": {"gte": true}}]}"#),
        r#"filter.and[0]["/a"].gte filter_invalid"#
    );
    assert_eq!(
        refused("null", r#"{"/a": []}"#),
        r#"filter["/a"] filter_invalid"#
    );
    assert_eq!(refused("null", "7"), "filter filter_invalid");
    assert_eq!(refused(r#"["a b"]"#, "null"), "events event_type_invalid");
    assert_eq!(refused(r#""a""#, "null"), "events subscription_invalid");
}

#[test]
fn a_trial_says_of_each_event_what_becomes_of_it() {
    let filter = r#"{"/data/n": {"gte": 5}, "/data/c": "SE"}"#;
    let asked = Try {
        rules: rules("standard", r#"["a.*"]"#, filter).unwrap(),
        events: [
            ("a.b", r#"{"data":{"n":5,"c":"SE"}}"#),
            ("a.b", r#"{"data":{"n":4}}"#),
            ("b", "no JSON"),
        ]
        .map(|(name, body)| (name.to_owned(), body.as_bytes().to_vec()))
        .to_vec(),
        misses_max: 1,
    };
    let tried = tried(&asked);
    let told: Vec<_> = tried
        .iter()
        .map(|tried| {
            let misses = tried.misses.iter();
            let misses: Vec<_> = misses
                .map(|miss| (miss.condition.as_str(), miss.found.word()))
                .collect();
            (tried.subscribed, misses)
        })
        .collect();
    assert_eq!(
        told,
        [
            (true, vec![]),
            (true, vec![(r#"["/data/c"].eq"#, "absent")]),
            (false, vec![(r#"["/data/c"].eq"#, "absent")]),
        ]
    );
}

#[test]
fn an_endpoint_of_the_user_s_level_whose_filter_the_event_does_not_pass_takes_it_from_nobody() {
    let campaign = EndpointRules {
        scope: Scope::Campaign("5".to_owned()),
        ..rules("smartlead", "null", "null").unwrap()
    };
    let user = |filter: &str| rules("smartlead", "null", filter).unwrap();
    let payload = r#"{"event":"EMAIL_SENT","campaign_id":5,"lead_id":1}"#;
    let got = |user: EndpointRules| {
        let mut event = event("smartlead", payload, &[campaign.clone(), user]);
        event.overlap = Overlap::UserLevelWins;
        places(&event)
    };
    assert_eq!(got(user("null")), [1], "R-S10");
    assert_eq!(got(user(r#"{"/lead_id":2}"#)), [0], "R-S10");
    assert_eq!(got(user(r#"{"/lead_id":1}"#)), [1], "R-S10");
}
