//! From text to a filter.

use super::{
    Bound, CONDITIONS_MAX, Comparison, DEPTH_MAX, FILTER_BYTES_MAX, Filter, FilterError,
    FilterProblem, POINTER_BYTES_MAX, Place, Scalar, TEXT_BYTES_MAX, Term, Test, VALUES_MAX, path,
    pointer::Pointer, source::Source,
};
use alloc::{string::String, vec::Vec};

impl Filter {
    /// Reads the JSON text of a filter.
    ///
    /// ```
    /// use countersign_core::filter::Filter;
    ///
    /// let error = Filter::parse(r#"{"and": [{"/data/total": {"gte": true}}]}"#).unwrap_err();
    /// assert_eq!(error.path, r#"and[0]["/data/total"].gte"#);
    /// assert_eq!(error.to_string(), r#"`and[0]["/data/total"].gte` must be a number or a text"#);
    /// ```
    ///
    /// # Errors
    /// [`FilterError`] with the place of the mistake.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        if text.len() > FILTER_BYTES_MAX {
            return Err(FilterError::new("", FilterProblem::TooLong));
        }
        let source = serde_json::from_str(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            FilterError::new("", FilterProblem::NotJson { line, column })
        })?;
        Self::read(source)
    }

    pub(super) fn read(source: Source) -> Result<Self, FilterError> {
        Reading { conditions: 0 }.filter(source, "", 0)
    }
}

/// What has been read so far.
struct Reading {
    conditions: usize,
}

impl Reading {
    fn filter(&mut self, source: Source, at: &str, depth: usize) -> Result<Filter, FilterError> {
        let wrong = |problem| Err(FilterError::new(at, problem));
        if depth > DEPTH_MAX {
            return wrong(FilterProblem::TooDeep);
        }
        let Source::Object(entries) = source else {
            return wrong(FilterProblem::NotAFilter);
        };
        if entries.is_empty() {
            return wrong(FilterProblem::Empty);
        }
        let terms = sorted(entries, at)?.into_iter().map(|(name, value)| {
            let at = path::entry(at, &name);
            self.term(&name, value, &at, depth)
        });
        let terms = terms.collect::<Result<_, _>>()?;
        Ok(Filter { terms })
    }

    fn term(
        &mut self,
        name: &str,
        value: Source,
        at: &str,
        depth: usize,
    ) -> Result<Term, FilterError> {
        let place = match name {
            "and" => return self.filters(value, at, depth).map(Term::And),
            "or" => return self.filters(value, at, depth).map(Term::Or),
            "not" => {
                let inner = self.filter(value, at, depth.saturating_add(1))?;
                return Ok(Term::Not(inner));
            }
            "type" => Place::Type,
            pointer if pointer.starts_with('/') => match Pointer::read(pointer) {
                Some(read) if pointer.len() <= POINTER_BYTES_MAX => Place::Body(read),
                _ => return Err(FilterError::new(at, FilterProblem::PointerInvalid)),
            },
            _ => return Err(FilterError::new(at, FilterProblem::UnknownName)),
        };
        self.tests(value, at).map(|tests| Term::At(place, tests))
    }

    fn filters(
        &mut self,
        value: Source,
        at: &str,
        depth: usize,
    ) -> Result<Vec<Filter>, FilterError> {
        match value {
            Source::List(filters) if filters.is_empty() => {
                Err(FilterError::new(at, FilterProblem::Empty))
            }
            Source::List(filters) => filters
                .into_iter()
                .zip(0..)
                .map(|(filter, place)| {
                    self.filter(filter, &path::element(at, place), depth.saturating_add(1))
                })
                .collect(),
            _ => Err(FilterError::new(at, FilterProblem::NotAList)),
        }
    }

    /// An object of conditions, or a value to be equal to.
    fn tests(&mut self, value: Source, at: &str) -> Result<Vec<Test>, FilterError> {
        const EXPECTED: &str = r#"a text, a number, true, false or null, or an object of conditions such as {"in": ["a", "b"]}"#;
        let conditions = match value {
            Source::Object(conditions) => conditions,
            value => {
                self.count(at)?;
                return Ok([Test::Equal(scalar(value, at, EXPECTED)?)].into());
            }
        };
        if conditions.is_empty() {
            return Err(FilterError::new(at, FilterProblem::Empty));
        }
        let tests = sorted(conditions, at)?.into_iter().map(|(name, value)| {
            let at = path::entry(at, &name);
            self.count(&at)?;
            test(&name, value, &at)
        });
        tests.collect()
    }

