//! `/openapi.json`, and the same as a page for people at `/docs`. The page needs nothing from elsewhere, and runs no script.

mod example;
mod html;

use self::{
    example::example,
    html::{code, escaped, prose, tag},
};
use super::App;
use axum::{
    Router,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use serde_json::Value;
use std::{fmt::Write, sync::Arc};

/// Nothing is loaded and nothing runs; the page's own style sheet is part of it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// How deep the fields of a request are shown where it is described.
const FIELDS_DEPTH_MAX: u32 = 3;

/// The routes of the description.
pub(super) fn routes(document: &Value) -> Router<Arc<App>> {
    let json = Bytes::from(document.to_string());
    let page = Bytes::from(page(document));
    Router::new()
        .route(
            "/openapi.json",
            get(async move || served("application/json", json.clone())),
        )
        .route(
            "/docs",
            get(async move || served("text/html; charset=utf-8", page.clone())),
        )
}

fn served(media_type: &'static str, bytes: Bytes) -> Response {
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, bytes).into_response()
}

/// The page.
fn page(document: &Value) -> String {
    let text = |pointer: &str| {
        document
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let groups = groups(document);
    let mut nav = String::new();
    let mut main = String::new();
    for (name, description, operations) in &groups {
        let id = slug(name);
        nav += &format!("<h2><a href=\"#{id}\">{}</a></h2><ul>", escaped(name));
        main += &format!(
            "<section id=\"{id}\"><h2>{}</h2>{}",
            escaped(name),
            prose(description)
        );
        for operation in operations {
            nav += &operation.link();
            main += &operation.article(document);
        }
        nav += "</ul>";
        main += "</section>";
    }
    nav += "<h2><a href=\"#schemas\">Schemas</a></h2>";
    main += &schemas(document);
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title} {version}: the API</title><style>{style}</style></head><body>\
         <nav aria-label=\"Operations\"><p class=\"brand\"><a href=\"#top\">{title}</a> <span>{version}</span></p>{nav}</nav>\
         <main id=\"top\"><header><h1>The API of {title}</h1>{about}{key}\
         <p>The same as <a href=\"openapi.json\">OpenAPI 3.1</a>, for programs.</p></header>{main}</main></body></html>",
        title = escaped(text("/info/title")),
        version = escaped(text("/info/version")),
        style = include_str!("docs/page.css"),
        about = prose(text("/info/description")),
        key = prose(&format!(
            "**Keys.** Send `Authorization: Bearer ...`. {}",
            text("/components/securitySchemes/key/description")
        )),
    )
}

/// An operation of the document.
struct Shown<'a> {
    method: &'a str,
    path: &'a str,
    operation: &'a Value,
}

/// In the order in which they are shown.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

type Group<'a> = (&'a str, &'a str, Vec<Shown<'a>>);

fn groups(document: &Value) -> Vec<Group<'_>> {
    let tags = document["tags"].as_array().into_iter().flatten();
    let paths = document["paths"].as_object();
    tags.map(|group| {
        let name = group["name"].as_str().unwrap_or_default();
        let all = paths.into_iter().flatten().flat_map(|(path, methods)| {
            let methods = methods.as_object().into_iter().flatten();
            methods.map(move |(method, operation)| Shown {
                method,
                path,
                operation,
            })
        });
        let mut own: Vec<_> = all
            .filter(|shown| shown.operation["tags"][0] == name)
            .collect();
        let order = |method: &str| METHODS.iter().position(|one| *one == method);
        own.sort_by_key(|shown| (shown.path, order(shown.method)));
        (name, group["description"].as_str().unwrap_or_default(), own)
    })
    .collect()
}

