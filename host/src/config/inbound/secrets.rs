//! The keys of a source: from the file of settings, a file of their own, or the environment.

use super::{
    super::Hidden,
    described::{Description, Mistake},
};
use std::{collections::BTreeMap, io::Read, path::Path};
use toml::Value;

/// Most keys of a source. More than a few are no rotation.
const SECRETS_MAX: usize = 20;
/// Longest file of keys, in bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024;
/// What a key in PEM begins with, whose lines are one key. The core reads it.
const PEM_BEGIN: &str = "-----BEGIN ";

pub(super) fn read(
    given: &mut Description,
    env: &BTreeMap<String, String>,
) -> Result<Vec<Hidden>, Mistake> {
    let mut secrets = match given.take("secrets") {
        None => Vec::new(),
        Some(value) => {
            let problem = "must be a list of texts";
            listed(value).ok_or_else(|| given.mistake(Some("secrets"), problem))?
        }
    };
    if let Some(path) = given.text("secrets_file")? {
        let text = file(Path::new(&path))
            .map_err(|problem| given.mistake(Some("secrets_file"), format!("{path}: {problem}")))?;
        let lines = lines(&text);
        if lines.is_empty() {
            let problem = format!("{path} holds no key; write one a line");
            return Err(given.mistake(Some("secrets_file"), problem));
        }
        secrets.extend(lines);
    }
    if let Some(name) = given.text("environment")? {
        let value = env.get(&name).map(String::as_str).unwrap_or_default();
        let lines = lines(value);
        if lines.is_empty() {
            let problem = format!("the environment has no variable {name}, or it is empty");
            return Err(given.mistake(Some("environment"), problem));
        }
        secrets.extend(lines);
    }
    match secrets.len() {
        ..=SECRETS_MAX => Ok(secrets),
        _ => {
            let problem = format!("a source has at most {SECRETS_MAX} keys");
            Err(given.mistake(Some("secrets"), problem))
        }
    }
}

fn listed(value: Value) -> Option<Vec<Hidden>> {
    let text = |value| match value {
        Value::String(text) => Some(Hidden(text)),
        _ => None,
    };
    match value {
        Value::Array(values) => values.into_iter().map(text).collect(),
        _ => None,
    }
}

fn lines(text: &str) -> Vec<Hidden> {
    let text = text.trim();
    if text.starts_with(PEM_BEGIN) {
        return vec![Hidden(text.to_owned())];
    }
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty());
    lines.map(|line| Hidden(line.to_owned())).collect()
}

fn file(path: &Path) -> Result<String, String> {
    let opened = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut text = String::new();
    let mut bounded = opened.take(FILE_BYTES_MAX.saturating_add(1));
    match bounded.read_to_string(&mut text) {
        Ok(read) if read as u64 <= FILE_BYTES_MAX => Ok(text),
        Ok(_) => Err(format!("it is longer than {FILE_BYTES_MAX} bytes")),
        Err(error) => Err(error.to_string()),
    }
}
