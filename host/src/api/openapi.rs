//! The description of the API: OpenAPI 3.1, made of what routes say of themselves.

use super::describe::{Needs, Operation, Schemas};
use crate::store::Permission;
use serde_json::{Map, Value, json};

/// What stands before the operations.
const ABOUT: &str = "JSON over HTTP. Times are RFC 3339 in UTC with milliseconds; ids begin with what they name (`ep_`, `msg_`, `dlv_`, \
    `atmpt_`, `rpl_`, `key_`). Lists have one form: `limit` and `after` in the request, the entries and `next` in the answer; a page may \
    hold fewer entries than asked for, and there is another one as long as `next` is not null. Errors are problem documents \
    (RFC 9457) with a stable `code`; nothing was stored unless the answer is 2xx.";

/// What groups operations, by the first part of their path.
const GROUPS: [(&str, &str, &str); 11] = [
    (
        "workspaces",
        "Workspaces",
        "Whose endpoints, messages and keys are apart from each other's.",
    ),
    ("keys", "Keys", "Who may do what, and where."),
    ("endpoints", "Endpoints", "Receivers of events."),
    (
        "event-types",
        "Event types",
        "What a workspace says of its events, and what their payloads are checked against.",
    ),
    ("events", "Events", "Publishing."),
    ("messages", "Messages", "What was published."),
    (
        "deliveries",
        "Deliveries",
        "One message to one endpoint, and its attempts.",
    ),
    (
        "dead-letters",
        "Dead letters",
        "Deliveries that were given up.",
    ),
    ("replays", "Replays", "Many deliveries that are sent again."),
    (
        "inbound",
        "Inbound",
        "What other senders posted to `/api/webhooks`.",
    ),
    ("server", "Server", "The server itself."),
];

/// The document.
pub(super) fn document(operations: &[Operation], schemas: Schemas) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations {
        let path = paths
            .entry(operation.path.clone())
            .or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(operation.method.to_owned(), described(operation));
        }
    }
    let tags =
        GROUPS.map(|(_, name, description)| json!({ "name": name, "description": description }));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Countersign",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas.finish(),
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key of `/v1/keys` (`csk_...`), or the token of the setting `api.token`. A server without a \
                        token takes requests from its own machine without one.",
                },
            },
        },
    })
}

/// The group that an operation belongs to.
fn group(path: &str) -> &'static str {
    let first = path.trim_start_matches("/v1/").split('/').next();
    let first = first.unwrap_or_default();
    let named = GROUPS.iter().find(|(part, ..)| *part == first);
    named.map_or("Server", |(_, name, _)| name)
}

fn described(operation: &Operation) -> Value {
    let mut description = Map::new();
    let mut say = |name: &str, value: Value| {
        description.insert(name.to_owned(), value);
    };
    say("operationId", operation.id.into());
    say("tags", json!([group(&operation.path)]));
    say("summary", operation.summary.into());
    let mut parameters = operation.parameters.clone();
    match operation.needs {
        None => say("security", json!([])),
        Some(needs) => {
            let roles = roles(needs);
            say("description", format!("Needs a key with {roles}.").into());
            say("security", json!([{ "key": [] }]));
            parameters.push(json!({
                "name": super::caller::WORKSPACE_HEADER,
                "in": "header",
                "required": false,
                "description": "The workspace of the request, for keys that work in all of them; left out, `default`",
                "schema": { "type": "string" },
            }));
        }
    }
    if !parameters.is_empty() {
        say("parameters", parameters.into());
    }
    if let Some(query) = &operation.query {
        say("x-query", query.as_str().into());
    }
    if let Some(body) = &operation.body {
        say("requestBody", body.clone());
    }
    let responses = operation.responses.iter();
    let responses: Map<_, _> = responses
        .map(|(status, answer)| (status.to_string(), answer.clone()))
        .collect();
    say("responses", responses.into());
    description.into()
}

const fn roles(needs: Needs) -> &'static str {
    match needs {
        Needs::AnyKey => "any role",
        Needs::Role(Permission::Read) => "the role `read`, `manage` or `admin`",
        Needs::Role(Permission::Publish) => "the role `publish`, `manage` or `admin`",
        Needs::Role(Permission::Manage) => "the role `manage` or `admin`",
        Needs::Role(Permission::Administer) => "the role `admin`",
    }
}

#[cfg(test)]
mod tests {
    use super::super::routes;
    use serde_json::Value;
    use std::collections::BTreeSet;

    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(object) => {
                if let Some(Value::String(to)) = object.get("$ref") {
                    found.insert(to.clone());
                }
                object.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn the_description_is_whole_and_its_operations_have_names_of_their_own() {
        let (_, document) = routes();
        let mut names = BTreeSet::new();
        let mut count = 0;
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                count += 1;
                names.insert(operation["operationId"].as_str().unwrap());
                let summary = operation["summary"].as_str().unwrap();
                assert!(summary.ends_with('.'), "{method} {path}: {summary}");
                let parameters = operation["parameters"].as_array().into_iter().flatten();
                let in_path = parameters.filter(|one| one["in"] == "path").count();
                assert_eq!(in_path, path.matches('{').count(), "{method} {path}");
                let success = operation["responses"].as_object().unwrap().keys();
                assert!(
                    success.clone().any(|status| status.starts_with('2')),
                    "{method} {path}"
                );
            }
        }
        assert_eq!(names.len(), count, "two operations have one name");
        let mut needed = BTreeSet::new();
        references(&document, &mut needed);
        assert!(needed.len() > 30);
        for reference in needed {
            let pointer = reference.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        let text = document.to_string();
        assert!(!text.contains("x-raw") && !text.contains("#/$defs"));
    }
}
