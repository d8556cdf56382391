//! `countersign serve`

use super::data::{Data, start_log};
use crate::{
    config::{ConfigError, LiveConfig, Sources},
    error::Error,
    network::AllowEntry,
    serve,
};
use clap::Args;
use std::{net::SocketAddr, process::ExitCode};

const EXAMPLES: &str = "\
Examples:
  countersign serve
      Listens on 127.0.0.1:8700 and keeps its data in ./countersign-data.
  countersign serve --dev
      The same, and sends to receivers on this machine, such as http://127.0.0.1:3000/hooks.
  COUNTERSIGN_API_TOKEN=$(openssl rand -hex 24) countersign serve --listen 0.0.0.0:8700
      Reachable from other machines, for those who have the token.
  countersign config > countersign.toml && countersign serve --config countersign.toml
      Starts from a file with every setting in it.";

/// What `--dev` allows.
const THIS_MACHINE: [&str; 2] = ["127.0.0.0/8", "::1/128"];

/// Runs the sender: API, store and delivery loop in one process.
///
/// Prints one line of JSON on standard output once it is ready: {"listening":"http://127.0.0.1:8700"}. Logs go to
/// standard error. SIGTERM or Ctrl-C stops it gracefully: attempts under way are finished and recorded first. A second
/// signal stops it at once; nothing is lost then either, but what was under way is sent again. SIGHUP makes it read its
/// settings again.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Serve {
    #[command(flatten)]
    data: Data,
    /// Address and port of the API; port 0 takes any free port [setting: api.listen]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Allows endpoints with http:// addresses [setting: delivery.allow_http]
    #[arg(long)]
    allow_http: bool,
    /// Allows endpoints in a network that is not public, or at a host that leads there; may be repeated [setting:
    /// network.allow, whose value it replaces]
    #[arg(long, value_name = "NETWORK|HOST", value_delimiter = ',')]
    allow: Vec<AllowEntry>,
    /// For trying things out: --allow-http, and --allow for this machine (127.0.0.0/8 and ::1)
    #[arg(long)]
    dev: bool,
    /// Checks all of the file before it is used, however long that takes [setting: store.start_check]
    #[arg(long)]
    full_check: bool,
    /// How many times faster than documented waits pass; for demonstrations and tests only [setting: delivery.time_scale]
    #[arg(long, value_name = "FACTOR")]
    time_scale: Option<u32>,
}

impl Serve {
    pub(super) fn run(self) -> Result<ExitCode, Error> {
        let (config, strangers) = LiveConfig::load(self.sources()?)?;
        let log = start_log(&config.current())?;
        for name in strangers {
            tracing::warn!("the environment variable {name} is no setting and is ignored");
        }
        for warning in config.current().warnings() {
            tracing::warn!("{warning}");
        }
        serve::run(config, log)?;
        Ok(ExitCode::SUCCESS)
    }

    fn sources(&self) -> Result<Sources, ConfigError> {
        let mut sources = self.data.sources()?;
        let own = match self.dev {
            true => THIS_MACHINE.as_slice(),
            false => &[],
        };
        let allow: Vec<_> = self.allow.iter().map(AllowEntry::to_string).collect();
        let allow = [allow.join(","), own.join(",")].join(",");
        let flags = [
            ("api.listen", self.listen.map(|address| address.to_string())),
            (
                "delivery.allow_http",
                (self.allow_http || self.dev).then(|| "true".to_owned()),
            ),
            ("network.allow", (allow != ",").then_some(allow)),
            (
                "store.start_check",
                self.full_check.then(|| "full".to_owned()),
            ),
            (
                "delivery.time_scale",
                self.time_scale.map(|factor| factor.to_string()),
            ),
        ];
        let flags = flags
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)));
        sources.flags.extend(flags);
        Ok(sources)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::{Cli, Command},
        config::Config,
    };
    use clap::Parser;

    fn serve(flags: &[&str]) -> Config {
        let line = ["countersign", "serve"].iter().chain(flags);
        let Command::Serve(serve) = Cli::parse_from(line).command else {
            panic!("another command");
        };
        Config::load(&serve.sources().unwrap()).unwrap().0
    }

    #[test]
    fn what_may_be_called_is_said_by_flags() {
        let config = serve(&[]);
        assert_eq!(
            (config.delivery.allow_http, config.network.allow.len()),
            (false, 0)
        );
        let config = serve(&["--dev"]);
        assert!(config.delivery.allow_http);
        assert_eq!(config.network.allow, THIS_MACHINE);
        let config = serve(&["--allow", "10.1.2.3/8,fd00::1", "--allow", "hooks.internal"]);
        assert!(!config.delivery.allow_http);
        assert_eq!(
            config.network.allow,
            ["10.0.0.0/8", "fd00::1/128", "hooks.internal"]
        );
    }
}
