//! Numbers by their value: `1`, `1.0` and `1e0` are one.

use core::cmp::Ordering;
use serde::{Deserialize, Serialize};

/// Beyond it, whole numbers are kept as floats: 2^120. All of them below fit into `i128`, without rounding.
const WHOLE_MAX: f64 = 1_329_227_995_784_915_872_903_807_060_280_344_576.0;

/// A finite number. Each value has one form, so equal numbers have equal forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Number {
    /// A whole one, unless it is beyond [`WHOLE_MAX`].
    Whole(i128),
    /// Any other: the bits of the float.
    Float(u64),
}

impl Number {
    /// `None` for what is no number: an infinity, or NaN.
    pub(super) fn from_f64(float: f64) -> Option<Self> {
        if !float.is_finite() {
            return None;
        }
        let whole = float as i128;
        Some(match float.abs() < WHOLE_MAX && whole as f64 == float {
            true => Self::Whole(whole),
            false => Self::Float(float.to_bits()),
        })
    }

    /// A number of JSON.
    pub(super) fn of(number: &serde_json::Number) -> Option<Self> {
        if let Some(whole) = number.as_i64() {
            return Some(Self::Whole(whole.into()));
        }
        match number.as_u64() {
            Some(whole) => Some(Self::Whole(whole.into())),
            None => Self::from_f64(number.as_f64()?),
        }
    }

    /// As JSON writes it; [`of`](Self::of) reads it back.
    pub(super) fn to_json(self) -> serde_json::Value {
        match self {
            Self::Whole(whole) => match (i64::try_from(whole), u64::try_from(whole)) {
                (Ok(whole), _) => whole.into(),
                (Err(_), Ok(whole)) => whole.into(),
                // It came from a float.
                (Err(_), Err(_)) => (whole as f64).into(),
            },
            Self::Float(bits) => f64::from_bits(bits).into(),
        }
    }

    /// Which of the two is less.
    pub(super) fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a.cmp(&b),
            (Self::Float(a), Self::Float(b)) => f64::from_bits(a).total_cmp(&f64::from_bits(b)),
            (Self::Whole(a), Self::Float(b)) => compare(a, f64::from_bits(b)),
            (Self::Float(a), Self::Whole(b)) => compare(b, f64::from_bits(a)).reverse(),
        }
    }
}

/// A whole number and a float that is none, or is beyond all of them; so they are never equal.
fn compare(whole: i128, float: f64) -> Ordering {
    // Towards zero; beyond the range, its nearest end.
    let cut = float as i128;
    let is_less = match float > 0.0 {
        true => whole <= cut,
        false => whole < cut,
    };
    match is_less {
        true => Ordering::Less,
        false => Ordering::Greater,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn number(text: &str) -> Number {
        Number::of(&serde_json::from_str(text).unwrap()).unwrap()
    }

    #[test]
    fn equal_values_have_equal_forms() {
        for (a, b) in [
            ("1", "1.0"),
            ("1e0", "10e-1"),
            ("0", "-0.0"),
            ("18446744073709551616", "1.8446744073709551616e19"),
            ("-9223372036854775808", "-9223372036854775808.0"),
        ] {
            assert_eq!(number(a), number(b), "{a} {b}");
        }
        assert_ne!(number("9007199254740993"), number("9007199254740992"));
    }

    #[test]
    fn numbers_are_ordered_by_value_whatever_their_form() {
        let ascending = [
            "-1e300",
            "-1e40",
            "-18446744073709551616",
            "-9223372036854775808",
            "-2",
            "-1.5",
            "-1",
            "-0.5",
            "-1e-300",
            "0",
            "1e-300",
            "0.5",
            "1",
            "1.5",
            "2",
            "9007199254740992",
            "9007199254740993",
            "18446744073709551615",
            "18446744073709551616",
            "1e40",
            "1e300",
        ];
        let numbers: Vec<_> = ascending.iter().map(|text| number(text)).collect();
        for (i, a) in numbers.iter().enumerate() {
            for (j, b) in numbers.iter().enumerate() {
                let (left, right) = (ascending[i], ascending[j]);
                assert_eq!(a.compare(*b), i.cmp(&j), "{left} {right}");
            }
        }
    }

    #[test]
    fn a_number_reads_back() {
        for text in [
            "0",
            "-1",
            "18446744073709551615",
            "1e22",
            "-1e22",
            "1.5",
            "1e300",
            "5e-324",
        ] {
            let number = number(text);
            let serde_json::Value::Number(written) = number.to_json() else {
                panic!("{text}");
            };
            assert_eq!(Number::of(&written), Some(number), "{text}");
        }
        assert_eq!(Number::from_f64(f64::NAN), None);
        assert_eq!(Number::from_f64(f64::INFINITY), None);
    }
}
