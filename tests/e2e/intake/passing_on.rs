//! From a sender to endpoints of every provider, and when it is sent twice.

use super::support::{
    LIMIT, MAILGUN, RESEND, assert_received, assert_refused, config, kept, mail, mailgun, newest,
    outcome, post, post_resend,
};
use countersign_core::Config;
use countersign_tests::{
    host::{Host, HostHome, wait_for},
    receiver::{Arrival, Receiver},
};
use serde_json::{Value, json};

const PROVIDERS: [&str; 4] = ["cleanmails", "smartlead", "sendemall", "platform"];

fn resend() -> String {
    config(&format!(
        "[inbound.sources.resend]\nsecrets = [{RESEND:?}]\n"
    ))
}

fn endpoints(host: &Host, receiver: &Receiver) {
    for provider in PROVIDERS {
        let description = json!({
            "provider": provider, "url": receiver.url(&format!("/ok/{provider}")), "secret": format!("whsec_{provider}"),
        });
        host.create_endpoint(&description).unwrap();
    }
}

fn arrivals(receiver: &Receiver, count: usize) -> Vec<Arrival> {
    wait_for("all deliveries", LIMIT, || {
        Ok((receiver.count() >= count).then(|| receiver.arrivals()))
    })
    .unwrap()
}

fn at<'a>(arrivals: &'a [Arrival], provider: &str) -> &'a Arrival {
    let found = arrivals.iter().find(|arrival| arrival.endpoint == provider);
    found.unwrap_or_else(|| panic!("nothing arrived at {provider}"))
}

fn body(arrival: &Arrival) -> Value {
    serde_json::from_slice(&arrival.body).unwrap()
}

// Holds: R-P2
#[test]
fn an_event_goes_to_every_provider_s_endpoints_in_its_format_and_signed() {
    let receiver = Receiver::start();
    let fields = "fields = { \"lead.id\" = \"/data/tags/lead\", \"campaign.id\" = \"/data/tags/campaign\" }\n";
    let home = HostHome::new(&format!("{}{fields}", resend())).unwrap();
    let host = home.start().unwrap();
    endpoints(&host, &receiver);
    let bounced = mail(
        "email.bounced",
        &json!({"bounce": {"type": "Permanent", "message": "no such user"}, "tags": {"lead": "7", "campaign": "18"}}),
    );
    assert_received(&post_resend(&host, "evt-1", &bounced));
    let arrivals = arrivals(&receiver, 4);
    for provider in PROVIDERS {
        let arrival = at(&arrivals, provider);
        let secret = format!("whsec_{provider}");
        let secrets = [secret.as_str()];
        assert_eq!(arrival.verify(&Config::new(provider, &secrets)), Ok(()));
        let mut standard = Config::new("standard-webhooks", &secrets);
        standard.options = vec![("secret_format", "raw")];
        assert_eq!(arrival.verify(&standard), Ok(()));
        // Each is a message of its own, which the request tells of.
        let message = outcome(&host, provider)["message_id"].clone();
        assert_eq!(arrival.message_id, message.as_str().unwrap());
        let shown = host
            .get(&format!("/v1/messages/{}", arrival.message_id))
            .unwrap()
            .json;
        assert_eq!(shown["provider"], provider);
    }
    let moment = "2026-03-09T12:00:00Z";
    let id = newest(&host)["events"][0]["event"]["event_id"].clone();
    assert!(id.as_str().unwrap().starts_with("evt_"));
    assert_eq!(
        body(at(&arrivals, "cleanmails")),
        json!({"event": "email.bounced", "workspace_id": 1, "timestamp": moment,
            "data": {"lead_id": 7, "lead_email": "nora@northwind.example", "campaign_id": 18, "sender": "ivo@mail.example"}})
    );
    let smartlead = body(at(&arrivals, "smartlead"));
    assert_eq!(smartlead["event"], "EMAIL_BOUNCED");
    assert_eq!(
        (&smartlead["lead_id"], &smartlead["campaign_id"]),
        (&json!(7), &json!(18))
    );
    assert_eq!(
        (&smartlead["bounce_type"], &smartlead["bounce_reason"]),
        (&json!("hard"), &json!("no such user"))
    );
    let sendemall = body(at(&arrivals, "sendemall"));
    assert_eq!(
        (&sendemall["event"], &sendemall["id"]),
        (&json!("email.bounced"), &id)
    );
    assert_eq!(
        body(at(&arrivals, "platform")),
        json!({"id": id, "type": "email.bounce", "email_id": "mail-1", "recipient": "nora@northwind.example",
            "timestamp": moment, "bounce_type": "hard"})
    );

    // Twice is once.
    assert_received(&post_resend(&host, "evt-1", &bounced));
    assert_eq!(kept(&host).len(), 1);
    assert_eq!(host.get("/v1/stats").unwrap().json["messages"], 4);
}

