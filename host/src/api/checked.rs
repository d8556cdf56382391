//! Requests are checked against the schemas that the description publishes, and what is wrong is told by name.

mod must;

use self::must::must_be;
use super::{describe, problem::Problem, request::unknown};
use jsonschema::{Draft, ValidationError, Validator, error::ValidationErrorKind};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Findings that are weighed against each other. One is told.
const FINDINGS_MAX: usize = 100;

/// What a request takes, with its schema.
pub(super) trait Taken: JsonSchema + DeserializeOwned + Send + 'static {
    fn checker() -> &'static Checker;
}

macro_rules! taken {
    ($($type:ident),* $(,)?) => {$(
        impl Taken for countersign_api::$type {
            fn checker() -> &'static Checker {
                static CHECKER: std::sync::LazyLock<Checker> =
                    std::sync::LazyLock::new(Checker::of::<countersign_api::$type>);
                &CHECKER
            }
        }
    )*};
}

taken!(
    AcknowledgeMany,
    ChangeEndpoint,
    CreateEndpoint,
    CreateKey,
    CreateReplay,
    CreateWorkspace,
    DeadLetterFilter,
    DeadLetterQuery,
    DeliveredFilter,
    DeliveryQuery,
    DescribeEventType,
    DryRun,
    EventTypeQuery,
    InboundQuery,
    MessageQuery,
    PageQuery,
    Ping,
    RenameWorkspace,
    Resume,
    RotateSecret,
    SetClientCertificate,
    StatsQuery,
);

/// A schema of ours, ready to check with.
pub(super) struct Checker {
    schema: Value,
    validator: Validator,
}

/// Where what is checked comes from, and so how its mistakes are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Body,
    /// The filter in a body.
    Filter,
    /// The parameters after the question mark.
    Query,
}

impl Checker {
    /// # Panics
    /// A schema of ours is none: a test compiles each.
    fn of<T: Taken>() -> Self {
        let schema = describe::checked::<T>();
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .offline()
            .build(&schema);
        Self {
            validator: validator.expect("the schemas of the API are sound"),
            schema,
        }
    }

    /// Names of what may be given.
    pub(super) fn names(&self) -> Vec<&str> {
        let properties = self.schema.get("properties").and_then(Value::as_object);
        properties
            .map(|properties| properties.keys().map(String::as_str).collect())
            .unwrap_or_default()
    }

    /// Whether what has this name can be of this type of JSON.
    pub(super) fn takes(&self, name: &str, kind: &str) -> bool {
        let node = self.schema.get("properties").and_then(|all| all.get(name));
        node.is_some_and(|node| must::takes(&self.schema, node, kind))
    }

    /// Refuses what does not fit, and says why.
    pub(super) fn check(&self, value: &Value, from: Part) -> Result<(), Problem> {
        if self.validator.is_valid(value) {
            return Ok(());
        }
        if !value.is_object() {
            let (field, detail) = match from {
                Part::Filter => ("filter", "`filter` must be an object"),
                Part::Body | Part::Query => ("body", "the body must be a JSON object"),
            };
            return Err(Problem::field("json_invalid", field, detail));
        }
        // A misspelt name explains why another one is missing.
        let weight = |error: &ValidationError<'_>| match error.kind() {
            ValidationErrorKind::AdditionalProperties { .. } => 0,
            ValidationErrorKind::Required { .. } => 1,
            _ => 2,
        };
        let found = self.validator.iter_errors(value).take(FINDINGS_MAX);
        match found.min_by_key(weight) {
            None => Ok(()),
            Some(error) => Err(self.problem(&error, from)),
        }
    }

    fn problem(&self, error: &ValidationError<'_>, from: Part) -> Problem {
        let place = error.instance_path().as_str();
        let node = must::node(&self.schema, place);
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                let known = node.and_then(|node| node.get("properties"));
                let known = known.and_then(Value::as_object);
                let known: Vec<&str> = known
                    .map(|known| known.keys().map(String::as_str).collect())
                    .unwrap_or_default();
                let name = unexpected.first().map_or("", String::as_str);
                let what = match from {
                    Part::Query => "query parameter",
                    Part::Body | Part::Filter => "field",
                };
                unknown(name, &known, what)
            }
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                let field = join(place, name);
                let node = must::node(&self.schema, &format!("{place}/{name}"));
                let meaning = node.and_then(|node| node.get("description"));
                let meaning = meaning.and_then(Value::as_str).unwrap_or_default();
                let meaning = meaning.lines().next().unwrap_or_default();
                let detail = format!(
                    "`{field}` is missing: give {}. {meaning}",
                    must_be(&self.schema, node)
                );
                Problem::field("missing_field", &field, detail.trim_end())
            }
            kind => {
                let field = join(place, "");
                let words = node.and_then(|node| must::words(&self.schema, node));
                let code = match (from, kind) {
                    (Part::Query, _) => "query_invalid".to_owned(),
                    (Part::Filter, _) => "filter_invalid".to_owned(),
                    (Part::Body, ValidationErrorKind::Type { .. }) => "wrong_type".to_owned(),
                    (
                        Part::Body,
                        ValidationErrorKind::Minimum { .. } | ValidationErrorKind::Maximum { .. },
                    ) => "out_of_range".to_owned(),
                    (
                        Part::Body,
                        ValidationErrorKind::AnyOf { .. }
                        | ValidationErrorKind::OneOfNotValid { .. },
                    ) if words.is_none() || !error.instance().is_string() => {
                        "wrong_type".to_owned()
                    }
                    (Part::Body, _) => format!("{}_invalid", leaf(&field)),
                };
                let kind = must_be(&self.schema, node);
                // A parameter can be left out, and not be null.
                let kind = match from {
                    Part::Query => kind.trim_end_matches(" or null"),
                    Part::Body | Part::Filter => &kind,
                };
                Problem::field(&code, &field, format!("`{field}` must be {kind}"))
            }
        }
    }
}

/// A JSON pointer as a path with dots, with a name behind it.
fn join(pointer: &str, name: &str) -> String {
    let parts = pointer.split('/').skip(1).chain([name]);
    let parts = parts.filter(|part| !part.is_empty());
    let parts: Vec<_> = parts
        .map(|part| part.replace("~1", "/").replace("~0", "~"))
        .collect();
    parts.join(".")
}

/// The last name of a path: what an element of a list is called is of no use in a code.
fn leaf(field: &str) -> &str {
    let named = |part: &&str| !part.bytes().all(|b| b.is_ascii_digit());
    field.rsplit('.').find(named).unwrap_or(field)
}

#[cfg(test)]
mod tests;
