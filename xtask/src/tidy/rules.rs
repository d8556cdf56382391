//! Rules about files of the repository, each a pure function of name and content.

/// Longest source file that people write. A longer one has more than one job.
const SOURCE_LINES_MAX: usize = 500;

/// Endings of source files.
const SOURCES: [&str; 3] = [".rs", ".ts", ".mjs"];

/// End of the first line of a file that a program writes, and a test compares.
const GENERATED: &str = "do not change it by hand.";

/// Beginnings of paths that exist on one machine only. Written in halves, so that this file passes its own check.
const MACHINE_PATHS: [&str; 3] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/tmp/bash", "_jobs"),
];

/// What is wrong with a file, one line per finding.
pub(super) fn check(name: &str, content: &[u8]) -> Vec<String> {
    // Rules are about text.
    let Ok(text) = std::str::from_utf8(content) else {
        return Vec::new();
    };
    let mut complaints = Vec::new();
    let first = text.lines().next().unwrap_or_default();
    let is_written = !name.contains("/vectors/") && !first.ends_with(GENERATED);
    if SOURCES.iter().any(|ending| name.ends_with(ending)) && is_written {
        let lines = text.lines().count();
        if lines > SOURCE_LINES_MAX {
            complaints.push(format!(
                "{name}: {lines} lines, at most {SOURCE_LINES_MAX}; split it by job"
            ));
        }
    }
    let is_npm_lock = name.ends_with("package-lock.json");
    for (line, number) in text.lines().zip(1_u64..) {
        // A folder beside is resolved by a relative path.
        if is_npm_lock && line.trim_start().starts_with("\"resolved\": \"http") {
            complaints.push(format!(
                "{name}:{number}: names a registry; set omit-lockfile-registry-resolved=true in npm/.npmrc and lock again"
            ));
        }
        for path in MACHINE_PATHS {
            if mentions(line, path) {
                complaints.push(format!(
                    "{name}:{number}: {path} is a path of one machine; name it relatively"
                ));
            }
        }
    }
    complaints
}

/// Whether a line has an absolute path with this beginning, not merely a longer one with it in the middle
/// (`framework/x`, `https://host/work/x`).
fn mentions(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before
            .is_some_and(|character| character.is_alphanumeric() || "._-/*~}$".contains(character))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_sources_are_named_and_long_data_is_not() {
        let long = "x\n".repeat(SOURCE_LINES_MAX + 1);
        assert_eq!(check("host/src/a.rs", long.as_bytes()).len(), 1);
        assert_eq!(
            check("host/src/a.rs", "x\n".repeat(SOURCE_LINES_MAX).as_bytes()).len(),
            0
        );
        assert_eq!(check("CHANGELOG.md", long.as_bytes()).len(), 0);
        let generated = format!("// Generated from a.json; {GENERATED}\n{long}");
        assert_eq!(check("npm/src/a.ts", generated.as_bytes()).len(), 0);
        assert_eq!(check("tests/vectors/make.mjs", long.as_bytes()).len(), 0);
    }

    #[test]
    fn a_lock_file_names_no_registry() {
        let lock = b"{\n  \"resolved\": \"https://mirror/x.tgz\"\n}";
        assert_eq!(check("npm/package-lock.json", lock).len(), 1);
        assert_eq!(check("npm/other.json", lock).len(), 0);
        let folder = b"{\n  \"resolved\": \"no-images\"\n}";
        assert!(check("npm/package-lock.json", folder).is_empty());
    }

    #[test]
    fn paths_of_one_machine_are_named() {
        let [work, root, _] = MACHINE_PATHS;
        for text in [
            format!("see {work}main"),
            format!("\"{root}x\""),
            format!("{root}.cargo"),
        ] {
            assert_eq!(check("a.md", text.as_bytes()).len(), 1, "{text}");
        }
        for text in [
            format!("https://host{work}main"),
            format!("frame{work}x"),
            "networks".to_owned(),
        ] {
            assert_eq!(check("a.md", text.as_bytes()).len(), 0, "{text}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_left_alone() {
        assert!(check("a.wasm", &[0xff, 0xfe]).is_empty());
    }
}