// Holds: R-P8
#[test]
fn what_a_format_cannot_express_is_noted_and_skipped() {
    let receiver = Receiver::start();
    let home = HostHome::new(&resend()).unwrap();
    let host = home.start().unwrap();
    endpoints(&host, &receiver);
    // R-P8: stored, and passed on only where there is a name for it.
    assert_received(&post_resend(
        &host,
        "evt-1",
        &mail("email.delivered", &json!({})),
    ));
    for provider in ["cleanmails", "smartlead", "platform"] {
        assert_eq!(
            outcome(&host, provider)["skipped"],
            "not_expressible",
            "{provider}"
        );
    }
    assert!(outcome(&host, "sendemall")["message_id"].is_string());
    assert_received(&post_resend(
        &host,
        "evt-2",
        &mail("email.complained", &json!({})),
    ));
    assert_eq!(outcome(&host, "sendemall")["skipped"], "not_expressible");
    // Nobody says which campaign and lead.
    assert_received(&post_resend(
        &host,
        "evt-3",
        &mail("email.opened", &json!({})),
    ));
    let smartlead = outcome(&host, "smartlead");
    assert_eq!(smartlead["skipped"], "missing_field");
    assert!(
        smartlead["detail"]
            .as_str()
            .unwrap()
            .contains("campaign.id"),
        "{smartlead}"
    );
    let arrivals = arrivals(&receiver, 4);
    let mut endpoints: Vec<_> = arrivals
        .iter()
        .map(|arrival| arrival.endpoint.as_str())
        .collect();
    endpoints.sort_unstable();
    assert_eq!(
        endpoints,
        ["cleanmails", "platform", "sendemall", "sendemall"]
    );
}

#[test]
fn only_who_subscribes_is_told_and_paused_endpoints_hold_what_comes() {
    let receiver = Receiver::start();
    let home = HostHome::new(&resend()).unwrap();
    let host = home.start().unwrap();
    let endpoint = |name: &str, more: Value| {
        let mut description = json!({"provider": "platform", "url": receiver.url(&format!("/ok/{name}")), "secret": "s"});
        for (key, value) in more.as_object().unwrap() {
            description[key] = value.clone();
        }
        host.create_endpoint(&description).unwrap()
    };
    endpoint("clicks", json!({"events": "click"}));
    let paused = endpoint("paused", json!({"status": "paused"}));
    assert_received(&post_resend(
        &host,
        "evt-1",
        &mail("email.opened", &json!({})),
    ));
    let message = outcome(&host, "platform")["message_id"].clone();
    let shown = host
        .get(&format!("/v1/messages/{}", message.as_str().unwrap()))
        .unwrap()
        .json;
    assert_eq!(shown["deliveries"].as_array().unwrap().len(), 1);
    assert_eq!(shown["deliveries"][0]["status"], "held");
    host.patch(
        &format!("/v1/endpoints/{paused}"),
        &json!({"status": "active"}),
    )
    .unwrap();
    assert_eq!(arrivals(&receiver, 1)[0].endpoint, "paused");
}

