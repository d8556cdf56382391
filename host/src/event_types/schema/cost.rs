//! How much work a schema can make of one value of a payload, told from the schema alone.
//!
//! A validator applies subschemas one after the other and remembers nothing, so a few lines of `allOf` and `$ref` can make it
//! look at the same value a billion times. What is counted is how often schemas are applied to one value, on the way to it that
//! makes most of it; a payload has as many values as it has.

use serde_json::{Map, Value};
use std::collections::HashMap;

/// Checks of a single value that a schema may ask for. Usual ones ask for a few dozen.
pub(super) const CHECKS_MAX: u64 = 256;
/// Levels of a payload; the rules take none that is deeper.
const LEVELS: usize = 128;
/// Short lists are as good as one check.
const LIST_ITEMS_A_CHECK: usize = 8;

/// Keywords with one schema that is applied to the same value.
const IN_PLACE: [&str; 4] = ["not", "if", "then", "else"];
/// With several of them.
const IN_PLACE_LISTS: [&str; 3] = ["allOf", "anyOf", "oneOf"];
/// With several, by the name of a property.
const IN_PLACE_MAPS: [&str; 2] = ["dependentSchemas", "dependencies"];
/// Keywords with schemas for the values within, in groups of which one is applied to a value: what has a name or place of its
/// own, or the rest.
const WITHIN: [&[&str]; 6] = [
    &["properties", "additionalProperties"],
    &["prefixItems", "items", "additionalItems"],
    &["contains"],
    &["propertyNames"],
    &["unevaluatedItems"],
    &["unevaluatedProperties"],
];
/// Of these, the ones with several schemas by name; the others may have several by place.
const BY_NAME: &str = "properties";
/// Keywords with lists that a value is compared with.
const LISTS: [&str; 2] = ["enum", "required"];
/// What they look at depends on what other keywords found, which the validator finds out once more.
const AGAIN: [&str; 2] = ["unevaluatedItems", "unevaluatedProperties"];
/// Keywords that say where a schema is, and so what a reference means.
const REFUSED: [(&str, &str); 5] = [
    ("$dynamicRef", "use `$ref` in place of `$dynamicRef`"),
    ("$recursiveRef", "use `$ref` in place of `$recursiveRef`"),
    ("$dynamicAnchor", "leave `$dynamicAnchor` out"),
    ("$recursiveAnchor", "leave `$recursiveAnchor` out"),
    (
        "$anchor",
        "use `$ref` with a path, such as `#/$defs/name`, in place of `$anchor`",
    ),
];

/// Why a schema is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    Unsupported(String),
    TooComplex,
}

/// The work of a schema.
pub(super) struct Cost(u64);

/// A subschema.
#[derive(Default)]
struct Node {
    /// What it asks of a value by itself.
    checks: u64,
    /// Those that are applied to the same value.
    in_place: Vec<usize>,
    /// How often each of those is, at most.
    times: u64,
    /// Those for the values within; of each group, a value meets one at most.
    within: Vec<Vec<usize>>,
}

impl Cost {
    /// Reads it from the schema.
    pub(super) fn of(schema: &Value) -> Result<Self, Refused> {
        let mut graph = Graph::default();
        graph.add(schema, "", true)?;
        graph.connect()?;
        let order = graph.order()?;
        // Checks of a value so many levels down, by the schema that is applied at the top.
        let mut above = vec![0; graph.nodes.len()];
        let mut worst = 0;
        for level in 0..LEVELS {
            let mut now = vec![0_u64; graph.nodes.len()];
            for place in &order {
                let Some(node) = graph.nodes.get(*place) else {
                    continue;
                };
                let mut sum = match level {
                    0 => node.checks,
                    _ => 0,
                };
                for other in &node.in_place {
                    let checks = now.get(*other).copied().unwrap_or(0);
                    sum = checks.saturating_mul(node.times).saturating_add(sum);
                }
                for group in &node.within {
                    let most = group.iter().filter_map(|other| above.get(*other)).max();
                    sum = sum.saturating_add(most.copied().unwrap_or(0));
                }
                if let Some(now) = now.get_mut(*place) {
                    *now = sum;
                }
            }
            worst = worst.max(now.first().copied().unwrap_or(0));
            if worst > CHECKS_MAX {
                return Err(Refused::TooComplex);
            }
            above = now;
        }
        Ok(Self(worst))
    }

    /// Checks of one value, at most.
    pub(super) const fn checks(&self) -> u64 {
        self.0
    }
}

