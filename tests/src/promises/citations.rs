//! Citations in sources: `// Holds: C31, R-C2`, directly above a test.
//!
//! Sources are looked at line by line, as their formatters leave them: an attribute is one line, a test begins one.

use super::{Number, numbers};

const MARK: &str = "// Holds:";

/// A test that holds something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// From the root of the repository, with `/`.
    pub file: String,
    /// Of the function, or the title.
    pub name: String,
    /// In the order cited.
    pub holds: Vec<Number>,
}

impl Test {
    /// Where it is.
    pub fn place(&self) -> String {
        format!("{}: {}", self.file, self.name)
    }
}

/// What was found in sources.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Scan {
    pub tests: Vec<Test>,
    /// What is wrong, one line each.
    pub complaints: Vec<String>,
}

impl Scan {
    /// Takes in what was found elsewhere.
    pub fn add(&mut self, other: Self) {
        self.tests.extend(other.tests);
        self.complaints.extend(other.complaints);
    }
}

/// Whether a source cites anything, well or badly.
pub(super) fn cites(text: &str) -> bool {
    text.lines().any(is_citation)
}

/// The tests of a Rust source that cite.
pub fn rust(file: &str, text: &str) -> Scan {
    scan(file, text, rust_test)
}

/// The tests of a JavaScript source that cite.
pub fn javascript(file: &str, text: &str) -> Scan {
    scan(file, text, javascript_test)
}

/// Also what was meant to be one, so that no typing error hides it.
fn is_citation(line: &str) -> bool {
    let line = line.trim_start();
    let words = line.trim_start_matches(['/', '*', '!', ' ', '#']);
    let is_comment = words.len() < line.len();
    is_comment
        && words
            .get(..6)
            .is_some_and(|start| start.eq_ignore_ascii_case("holds:"))
}

fn scan(file: &str, text: &str, test_at: fn(&[&str]) -> Result<String, String>) -> Scan {
    let lines: Vec<_> = text.lines().collect();
    let mut scan = Scan::default();
    let mut at = 0;
    while at < lines.len() {
        if !is_citation(lines[at]) {
            at += 1;
            continue;
        }
        let first = at + 1;
        let mut holds = Vec::new();
        while let Some(line) = lines.get(at).filter(|line| is_citation(line)) {
            let list = line.trim_start().strip_prefix(MARK);
            let read = list
                .ok_or_else(|| format!("write it as `{MARK} C1, C2`"))
                .and_then(|list| numbers(list).map_err(|error| error.to_string()));
            match read {
                Ok(numbers) => holds.extend(numbers),
                Err(why) => scan.complaints.push(format!("{file}:{}: {why}", at + 1)),
            }
            at += 1;
        }
        match test_at(&lines[at..]) {
            Ok(name) => scan.tests.push(Test {
                file: file.to_owned(),
                name,
                holds,
            }),
            Err(why) => scan.complaints.push(format!("{file}:{first}: {why}")),
        }
    }
    scan
}

/// The name of the function that these lines begin with, if it is a test that always runs.
fn rust_test(lines: &[&str]) -> Result<String, String> {
    let mut is_test = false;
    for line in lines.iter().map(|line| line.trim()) {
        if line.starts_with("#[") && line.ends_with(']') {
            is_test |= line == "#[test]" || line.starts_with("#[tokio::test");
            if ["#[ignore", "#[cfg", "#[should_panic"]
                .iter()
                .any(|start| line.starts_with(start))
            {
                return Err(format!("{line} keeps the test from holding anything"));
            }
            continue;
        }
        let declared = line.strip_prefix("async ").unwrap_or(line);
        let name = declared
            .strip_prefix("fn ")
            .and_then(|rest| rest.split(['(', '<']).next());
        return match name {
            Some(name) if is_test => Ok(name.to_owned()),
            Some(name) => Err(format!("{name} is no test")),
            None => Err(format!("{line:?} is no test")),
        };
    }
    Err("nothing stands below it".to_owned())
}

