//! `docs/CONFORMANCE.md`.

use super::{Conformance, Group, Number, Test};
use std::fmt::Write;

/// Tests that are named for each number; the others are counted.
const NAMED_MAX: usize = 3;

const INTRODUCTION: &str = "# Conformance

Every number of [PROVIDERS.md](PROVIDERS.md) and the tests that hold it. Generated from the tests themselves: each cites what it
holds in a comment directly above it, `// Holds: C31, R-C2`. `COUNTERSIGN_BLESS=1 cargo test --release -p countersign-tests --test
promises` writes this file anew; without the variable the same test compares it, and fails when a number has no test, when a citation
names a number that does not exist, and when what cites is no test that runs.

At most three tests are named, first those that hold few other numbers; `+n` says how many more there are.
";

/// The whole document.
///
/// # Errors
/// None that a text in memory has.
pub fn document(conformance: &Conformance) -> Result<String, std::fmt::Error> {
    let mut text = INTRODUCTION.to_owned();
    summary(&mut text, conformance)?;
    for group in Group::ALL {
        write!(
            text,
            "\n## {}\n\n| Number | Promise | Held by |\n| --- | --- | --- |\n",
            group.title()
        )?;
        for promise in &conformance.promises {
            let number = promise.number;
            if number.group == group {
                let held = held_by(conformance, number);
                writeln!(text, "| {number} | {} | {held} |", promise.text)?;
            }
        }
    }
    Ok(text)
}

fn summary(text: &mut String, conformance: &Conformance) -> std::fmt::Result {
    text.push_str("\n| | Promises | Readings | Held by tests | Advice | Tests that hold them |\n| --- | --- | --- | --- | --- | --- |\n");
    let mut line = |title: &str, wanted: &dyn Fn(Number) -> bool| {
        let numbers: Vec<_> = conformance
            .promises
            .iter()
            .map(|promise| promise.number)
            .filter(|number| wanted(*number))
            .collect();
        let readings = numbers.iter().filter(|number| number.is_reading).count();
        let advice = numbers
            .iter()
            .filter(|number| conformance.advice.contains_key(number))
            .count();
        let held = numbers
            .iter()
            .filter(|number| !conformance.tests_of(**number).is_empty())
            .count();
        let tests = conformance
            .tests
            .iter()
            .filter(|test| test.holds.iter().any(|number| wanted(*number)))
            .count();
        writeln!(
            text,
            "| {title} | {} | {readings} | {held} | {advice} | {tests} |",
            numbers.len() - readings
        )
    };
    for group in Group::ALL {
        line(group.title(), &|number| number.group == group)?;
    }
    line("**All**", &|_| true)
}

fn held_by(conformance: &Conformance, number: Number) -> String {
    if let Some(why) = conformance.advice.get(&number) {
        return format!("*advice: {why}*");
    }
    let tests = conformance.tests_of(number);
    let mut cells: Vec<_> = tests
        .iter()
        .take(NAMED_MAX)
        .map(|test| link(test))
        .collect();
    if tests.len() > NAMED_MAX {
        cells.push(format!("+{}", tests.len() - NAMED_MAX));
    }
    cells.join("<br>")
}

fn link(test: &Test) -> String {
    let mut name = String::new();
    for c in test.name.chars() {
        if "|[]<>*".contains(c) {
            name.push('\\');
        }
        name.push(c);
    }
    // Names of functions are code; titles are sentences.
    let name = match name.contains(' ') {
        true => name,
        false => format!("`{name}`"),
    };
    format!("[{}](../{}): {name}", test.file, test.file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promises::{Scan, promises, rust};

    #[test]
    fn a_row_names_three_tests_and_counts_the_others() {
        let promised = promises("### C Cleanmails\nC1 opens. C2 used for this.\n").unwrap();
        let mut scan = Scan::default();
        for name in ["a", "b", "c", "d", "e"] {
            let text = format!("// Holds: C1\n#[test]\nfn {name}() {{}}\n");
            scan.add(rust(&format!("core/{name}.rs"), &text));
        }
        let advice = [("C2", "a wish")];
        let text = document(&Conformance::new(promised, scan, &advice).unwrap()).unwrap();
        let row = "| C1 | opens. | [core/a.rs](../core/a.rs): `a`<br>[core/b.rs](../core/b.rs): `b`<br>[core/c.rs](../core/c.rs): `c`<br>+2 |";
        assert!(text.contains(row), "{text}");
        assert!(
            text.contains("| C2 | used for this. | *advice: a wish* |"),
            "{text}"
        );
        assert!(
            text.contains("| Cleanmails | 2 | 0 | 1 | 1 | 5 |"),
            "{text}"
        );
    }
}
