//! JSON that is passed on as it was written.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use std::{fmt, marker::PhantomData};

/// JSON of a `T`, as it was written: the rules read it and say what is wrong with it. Whoever writes it may as well write what
/// a newer version knows.
pub struct Raw<T: ?Sized> {
    text: Box<RawValue>,
    of: PhantomData<fn() -> Box<T>>,
}

impl<T: Serialize> Raw<T> {
    /// The JSON of a value.
    ///
    /// # Errors
    /// The value has keys that are no texts; none of this crate has.
    pub fn new(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::value::to_raw_value(value).map(Self::from_json)
    }
}

impl<T: ?Sized> Raw<T> {
    /// JSON that somebody else has written.
    pub fn from_json(text: Box<RawValue>) -> Self {
        Self {
            text,
            of: PhantomData,
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.text.get()
    }
}

impl<T> Raw<T>
where
    T: for<'de> Deserialize<'de>,
{
    /// Reads it.
    ///
    /// # Errors
    /// It is none of this version.
    pub fn read(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.as_str())
    }
}

impl<T: ?Sized> Clone for Raw<T> {
    fn clone(&self) -> Self {
        Self::from_json(self.text.clone())
    }
}

impl<T: ?Sized> PartialEq for Raw<T> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl<T: ?Sized> Eq for Raw<T> {}

impl<T: ?Sized> fmt::Debug for Raw<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<T: ?Sized> Serialize for Raw<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text.serialize(serializer)
    }
}

impl<'de, T: ?Sized> Deserialize<'de> for Raw<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self::from_json)
    }
}

/// The schema is that of the `T`, marked with [`MARK`](Raw::MARK): who checks a request passes over what is so marked.
#[cfg(feature = "schema")]
impl<T: schemars::JsonSchema> schemars::JsonSchema for Raw<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let inner = generator.subschema_for::<T>();
        schemars::json_schema!({ "allOf": [inner], (Raw::<T>::MARK): true })
    }
}

impl<T: ?Sized> Raw<T> {
    /// Marks a schema of JSON that is read elsewhere.
    pub const MARK: &str = "x-raw";
}
