//! The providers' documents as they stand: requests and receivers are cut out of them and run.

mod process;
mod runtime;

pub use self::{
    process::Sample,
    runtime::{Missing, Node, Python},
};

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use std::process::{Command, Stdio};

/// Cleanmails.
pub const CLEANMAILS: &str = include_str!("../documents/cleanmails.txt");
/// SmartLead's concept page.
pub const SMARTLEAD_GUIDE: &str = include_str!("../documents/smartlead-guide.txt");
/// SmartLead's event reference.
pub const SMARTLEAD_EVENTS: &str = include_str!("../documents/smartlead-events.txt");
/// SendEmAll.
pub const SENDEMALL: &str = include_str!("../documents/sendemall.txt");
/// The platform.
pub const PLATFORM: &str = include_str!("../documents/platform.txt");

/// The part of a document from the first occurrence of `first` to the end of the first `last` behind it.
pub fn cut<'a>(document: &'a str, first: &str, last: &str) -> anyhow::Result<&'a str> {
    let start = document
        .find(first)
        .with_context(|| format!("no {first:?} in the document"))?;
    let rest = &document[start..];
    let end = rest
        .find(last)
        .with_context(|| format!("no {last:?} behind {first:?}"))?;
    Ok(&rest[..end + last.len()])
}

/// The part of a document behind the first occurrence of `mark`.
pub fn behind<'a>(document: &'a str, mark: &str) -> anyhow::Result<&'a str> {
    let at = document
        .find(mark)
        .with_context(|| format!("no {mark:?} in the document"))?;
    Ok(&document[at + mark.len()..])
}

/// The command lines that begin with `curl`, each to its end as a shell reads it.
pub fn curl_commands(document: &str) -> Vec<&str> {
    let starts = document.match_indices("curl ").filter(|(at, _)| {
        // One of them follows prose on the same line.
        !document[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '-')
    });
    starts.map(|(at, _)| command(&document[at..])).collect()
}

/// To the first line break that is neither quoted nor escaped.
fn command(text: &str) -> &str {
    let (mut quote, mut escaped) = (None, false);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (None | Some('"'), '\\') => escaped = true,
            (None, '\n') => return &text[..at],
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    text
}

/// What a command of curl was answered.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    pub json: Value,
}

/// Runs a command of a document through a shell, with the real curl. `replaced` are the words that stand for the reader's own:
/// host names, keys and ids. Each must occur, so that nothing is replaced that is not there.
pub fn curl(command: &str, replaced: &[(&str, &str)]) -> anyhow::Result<Answered> {
    let mut command = command.to_owned();
    for (word, own) in replaced {
        ensure!(command.contains(word), "no {word:?} in {command:?}");
        command = command.replace(word, own);
    }
    let rest = command
        .strip_prefix("curl ")
        .context("no command of curl")?;
    let command =
        format!("curl --silent --show-error --max-time 30 --write-out '\\n%{{http_code}}' {rest}");
    let output = Command::new("sh")
        .args(["-c", &command])
        .stdin(Stdio::null())
        .env_remove("http_proxy")
        .env_remove("HTTP_PROXY")
        .output()
        .context("cannot run sh")?;
    if !output.status.success() {
        bail!("{command}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8(output.stdout)?;
    let (body, status) = text.rsplit_once('\n').context("no status")?;
    Ok(Answered {
        status: status.parse()?,
        json: match body.is_empty() {
            true => Value::Null,
            false => serde_json::from_str(body).with_context(|| format!("no JSON: {body:?}"))?,
        },
    })
}

/// Python that has lost its indentation, with it put back: `levels` has a digit for each line. The words stay as they are.
pub fn indented(sample: &str, levels: &str) -> anyhow::Result<String> {
    let lines: Vec<_> = sample.lines().collect();
    ensure!(
        lines.len() == levels.len(),
        "{} levels for {} lines: {sample}",
        levels.len(),
        lines.len()
    );
    let mut text = String::new();
    for (line, level) in lines.into_iter().zip(levels.chars()) {
        let level = level.to_digit(10).context("a level is a digit")? as usize;
        text.push_str(&"    ".repeat(level));
        text.push_str(line);
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_ends_where_a_shell_ends_it() {
        let text = "Use curl -X POST \"a?b=c\" \\\n-d '{\n\"it\": \"x\\n\"\n}'\nProse about libcurl and curling.";
        assert_eq!(
            curl_commands(text),
            ["curl -X POST \"a?b=c\" \\\n-d '{\n\"it\": \"x\\n\"\n}'"]
        );
    }

    #[test]
    fn every_command_of_the_documents_is_found() {
        let counts = [
            CLEANMAILS,
            SMARTLEAD_GUIDE,
            SMARTLEAD_EVENTS,
            SENDEMALL,
            PLATFORM,
        ]
        .map(|document| curl_commands(document).len());
        assert_eq!(counts, [2, 4, 0, 2, 0]);
    }

    #[test]
    fn indentation_is_put_back_line_by_line() {
        assert_eq!(indented("a:\nb", "01").unwrap(), "a:\n    b\n");
        assert!(indented("a:\nb", "0").is_err());
        assert!(cut("abc", "x", "c").is_err() && cut("abc", "c", "a").is_err());
    }
}
