//! The numbers, and what `docs/PROVIDERS.md` says under each.

use anyhow::{Context, bail, ensure};
use std::{collections::BTreeSet, fmt, str::FromStr};

/// Whose promise it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    Cleanmails,
    Smartlead,
    Sendemall,
    Platform,
    /// Readings that hold for all four.
    Across,
}

impl Group {
    /// In the order of the document.
    pub const ALL: [Self; 5] = [
        Self::Cleanmails,
        Self::Smartlead,
        Self::Sendemall,
        Self::Platform,
        Self::Across,
    ];

    /// The letter of its numbers.
    pub fn letter(self) -> char {
        match self {
            Self::Cleanmails => 'C',
            Self::Smartlead => 'S',
            Self::Sendemall => 'E',
            Self::Platform => 'P',
            Self::Across => 'X',
        }
    }

    /// A heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Cleanmails => "Cleanmails",
            Self::Smartlead => "SmartLead",
            Self::Sendemall => "SendEmAll",
            Self::Platform => "The platform",
            Self::Across => "Across the four",
        }
    }
}

/// `C7`, a promise, or `R-C7`, a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number {
    pub group: Group,
    pub is_reading: bool,
    /// From 1.
    pub place: u32,
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reading = if self.is_reading { "R-" } else { "" };
        write!(f, "{reading}{}{}", self.group.letter(), self.place)
    }
}

impl FromStr for Number {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let bare = text.strip_prefix("R-").unwrap_or(text);
        let group = Group::ALL
            .into_iter()
            .find(|group| bare.starts_with(group.letter()));
        let place = bare.get(1..).and_then(|digits| digits.parse().ok());
        let (Some(group), Some(place)) = (group, place) else {
            bail!("{text:?} is no number such as C7 or R-C7");
        };
        let number = Self {
            group,
            is_reading: bare.len() < text.len(),
            place,
        };
        ensure!(
            place > 0 && number.to_string() == text,
            "{text:?} is no number such as C7 or R-C7"
        );
        Ok(number)
    }
}

/// Reads a list such as `C1 to C11, C30, R-S5`.
///
/// # Errors
/// What stands there is no number, or a range that does not rise within one kind.
pub fn numbers(list: &str) -> anyhow::Result<Vec<Number>> {
    let mut found = Vec::new();
    for item in list.trim().split(", ") {
        let (first, last) = item.split_once(" to ").unwrap_or((item, item));
        let (first, last): (Number, Number) = (first.parse()?, last.parse()?);
        let is_range = (first.group, first.is_reading) == (last.group, last.is_reading)
            && (first.place < last.place || first == last && !item.contains(' '));
        ensure!(is_range, "{item:?} is no range such as C1 to C11");
        found.extend((first.place..=last.place).map(|place| Number { place, ..first }));
    }
    Ok(found)
}

/// What the document says under a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    pub number: Number,
    /// The beginning of it, one line of Markdown.
    pub text: String,
}

/// Longest text of a promise, in characters.
const TEXT_CHARS_MAX: usize = 130;

/// How the marks begin that say where a promise is from: documented, implied, in an example, missing.
const MARKS: [&str; 4] = [" [D", " [I", " [ex", " [absence"];

/// All promises and readings of the document, in the order of their numbers.
///
/// # Errors
/// A number that does not follow the one before it, or that is named and nowhere defined.
pub fn promises(document: &str) -> anyhow::Result<Vec<Promise>> {
    let mut promises = Vec::new();
    for group in Group::ALL {
        let heading = format!("### {} {}", group.letter(), group.title());
        if let Some(section) = section(document, &heading) {
            listed(group, section, &mut promises);
        }
        readings(group, document, &mut promises)?;
    }
    let defined: BTreeSet<Number> = promises.iter().map(|promise| promise.number).collect();
    for word in document.split(|c: char| !c.is_ascii_alphanumeric() && c != '-') {
        if let Ok(number) = word.parse::<Number>() {
            ensure!(
                defined.contains(&number),
                "docs/PROVIDERS.md names {number} and defines it nowhere, or not in its turn"
            );
        }
    }
    promises.sort_by_key(|promise| promise.number);
    Ok(promises)
}

/// From behind a heading to the next one.
fn section<'a>(document: &'a str, heading: &str) -> Option<&'a str> {
    let (_, rest) = document.split_once(heading)?;
    let end = rest.find("\n##").unwrap_or(rest.len());
    rest.get(..end)
}

/// Promises stand one behind the other, several on a line; each ends where the next begins.
fn listed(group: Group, section: &str, promises: &mut Vec<Promise>) {
    let mut next = Number {
        group,
        is_reading: false,
        place: 1,
    };
    for line in section.lines() {
        let mut rest = line;
        let Some((_, after)) = split(rest, next) else {
            continue;
        };
        rest = after;
        loop {
            let number = next;
            next.place += 1;
            let (text, after) = split(rest, next).map_or((rest, None), |(a, b)| (a, Some(b)));
            promises.push(Promise {
                number,
                text: short(text),
            });
            match after {
                Some(after) => rest = after,
                None => break,
            }
        }
    }
}

