//! The body of an event, read once, and only when somebody asks what is in it.

use serde_json::Value;
use std::cell::OnceCell;

static NOTHING: Value = Value::Null;

/// A body as it is delivered.
pub(crate) struct Body<'a> {
    bytes: &'a [u8],
    /// Where it has been read already.
    known: Option<&'a Value>,
    read: OnceCell<Option<Value>>,
}

impl<'a> Body<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            known: None,
            read: OnceCell::new(),
        }
    }

    /// These bytes are the text of this value.
    pub(crate) const fn known(bytes: &'a [u8], value: &'a Value) -> Self {
        Self {
            bytes,
            known: Some(value),
            read: OnceCell::new(),
        }
    }

    pub(crate) const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// What is in it. A body that was rendered here can be read; if it could not, nothing would be in it.
    pub(crate) fn value(&self) -> &Value {
        if let Some(known) = self.known {
            return known;
        }
        let read = self
            .read
            .get_or_init(|| serde_json::from_slice(self.bytes).ok());
        read.as_ref().unwrap_or(&NOTHING)
    }
}