/// Every subschema, the whole one first.
#[derive(Default)]
struct Graph {
    nodes: Vec<Node>,
    /// By JSON pointer.
    places: HashMap<String, usize>,
    /// References that are still texts.
    references: Vec<(usize, String)>,
}

impl Graph {
    fn add(&mut self, schema: &Value, pointer: &str, root: bool) -> Result<usize, Refused> {
        let place = self.nodes.len();
        self.nodes.push(Node::default());
        self.places.insert(pointer.to_owned(), place);
        let mut node = Node {
            checks: 1,
            times: 1,
            ..Node::default()
        };
        // Whatever else it is, the validator refuses it.
        if let Value::Object(schema) = schema {
            self.read(&mut node, place, schema, pointer, root)?;
        }
        if let Some(kept) = self.nodes.get_mut(place) {
            *kept = node;
        }
        Ok(place)
    }

    fn read(
        &mut self,
        node: &mut Node,
        place: usize,
        schema: &Map<String, Value>,
        pointer: &str,
        root: bool,
    ) -> Result<(), Refused> {
        let refused = |why: &str| {
            Err(Refused::Unsupported(format!(
                "{why}; nothing else is looked up"
            )))
        };
        for (keyword, why) in REFUSED {
            if schema.contains_key(keyword) {
                return refused(why);
            }
        }
        if !root && schema.contains_key("$id") {
            return refused("leave `$id` out of everything but the whole schema");
        }
        for keyword in LISTS {
            let items = schema.get(keyword).and_then(Value::as_array);
            let checks = items.map_or(0, Vec::len) / LIST_ITEMS_A_CHECK;
            node.checks = node.checks.saturating_add(checks as u64);
        }
        if AGAIN.iter().any(|keyword| schema.contains_key(*keyword)) {
            node.times = 2;
        }
        match schema.get("$ref") {
            None => {}
            Some(Value::String(to)) => match to.strip_prefix('#') {
                Some(within) if within.is_empty() || within.starts_with('/') => {
                    self.references.push((place, within.to_owned()));
                }
                _ => {
                    return refused(
                        "a `$ref` must be a path within the schema, such as `#/$defs/name`",
                    );
                }
            },
            Some(_) => return refused("a `$ref` must be a text"),
        }
        for keyword in IN_PLACE {
            if let Some(inner) = schema.get(keyword) {
                node.in_place
                    .push(self.add(inner, &join(pointer, keyword), false)?);
            }
        }
        for keyword in IN_PLACE_LISTS {
            node.in_place
                .extend(self.add_all(schema, keyword, pointer)?);
        }
        for keyword in IN_PLACE_MAPS {
            node.in_place
                .extend(self.add_all(schema, keyword, pointer)?);
        }
        for keywords in WITHIN {
            let mut group = Vec::new();
            for keyword in keywords {
                match schema.get(*keyword) {
                    None => {}
                    Some(Value::Object(_)) if *keyword == BY_NAME => {
                        group.extend(self.add_all(schema, keyword, pointer)?);
                    }
                    Some(Value::Array(_)) => group.extend(self.add_all(schema, keyword, pointer)?),
                    Some(inner) => group.push(self.add(inner, &join(pointer, keyword), false)?),
                }
            }
            node.within.push(group);
        }
        // A name may fit several patterns, and every pattern is tried.
        for inner in self.add_all(schema, "patternProperties", pointer)? {
            node.checks = node.checks.saturating_add(1);
            node.within.push(vec![inner]);
        }
        // Applied only where they are referred to.
        for keyword in ["$defs", "definitions"] {
            self.add_all(schema, keyword, pointer)?;
        }
        Ok(())
    }