// Holds: R-C13, R-P6, R-P10
#[test]
fn a_list_of_events_is_taken_in_as_a_whole_and_each_of_them_once() {
    let receiver = Receiver::start();
    let home = HostHome::new(&config("[inbound.sources.sendgrid]\nopen = true\n")).unwrap();
    let host = home.start().unwrap();
    endpoints(&host, &receiver);
    let event = |n: u32| {
        json!({"event": "click", "sg_event_id": format!("e{n}"), "sg_message_id": "m", "timestamp": 1_773_054_737,
        "email": "a@b.example", "url": "https://a.example/"})
    };
    let list = |from, to| Value::Array((from..to).map(event).collect()).to_string();
    assert_received(&post(&host, "/api/webhooks", &[], list(0, 3).as_bytes()));
    assert_received(&post(&host, "/api/webhooks", &[], list(1, 5).as_bytes()));
    let second = newest(&host);
    let places: Vec<_> = second["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["place"].clone())
        .collect();
    assert_eq!(
        (places, &second["events_total"]),
        (vec![json!(2), json!(3)], &json!(4))
    );
    assert_received(&post(&host, "/api/webhooks", &[], list(0, 5).as_bytes()));
    assert_eq!(kept(&host).len(), 2);
    // Five events in three formats; SmartLead asks for what is not said.
    arrivals(&receiver, 15);
    assert_eq!(host.get("/v1/stats").unwrap().json["messages"], 15);
    // Opens by machines are stored only.
    let machine = json!([{"event": "open", "sg_event_id": "m1", "sg_machine_open": true, "sg_message_id": "m"}]);
    assert_received(&post(
        &host,
        "/api/webhooks",
        &[],
        machine.to_string().as_bytes(),
    ));
    assert_eq!(outcome(&host, "platform")["skipped"], "by_machine");
}

#[test]
fn a_token_of_mailgun_s_serves_one_body_however_it_is_written() {
    let home = HostHome::new(&config(&format!(
        "[inbound.sources.mailgun]\nsecrets = [{MAILGUN:?}]\n"
    )))
    .unwrap();
    let host = home.start().unwrap();
    let opened = |id: &str| json!({"event": "opened", "id": id, "timestamp": 1_773_054_737.5, "recipient": "a@b.example"});
    let first = mailgun("8token-1", &opened("e1"));
    assert_received(&post(&host, "/api/webhooks", &[], first.as_bytes()));
    assert_received(&post(&host, "/api/webhooks", &[], first.as_bytes()));
    // Another event behind the same signature: with the border between timestamp and token moved, with blanks, with a
    // second token that was never signed.
    let with_other_event = first.replace("\"e1\"", "\"e2\"");
    assert_ne!(with_other_event, first);
    let parsed: Value = serde_json::from_str(&with_other_event).unwrap();
    let timestamp = parsed["signature"]["timestamp"].as_str().unwrap();
    let forged = [
        with_other_event.clone(),
        with_other_event.replace("\"8token-1\"", "\" 8token-1\""),
        with_other_event
            .replace("\"8token-1\"", "\"token-1\"")
            .replace(&format!("\"{timestamp}\""), &format!("\"{timestamp}8\"")),
        with_other_event.replace(
            ",\"signature\":{",
            ",\"signature\":{\"token\":\"other\"},\"signature\":{",
        ),
        with_other_event.replace("\"8token-1\"", "\"other\",\"token\":\"8token-1\""),
    ];
    for body in forged {
        assert_ne!(body, first);
        assert_refused(
            &post(&host, "/api/webhooks", &[], body.as_bytes()),
            401,
            "unverified",
        );
    }
    assert_eq!(kept(&host).len(), 1);
    // The sender tries again with a new signature: the event came before.
    let again = mailgun("token-2", &opened("e1"));
    assert_received(&post(&host, "/api/webhooks", &[], again.as_bytes()));
    assert_eq!(kept(&host).len(), 1);
    let next = mailgun("token-3", &opened("e2"));
    assert_received(&post(&host, "/api/webhooks", &[], next.as_bytes()));
    assert_eq!(kept(&host).len(), 2);
    let log = home.log();
    assert!(
        log.contains("used_before") && !log.contains(MAILGUN),
        "{log}"
    );
}
