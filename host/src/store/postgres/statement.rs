//! Statements that are prepared, and those that are sent as a whole each time.

use super::session::{Fault, Parameters};
use bytes::BytesMut;
use tokio_postgres::types::{ToSql, Type};

/// What is asked of the database.
pub(super) enum Statement {
    /// Known to the database by a name.
    Prepared(tokio_postgres::Statement),
    /// Its text.
    Whole(String),
}

/// The types that the store gives. A value of it can be sent as one of them alone, which is then also what the database would
/// find out itself for a statement that is prepared.
static TYPES: [Type; 10] = [
    Type::INT8,
    Type::TEXT,
    Type::BYTEA,
    Type::BOOL,
    Type::INT4,
    Type::INT8_ARRAY,
    Type::TEXT_ARRAY,
    Type::BYTEA_ARRAY,
    Type::BOOL_ARRAY,
    Type::FLOAT8,
];

/// Parameters with their types.
pub(super) fn typed<'a>(
    parameters: Parameters<'a>,
) -> Result<Vec<(&'a (dyn ToSql + Sync), Type)>, Fault> {
    let mut written = BytesMut::new();
    let mut typed = Vec::with_capacity(parameters.len());
    for (place, parameter) in parameters.iter().enumerate() {
        let found = TYPES.iter().find(|given| {
            written.clear();
            parameter.to_sql_checked(given, &mut written).is_ok()
        });
        let found = found.ok_or_else(|| {
            Fault::Foreign(format!("a parameter of an unknown type at place {place}"))
        })?;
        typed.push((*parameter, found.clone()));
    }
    Ok(typed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_value_has_its_type() {
        let none: Option<&str> = None;
        let texts = vec![Some("a".to_owned()), None];
        let bytes: Vec<&[u8]> = vec![b"a"];
        let parameters: [(&(dyn ToSql + Sync), Type); 11] = [
            (&7_i64, Type::INT8),
            (&Some(7_i64), Type::INT8),
            (&None::<i64>, Type::INT8),
            (&"a", Type::TEXT),
            (&none, Type::TEXT),
            (&b"a".as_slice(), Type::BYTEA),
            (&true, Type::BOOL),
            (&vec![1_i64], Type::INT8_ARRAY),
            (&texts, Type::TEXT_ARRAY),
            (&bytes, Type::BYTEA_ARRAY),
            (&vec![Some(true)], Type::BOOL_ARRAY),
        ];
        let values = parameters.each_ref().map(|(value, _)| *value);
        let found: Vec<_> = typed(&values)
            .unwrap()
            .into_iter()
            .map(|(_, found)| found)
            .collect();
        assert_eq!(found, parameters.map(|(_, expected)| expected));
        assert!(typed(&[&1_u32]).is_err());
    }
}