impl Shown<'_> {
    fn id(&self) -> &str {
        self.operation["operationId"].as_str().unwrap_or_default()
    }

    fn link(&self) -> String {
        let label = format!("{} {}", self.badge(), code(self.path));
        format!("<li><a href=\"#{}\">{label}</a></li>", escaped(self.id()))
    }

    fn badge(&self) -> String {
        format!("<b class=\"method {0}\">{0}</b>", escaped(self.method))
    }

    fn article(&self, document: &Value) -> String {
        let text = |name: &str| self.operation[name].as_str().unwrap_or_default();
        let mut html = format!(
            "<article id=\"{id}\"><h3>{badge} {path}</h3>{summary}{description}",
            id = escaped(self.id()),
            badge = self.badge(),
            path = code(self.path),
            summary = prose(text("summary")),
            description = prose(text("description")),
        );
        html += &self.parameters(document);
        let body = self
            .operation
            .pointer("/requestBody/content/application~1json/schema");
        if let Some(schema) = body {
            html += "<h4>Body</h4>";
            html += &fields(document, schema, FIELDS_DEPTH_MAX);
        }
        html += &format!(
            "<h4>Example</h4><pre><code>{}</code></pre>",
            escaped(&self.curl(document, body))
        );
        html += &self.answers();
        html + "</article>"
    }

    fn parameters(&self, document: &Value) -> String {
        let all = self.operation["parameters"].as_array();
        let rows = all.into_iter().flatten().map(|parameter| {
            let text = |name: &str| parameter[name].as_str().unwrap_or_default();
            let needed = match parameter["required"] == true {
                true => "",
                false => " <i>optional</i>",
            };
            format!(
                "<tr><td>{}<br><small>{}{needed}</small></td><td>{}</td><td>{}</td></tr>",
                code(text("name")),
                escaped(text("in")),
                kind(document, &parameter["schema"]),
                prose(text("description")),
            )
        });
        table("Parameters", rows.collect())
    }

    fn answers(&self) -> String {
        let all = self.operation["responses"].as_object();
        let rows = all.into_iter().flatten().map(|(status, answer)| {
            let content = answer["content"]
                .as_object()
                .and_then(|content| content.values().next());
            let schema = content.map(|media| reference(&media["schema"]));
            format!(
                "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
                code(status),
                schema.unwrap_or_default(),
                prose(answer["description"].as_str().unwrap_or_default()),
            )
        });
        table("Answers", rows.collect())
    }

    /// The request as one types it.
    fn curl(&self, document: &Value, body: Option<&Value>) -> String {
        let mut line = match self.method {
            "get" => "curl".to_owned(),
            method => format!("curl -X {}", method.to_uppercase()),
        };
        // Writing to a text cannot fail.
        let _ = write!(
            line,
            " http://localhost:8700{} \\\n  -H 'Authorization: Bearer csk_...'",
            self.path
        );
        if let Some(schema) = body {
            let _ = write!(
                line,
                " \\\n  -H 'Content-Type: application/json' \\\n  -d '{}'",
                example(document, schema)
            );
        }
        line
    }
}

fn table(title: &str, rows: String) -> String {
    match rows.is_empty() {
        true => String::new(),
        false => format!("<h4>{title}</h4><table><tbody>{rows}</tbody></table>"),
    }
}

/// Every schema by its name.
fn schemas(document: &Value) -> String {
    let all = document
        .pointer("/components/schemas")
        .and_then(Value::as_object);
    let mut html = "<section id=\"schemas\"><h2>Schemas</h2>".to_owned();
    for (name, schema) in all.into_iter().flatten() {
        html += &format!(
            "<article id=\"schema-{0}\"><h3>{0}</h3>{1}{2}</article>",
            escaped(name),
            prose(schema["description"].as_str().unwrap_or_default()),
            fields(document, schema, 1),
        );
    }
    html + "</section>"
}

/// The fields of a schema as a table, with theirs within.
fn fields(document: &Value, schema: &Value, depth: u32) -> String {
    let schema = resolved(document, schema);
    let alternatives = ["oneOf", "anyOf"]
        .iter()
        .find_map(|keyword| schema[*keyword].as_array());
    if let Some(alternatives) = alternatives {
        let rows = alternatives.iter().map(|one| {
            let meaning = resolved(document, one)["description"]
                .as_str()
                .unwrap_or_default();
            format!(
                "<tr><td>{}</td><td>{}</td></tr>",
                kind(document, one),
                prose(meaning)
            )
        });
        return format!("<table><tbody>{}</tbody></table>", rows.collect::<String>());
    }
    let Some(properties) = schema["properties"].as_object() else {
        return format!("<p>{}</p>", kind(document, schema));
    };
    let required = schema["required"].as_array();
    let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
    // What must be given comes first.
    let mut properties: Vec<_> = properties.iter().collect();
    properties.sort_by_key(|(name, _)| !is_required(name));
    let rows = properties.into_iter().map(|(name, property)| {
        let needed = match is_required(name) {
            true => "",
            false => "<br><small><i>optional</i></small>",
        };
        let meaning = property["description"].as_str();
        let meaning = meaning.or_else(|| resolved(document, property)["description"].as_str());
        let inner = inner(document, property).filter(|_| depth > 1);
        let inner = inner.map(|inner| {
            let summary = tag("summary", "its fields");
            format!(
                "<details>{summary}{}</details>",
                fields(document, inner, depth.saturating_sub(1))
            )
        });
        format!(
            "<tr><td>{}{needed}</td><td>{}</td><td>{}{}</td></tr>",
            code(name),
            kind(document, property),
            prose(meaning.unwrap_or_default()),
            inner.unwrap_or_default(),
        )
    });
    format!("<table><tbody>{}</tbody></table>", rows.collect::<String>())
}

