//! `countersign listen`: a receiver on one's own machine.

mod desk;
mod line;
mod server;

use self::desk::Desk;
use super::{
    output::Output,
    recording::Recorder,
    request::ToleranceArg,
    sender::{SenderArgs, kernel},
};
use crate::{error::Error, signals::Signals};
use clap::Args;
use serde_json::json;
use std::{
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, Mutex},
};
use tokio::{net::TcpListener, sync::mpsc};
use url::Url;

/// 1 MiB, as in the npm package.
const BODY_BYTES_MAX: u64 = 1024 * 1024;
/// Longest body that can be asked for: what the kernel takes.
const BODY_BYTES_LIMIT: u64 = 63 * 1024 * 1024;
/// Length at which a recording ends.
const RECORD_BYTES_MAX: u64 = 256 * 1024 * 1024;

const EXAMPLES: &str = "\
Examples:
  countersign listen --provider smartlead --secret-file secret.txt --port 3000
  countersign listen --provider cleanmails --secret-env SECRET --forward http://localhost:8080/hooks
      Your program gets the very bytes and headers of what verifies, and its answer goes back to the sender.
  countersign listen -p sendemall --record hooks.jsonl
      Keeps every request for \"countersign replay\", \"verify --line\" and \"explain --line\".
  countersign listen -p sendemall --status 500
      Lets the sender try again.

Answers as the sender expects. What does not verify is answered with 401, explained here and not forwarded.
Stops with Ctrl-C. Exit code: 0 stopped, 2 the command was called wrongly.";

/// Receives webhooks on this machine: verifies, explains, shows, records and forwards them.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Listen {
    #[command(flatten)]
    sender: SenderArgs,
    #[command(flatten)]
    receiver: ReceiverArgs,
    #[command(flatten)]
    tolerance: ToleranceArg,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Receiver")]
struct ReceiverArgs {
    /// 0: any free one
    #[arg(long, value_name = "NUMBER", default_value_t = 3000)]
    port: u16,
    /// Where to listen; this machine only, unless another address is given
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: String,
    /// Sends what verifies on to this address
    #[arg(long, value_name = "URL", value_parser = address)]
    forward: Option<String>,
    /// The full address that the sender calls, where the scheme signs it
    #[arg(long, value_name = "URL", value_parser = address)]
    url: Option<String>,
    /// Answers what verifies with this status
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(200..=599))]
    status: Option<u16>,
    /// Adds every request to this file, one a line
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Longest that the file may become
    #[arg(long, value_name = "NUMBER", default_value_t = RECORD_BYTES_MAX)]
    record_max_bytes: u64,
    /// Longest body; longer ones are answered with 413
    #[arg(long, value_name = "NUMBER", default_value_t = BODY_BYTES_MAX,
        value_parser = clap::value_parser!(u64).range(..=BODY_BYTES_LIMIT))]
    max_bytes: u64,
    /// Prints the body of each request
    #[arg(long)]
    show_body: bool,
}

/// A full address, as it is given.
pub(super) fn address(text: &str) -> Result<String, &'static str> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
            Ok(text.to_owned())
        }
        _ => Err("it must be a full address: http://localhost:8080/hooks"),
    }
}

impl Listen {
    pub(super) fn run(self, out: &Output) -> Result<ExitCode, Error> {
        let receiver = self.receiver;
        let recorder = receiver
            .record
            .as_deref()
            .map(|path| Recorder::open(path, receiver.record_max_bytes));
        let sender = self.sender.read(out)?;
        let kernel = kernel()?;
        // A wrong secret or setting is found now, and not with the first request.
        kernel.verifier(
            &sender.scheme,
            self.tolerance.given().kernel(),
            &sender.secrets(),
            &sender.options(),
        )?;
        let recorder = recorder.transpose()?;
        let amiss = recorder
            .as_ref()
            .and_then(|recorder| recorder.amiss.clone());
        let (closed, mut closing) = mpsc::channel(1);
        let desk = Desk {
            // It would run on for nobody.
            out: out.with_reader(),
            kernel,
            sender,
            tolerance: self.tolerance.given(),
            forward: receiver.forward,
            public_url: receiver.url,
            status: receiver.status,
            recorder: recorder.map(Mutex::new),
            bytes_max: usize::try_from(receiver.max_bytes).unwrap_or(usize::MAX),
            shows_body: receiver.show_body,
            client: desk::client(),
            valid: 0.into(),
            refused: 0.into(),
            closed,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|source| Error::System {
                doing: "starting the runtime",
                source,
            })?;
        let ended = runtime.block_on(async {
            let mut signals = Signals::new()?;
            let (listener, address) = bound(&receiver.host, receiver.port).await?;
            let desk = Arc::new(desk);
            desk.began(address, amiss)?;
            tokio::select! {
                () = server::serve(listener, Arc::clone(&desk)) => {}
                () = signals.stop() => {}
                // Nobody reads what is told.
                Some(error) = closing.recv() => return Err(error),
            }
            desk.ended()
        });
        // Whoever is in the middle of a request is left alone with it.
        runtime.shutdown_background();
        ended.map(|()| ExitCode::SUCCESS)
    }
}

async fn bound(host: &str, port: u16) -> Result<(TcpListener, SocketAddr), Error> {
    let bound = async {
        let listener = TcpListener::bind((host, port)).await?;
        let address = listener.local_addr()?;
        Ok::<_, std::io::Error>((listener, address))
    };
    bound.await.map_err(|error| {
        let why = super::secret::reason(&error);
        Error::usage(format!(
            "Port {port} of {host} cannot be listened on: {why}."
        ))
    })
}

impl Desk {
    /// Says where requests are taken from now on.
    fn began(&self, address: SocketAddr, amiss: Option<String>) -> Result<(), Error> {
        if let Some(amiss) = &amiss {
            self.out.warn(amiss);
        }
        let url = format!("http://{address}");
        let forwarding = self.forward.as_ref();
        let forwarding = forwarding.map_or_else(String::new, |to| format!(", forwarding to {to}"));
        self.out.either(
            &json!({ "listening": url, "problem": amiss }),
            format_args!("listening on {url}{forwarding}; Ctrl-C stops"),
        )
    }

    fn ended(&self) -> Result<(), Error> {
        let (valid, refused) = self.counts();
        match self.out.is_json() {
            true => Ok(()),
            false => self
                .out
                .lines(format_args!("stopped: {valid} valid, {refused} refused")),
        }
    }
}
