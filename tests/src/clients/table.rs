//! The list of operations in `docs/API.md`.

use super::{Answer, operations};
use serde_json::Value;
use std::fmt::Write;

/// Where the list begins and ends in the document.
const MARKS: [&str; 2] = ["<!-- operations -->\n", "<!-- /operations -->\n"];

/// The text with the list in its place; `None` when it has no place for it.
pub fn with_operations(text: &str, document: &Value) -> Option<String> {
    let [begin, end] = MARKS;
    let (before, rest) = text.split_once(begin)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}{}{end}{after}", table(document)))
}

fn table(document: &Value) -> String {
    let mut table = String::from("| route | does | answers |\n| --- | --- | --- |\n");
    for operation in operations(document) {
        let parameters = operation.query.iter().flat_map(|(_, all)| all);
        let names: Vec<_> = parameters.filter_map(|one| one["name"].as_str()).collect();
        let query = match names.is_empty() {
            true => String::new(),
            false => format!("?{}", names.join("&")),
        };
        let answers = match operation.answer {
            Answer::Nothing => String::new(),
            Answer::Json(schema) => format!("`{schema}`"),
            Answer::Bytes => "JSON as it is kept".to_owned(),
        };
        let (method, path, summary) = (operation.method, operation.path, operation.summary);
        let does = summary.trim_end_matches('.');
        // A text, which cannot fail to be written to.
        let _ = writeln!(table, "| `{method} {path}{query}` | {does} | {answers} |");
    }
    table
}