/// The title of the test that these lines begin with, if it is one that runs.
fn javascript_test(lines: &[&str]) -> Result<String, String> {
    let line = lines.first().map_or("", |line| line.trim());
    let no_test = || format!("{line:?} is no test that runs");
    let call = line.strip_prefix("test(").ok_or_else(no_test)?;
    let mut characters = call.chars();
    let quote = characters.next().filter(|c| "\"'`".contains(*c));
    let quote =
        quote.ok_or_else(|| format!("the title of {line:?} is no text on the same line"))?;
    let mut title = String::new();
    loop {
        match characters.next() {
            Some('\\') => title.extend(characters.next()),
            Some(c) if c == quote => break,
            Some(c) => title.push(c),
            None => return Err(format!("the title of {line:?} does not end on its line")),
        }
    }
    let options = characters.as_str();
    match options.contains("skip: true") || options.contains("todo:") {
        true => Err(no_test()),
        false => Ok(title),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(scan: &Scan) -> Vec<(String, String)> {
        scan.tests
            .iter()
            .map(|test| {
                let holds: Vec<_> = test.holds.iter().map(ToString::to_string).collect();
                (test.name.clone(), holds.join(" "))
            })
            .collect()
    }

    fn pair(name: &str, holds: &str) -> (String, String) {
        (name.to_owned(), holds.to_owned())
    }

    #[test]
    fn rust_tests_are_found_wherever_they_stand() {
        let text = "// Holds: C1\n#[test]\nfn plain() {}\n\n#[test]\nfn silent() {}\n\nmod tests {\n    // Holds: C2 to C4,\n\
            }\nproptest! {\n    // Holds: S1\n    // Holds: S3, R-S2\n    #[test]\n    fn property(a in b()) {}\n}\n\
            // Holds: E1\n#[tokio::test(flavor = \"multi_thread\")]\nasync fn waits<T>() {}\n";
        let scan = rust("a.rs", text);
        assert_eq!(
            found(&scan),
            [
                pair("plain", "C1"),
                pair("property", "S1 S3 R-S2"),
                pair("waits", "E1")
            ]
        );
        assert_eq!(
            scan.complaints,
            [
                "a.rs:9: \"C4,\" is no number such as C7 or R-C7",
                "a.rs:9: \"}\" is no test"
            ]
        );
    }

    #[test]
    fn what_does_not_run_or_is_no_test_of_rust_s_holds_nothing() {
        for (below, why) in [
            ("fn helper() {}", "helper is no test"),
            ("#[inline]\nfn helper() {}", "helper is no test"),
            ("#[test]\n#[ignore]\nfn a() {}", "#[ignore] keeps"),
            (
                "#[ignore = \"slow\"]\n#[test]\nfn a() {}",
                "#[ignore = \"slow\"] keeps",
            ),
            (
                "#[cfg(windows)]\n#[test]\nfn a() {}",
                "#[cfg(windows)] keeps",
            ),
            ("#[cfg_attr(unix, ignore)]\n#[test]\nfn a() {}", "keeps"),
            ("\n#[test]\nfn a() {}", "\"\" is no test"),
            ("// What it is.\n#[test]\nfn a() {}", "is no test"),
            ("let a = 1;", "is no test"),
            ("", "nothing stands below it"),
        ] {
            let scan = rust("a.rs", &format!("// Holds: C1\n{below}"));
            assert_eq!(scan.tests, [], "{below}");
            assert!(
                scan.complaints[0].contains(why),
                "{below}: {:?}",
                scan.complaints
            );
        }
    }

    #[test]
    fn citations_in_another_form_are_told_and_other_comments_are_not() {
        for line in [
            "/// Holds: C1",
            "//Holds: C1",
            "// holds: C1",
            "//! Holds: C1",
            "* Holds: C1",
            "// Holds: C1.",
        ] {
            let scan = rust("a.rs", &format!("{line}\n#[test]\nfn a() {{}}\n"));
            assert_eq!(scan.complaints.len(), 1, "{line}: {scan:?}");
            assert!(cites(line));
        }
        for line in [
            "// Holds the door.",
            "let text = \"Holds: C1\";",
            "// It Holds: C1",
        ] {
            assert_eq!(rust("a.rs", line), Scan::default(), "{line}");
            assert!(!cites(line));
        }
    }

    #[test]
    fn javascript_tests_are_found_by_their_titles() {
        let text = "  // Holds: S43\n  test(\"posts \\\"it\\\"\", async () => {\n// Holds: E1\ntest(`of ${name}`, { skip }, () => {});\n";
        let scan = javascript("a.test.mjs", text);
        assert_eq!(scan.complaints, [""; 0]);
        assert_eq!(
            found(&scan),
            [pair("posts \"it\"", "S43"), pair("of ${name}", "E1")]
        );
        for below in [
            "test.skip(\"a\", () => {});",
            "test.todo(\"a\");",
            "test(\"a\", { skip: true }, () => {});",
            "test(\"a\", { todo: \"later\" }, () => {});",
            "describe(\"a\", () => {",
            "test(name, () => {});",
            "test(\"a",
            "const test = 1;",
            "",
        ] {
            let scan = javascript("a.test.mjs", &format!("// Holds: S43\n{below}"));
            assert_eq!((scan.tests.len(), scan.complaints.len()), (0, 1), "{below}");
        }
    }
}
