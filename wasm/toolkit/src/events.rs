//! Normalised events in JavaScript. They cross as JSON text: `JSON.parse` makes objects faster than calls from here, and
//! numbers of any size get across.

use countersign_core::{
    event::{Event, Source},
    key::{self, KeyPolicy, OrderScope},
    normalise,
    provider::{PayloadError, Provider},
    render::{self, RenderError},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use wasm_bindgen::prelude::*;

/// Why there is no answer.
#[derive(Serialize)]
struct Refusal {
    ok: bool,
    code: &'static str,
    path: String,
    message: String,
}

/// Reads the body of a delivery as normalised events: `{"ok":true,"events":[…]}`. `headers` is a JSON list of name and value
/// pairs; without it, sources whose ids of repeats are in headers have none.
#[wasm_bindgen(js_name = parseEvents)]
pub fn parse_events(source: &str, headers: Option<String>, body: &[u8]) -> String {
    answer(|| {
        let source = Source::named(source)
            .map_err(|error| Refusal::new("unknown_provider", "", error.to_string()))?;
        let headers: Vec<(String, String)> = match headers {
            Some(text) => from_json("headers", &text)?,
            None => Vec::new(),
        };
        let events = normalise::parse(source, &headers, body)?;
        Ok(json!({"ok": true, "events": events}))
    })
}

/// Writes a normalised event as the body of a provider's delivery: `{"ok":true,"body":"…"}`.
#[wasm_bindgen]
pub fn render(event: &str, provider: &str) -> String {
    answer(|| {
        let provider = Provider::named(provider)
            .map_err(|error| Refusal::new("unknown_provider", "", error.to_string()))?;
        let payload = render::render(&event_of(event)?, provider)?;
        Ok(json!({"ok": true, "body": String::from_utf8_lossy(&payload.encode())}))
    })
}

/// The key that all deliveries of an event share: `{"ok":true,"key":"…"}`, `null` where the policy makes none. Policies:
/// `provider` (the default), `fields`, `smartlead_guide`, `smartlead_reference`.
#[wasm_bindgen(js_name = idempotencyKey)]
pub fn idempotency_key(event: &str, policy: Option<String>) -> String {
    answer(|| {
        let event = event_of(event)?;
        let policy: KeyPolicy = named("policy", policy)?;
        Ok(json!({"ok": true, "key": key::idempotency_key(&event, policy)}))
    })
}

/// The key of events that must stay in order, and the place of this one among them in unix milliseconds:
/// `{"ok":true,"key":"…","order":…}`. Scopes: `lead_in_campaign` (the default), `lead`, `campaign`.
#[wasm_bindgen(js_name = orderingKey)]
pub fn ordering_key(event: &str, scope: Option<String>) -> String {
    answer(|| {
        let event = event_of(event)?;
        let scope: OrderScope = named("scope", scope)?;
        Ok(
            json!({"ok": true, "key": key::ordering_key(&event, scope), "order": key::order(&event)}),
        )
    })
}

fn answer(decide: impl FnOnce() -> Result<Value, Refusal>) -> String {
    match decide() {
        Ok(value) => value.to_string(),
        Err(refusal) => json!(refusal).to_string(),
    }
}

#[inline(never)]
fn event_of(text: &str) -> Result<Event, Refusal> {
    from_json("event", text)
}

fn from_json<T: DeserializeOwned>(field: &str, text: &str) -> Result<T, Refusal> {
    serde_json::from_str(text).map_err(|error| {
        let code = match error.is_data() {
            true => "wrong_type",
            false => "json_invalid",
        };
        Refusal::new(code, field, error.to_string())
    })
}

/// A setting by its name, or its default.
fn named<T: DeserializeOwned + Default>(
    field: &'static str,
    name: Option<String>,
) -> Result<T, Refusal> {
    match name {
        Some(name) => serde_json::from_value(Value::String(name))
            .map_err(|error| Refusal::new("unknown_option", field, error.to_string())),
        None => Ok(T::default()),
    }
}

impl Refusal {
    fn new(code: &'static str, path: &str, message: String) -> Self {
        Self {
            ok: false,
            code,
            path: path.to_owned(),
            message,
        }
    }
}

impl From<PayloadError> for Refusal {
    fn from(error: PayloadError) -> Self {
        Self::new(error.code(), &error.path, error.to_string())
    }
}

impl From<RenderError> for Refusal {
    fn from(error: RenderError) -> Self {
        let path = match error {
            RenderError::Missing { field, .. } | RenderError::TimeInvalid { field } => field,
            _ => "",
        };
        Self::new(error.code(), path, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    fn click() -> String {
        let headers = r#"[["X-Request-Id","r1"]]"#.to_owned();
        let body =
            br#"{"event":"EMAIL_CLICKED","timestamp":"2024-11-25T10:45:00Z","campaign_id":123,
            "lead_id":18446744073709551615,"link":{"url":"https://a.example"}}"#;
        let answer = parsed(&parse_events("smartlead", Some(headers), body));
        assert_eq!(answer["ok"], true);
        answer["events"][0].to_string()
    }

    #[test]
    fn an_event_goes_the_whole_way_as_text() {
        let event = click();
        assert_eq!(parsed(&event)["type"], "email.clicked");
        assert_eq!(parsed(&event)["lead"]["id"], "18446744073709551615");
        let rendered = parsed(&render(&event, "smartlead"));
        assert!(
            rendered["body"]
                .as_str()
                .unwrap()
                .contains(r#""lead_id":18446744073709551615"#)
        );
        let key = parsed(&idempotency_key(&event, None));
        assert_eq!(key["key"], r#"["smartlead","id","r1"]"#);
        let naive = parsed(&idempotency_key(&event, Some("smartlead_guide".to_owned())));
        assert_ne!(naive["key"], key["key"]);
        let ordering = parsed(&ordering_key(&event, Some("campaign".to_owned())));
        assert_eq!(
            ordering["key"],
            r#"["smartlead","campaign",null,"123",null]"#
        );
        assert_eq!(ordering["order"], 1_732_531_500_000_u64);
    }

    #[test]
    fn every_mistake_has_a_code_and_a_place() {
        let place = |text: String| {
            let answer = parsed(&text);
            assert_eq!(answer["ok"], false);
            format!(
                "{} {}",
                answer["code"].as_str().unwrap(),
                answer["path"].as_str().unwrap()
            )
        };
        let event = click();
        assert_eq!(
            place(parse_events("nobody", None, b"{}")),
            "unknown_provider "
        );
        assert_eq!(
            place(parse_events("resend", Some("[".to_owned()), b"{}")),
            "json_invalid headers"
        );
        assert_eq!(
            place(parse_events("resend", Some("{}".to_owned()), b"{}")),
            "wrong_type headers"
        );
        assert_eq!(
            place(parse_events("resend", None, b"{}")),
            "missing_field type"
        );
        assert_eq!(place(parse_events("mailgun", None, b"[")), "json_invalid ");
        assert_eq!(place(render(&event, "resend")), "unknown_provider ");
        assert_eq!(place(render(&event, "platform")), "missing_field email_id");
        assert_eq!(place(render("7", "platform")), "wrong_type event");
        assert_eq!(
            place(idempotency_key(&event, Some("best".to_owned()))),
            "unknown_option policy"
        );
        assert_eq!(place(ordering_key("{", None)), "json_invalid event");
        let unsent = event.replace("email.clicked", "email.complained");
        assert_eq!(place(render(&unsent, "platform")), "not_expressible ");
    }
}
