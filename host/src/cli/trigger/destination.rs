//! Where a sample goes: to a receiver, through a running host, or to standard output.

use super::{
    super::{
        captured::{Captured, POST},
        listen::address,
        output::{GREEN, Output, RED, paint, shown},
        replay::{answered, millis, request},
        secret::in_file,
    },
    Delivery, Sample,
};
use crate::{
    api::caller::WORKSPACE_HEADER,
    clock::SystemClock,
    error::Error,
    store::SecretText,
    transport::{Direct, DirectAnswer},
};
use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};
use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

/// Patience with whoever gets it.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);
/// What is read of an answer, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// What is shown of it to people, in characters.
const SHOWN_CHARS_MAX: usize = 500;
/// The variable with the token of a host; `serve` reads the same.
const TOKEN: &str = "COUNTERSIGN_API_TOKEN";

#[derive(Debug, Args)]
#[command(next_help_heading = "Destination (one of them)")]
pub(super) struct DestinationArgs {
    /// Sends it to this receiver
    #[arg(long, value_name = "URL", value_parser = address, conflicts_with_all = ["host", "print"])]
    to: Option<String>,
    /// Publishes it to the running host at this address, http://127.0.0.1:8700
    #[arg(long, value_name = "URL", value_parser = address, conflicts_with = "print")]
    host: Option<String>,
    /// Prints the request as raw HTTP and sends nothing
    #[arg(long)]
    print: bool,
    /// A file with the host's token or a key; left out, COUNTERSIGN_API_TOKEN
    #[arg(long, value_name = "FILE", requires = "host")]
    token_file: Option<PathBuf>,
    /// The workspace of the host, where the key is for all of them
    #[arg(long, value_name = "NAME", requires = "host")]
    workspace: Option<String>,
}

pub(super) enum Destination {
    To(String),
    Host(Host),
    Print,
}

/// A running host.
pub(super) struct Host {
    url: String,
    token: Option<SecretText>,
    workspace: Option<String>,
}

impl Host {
    /// Without a slash at its end.
    pub(super) fn url(&self) -> &str {
        self.url.trim_end_matches('/')
    }
}

impl DestinationArgs {
    pub(super) fn read(self) -> Result<Destination, Error> {
        match (self.to, self.host, self.print) {
            (Some(url), ..) => Ok(Destination::To(url)),
            (_, Some(url), _) => {
                let token = match self.token_file {
                    Some(file) => Some(in_file(&file)?),
                    None => std::env::var(TOKEN).ok().map(SecretText::new),
                };
                Ok(Destination::Host(Host {
                    url,
                    token: token.filter(|token| !token.as_str().is_empty()),
                    workspace: self.workspace,
                }))
            }
            (.., true) => Ok(Destination::Print),
            (None, None, false) => Err(Error::usage(
                "Say where it goes: --to http://localhost:3000/hooks, --host http://127.0.0.1:8700, or --print.",
            )),
        }
    }
}

/// What became of a sample that was sent.
#[derive(Debug, Serialize)]
struct Sent<'a> {
    provider: &'a str,
    event: &'a str,
    message_id: &'a str,
    to: &'a str,
    status: Option<u16>,
    duration_ms: Option<u64>,
    answer: Option<String>,
    /// Why there was no answer.
    problem: Option<String>,
}

/// Sends it to a receiver.
pub(super) fn send(
    url: &str,
    sample: &Sample,
    delivery: Delivery,
    out: &Output,
) -> Result<ExitCode, Error> {
    let (provider, event) = (sample.provider, sample.event_type.as_str());
    let message_id = delivery.message_id.clone();
    let answer = exchange(&captured(delivery), url)?;
    let known = answer.as_ref().ok();
    let text = known.map(body_of);
    let is_accepted = known.is_some_and(|answer| answer.status.is_success());
    let mut told = format!("sent {provider} {event} ({message_id}) to {url} -> ");
    match &answer {
        Ok(answer) => told.push_str(&answered(answer)),
        Err(problem) => {
            told.push_str(&paint(RED, format_args!("no answer: {}", shown(problem))));
        }
    }
    if let Some(text) = text
        .as_ref()
        .filter(|text| !is_accepted && !text.is_empty())
    {
        told.push_str(&format!("\n  {}", beginning(text)));
    }
    out.either(
        &Sent {
            provider,
            event,
            message_id: &message_id,
            to: url,
            status: known.map(|answer| answer.status.as_u16()),
            duration_ms: known.map(|answer| millis(answer.took)),
            answer: text,
            problem: answer.as_ref().err().cloned(),
        },
        told,
    )?;
    Ok(ExitCode::from(u8::from(!is_accepted)))
}

