//! How payload models read: publishing is strict, receiving is tolerant (R-X7).

use super::payload::{PayloadError, PayloadProblem};
use crate::event::Id;
use alloc::{borrow::ToOwned, format, string::String, vec::Vec};
use serde_json::{Map, Number, Value};

/// What a field of a model can hold.
pub(crate) trait Field: Sized {
    /// What it should be, for error texts.
    const EXPECTED: &'static str;

    /// Whether [`read`](Self::read) takes this value.
    fn fits(value: &Value) -> bool;

    /// Reads the value. Paths in the error begin inside it.
    fn read(value: Value) -> Result<Self, PayloadError>;
}

/// Takes a required field out of an object. An explicit `null` is the same as no field.
pub(crate) fn required<T: Field>(
    fields: &mut Map<String, Value>,
    name: &str,
) -> Result<T, PayloadError> {
    let value =
        take(fields, name).ok_or_else(|| PayloadError::new(name, PayloadProblem::Missing))?;
    T::read(value).map_err(|error| error.inside(name))
}

/// Takes an optional field out of an object. A value of another type than documented goes to `misfits` under its name, so
/// that nothing is lost and nothing fails.
pub(crate) fn optional<T: Field>(
    fields: &mut Map<String, Value>,
    misfits: &mut Map<String, Value>,
    name: &str,
) -> Option<T> {
    let value = take(fields, name)?;
    if T::fits(&value) {
        return T::read(value).ok();
    }
    set_aside(misfits, name, value);
    None
}

/// Takes a value out of an object; `null` is none. Not inlined, as the fields of all models are many and wasm should stay
/// small.
#[inline(never)]
fn take(fields: &mut Map<String, Value>, name: &str) -> Option<Value> {
    fields.remove(name).filter(|value| !value.is_null())
}

#[inline(never)]
fn set_aside(misfits: &mut Map<String, Value>, name: &str, value: Value) {
    misfits.insert(name.to_owned(), value);
}

/// Whether an object has this field, with a value that fits.
pub(crate) fn has<T: Field>(fields: &Map<String, Value>, name: &str) -> bool {
    fields.get(name).is_some_and(T::fits)
}

fn expected<T: Field>() -> PayloadError {
    PayloadError::wrong_type("", &format!("expected {}", T::EXPECTED))
}

/// Implements [`Field`] for a type that one kind of JSON value makes.
macro_rules! leaf {
    ($type:ty, $expected:literal, $is:path, $pattern:pat => $made:expr) => {
        impl Field for $type {
            const EXPECTED: &'static str = $expected;

            fn fits(value: &Value) -> bool {
                $is(value)
            }

            fn read(value: Value) -> Result<Self, PayloadError> {
                match value {
                    $pattern => Ok($made),
                    _ => Err(expected::<Self>()),
                }
            }
        }
    };
}

leaf!(String, "a string", Value::is_string, Value::String(text) => text);
leaf!(bool, "true or false", Value::is_boolean, Value::Bool(is) => is);
leaf!(Map<String, Value>, "an object", Value::is_object, Value::Object(fields) => fields);

leaf!(Number, "a number", Value::is_number, Value::Number(number) => number);

impl Field for u64 {
    const EXPECTED: &'static str = "a whole number from 0";

    fn fits(value: &Value) -> bool {
        value.is_u64()
    }

    fn read(value: Value) -> Result<Self, PayloadError> {
        value.as_u64().ok_or_else(expected::<Self>)
    }
}

impl Field for Id {
    const EXPECTED: &'static str = "a string or a number";

    fn fits(value: &Value) -> bool {
        value.is_string() || value.is_number()
    }

    fn read(value: Value) -> Result<Self, PayloadError> {
        match value {
            Value::String(text) => Ok(Self::Text(text)),
            Value::Number(number) => Ok(Self::Number(number)),
            _ => Err(expected::<Self>()),
        }
    }
}

impl<T: Field> Field for Vec<T> {
    const EXPECTED: &'static str = "a list";

    fn fits(value: &Value) -> bool {
        value
            .as_array()
            .is_some_and(|items| items.iter().all(T::fits))
    }

    fn read(value: Value) -> Result<Self, PayloadError> {
        let Value::Array(items) = value else {
            return Err(expected::<Self>());
        };
        let read = |(item, at): (Value, usize)| {
            T::read(item).map_err(|error| error.inside(&format!("[{at}]")))
        };
        items.into_iter().zip(0..).map(read).collect()
    }
}

