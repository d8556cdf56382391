//! The clients' operations, and the list of them, generated from the API's description.

mod rust;
mod table;
mod typescript;

pub use self::{rust::rust, table::with_operations, typescript::typescript};

use serde_json::Value;

/// An operation, as far as a client needs to know it.
struct Operation<'a> {
    id: &'a str,
    /// In upper case.
    method: String,
    path: &'a str,
    summary: &'a str,
    /// Names in the path, in their order.
    path_parameters: Vec<&'a str>,
    /// Parameters after the question mark, with the name of the type that has them all.
    query: Option<(&'a str, Vec<&'a Value>)>,
    /// The schema of the body, and whether there must be one.
    body: Option<(&'a Value, bool)>,
    idempotent: bool,
    answer: Answer<'a>,
}

enum Answer<'a> {
    Nothing,
    /// The name of its schema.
    Json(&'a str),
    /// JSON of no particular form.
    Bytes,
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let all = paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| read(path, method, operation))
    });
    all.collect()
}

fn read<'a>(path: &'a str, method: &str, operation: &'a Value) -> Operation<'a> {
    let parameters = || operation["parameters"].as_array().into_iter().flatten();
    let named = |place: &str| {
        let place = place.to_owned();
        parameters().filter(move |one| one["in"] == place.as_str())
    };
    let name = |one: &'a Value| one["name"].as_str().expect("a parameter has a name");
    let query: Vec<_> = named("query").collect();
    let body = operation.pointer("/requestBody/content/application~1json/schema");
    let success = operation["responses"].as_object().into_iter().flatten();
    let success = success.filter(|(status, _)| status.starts_with('2'));
    let mut schemas: Vec<_> = success
        .map(|(_, answer)| answer.pointer("/content/application~1json/schema"))
        .collect();
    schemas.dedup();
    let answer = match schemas.as_slice() {
        [None] => Answer::Nothing,
        [Some(schema)] => referred(schema).map_or(Answer::Bytes, Answer::Json),
        other => panic!("{method} {path} has several answers: {other:?}"),
    };
    Operation {
        id: operation["operationId"]
            .as_str()
            .expect("an operation has a name"),
        method: method.to_uppercase(),
        path,
        summary: operation["summary"].as_str().unwrap_or_default(),
        path_parameters: named("path").map(name).collect(),
        query: match query.is_empty() {
            true => None,
            false => Some((
                operation["x-query"].as_str().expect("a query has a type"),
                query,
            )),
        },
        body: body.map(|schema| (schema, operation["requestBody"]["required"] == true)),
        idempotent: named("header").any(|one| one["name"] == "Idempotency-Key"),
        answer,
    }
}

/// The name of the schema that is referred to.
fn referred(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}
