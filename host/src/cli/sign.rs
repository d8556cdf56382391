//! `countersign sign`

use super::{
    REQUEST,
    captured::method_of,
    output::Output,
    request::{bytes_of, header},
    sender::{SenderArgs, borrowed, kernel},
};
use crate::{
    clock::{Clock, SystemClock},
    error::Error,
};
use clap::Args;
use countersign_core::{Message, SignedAt};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

const EXAMPLES: &str = "\
Examples:
  countersign sign --provider cleanmails --secret-file secret.txt --body-file body.json
  countersign sign --scheme svix --id msg_1 --body-file body.json --curl http://localhost:3000/hooks
  printf '{}' | countersign sign --scheme generic-hmac --option header=X-Acme --option encoding=base64

Of Mailgun, which signs in the body, the printed lines are the fields of its signature object.

Exit code: 0 signed, 2 the command was called wrongly.";

/// Prints the headers that a sender would put on a body.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Sign {
    #[command(flatten)]
    sender: SenderArgs,
    #[command(flatten)]
    message: MessageArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = REQUEST)]
struct MessageArgs {
    /// The exact body that will be sent, as --body-file
    #[arg(value_name = "FILE", display_order = 0)]
    file: Option<PathBuf>,
    /// The exact body that will be sent; left out, or -: standard input
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    body_file: Option<PathBuf>,
    /// Message id, where the scheme signs one
    #[arg(long, value_name = "TEXT")]
    id: Option<String>,
    /// The moment that is signed, where the scheme signs one; left out: now
    #[arg(long, value_name = "SECONDS")]
    timestamp: Option<String>,
    /// A further header that is signed, where the scheme can (hook0), as 'Name: value'; may be repeated
    #[arg(short = 'H', long = "header", value_name = "HEADER", value_parser = header)]
    headers: Vec<(String, String)>,
    /// The method, where the scheme signs it
    #[arg(long, value_name = "NAME")]
    method: Option<String>,
    /// The full address that it goes to, where the scheme signs it
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Prints a curl command that sends the file there; needs --body-file
    #[arg(long, value_name = "URL")]
    curl: Option<String>,
}

impl Sign {
    pub(super) fn run(self, out: &Output) -> Result<ExitCode, Error> {
        let message = self.message;
        let file = message.body_file.or(message.file);
        let file = file.as_deref().filter(|file| *file != Path::new("-"));
        if message.curl.is_some() && file.is_none() {
            return Err(Error::usage(
                "--curl needs --body-file with a file, which the printed command sends.",
            ));
        }
        let sender = self.sender.read(out)?;
        let [secret] = sender.secrets.as_slice() else {
            return Err(Error::usage("Sign with one secret."));
        };
        let body = bytes_of(file)?;
        let now_ms = i64::try_from(SystemClock::new().now_ms()).unwrap_or(i64::MAX);
        let method = method_of(message.method.as_deref());
        let url = message.url.as_ref().or(message.curl.as_ref());
        let at = match &message.timestamp {
            Some(text) => SignedAt::Text(text),
            None => SignedAt::UnixMs(now_ms),
        };
        let options = sender.options();
        let mut signer = kernel()?.signer(&sender.scheme, &[secret.as_str()], &options)?;
        let signed = signer.sign(&Message {
            id: message.id.as_deref(),
            method: &method,
            url: url.map(String::as_str).unwrap_or_default(),
            headers: &borrowed(&message.headers),
            ..Message::new(at, &body)
        })?;
        match (&message.curl, file) {
            (Some(url), Some(file)) if !out.is_json() => {
                out.lines(curl(url, &message.headers, &signed, file))?;
            }
            _ => out.either(&json!({ "headers": signed }), lines(&signed))?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn lines(headers: &[(String, String)]) -> String {
    let lines: Vec<_> = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    lines.join("\n")
}

/// A command that sends the file's very bytes.
fn curl(
    url: &str,
    further: &[(String, String)],
    signed: &[(String, String)],
    file: &Path,
) -> String {
    let kind = ("Content-Type".to_owned(), "application/json".to_owned());
    let mut words = vec!["curl".to_owned(), quoted(url)];
    for (name, value) in [kind].iter().chain(further).chain(signed) {
        words.push(format!("-H {}", quoted(&format!("{name}: {value}"))));
    }
    words.push("--data-binary".to_owned());
    words.push(quoted(&format!("@{}", file.display())));
    words.join(" ")
}

/// A text for a POSIX shell.
fn quoted(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&byte);
    match !text.is_empty() && text.bytes().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell_where_they_need_it() {
        assert_eq!(quoted("http://a/b?c"), "'http://a/b?c'");
        assert_eq!(quoted("@body.json"), "@body.json");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
