//! Which sources have tests that run.

use super::citations::{Scan, cites, javascript, rust};
use anyhow::Context;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Crates whose own tests run: those of `cargo xtask test`.
const CRATES: [&str; 6] = [
    "core",
    "client",
    "host",
    "host/guest",
    "wasm/kernel",
    "wasm/toolkit",
];

/// Folders in which a citation may stand. The sources of this check have citations in their own tests, and are not here.
const RUST: [&str; 6] = [
    "core/src",
    "client/src",
    "host",
    "wasm",
    "tests/conformance",
    "tests/e2e",
];

const JAVASCRIPT: &str = "npm/test";

/// Every citation below the root of the repository; also those in files that nobody runs, as complaints.
pub(super) fn scan(root: &Path) -> anyhow::Result<Scan> {
    let reached = reached(root)?;
    let mut found = Scan::default();
    for folder in RUST {
        for path in files(&root.join(folder), "rs")? {
            let text = read(&path)?;
            let name = relative(root, &path);
            match reached.contains(&path) {
                true => found.add(rust(&name, &text)),
                false if cites(&text) => found.complaints.push(format!(
                    "{name} cites, and is part of no crate whose tests run"
                )),
                false => {}
            }
        }
    }
    let folder = root.join(JAVASCRIPT);
    for path in files(&folder, "mjs")? {
        let text = read(&path)?;
        let name = relative(root, &path);
        // What `npm test` runs.
        let is_run = path.parent() == Some(&folder) && name.ends_with(".test.mjs");
        match is_run {
            true => found.add(javascript(&name, &text)),
            false if cites(&text) => found
                .complaints
                .push(format!("{name} cites, and `npm test` does not run it")),
            false => {}
        }
    }
    Ok(found)
}

/// All files that are compiled when tests are.
fn reached(root: &Path) -> anyhow::Result<BTreeSet<PathBuf>> {
    let mut reached = BTreeSet::new();
    for name in CRATES {
        for start in ["src/lib.rs", "src/main.rs"] {
            let file = root.join(name).join(start);
            if file.exists() {
                follow(&file, true, &mut reached)?;
            }
        }
    }
    // The suites are named one by one.
    let tests = root.join("tests");
    for line in read(&tests.join("Cargo.toml"))?.lines() {
        if let Some(path) = line
            .strip_prefix("path = \"")
            .and_then(|path| path.strip_suffix('"'))
        {
            follow(&tests.join(path), true, &mut reached)?;
        }
    }
    Ok(reached)
}

/// Takes in a file and the files of its modules.
fn follow(file: &Path, is_root: bool, reached: &mut BTreeSet<PathBuf>) -> anyhow::Result<()> {
    if !reached.insert(file.to_owned()) {
        return Ok(());
    }
    let folder = file.parent().unwrap_or(Path::new(""));
    let own_folder = match is_root {
        true => folder.to_owned(),
        false => folder.join(file.file_stem().unwrap_or_default()),
    };
    let text = read(file)?;
    let mut before = "";
    for line in text.lines().map(str::trim) {
        if let Some(name) = module(line) {
            let named = before
                .strip_prefix("#[path = \"")
                .and_then(|path| path.strip_suffix("\"]"));
            let next = match named {
                Some(path) => folder.join(path),
                None => own_folder.join(format!("{name}.rs")),
            };
            if next.exists() {
                // A file that is named by its path has its modules beside it.
                follow(&next, named.is_some(), reached)?;
            }
        }
        before = line;
    }
    Ok(())
}

/// The name in `mod name;`, whoever may see it.
fn module(line: &str) -> Option<&str> {
    let (visibility, name) = line.strip_suffix(';')?.split_once("mod ")?;
    let is_visibility = visibility.is_empty() || visibility.starts_with("pub");
    let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    (is_visibility && is_name).then_some(name)
}

/// All files of a kind below a folder, in their order.
fn files(folder: &Path, extension: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut paths: Vec<_> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default();
        match path.is_dir() {
            true if name == "target" || name == "node_modules" => {}
            true => found.extend(files(&path, extension)?),
            false if path.extension().is_some_and(|found| found == extension) => found.push(path),
            false => {}
        }
    }
    Ok(found)
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn relative(root: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(root).unwrap_or(path);
    inside.to_string_lossy().replace('\\', "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_no_crate_has_are_told() {
        let root = tempfile::tempdir().unwrap();
        let test =
            |number: &str| format!("// Holds: {number}\n#[test]\nfn holds_{number}() {{}}\n");
        for (file, text) in [
            (
                "core/src/lib.rs",
                "pub mod a;\n#[cfg(test)]\nmod b;\nmod inline {}\n".to_owned(),
            ),
            ("core/src/a.rs", "pub(crate) mod deep;\n".to_owned()),
            ("core/src/a/deep.rs", test("C1")),
            ("core/src/b.rs", test("C2")),
            ("core/src/lost.rs", test("C3")),
            ("core/src/lost_and_silent.rs", String::new()),
            ("client/src/lib.rs", String::new()),
            ("host/src/main.rs", test("C4")),
            ("wasm/kernel/src/lib.rs", String::new()),
            (
                "tests/Cargo.toml",
                "[[test]]\nname = \"a\"\npath = \"e2e/a.rs\"\n".to_owned(),
            ),
            (
                "tests/e2e/a.rs",
                "#[path = \"a/part.rs\"]\nmod part;\nmod beside;\n".to_owned(),
            ),
            ("tests/e2e/a/part.rs", test("C5")),
            ("tests/e2e/beside.rs", test("C6")),
            ("tests/e2e/b.rs", test("C7")),
            ("tests/conformance/c.rs", String::new()),
            (
                "npm/test/a.test.mjs",
                "// Holds: C8\ntest(\"a\", () => {});\n".to_owned(),
            ),
            (
                "npm/test/support.mjs",
                "// Holds: C9\ntest(\"a\", () => {});\n".to_owned(),
            ),
        ] {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let found = scan(root.path()).unwrap();
        let held: Vec<_> = found
            .tests
            .iter()
            .map(|test| test.holds[0].to_string())
            .collect();
        assert_eq!(held, ["C1", "C2", "C4", "C5", "C6", "C8"]);
        assert_eq!(
            found.complaints,
            [
                "core/src/lost.rs cites, and is part of no crate whose tests run",
                "tests/e2e/b.rs cites, and is part of no crate whose tests run",
                "npm/test/support.mjs cites, and `npm test` does not run it",
            ]
        );
    }
}
