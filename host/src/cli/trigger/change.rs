//! `--set data.lead_email=x`

use serde_json::{Map, Value};
use std::str::FromStr;

/// Deepest field that can be set.
const DEPTH_MAX: usize = 32;

/// A field of a payload, and what it becomes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    /// Names, and places in lists, from the outside in.
    path: Vec<String>,
    value: Value,
}

impl FromStr for Change {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (path, value) = text
            .split_once('=')
            .ok_or("it takes FIELD=VALUE, as in data.lead_email=ada@example.com")?;
        let path: Vec<_> = path.split('.').map(|name| name.trim().to_owned()).collect();
        if path.iter().any(String::is_empty) {
            return Err("a field is its names with full stops between them: data.lead_email");
        }
        if path.len() > DEPTH_MAX {
            return Err("no field lies that deep");
        }
        // What is no JSON is text, which is what one mostly wants.
        let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
        Ok(Self { path, value })
    }
}

impl Change {
    /// Sets the field. Objects on the way to it are made where there are none.
    ///
    /// # Errors
    /// What stands in the way, in a sentence.
    pub(super) fn make(&self, payload: &mut Value) -> Result<(), String> {
        let mut place = payload;
        for (depth, name) in self.path.iter().enumerate() {
            let so_far = || self.path[..depth].join(".");
            place = match place {
                Value::Object(fields) => fields.entry(name.clone()).or_insert(Value::Null),
                Value::Array(list) => {
                    let length = list.len();
                    let at: Option<usize> = name.parse().ok();
                    at.and_then(|at| list.get_mut(at)).ok_or_else(|| {
                        format!(
                            "{} is a list of {length}, whose places are numbers from 0; it has no {name}",
                            so_far()
                        )
                    })?
                }
                Value::Null => {
                    *place = Value::Object(Map::new());
                    match place {
                        Value::Object(fields) => fields.entry(name.clone()).or_insert(Value::Null),
                        _ => return Err(format!("{} cannot be set", self.path.join("."))),
                    }
                }
                _ => return Err(format!("{} has no fields", so_far())),
            };
        }
        *place = self.value.clone();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn changed(changes: &[&str]) -> Result<Value, String> {
        let mut payload = json!({"event": "a", "data": {"id": 1, "list": [{"b": 2}]}});
        for change in changes {
            let change: Change = change.parse().map_err(str::to_owned)?;
            change.make(&mut payload)?;
        }
        Ok(payload)
    }

    #[test]
    fn fields_are_set_at_any_depth() {
        assert_eq!(
            changed(&[
                "event=b=c",
                "data.id=\"7\"",
                "data.list.0.b=true",
                "data.new.deep=[1]",
                "x= ada@example.com"
            ]),
            Ok(json!({
                "event": "b=c",
                "data": {"id": "7", "list": [{"b": true}], "new": {"deep": [1]}},
                "x": " ada@example.com"
            }))
        );
    }

    #[test]
    fn what_cannot_be_set_says_why() {
        for (change, wanted) in [
            ("event", "FIELD=VALUE"),
            ("=1", "full stops"),
            ("a..b=1", "full stops"),
            ("event.x=1", "event has no fields"),
            ("data.list.1=1", "a list of 1"),
            ("data.list.first=1", "a list of 1"),
        ] {
            let error = changed(&[change]).unwrap_err();
            assert!(error.contains(wanted), "{change}: {error}");
        }
        let deep = format!("{}=1", ["a"; DEPTH_MAX + 1].join("."));
        assert!(deep.parse::<Change>().is_err());
    }
}
