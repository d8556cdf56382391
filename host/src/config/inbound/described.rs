//! What a file says of one source, taken apart field by field. No value is repeated in an error: it may be a secret.

use toml::{Table, Value};

/// A setting of a source that cannot be used. The operator's mistake.
#[derive(Debug)]
pub(in crate::config) struct Mistake {
    /// `inbound.sources.acme.scheme`
    pub(in crate::config) key: String,
    pub(in crate::config) problem: String,
}

impl Mistake {
    pub(super) fn new(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            problem: problem.into(),
        }
    }
}

/// The settings of a source.
const KNOWN: [&str; 14] = [
    "environment",
    "event_id",
    "event_type",
    "fields",
    "open",
    "options",
    "provider",
    "scheme",
    "secrets",
    "secrets_file",
    "timestamp",
    "tolerance_s",
    "url",
    "workspace",
];

/// What a file says of a source.
pub(super) struct Description {
    name: String,
    table: Table,
}

impl Description {
    pub(super) fn new(name: &str, value: Value) -> Result<Self, Mistake> {
        let described = |table| Self {
            name: name.to_owned(),
            table,
        };
        match value {
            Value::Table(table) => Ok(described(table)),
            _ => {
                let problem = format!(
                    "is a section: write [inbound.sources.{name}] and its settings below it"
                );
                Err(described(Table::new()).mistake(None, problem))
            }
        }
    }

    /// A mistake in one of the settings, or in the source as a whole.
    pub(super) fn mistake(&self, key: Option<&str>, problem: impl Into<String>) -> Mistake {
        let dot = if key.is_some() { "." } else { "" };
        let key = key.unwrap_or_default();
        Mistake::new(format!("inbound.sources.{}{dot}{key}", self.name), problem)
    }

    pub(super) fn take(&mut self, key: &str) -> Option<Value> {
        self.table.remove(key)
    }

    /// A text that is not empty.
    pub(super) fn text(&mut self, key: &str) -> Result<Option<String>, Mistake> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(_) => Err(self.mistake(Some(key), "must be a text that is not empty")),
        }
    }

    pub(super) fn switch(&mut self, key: &str) -> Result<bool, Mistake> {
        match self.take(key) {
            None => Ok(false),
            Some(Value::Boolean(is_on)) => Ok(is_on),
            Some(_) => Err(self.mistake(Some(key), "must be true or false")),
        }
    }

    pub(super) fn number(&mut self, key: &str, most: u32) -> Result<Option<u32>, Mistake> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        let number = value
            .as_integer()
            .and_then(|number| u32::try_from(number).ok());
        match number.filter(|number| *number <= most) {
            Some(number) => Ok(Some(number)),
            None => Err(self.mistake(Some(key), format!("must be a number from 0 to {most}"))),
        }
    }

    /// A table of names and texts.
    pub(super) fn texts(&mut self, key: &str) -> Result<Vec<(String, String)>, Mistake> {
        let table = match self.take(key) {
            None => return Ok(Vec::new()),
            Some(Value::Table(table)) => table,
            Some(_) => {
                let problem = "must be a table of names and texts: { name = \"text\" }";
                return Err(self.mistake(Some(key), problem));
            }
        };
        let text = |(name, value)| match value {
            Value::String(text) => Ok((name, text)),
            _ => Err(self.mistake(Some(key), format!("`{name}` must be a text"))),
        };
        table.into_iter().map(text).collect()
    }

    /// Refuses what is left over: a misspelt setting would have no effect.
    pub(super) fn finish(self) -> Result<(), Mistake> {
        let Some(name) = self.table.keys().next() else {
            return Ok(());
        };
        let likeness = |known: &&&str| (strsim::jaro_winkler(known, name) * 1_000.0) as u32;
        let nearest = KNOWN.iter().max_by_key(likeness);
        let hint = match nearest.filter(|known| likeness(known) > 800) {
            Some(nearest) => format!(" (did you mean `{nearest}`?)"),
            None => String::new(),
        };
        let problem = format!(
            "a source has no such setting{hint}; it has: {}",
            KNOWN.join(", ")
        );
        Err(self.mistake(Some(name), problem))
    }
}