/// What stands before and behind a number that is a word of its own.
fn split(line: &str, number: Number) -> Option<(&str, &str)> {
    let word = format!("{number} ");
    let (at, _) = line.match_indices(&word).find(|(at, _)| {
        let before = line[..*at].chars().next_back();
        before.is_none_or(|c| c == ' ')
    })?;
    Some((&line[..at], &line[at + word.len()..]))
}

/// A reading is a point of a list, with its question in bold.
fn readings(group: Group, document: &str, promises: &mut Vec<Promise>) -> anyhow::Result<()> {
    let mut next = Number {
        group,
        is_reading: true,
        place: 1,
    };
    let beginning = format!("- **R-{}", group.letter());
    for line in document.lines().filter(|line| line.starts_with(&beginning)) {
        let (head, rest) = line
            .strip_prefix("- **")
            .and_then(|line| line.split_once("**"))
            .with_context(|| format!("the bold text of {line:?} has no end"))?;
        let (number, question) = head.split_once(' ').unwrap_or((head, ""));
        ensure!(
            number == next.to_string(),
            "docs/PROVIDERS.md has {number} where {next} was expected"
        );
        // What is read is what counts; most of them say so in a word.
        let reading = rest.split_once("Read: ").map_or(rest, |(_, read)| read);
        promises.push(Promise {
            number: next,
            text: short(&joined(question, reading.trim())),
        });
        next.place += 1;
    }
    Ok(())
}

/// A question and what follows it, which may be the rest of its sentence.
fn joined(question: &str, rest: &str) -> String {
    let blank = if rest.starts_with([',', ';', ':']) {
        ""
    } else {
        " "
    };
    format!("{question}{blank}{rest}")
}

/// One line for a table, without the marks of where it is from.
fn short(text: &str) -> String {
    let mut text = text.trim().trim_end_matches("- ").trim().to_owned();
    for mark in MARKS {
        while let Some(at) = text.find(mark) {
            let end = text[at..].find(']').map_or(text.len(), |end| at + end + 1);
            text.replace_range(at..end, "");
        }
    }
    let text = text.trim().trim_start_matches(": ").replace('|', "\\|");
    if text.chars().count() <= TEXT_CHARS_MAX {
        return text;
    }
    // Between words, and never inside of code.
    let mut cut = 0;
    let mut in_code = false;
    for (at, c) in text.char_indices().take(TEXT_CHARS_MAX) {
        match c {
            '`' => in_code = !in_code,
            ' ' if !in_code => cut = at,
            _ => {}
        }
    }
    let kept = text[..cut].trim_end_matches([',', ';', ':', '.', '(', '=', '-', ' ']);
    format!("{kept} …")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "# A page\n\n### C Cleanmails\n\nEvents: C1 `email.sent` as in C2. C2 `email.opened` non-bot. [D] all.\n\
        - C3 Create: POST `/v1`. [D] C4 one more;\n\n### S SmartLead (two)\n- S1 a\\|b\n\n### 2.1 Cleanmails\n\
        - **R-C1 What?** It is said so. Read: this.\n- **R-C2 And then?** See C3 and R-C1.\n";

    fn texts(document: &str) -> Vec<(String, String)> {
        promises(document)
            .unwrap()
            .into_iter()
            .map(|promise| (promise.number.to_string(), promise.text))
            .collect()
    }

    #[test]
    fn promises_end_where_the_next_begins_and_readings_follow_them() {
        let texts = texts(DOCUMENT);
        let texts: Vec<_> = texts
            .iter()
            .map(|(n, t)| (n.as_str(), t.as_str()))
            .collect();
        assert_eq!(
            texts,
            [
                ("C1", "`email.sent` as in C2."),
                ("C2", "`email.opened` non-bot. all."),
                ("C3", "Create: POST `/v1`."),
                ("C4", "one more;"),
                ("R-C1", "What? this."),
                ("R-C2", "And then? See C3 and R-C1."),
                ("S1", "a\\\\|b"),
            ]
        );
    }

    #[test]
    fn a_number_out_of_turn_or_without_a_definition_is_an_error() {
        for (from, to) in [
            ("C4 one", "C5 one"),
            ("R-C2 And", "R-C3 And"),
            ("as in C2", "as in S9"),
        ] {
            assert!(promises(&DOCUMENT.replace(from, to)).is_err(), "{to}");
        }
    }

    #[test]
    fn long_texts_are_cut_between_words_and_not_inside_of_code() {
        let long = format!(
            "one {} `two {} three` four",
            "x".repeat(100),
            "y ".repeat(20)
        );
        assert_eq!(short(&long), format!("one {} …", "x".repeat(100)));
        assert_eq!(short("é".repeat(130).as_str()), "é".repeat(130));
    }

    #[test]
    fn lists_hold_numbers_and_rising_ranges_of_one_kind() {
        let read = |list: &str| -> Vec<String> {
            let numbers = numbers(list).unwrap();
            numbers.iter().map(ToString::to_string).collect()
        };
        assert_eq!(read("C9 to C11, R-X1 "), ["C9", "C10", "C11", "R-X1"]);
        for wrong in [
            "",
            "C0",
            "C01",
            "c1",
            "Z1",
            "C1,C2",
            "C1, ",
            "C3 to C1",
            "C1 to C1",
            "C1 to S2",
            "C1 to R-C2",
            "C1.",
            "R-R-C1",
            "C4294967296",
        ] {
            assert!(numbers(wrong).is_err(), "{wrong:?}");
        }
    }
}