    /// The schemas in the list or object that a keyword has.
    fn add_all(
        &mut self,
        schema: &Map<String, Value>,
        keyword: &str,
        pointer: &str,
    ) -> Result<Vec<usize>, Refused> {
        let pointer = join(pointer, keyword);
        match schema.get(keyword) {
            Some(Value::Array(inner)) => {
                let inner = inner.iter().enumerate();
                inner
                    .map(|(at, one)| self.add(one, &join(&pointer, &at.to_string()), false))
                    .collect()
            }
            Some(Value::Object(inner)) => {
                let inner = inner.iter();
                inner
                    .map(|(name, one)| self.add(one, &join(&pointer, name), false))
                    .collect()
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Turns references into places.
    fn connect(&mut self) -> Result<(), Refused> {
        for (from, to) in std::mem::take(&mut self.references) {
            let decoded = percent_encoding::percent_decode_str(&to).decode_utf8_lossy();
            let Some(to) = self.places.get(&*decoded) else {
                let why = format!("`$ref` names `#{decoded}`, which is no schema in this one");
                return Err(Refused::Unsupported(why));
            };
            if let Some(node) = self.nodes.get_mut(from) {
                node.in_place.push(*to);
            }
        }
        Ok(())
    }

    /// The places in an order in which each comes after those that it applies to the same value.
    fn order(&self) -> Result<Vec<usize>, Refused> {
        const NEW: u8 = 0;
        const OPEN: u8 = 1;
        const DONE: u8 = 2;
        let mut marks = vec![NEW; self.nodes.len()];
        let mut order = Vec::with_capacity(self.nodes.len());
        for start in 0..self.nodes.len() {
            // A place is met twice: on the way down, and when all below it are done.
            let mut stack = vec![start];
            while let Some(place) = stack.last().copied() {
                match marks.get(place).copied() {
                    Some(NEW) => {
                        if let Some(mark) = marks.get_mut(place) {
                            *mark = OPEN;
                        }
                        let below = self.nodes.get(place).map_or(&[][..], |node| &node.in_place);
                        for other in below {
                            match marks.get(*other).copied() {
                                Some(NEW) => stack.push(*other),
                                Some(OPEN) => {
                                    let why =
                                        "the schema refers to itself without going into the value";
                                    return Err(Refused::Unsupported(why.to_owned()));
                                }
                                _ => {}
                            }
                        }
                    }
                    Some(OPEN) => {
                        if let Some(mark) = marks.get_mut(place) {
                            *mark = DONE;
                        }
                        order.push(place);
                        stack.pop();
                    }
                    _ => {
                        stack.pop();
                    }
                }
            }
        }
        Ok(order)
    }
}

fn join(pointer: &str, part: &str) -> String {
    format!("{pointer}/{}", part.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn checks(schema: &Value) -> Result<u64, Refused> {
        Cost::of(schema).map(|cost| cost.checks())
    }

    /// Each level applies the next one twice.
    fn doubling(levels: usize, applied: impl Fn(&Value) -> Value) -> Value {
        let mut schema = json!({ "$defs": { "0": true } });
        for level in 1..=levels {
            let next = json!({ "$ref": format!("#/$defs/{}", level - 1) });
            schema["$defs"][level.to_string()] = applied(&next);
        }
        schema["$ref"] = format!("#/$defs/{levels}").into();
        schema
    }

    #[test]
    fn a_plain_schema_costs_what_applies_to_one_value() {
        assert_eq!(checks(&json!({})), Ok(1));
        let names: Map<_, _> = (0..500)
            .map(|n| (format!("name_{n}"), json!({"type": "string"})))
            .collect();
        let wide = json!({"type": "object", "properties": names});
        assert_eq!(checks(&wide), Ok(1));
        let nested = json!({"properties": {"a": wide, "b": {"allOf": [{}, {}, {}]}}});
        assert_eq!(checks(&nested), Ok(4));
        let tree =
            json!({"properties": {"child": {"$ref": "#"}}, "additionalProperties": {"$ref": "#"}});
        assert_eq!(checks(&tree), Ok(2));
    }

    #[test]
    fn what_multiplies_is_refused_wherever_it_does_so() {
        for (name, applied) in [
            (
                "in place",
                (|next: &Value| json!({"allOf": [next, next]})) as fn(&Value) -> Value,
            ),
            (
                "in alternatives",
                |next| json!({"anyOf": [next, {"not": next}]}),
            ),
            (
                "within",
                |next| json!({"allOf": [{"items": next}, {"items": next}]}),
            ),
            (
                "by patterns",
                |next| json!({"patternProperties": {"a": next, "b": next}}),
            ),
            (
                "unevaluated",
                |next| json!({"allOf": [next], "unevaluatedProperties": false}),
            ),
        ] {
            assert!(checks(&doubling(3, applied)).is_ok(), "{name}");
            assert_eq!(
                checks(&doubling(40, applied)),
                Err(Refused::TooComplex),
                "{name}"
            );
        }
        let deep = json!({"allOf": [{"items": {"$ref": "#"}}, {"items": {"$ref": "#"}}]});
        assert_eq!(checks(&deep), Err(Refused::TooComplex));
    }

    #[test]
    fn a_circle_without_a_step_into_the_value_is_refused() {
        let circle = json!({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"});
        assert!(matches!(checks(&circle), Err(Refused::Unsupported(_))));
        let percent = json!({"$defs": {"a b/c": {}}, "$ref": "#/$defs/a%20b~1c"});
        assert_eq!(checks(&percent), Ok(2));
    }
}
