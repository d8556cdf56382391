use super::*;
use crate::{
    message::{EndpointRules, Target},
    settings::Ordering,
};
use countersign_core::{
    delivery::EndpointState,
    inbound::Place,
    subscription::{Overlap, Scope, Subscription},
};

use serde_json::Value;

fn target(events: Subscription) -> Target {
    Target {
        rules: EndpointRules {
            subscription: events,
            scope: Scope::User,
            filter: None,
        },
        state: EndpointState::Active,
        ordering: Ordering::None,
    }
}

fn request(reader: Reader, body: &Value) -> Receive {
    let providers = ["cleanmails", "smartlead", "sendemall", "platform"];
    Receive {
        reader,
        scheme: None,
        headers: Vec::new(),
        body: body.to_string().into_bytes(),
        first: 0,
        most: 10,
        id: "01J".to_owned(),
        received_at: "2026-03-09T11:12:13.000Z".to_owned(),
        workspace_id: "1".to_owned(),
        fields: Vec::new(),
        overlap: Overlap::Each,
        formats: providers
            .map(|provider| Format {
                provider: provider.to_owned(),
                endpoints: vec![target(Subscription::All)],
            })
            .to_vec(),
    }
}

fn of(source: &str, body: &Value) -> Receive {
    request(Reader::Source(source.to_owned()), body)
}

/// What became of the only event in each format: its name there, or why not.
fn outcome(request: &Receive) -> Vec<String> {
    let received = receive(request).unwrap();
    assert_eq!((received.events.len(), received.more), (1, false));
    let told = |passed_on: &PassedOn| match passed_on {
        PassedOn::Message(published) => published.event_type.clone(),
        PassedOn::Unwanted => "unwanted".to_owned(),
        PassedOn::Skipped { code, .. } => code.clone(),
    };
    received.events[0].passed_on.iter().map(told).collect()
}

fn body_in(request: &Receive, place: usize) -> Value {
    let received = receive(request).unwrap();
    match &received.events[0].passed_on[place] {
        PassedOn::Message(published) => serde_json::from_slice(&published.body).unwrap(),
        other => panic!("{other:?}"),
    }
}

// Holds: R-P2, R-P8
#[test]
fn each_format_gets_what_it_has_a_name_for() {
    let mail = |event: &str| {
        json!({"type": event, "created_at": "2026-03-09T12:00:00Z",
            "data": {"email_id": "m1", "to": ["a@b.example"]}})
    };
    let bounced = of("resend", &mail("email.bounced"));
    assert_eq!(
        outcome(&bounced),
        [
            "email.bounced",
            "missing_field",
            "email.bounced",
            "email.bounce"
        ]
    );
    // R-P8.
    let not = "not_expressible";
    assert_eq!(
        outcome(&of("resend", &mail("email.delivered"))),
        [not, not, "email.delivered", not]
    );
    assert_eq!(
        outcome(&of("resend", &mail("email.complained"))),
        [not, not, not, not]
    );
    assert_eq!(
        body_in(&bounced, 3),
        json!({"id": "evt_01J_0", "type": "email.bounce", "email_id": "m1", "recipient": "a@b.example",
            "timestamp": "2026-03-09T12:00:00Z"})
    );
    assert_eq!(body_in(&bounced, 0)["workspace_id"], 1);
    assert_eq!(body_in(&bounced, 2)["id"], "evt_01J_0");
}

#[test]
fn what_the_operator_knows_makes_more_expressible() {
    let body = json!([{"event": "click", "email": "a@b.example", "url": "https://a.example/", "sg_message_id": "m",
        "timestamp": 1_773_054_737, "campaign": 18, "lead_id": "7"}]);
    let mut request = of("sendgrid", &body);
    assert_eq!(outcome(&request)[1], "missing_field");
    request.fields = [("campaign.id", "/campaign"), ("lead.id", "/lead_id")]
        .map(|(name, pointer)| (name.to_owned(), pointer.to_owned()))
        .to_vec();
    assert_eq!(outcome(&request)[1], "EMAIL_CLICKED");
    let body = body_in(&request, 1);
    assert_eq!(
        (&body["campaign_id"], &body["lead_id"]),
        (&json!(18), &json!(7))
    );
}

#[test]
fn endpoints_of_one_s_own_events_get_every_event_in_one_form() {
    let body = json!([{"event": "spamreport", "email": "a@b.example", "timestamp": 1_773_054_737, "secret": "x"}]);
    let mut request = of("sendgrid", &body);
    request.formats = vec![Format {
        provider: "standard".to_owned(),
        endpoints: vec![target(Subscription::Only(vec![
            "email.complained".to_owned(),
        ]))],
    }];
    assert_eq!(outcome(&request), ["email.complained"]);
    let body = body_in(&request, 0);
    assert_eq!(body["timestamp"], "2026-03-09T11:12:17.000Z");
    assert_eq!(body["data"]["recipients"], json!(["a@b.example"]));
    assert_eq!(body["data"]["provider"], "sendgrid");
    // What arrived is kept here, and not sent on.
    assert_eq!(body["data"]["original"], Value::Null);
}

