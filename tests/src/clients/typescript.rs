//! Types and operations of the TypeScript client.

use super::{Answer, Operation, operations, referred};
use serde_json::Value;
use std::fmt::Write as _;

const HEAD: &str = "// Types and operations of the native API. Generated from docs/openapi.json; do not change it by hand.\n";

/// How calls are made: by the class that has a server, a key and a `fetch`.
const BASE: &str = "\n/** What every call takes. */\nexport interface CallOptions {\n  /** Ends the call before its time. */\n  signal?: AbortSignal;\n}\n\n\
    /** What calls take that may be repeated. */\nexport interface IdempotentOptions extends CallOptions {\n  \
    /** Under one key the server does it once, however often it is sent within 24 hours: 1 to 255 visible ASCII characters. */\n  \
    idempotencyKey?: string;\n}\n\n\
    /** What is sent. */\nexport interface Sent {\n  query?: object | undefined;\n  body?: unknown;\n  options?: IdempotentOptions | undefined;\n}\n\n\
    /** The operations of the API. */\nexport abstract class Operations {\n  \
    protected abstract call<T>(method: string, path: string, sent: Sent): Promise<T>;\n";

/// The text of `npm/src/client/operations.ts`.
pub fn typescript(document: &Value) -> String {
    let mut text = HEAD.to_owned();
    let schemas = document["components"]["schemas"].as_object();
    for (name, schema) in schemas.into_iter().flatten() {
        declaration(&mut text, name, schema);
    }
    let operations = operations(document);
    for operation in &operations {
        if let Some((_, parameters)) = &operation.query {
            query(&mut text, operation, parameters);
        }
    }
    text += BASE;
    for operation in &operations {
        method(&mut text, operation);
    }
    text + "}\n"
}

fn comment(text: &mut String, indent: &str, description: Option<&str>) {
    if let Some(description) = description {
        let description = description.replace('\n', " ").replace("*/", "* /");
        let _ = writeln!(text, "{indent}/** {description} */");
    }
}

fn declaration(text: &mut String, name: &str, schema: &Value) {
    text.push('\n');
    comment(text, "", schema["description"].as_str());
    if schema["properties"].is_object() {
        let _ = writeln!(text, "export interface {name} {{");
        fields(text, "  ", schema);
        *text += "}\n";
    } else {
        let _ = writeln!(text, "export type {name} = {};", kind(schema));
    }
}

fn fields(text: &mut String, indent: &str, schema: &Value) {
    let required = schema["required"].as_array();
    let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        comment(text, indent, property["description"].as_str());
        let mark = match is_required(name) {
            true => "",
            false => "?",
        };
        let _ = writeln!(text, "{indent}{name}{mark}: {};", kind(property));
    }
}

fn query(text: &mut String, operation: &Operation<'_>, parameters: &[&Value]) {
    let name = type_name(operation.id);
    let _ = writeln!(
        text,
        "\n/** Parameters of {{@link Operations.{}}}. */\nexport interface {name}Query {{",
        camel(operation.id)
    );
    for parameter in parameters {
        comment(text, "  ", parameter["description"].as_str());
        let field = parameter["name"].as_str().unwrap_or_default();
        let _ = writeln!(text, "  {field}?: {};", kind(&parameter["schema"]));
    }
    *text += "}\n";
}

fn method(text: &mut String, operation: &Operation<'_>) {
    let mut arguments: Vec<String> = Vec::new();
    let mut sent: Vec<&str> = Vec::new();
    for name in &operation.path_parameters {
        arguments.push(format!("{name}: string"));
    }
    if let Some((schema, required)) = operation.body {
        let default = match required {
            true => "",
            false => " = {}",
        };
        arguments.push(format!("body: {}{default}", kind(schema)));
        sent.push("body");
    }
    if operation.query.is_some() {
        arguments.push(format!("query: {}Query = {{}}", type_name(operation.id)));
        sent.push("query");
    }
    let options = match operation.idempotent {
        true => "IdempotentOptions",
        false => "CallOptions",
    };
    arguments.push(format!("options?: {options}"));
    sent.push("options");
    let answer = match operation.answer {
        Answer::Nothing => "void",
        Answer::Json(name) => name,
        Answer::Bytes => "unknown",
    };
    let path = operation
        .path
        .replace('{', "${encodeURIComponent(")
        .replace('}', ")}");
    let _ = writeln!(
        text,
        "\n  /** {summary} */\n  {name}({arguments}): Promise<{answer}> {{\n    return this.call(\"{method}\", `{path}`, {{ {sent} }});\n  }}",
        summary = operation.summary,
        name = camel(operation.id),
        arguments = arguments.join(", "),
        method = operation.method,
        sent = sent.join(", "),
    );
}

/// The type of a schema.
fn kind(schema: &Value) -> String {
    if let Some(name) = referred(schema) {
        return name.to_owned();
    }
    if !schema["const"].is_null() {
        return schema["const"].to_string();
    }
    if let Some(words) = schema["enum"].as_array() {
        return union(words.iter().map(Value::to_string));
    }
    for keyword in ["allOf", "oneOf", "anyOf"] {
        if let Some(all) = schema[keyword].as_array() {
            return union(all.iter().map(kind));
        }
    }
    match &schema["type"] {
        Value::String(name) => of_type(name, schema),
        Value::Array(names) => {
            let names = names.iter().filter_map(Value::as_str);
            union(names.map(|name| of_type(name, schema)))
        }
        _ => "unknown".to_owned(),
    }
}

fn of_type(name: &str, schema: &Value) -> String {
    match name {
        "null" | "boolean" | "string" => name.to_owned(),
        "integer" | "number" => "number".to_owned(),
        "array" => match kind(&schema["items"]) {
            union if union.contains('|') => format!("({union})[]"),
            one => format!("{one}[]"),
        },
        _ if schema["properties"].is_object() => {
            let mut inner = String::new();
            fields(&mut inner, "", schema);
            format!("{{ {} }}", inner.trim_end().replace('\n', " "))
        }
        _ if schema["additionalProperties"].is_object() => {
            format!("Record<string, {}>", kind(&schema["additionalProperties"]))
        }
        _ => "Record<string, unknown>".to_owned(),
    }
}

fn union(kinds: impl Iterator<Item = String>) -> String {
    let mut all: Vec<String> = Vec::new();
    for kind in kinds {
        if !all.contains(&kind) {
            all.push(kind);
        }
    }
    all.join(" | ")
}

/// `list_keys` as `listKeys`.
fn camel(id: &str) -> String {
    let name = type_name(id);
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        format!("{}{}", first.to_lowercase(), letters.as_str())
    })
}

/// `list_keys` as `ListKeys`.
fn type_name(id: &str) -> String {
    let parts = id.split('_').map(|part| {
        let mut letters = part.chars();
        letters.next().map_or_else(String::new, |first| {
            format!("{}{}", first.to_uppercase(), letters.as_str())
        })
    });
    parts.collect()
}