/// The schema within a field that has fields of its own.
fn inner<'a>(document: &'a Value, property: &'a Value) -> Option<&'a Value> {
    let schema = resolved(document, property);
    let schema = match schema.get("items") {
        Some(items) => resolved(document, items),
        None => schema,
    };
    let has_fields = schema["properties"].is_object()
        || schema["oneOf"].is_array()
        || schema["anyOf"].is_array();
    let is_words = |one: &Value| one["const"].is_string();
    let only_words = schema["oneOf"]
        .as_array()
        .is_some_and(|all| all.iter().all(is_words));
    (has_fields && !only_words).then_some(schema)
}

/// What a reference means, and the one alternative to null.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let reference = schema["$ref"].as_str();
    let target = reference.and_then(|to| document.pointer(to.trim_start_matches('#')));
    if let Some(target) = target {
        return resolved(document, target);
    }
    for keyword in ["allOf", "anyOf"] {
        let others = schema[keyword].as_array().into_iter().flatten();
        let mut others = others.filter(|one| one["type"] != "null");
        if let (Some(only), None) = (others.next(), others.next()) {
            return resolved(document, only);
        }
    }
    schema
}

/// The name of the schema that is referred to, as a link, or what it is.
fn reference(schema: &Value) -> String {
    match schema["$ref"].as_str().and_then(|to| to.rsplit('/').next()) {
        Some(name) => format!("<a href=\"#schema-{0}\">{0}</a>", escaped(name)),
        None => escaped(schema["type"].as_str().unwrap_or("JSON")),
    }
}

/// What a value is, in words.
fn kind(document: &Value, schema: &Value) -> String {
    if schema["$ref"].is_string() {
        let words = words(resolved(document, schema));
        return match words {
            Some(words) => words,
            None => reference(schema),
        };
    }
    if let Some(words) = words(schema) {
        return words;
    }
    for keyword in ["allOf", "anyOf", "oneOf"] {
        if let Some(all) = schema[keyword].as_array() {
            let kinds: Vec<_> = all.iter().map(|one| kind(document, one)).collect();
            return kinds.join(" or ");
        }
    }
    let one = |name: &str| match name {
        "array" => format!("list of {}", kind(document, &schema["items"])),
        name => escaped(name),
    };
    let kinds = match &schema["type"] {
        Value::String(name) => one(name),
        Value::Array(names) => {
            let names = names.iter().filter_map(Value::as_str).map(one);
            names.collect::<Vec<_>>().join(" or ")
        }
        _ => "JSON".to_owned(),
    };
    kinds + &bounds(schema)
}

fn words(schema: &Value) -> Option<String> {
    if let Some(word) = schema["const"].as_str() {
        return Some(code(word));
    }
    let listed = schema["enum"]
        .as_array()
        .map(|all| all.iter().collect::<Vec<_>>());
    let chosen = schema["oneOf"]
        .as_array()
        .map(|all| all.iter().map(|one| &one["const"]).collect());
    let all: Vec<_> = listed
        .or(chosen)?
        .into_iter()
        .map(Value::as_str)
        .collect::<Option<_>>()?;
    let words: Vec<_> = all.into_iter().map(code).collect();
    Some(words.join(", "))
}

fn bounds(schema: &Value) -> String {
    let number = |name: &str| schema[name].as_u64();
    match (
        number("minimum"),
        number("maximum"),
        schema["format"].as_str(),
    ) {
        (Some(least), Some(most), _) => format!(", {least} to {most}"),
        (_, _, Some("date-time")) => ", a time".to_owned(),
        _ => String::new(),
    }
}

fn slug(name: &str) -> String {
    name.to_lowercase().replace(' ', "-")
}

#[cfg(test)]
mod tests;