// Holds: R-C13
#[test]
fn opens_by_machines_and_what_nobody_wants_go_nowhere() {
    let body = json!([{"event": "open", "sg_machine_open": true}]);
    assert_eq!(outcome(&of("sendgrid", &body)), ["by_machine"; 4]);
    let mut request = of(
        "platform",
        &json!({"type": "email.opened", "email_id": "m"}),
    );
    request.formats[3].endpoints = vec![target(Subscription::Only(vec!["email.click".to_owned()]))];
    assert_eq!(outcome(&request)[3], "unwanted");
}

// Holds: R-P9, R-P10
#[test]
fn a_missing_time_is_that_of_receipt_and_no_part_of_the_key() {
    let mut request = of(
        "platform",
        &json!({"type": "email.opened", "email_id": "m"}),
    );
    // Nor is a recipient known, and it is passed on all the same.
    assert_eq!(outcome(&request)[3], "email.open");
    let first = receive(&request).unwrap().events.remove(0);
    let event: Value = serde_json::from_slice(&first.event).unwrap();
    assert_eq!(event["occurred_at"], "2026-03-09T11:12:13.000Z");
    assert_eq!(event["occurred_at_inferred"], true);
    assert_eq!(event["original"]["email_id"], "m");
    request.received_at = "2026-03-09T11:12:14.000Z".to_owned();
    request.id = "01K".to_owned();
    let again = receive(&request).unwrap().events.remove(0);
    assert_eq!((again.key, again.key_lasts), (first.key, false));
}

#[test]
fn a_long_list_is_read_in_parts_with_ids_of_their_own() {
    let list: Vec<_> = (0..25).map(|n| json!({"event": "open", "n": n})).collect();
    let mut request = of("sendgrid", &Value::Array(list));
    let mut ids = Vec::new();
    loop {
        let received = receive(&request).unwrap();
        for event in &received.events {
            let event: Value = serde_json::from_slice(&event.event).unwrap();
            ids.push(event["event_id"].as_str().unwrap().to_owned());
        }
        request.first += request.most;
        if !received.more {
            break;
        }
    }
    let expected: Vec<_> = (0..25).map(|n| format!("evt_01J_{n}")).collect();
    assert_eq!(ids, expected);
}

#[test]
fn what_may_be_used_once_is_told_with_the_first_part_where_it_was_signed() {
    let body =
        json!({"signature": {"timestamp": "1", "token": "t"}, "event-data": {"event": "opened"}});
    let mut request = of("mailgun", &body);
    assert_eq!(receive(&request).unwrap().used_once, None);
    request.scheme = Some("mailgun".to_owned());
    assert_eq!(receive(&request).unwrap().used_once.unwrap(), b"1t");
}

#[test]
fn an_event_of_one_s_own_is_read_and_unknown_sources_are_refused() {
    let reader = Reader::Own {
        name: "acme".to_owned(),
        places: Places {
            event_type: Place::Pointer("/kind".to_owned()),
            event_id: Some(Place::Pointer("/id".to_owned())),
            timestamp: None,
        },
    };
    let body = json!({"kind": "order.paid", "id": 7});
    let request = request(reader, &body);
    let received = receive(&request).unwrap().events.remove(0);
    assert_eq!(received.event_type, "order.paid");
    assert_eq!(
        (received.key.as_str(), received.key_lasts),
        (r#"["id","7"]"#, true)
    );
    let event: Value = serde_json::from_slice(&received.event).unwrap();
    assert_eq!(event["original"], body);
    assert_eq!(
        (&event["event_id"], &event["provider"]),
        (&json!("7"), &json!("acme"))
    );
    // The four providers have no place for it.
    assert_eq!(outcome(&request), ["not_expressible"; 4]);
    let mut own = request.clone();
    own.formats = vec![Format {
        provider: "standard".to_owned(),
        endpoints: vec![target(Subscription::All)],
    }];
    assert_eq!(outcome(&own), ["order.paid"]);
    assert_eq!(
        body_in(&own, 0),
        json!({"type": "order.paid", "timestamp": "2026-03-09T11:12:13.000Z", "data": body})
    );
    // The shape asks for an object or a list.
    own.body = b"7".to_vec();
    assert_eq!(outcome(&own), ["wrong_type"]);
    let refused = receive(&of("nobody", &body)).unwrap_err();
    assert_eq!(refused.code, "unknown_source");
    let refused = receive(&of("sendgrid", &json!([{}]))).unwrap_err();
    assert_eq!(
        (refused.field.as_str(), refused.code.as_str()),
        ("payload.[0].event", "missing_field")
    );
}
