//! The numbered promises of `docs/PROVIDERS.md` and the tests that hold them.
//!
//! A test cites the numbers that it holds directly above itself, in Rust and in JavaScript alike, on as many lines as it takes:
//!
//! ```text
//! // Holds: C31, C32, R-C2
//! #[test]
//! fn ten_deliveries_in_a_row_pause_an_endpoint() {}
//!
//! // Holds: S1 to S6, S8
//! test("every event has its type", () => {});
//! ```
//!
//! It holds a number when it fails once the program no longer does what the number says. `docs/CONFORMANCE.md` is made of this.

mod advice;
mod citations;
mod document;
mod numbers;
mod sources;

pub use self::{
    advice::ADVICE,
    citations::{Scan, Test, javascript, rust},
    document::document,
    numbers::{Group, Number, Promise, numbers, promises},
};

use anyhow::Context;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// What is promised, and which tests hold it.
#[derive(Debug)]
pub struct Conformance {
    /// In the order of their numbers.
    pub promises: Vec<Promise>,
    /// In the order of their files and, within a file, of their lines.
    pub tests: Vec<Test>,
    /// Why a number asks nothing of a program.
    pub advice: BTreeMap<Number, &'static str>,
    /// What is wrong, one line each.
    pub complaints: Vec<String>,
}

impl Conformance {
    /// Reads the document and every source below the root of the repository.
    ///
    /// # Errors
    /// A file that cannot be read, or a document whose numbers are not in their order.
    pub fn of(root: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(root.join("docs/PROVIDERS.md"))
            .context("cannot read docs/PROVIDERS.md")?;
        let scan = sources::scan(root)?;
        Self::new(promises(&text)?, scan, &ADVICE)
    }

    /// Holds the citations against the promises.
    ///
    /// # Errors
    /// Advice under something that is no number.
    pub fn new(
        promises: Vec<Promise>,
        scan: Scan,
        advice: &[(&str, &'static str)],
    ) -> anyhow::Result<Self> {
        let advice: BTreeMap<Number, _> = advice
            .iter()
            .map(|(number, why)| Ok((number.parse()?, *why)))
            .collect::<anyhow::Result<_>>()?;
        let known: BTreeSet<Number> = promises.iter().map(|promise| promise.number).collect();
        let mut complaints = scan.complaints;
        let mut held = BTreeSet::new();
        for test in &scan.tests {
            for number in &test.holds {
                held.insert(*number);
                if !known.contains(number) {
                    complaints.push(format!(
                        "{} cites {number}, which docs/PROVIDERS.md does not have",
                        test.place()
                    ));
                }
            }
        }
        for number in advice.keys() {
            if !known.contains(number) {
                complaints.push(format!(
                    "{number} is called advice, and docs/PROVIDERS.md does not have it"
                ));
            }
            if held.contains(number) {
                complaints.push(format!(
                    "{number} is called advice, and a test holds it: take it out of tests/src/promises/advice.rs"
                ));
            }
        }
        for number in &known {
            if !held.contains(number) && !advice.contains_key(number) {
                complaints.push(format!(
                    "no test holds {number}: write one, or cite it above the one that does (`// Holds: {number}`)"
                ));
            }
        }
        Ok(Self {
            promises,
            tests: scan.tests,
            advice,
            complaints,
        })
    }

    /// The tests that hold a number; first those that hold few others, since they say most about it.
    pub fn tests_of(&self, number: Number) -> Vec<&Test> {
        let mut tests: Vec<_> = self
            .tests
            .iter()
            .filter(|test| test.holds.contains(&number))
            .collect();
        tests.sort_by_key(|test| (test.holds.len(), &test.file, &test.name));
        tests
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(sources: &[(&str, &str)], advice: &[(&str, &'static str)]) -> Vec<String> {
        let text = "### C Cleanmails\n- C1 opens. C2 clicks.\n\n### 2.1 Cleanmails\n- **R-C1 What of it?** Nothing.\n";
        let mut scan = Scan::default();
        for (file, text) in sources {
            scan.add(rust(file, text));
        }
        Conformance::new(promises(text).unwrap(), scan, advice)
            .unwrap()
            .complaints
    }

    #[test]
    fn every_number_needs_a_test_or_a_reason() {
        let held = ("a.rs", "// Holds: C1 to C2, R-C1\n#[test]\nfn a() {}\n");
        assert_eq!(complaints(&[held], &[]), [""; 0]);
        let without = ("a.rs", "// Holds: C1, R-C1\n#[test]\nfn a() {}\n");
        let told = complaints(&[without], &[]);
        assert!(told.len() == 1 && told[0].starts_with("no test holds C2"));
        assert_eq!(complaints(&[without], &[("C2", "a wish")]), [""; 0]);
    }

    #[test]
    fn what_is_cited_and_called_advice_must_exist_and_be_one_of_both() {
        let unknown = ("a.rs", "// Holds: C1 to C3, R-C1\n#[test]\nfn a() {}\n");
        assert_eq!(
            complaints(&[unknown], &[]),
            ["a.rs: a cites C3, which docs/PROVIDERS.md does not have"]
        );
        let held = ("a.rs", "// Holds: C1, C2, R-C1\n#[test]\nfn a() {}\n");
        let told = complaints(&[held], &[("C2", "a wish"), ("S9", "gone")]);
        assert!(told[0].starts_with("C2 is called advice, and a test holds it"));
        assert!(told[1].starts_with("S9 is called advice, and docs/PROVIDERS.md does not"));
        assert_eq!(told.len(), 2);
    }

    #[test]
    fn the_test_that_holds_least_besides_comes_first() {
        let text = "### C Cleanmails\nC1 a. C2 b.\n";
        let many = rust("a.rs", "// Holds: C1, C2\n#[test]\nfn many() {}\n");
        let one = rust("b.rs", "// Holds: C1\n#[test]\nfn one() {}\n");
        let mut scan = Scan::default();
        scan.add(many);
        scan.add(one);
        let conformance = Conformance::new(promises(text).unwrap(), scan, &[]).unwrap();
        let names: Vec<_> = conformance
            .tests_of("C1".parse().unwrap())
            .into_iter()
            .map(|test| test.name.as_str())
            .collect();
        assert_eq!(names, ["one", "many"]);
    }
}