    fn count(&mut self, at: &str) -> Result<(), FilterError> {
        self.conditions = self.conditions.saturating_add(1);
        match self.conditions > CONDITIONS_MAX {
            true => Err(FilterError::new(at, FilterProblem::TooManyConditions)),
            false => Ok(()),
        }
    }
}

/// In the order of names, so that filters that say the same in another order are equal.
fn sorted(
    mut entries: Vec<(String, Source)>,
    at: &str,
) -> Result<Vec<(String, Source)>, FilterError> {
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut following = entries.iter().skip(1);
    for (name, _) in &entries {
        if following.next().is_some_and(|(next, _)| next == name) {
            let at = path::entry(at, name);
            return Err(FilterError::new(&at, FilterProblem::Repeated));
        }
    }
    Ok(entries)
}

fn test(name: &str, value: Source, at: &str) -> Result<Test, FilterError> {
    const SCALAR: &str = "a text, a number, true, false or null";
    let comparison = match name {
        "eq" => return scalar(value, at, SCALAR).map(Test::Equal),
        "in" => return values(value, at).map(Test::In),
        "prefix" => return part(value, at).map(Test::Prefix),
        "suffix" => return part(value, at).map(Test::Suffix),
        "contains" => {
            return match value {
                Source::Text(_) => part(value, at).map(|text| Test::Contains(Scalar::Text(text))),
                value => scalar(value, at, SCALAR).map(Test::Contains),
            };
        }
        "exists" => {
            return match value {
                Source::Bool(exists) => Ok(Test::Exists(exists)),
                _ => Err(wrong_value(at, "true or false")),
            };
        }
        "gt" => Comparison::Greater,
        "gte" => Comparison::GreaterOrEqual,
        "lt" => Comparison::Less,
        "lte" => Comparison::LessOrEqual,
        _ => return Err(FilterError::new(at, FilterProblem::UnknownCondition)),
    };
    let bound = match value {
        Source::Number(number) => Bound::Number(number),
        Source::Text(text) => Bound::Text(short(text, at)?),
        _ => return Err(wrong_value(at, "a number or a text")),
    };
    Ok(Test::Compare(comparison, bound))
}

fn scalar(value: Source, at: &str, expected: &'static str) -> Result<Scalar, FilterError> {
    Ok(match value {
        Source::Null => Scalar::Null,
        Source::Bool(value) => Scalar::Bool(value),
        Source::Number(number) => Scalar::Number(number),
        Source::Text(text) => Scalar::Text(short(text, at)?),
        Source::List(_) | Source::Object(_) => return Err(wrong_value(at, expected)),
    })
}

fn values(value: Source, at: &str) -> Result<Vec<Scalar>, FilterError> {
    const EXPECTED: &str =
        "a list of texts, numbers, true, false or null, with at least one of them";
    match value {
        Source::List(values) if values.is_empty() => Err(wrong_value(at, EXPECTED)),
        Source::List(values) if values.len() > VALUES_MAX => {
            Err(FilterError::new(at, FilterProblem::TooManyValues))
        }
        Source::List(values) => values
            .into_iter()
            .zip(0..)
            .map(|(value, place)| {
                let expected = "a text, a number, true, false or null";
                scalar(value, &path::element(at, place), expected)
            })
            .collect(),
        _ => Err(wrong_value(at, EXPECTED)),
    }
}

/// A part of a text. Nothing is a part of every text, which nobody means.
fn part(value: Source, at: &str) -> Result<String, FilterError> {
    match value {
        Source::Text(text) if !text.is_empty() => short(text, at),
        _ => Err(wrong_value(at, "a text that is not empty")),
    }
}

fn short(text: String, at: &str) -> Result<String, FilterError> {
    match text.len() > TEXT_BYTES_MAX {
        true => Err(FilterError::new(at, FilterProblem::TextTooLong)),
        false => Ok(text),
    }
}

fn wrong_value(at: &str, expected: &'static str) -> FilterError {
    FilterError::new(at, FilterProblem::WrongValue { expected })
}
