//! The JSON Schemas of what is taken and answered, each once and by name.

use countersign_api::Raw;
use schemars::{
    JsonSchema, SchemaGenerator,
    generate::SchemaSettings,
    transform::{RecursiveTransform, transform_subschemas},
};
use serde_json::{Map, Value};

/// Where a document has its schemas.
const PLACE: &str = "/components/schemas";

/// The schemas of a document.
pub(in super::super) struct Schemas {
    /// Of what is taken: what has a default may be left out.
    taken: SchemaGenerator,
    /// Of what is answered.
    answered: SchemaGenerator,
}

impl Default for Schemas {
    fn default() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = PLACE.into())
        };
        Self {
            taken: settings().into_generator(),
            answered: settings().for_serialize().into_generator(),
        }
    }
}

impl Schemas {
    /// The schema of what is taken, or a reference to it.
    pub(in super::super) fn request<T: JsonSchema>(&mut self) -> Value {
        self.taken.subschema_for::<T>().to_value()
    }

    /// The properties of what is taken, each with whether it must be there.
    pub(in super::super) fn properties<T: JsonSchema>(&mut self) -> Vec<(String, Value, bool)> {
        let mut schema = T::json_schema(&mut self.taken);
        plain(&mut schema);
        let required: Vec<String> = schema
            .get("required")
            .and_then(|names| serde_json::from_value(names.clone()).ok())
            .unwrap_or_default();
        let properties = schema.get("properties").and_then(Value::as_object).cloned();
        let properties = properties.unwrap_or_default().into_iter();
        properties
            .map(|(name, schema)| {
                let needed = required.contains(&name);
                (name, schema, needed)
            })
            .collect()
    }

    /// The schema of what is answered, or a reference to it.
    pub(in super::super) fn answer<T: JsonSchema>(&mut self) -> Value {
        self.answered.subschema_for::<T>().to_value()
    }

    /// All that are referred to, by name.
    ///
    /// # Panics
    /// Two different types have one name: a defect that the first request for the document would meet, and a test meets first.
    pub(in super::super) fn finish(mut self) -> Map<String, Value> {
        let mut all = Map::new();
        let taken = self.taken.take_definitions(true);
        for (name, schema) in self
            .answered
            .take_definitions(true)
            .into_iter()
            .chain(taken)
        {
            let mut schema = schemars::Schema::try_from(schema).unwrap_or_default();
            plain(&mut schema);
            let schema = schema.to_value();
            let before = all.insert(name.clone(), schema.clone());
            assert!(
                before.is_none_or(|before| before == schema),
                "two schemas have the name {name}"
            );
        }
        all
    }
}

/// Without marks that are for us alone.
fn plain(schema: &mut schemars::Schema) {
    let mut transform = RecursiveTransform(|schema: &mut schemars::Schema| {
        if schema.remove(Raw::<()>::MARK).is_none() {
            return;
        }
        // The mark stood beside the schema that it was for.
        if let Some(Value::Array(marked)) = schema.remove("allOf") {
            for (name, value) in marked.into_iter().filter_map(object).flatten() {
                schema.insert(name, value);
            }
        }
    });
    schemars::transform::Transform::transform(&mut transform, schema);
}

fn object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

/// The schema that a request is checked against: what is read elsewhere may be anything here.
pub(in super::super) fn checked<T: JsonSchema>() -> Value {
    let mut schema = SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<T>();
    open(&mut schema);
    schema.to_value()
}

fn open(schema: &mut schemars::Schema) {
    if schema.get(Raw::<()>::MARK).is_some() {
        // Also what would say what it must be: its own reader does.
        let description = schema.get("description").cloned();
        let mut anything = schemars::Schema::default();
        if let Some(description) = description {
            anything.insert("description".to_owned(), description);
        }
        *schema = anything;
    }
    transform_subschemas(&mut open, schema);
}