/// What a host said.
#[derive(Debug, Serialize)]
struct Published<'a> {
    provider: &'a str,
    event: &'a str,
    host: &'a str,
    status: Option<u16>,
    message_id: Option<&'a Value>,
    deliveries: Option<&'a Value>,
    /// Why it was not published.
    problem: Option<String>,
}

/// Publishes it to a host.
pub(super) fn publish(host: &Host, sample: &Sample, out: &Output) -> Result<ExitCode, Error> {
    let (provider, event) = (sample.provider, sample.event_type.as_str());
    let url = format!("{}/v1/events", host.url());
    let body = json!({ "provider": provider, "payload": sample.payload });
    let mut headers = vec![("content-type".to_owned(), b"application/json".to_vec())];
    if let Some(token) = &host.token {
        let value = format!("Bearer {}", token.as_str());
        headers.push(("authorization".to_owned(), value.into_bytes()));
    }
    if let Some(workspace) = &host.workspace {
        let value = workspace.clone().into_bytes();
        headers.push((WORKSPACE_HEADER.to_owned(), value));
    }
    let captured = Captured {
        method: POST.to_owned(),
        url: None,
        headers,
        body: body.to_string().into_bytes(),
    };
    let answer = exchange(&captured, &url)?;
    let known = answer.as_ref().ok();
    let said: Value = known
        .and_then(|answer| serde_json::from_slice(&answer.body).ok())
        .unwrap_or_default();
    let is_accepted = known.is_some_and(|answer| answer.status.is_success());
    let problem = match &answer {
        Err(problem) => Some(format!("no answer: {problem}")),
        Ok(_) if is_accepted => None,
        Ok(answer) => Some(refusal(answer, &said)),
    };
    let told = match &problem {
        None => format!(
            "{} {provider} {event} by {}: {}, {} deliveries",
            paint(GREEN, "published"),
            host.url,
            shown(said["message_id"].as_str().unwrap_or("no message id")),
            said["deliveries"].as_array().map_or(0, Vec::len),
        ),
        Some(problem) => format!("{}: {}", paint(RED, "not published"), shown(problem)),
    };
    out.either(
        &Published {
            provider,
            event,
            host: &host.url,
            status: known.map(|answer| answer.status.as_u16()),
            message_id: said.get("message_id"),
            deliveries: said.get("deliveries"),
            problem,
        },
        told,
    )?;
    Ok(ExitCode::from(u8::from(!is_accepted)))
}

/// What a host's error says, or else what there is.
fn refusal(answer: &DirectAnswer, said: &Value) -> String {
    let status = answer.status.as_u16();
    match (said["detail"].as_str(), said["code"].as_str()) {
        (Some(detail), Some(code)) => format!("{status}: {detail} ({code})"),
        _ => format!("{status}: {}", beginning(&body_of(answer))),
    }
}

/// Prints it as it would go over the wire.
pub(super) fn print(delivery: &Delivery, out: &Output) -> Result<ExitCode, Error> {
    if out.is_json() {
        let headers: Vec<_> = delivery
            .headers
            .iter()
            .map(|(name, value)| [name, value])
            .collect();
        let body = String::from_utf8_lossy(&delivery.body);
        out.value(&json!({ "method": POST, "headers": headers, "body": body }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = format!("{POST} / HTTP/1.1\r\n").into_bytes();
    for (name, value) in &delivery.headers {
        text.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    text.extend_from_slice(b"\r\n");
    text.extend_from_slice(&delivery.body);
    out.bytes(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn captured(delivery: Delivery) -> Captured {
    let headers = delivery.headers.into_iter();
    Captured {
        method: POST.to_owned(),
        url: None,
        headers: headers
            .map(|(name, value)| (name, value.into_bytes()))
            .collect(),
        body: delivery.body,
    }
}

/// The inner error says why there is no answer.
fn exchange(captured: &Captured, url: &str) -> Result<Result<DirectAnswer, String>, Error> {
    let request = match request(captured, url) {
        Ok(request) => request,
        Err(problem) => return Ok(Err(problem)),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::System {
            doing: "starting the runtime",
            source,
        })?;
    let client = Direct::new(
        Arc::new(SystemClock::new()),
        ANSWER_TIME_MAX,
        ANSWER_BYTES_MAX,
    );
    let answer = runtime.block_on(client.send(request));
    runtime.shutdown_background();
    Ok(answer.map_err(|error| error.to_string()))
}

fn body_of(answer: &DirectAnswer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

/// Somebody's text, for people.
fn beginning(text: &str) -> String {
    let beginning: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    shown(beginning.trim())
}