/// Implements [`Field`] for an open set of names.
macro_rules! names {
    ($type:ty) => {
        impl $crate::provider::model::Field for $type {
            const EXPECTED: &'static str = "a string";

            fn fits(value: &serde_json::Value) -> bool {
                value.is_string()
            }

            fn read(
                value: serde_json::Value,
            ) -> Result<Self, $crate::provider::payload::PayloadError> {
                <alloc::string::String as $crate::provider::model::Field>::read(value)
                    .map(Self::from)
            }
        }
    };
}
pub(crate) use names;

/// The name of a field on the wire: the one given, else its name in Rust.
macro_rules! wire {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $wire:literal) => {
        $wire
    };
}
pub(crate) use wire;

/// Reads one field of a model.
macro_rules! read_field {
    (required $fields:ident $misfits:ident $name:expr) => {
        $crate::provider::model::required(&mut $fields, $name)?
    };
    (optional $fields:ident $misfits:ident $name:expr) => {
        $crate::provider::model::optional(&mut $fields, &mut $misfits, $name)
    };
}
pub(crate) use read_field;

/// Whether an object has one field of a model, as far as the model requires it.
macro_rules! has_field {
    (required $type:ty, $fields:ident $name:expr) => {
        $crate::provider::model::has::<$type>($fields, $name)
    };
    (optional $type:ty, $fields:ident $name:expr) => {
        true
    };
}
pub(crate) use has_field;

/// Declares a model: its fields in the order of the document, each with its name on the wire where that differs from the
/// one in Rust. Those that are not marked `required` are optional.
///
/// What comes out is an ordinary serde structure whose last field `other` keeps everything that is not documented. Its
/// `Deserialize` is strict; [`Field::read`] is tolerant.
macro_rules! model {
    // A required field.
    (@ [$($head:tt)*] [$($made:tt)*] [$($listed:tt)*]
        $(#[$doc:meta])* required $field:ident $(= $wire:literal)?: $type:ty, $($rest:tt)*
    ) => {
        $crate::provider::model::model! { @ [$($head)*]
            [$($made)* $(#[$doc])* $(#[serde(rename = $wire)])? pub $field: $type,]
            [$($listed)* (required $field $type, $crate::provider::model::wire!($field $($wire)?))]
            $($rest)*
        }
    };
    // An optional field.
    (@ [$($head:tt)*] [$($made:tt)*] [$($listed:tt)*]
        $(#[$doc:meta])* $field:ident $(= $wire:literal)?: $type:ty, $($rest:tt)*
    ) => {
        $crate::provider::model::model! { @ [$($head)*]
            [$($made)* $(#[$doc])* $(#[serde(rename = $wire)])?
                #[serde(skip_serializing_if = "Option::is_none", default)]
                pub $field: Option<$type>,]
            [$($listed)* (optional $field $type, $crate::provider::model::wire!($field $($wire)?))]
            $($rest)*
        }
    };
    // All fields are known.
    (@ [$(#[$meta:meta])* $vis:vis struct $name:ident] [$($made:tt)*]
        [$(($mode:ident $field:ident $type:ty, $wire:expr))*]
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        $vis struct $name {
            $($made)*
            /// Fields that are not documented, and optional ones whose value has another type than documented.
            #[serde(flatten)]
            pub other: serde_json::Map<alloc::string::String, serde_json::Value>,
        }

        impl $crate::provider::model::Field for $name {
            const EXPECTED: &'static str = "an object";

            fn fits(value: &serde_json::Value) -> bool {
                value.as_object().is_some_and(|_fields| {
                    true $(&& $crate::provider::model::has_field!($mode $type, _fields $wire))*
                })
            }

            fn read(
                value: serde_json::Value,
            ) -> Result<Self, $crate::provider::payload::PayloadError> {
                let mut fields =
                    <serde_json::Map<alloc::string::String, serde_json::Value>
                        as $crate::provider::model::Field>::read(value)?;
                let mut misfits = serde_json::Map::new();
                Ok(Self {
                    $($field: $crate::provider::model::read_field!($mode fields misfits $wire),)*
                    other: {
                        fields.append(&mut misfits);
                        fields
                    },
                })
            }
        }
    };
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($fields:tt)* }) => {
        $crate::provider::model::model! { @ [$(#[$meta])* $vis struct $name] [] [] $($fields)* }
    };
}
pub(crate) use model;
