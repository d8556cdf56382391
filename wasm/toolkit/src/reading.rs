//! Payloads as the provider's own events. The payload itself is not built here: `JSON.parse` is four to five times faster at
//! making JavaScript objects.

use countersign_core::provider::{Payload, Provider};
use serde::Serialize;
use wasm_bindgen::prelude::*;

/// What [`read_event`] writes; the field `ok` tells the two apart.
#[derive(Serialize)]
#[serde(untagged)]
enum Reading {
    Event {
        ok: bool,
        #[serde(rename = "type")]
        event_type: String,
        known: bool,
        id: Option<String>,
        timestamp: Option<String>,
    },
    Refusal {
        ok: bool,
        code: &'static str,
        path: String,
        message: String,
    },
}

/// Reads the body of a delivery: its event type, whether the provider documents that type, its id and timestamp where it
/// has them; or why it cannot be read, with the JSON path. As the JSON text of an `EventReading`: one text that JavaScript reads costs
/// a third of an object whose fields are set one by one from here.
#[wasm_bindgen(js_name = readEvent)]
pub fn read_event(provider: &str, body: &[u8]) -> String {
    let reading = match Provider::named(provider) {
        Ok(provider) => read(provider, body),
        Err(error) => Reading::Refusal {
            ok: false,
            code: "unknown_provider",
            path: String::new(),
            message: error.to_string(),
        },
    };
    // Plain strings, booleans and nulls: nothing here can fail to be written.
    serde_json::to_string(&reading).unwrap_or_default()
}

fn read(provider: Provider, body: &[u8]) -> Reading {
    match Payload::decode(provider, body) {
        Ok(payload) => Reading::Event {
            ok: true,
            known: provider.event_types().contains(&payload.event_type()),
            event_type: payload.event_type().to_owned(),
            id: payload.event_id(),
            timestamp: payload.timestamp().map(str::to_owned),
        },
        Err(error) => Reading::Refusal {
            ok: false,
            code: error.code(),
            message: error.to_string(),
            path: error.path,
        },
    }
}

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
export type EventReading =
  | { ok: true; type: string; known: boolean; id: string | null; timestamp: string | null }
  | { ok: false; code: "json_invalid" | "missing_field" | "wrong_type" | "unknown_provider"; path: string; message: string };
"#;
