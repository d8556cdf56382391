//! The providers' own APIs beyond what their documents print: who is let in, what is refused and how, and where they are.

mod addresses;
mod associations;
mod cleanmails;
mod platform;
mod round_trips;
mod sendemall;
mod smartlead;
mod surfaces;

use countersign_tests::{
    host::{Answer, Host, HostHome, wait_for},
    receiver::Receiver,
};
use serde_json::{Value, json};
use std::time::Duration;

/// Longest wait for something that takes milliseconds.
const LIMIT: Duration = Duration::from_secs(30);

/// An address at which nobody listens.
const NOWHERE: &str = "http://127.0.0.1:49151/hook";

/// Where each provider's webhooks are made.
const CREATE: [(&str, &str); 4] = [
    ("cleanmails", "/v1/integrations/webhooks"),
    ("smartlead", "/api/v1/webhook/create"),
    ("sendemall", "/v1/webhooks"),
    ("platform", "/api/webhooks/manage"),
];

/// A body with which one is made.
fn description(provider: &str, url: &str) -> Value {
    match provider {
        "smartlead" => json!({"webhook_url": url, "event_type_map": {"EMAIL_REPLIED": true}}),
        "platform" => json!({"url": url, "events": "open,click"}),
        _ => json!({"url": url, "events": ["email.replied"], "secret": "s3cret-s3cret"}),
    }
}

/// A host without a token that speaks all four, with these settings of `[delivery]` and more sections.
fn all_four(more: &str) -> (HostHome, Host) {
    let mut config = format!("{more}\n");
    for (provider, _) in CREATE {
        config.push_str(&format!("[compat.{provider}]\nenabled = true\n"));
        if provider == "smartlead" {
            config.push_str("test_events = false\n");
        }
    }
    let home = HostHome::new(&config).unwrap();
    let host = home.start().unwrap();
    (home, host)
}

fn ask(host: &Host, method: &str, path: &str, json: Option<&Value>) -> Answer {
    host.ask(method, path, &[], json).unwrap()
}

/// Publishes an event that one endpoint gets, and waits for the end of its delivery, whose state is returned.
fn publish_and_wait(host: &Host, provider: &str, payload: &Value) -> String {
    let message = host.publish(provider, payload).unwrap();
    let ended = wait_for("the end of the delivery", LIMIT, || {
        let found = host.get(&format!("/v1/messages/{message}"))?;
        let state = found.json["deliveries"][0]["status"].as_str();
        let state = state.unwrap_or_default().to_owned();
        Ok(["delivered", "dead_lettered"]
            .contains(&&*state)
            .then_some(state))
    });
    ended.unwrap()
}
