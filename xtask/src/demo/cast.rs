//! Who takes part: one host, and receivers that each behave in their own manner.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::npm;
use crate::run::{self, Step};
use crate::workspace::Workspace;

use super::process::Server;

/// Providers in the order of the table.
pub(super) const PROVIDERS: [&str; 4] = ["cleanmails", "smartlead", "sendemall", "platform"];

/// What a receiver does with what it has verified.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    Accepts,
    FailsTwice,
    NeverAccepts,
}

/// A receiver that runs, and the endpoints that point to it.
pub(super) struct Receiver {
    pub(super) name: &'static str,
    pub(super) manner: Manner,
    endpoints: Vec<String>,
    server: Server,
}

/// A request that a receiver noted.
pub(super) struct Seen {
    pub(super) receiver: &'static str,
    pub(super) message_id: String,
    pub(super) provider: String,
    /// Whether its signature check passed.
    pub(super) ok: bool,
    pub(super) at_ms: u64,
}

/// Everybody, running.
pub(super) struct Cast {
    pub(super) host: Server,
    pub(super) receivers: Vec<Receiver>,
}

/// One receiver of the cast: name, consumer project, its script, manner, providers that send to it.
type Role = (
    &'static str,
    &'static str,
    &'static str,
    Manner,
    &'static [&'static str],
);

const ROLES: [Role; 4] = [
    (
        "Express",
        "express",
        "server.mjs",
        Manner::Accepts,
        &PROVIDERS,
    ),
    (
        "Worker (workerd)",
        "worker",
        "start.mjs",
        Manner::Accepts,
        &PROVIDERS,
    ),
    (
        "Express, fails twice",
        "express",
        "server.mjs",
        Manner::FailsTwice,
        &["sendemall"],
    ),
    (
        "Express, never accepts",
        "express",
        "server.mjs",
        Manner::NeverAccepts,
        &["cleanmails"],
    ),
];

impl Manner {
    /// First part of the path that behaves so.
    const fn route(self) -> &'static str {
        match self {
            Self::Accepts => "hooks",
            Self::FailsTwice => "flaky",
            Self::NeverAccepts => "down",
        }
    }

    /// Attempts that one delivery takes. A receiver that never accepts gets what C30 promises (as R-C1 reads it).
    pub(super) const fn attempts(self) -> usize {
        match self {
            Self::Accepts => 1,
            Self::FailsTwice => 3,
            Self::NeverAccepts => 4,
        }
    }
}

impl Receiver {
    pub(super) fn url(&self) -> &str {
        self.server.url()
    }
}

impl Cast {
    /// Installs the packed package into the consumer projects, starts everybody and registers the endpoints.
    pub(super) fn start(workspace: &Workspace, folder: &Path, time_scale: u32) -> Result<Self> {
        let express = install(workspace, "express")?;
        let worker = install(workspace, "worker")?;
        let step = Step::begin("start host and receivers");
        let host = start_host(workspace, folder, time_scale)?;
        let mut receivers = Vec::new();
        for (name, project, script, manner, providers) in ROLES {
            let project = if project == "express" {
                &express
            } else {
                &worker
            };
            let mut node = npm::node(workspace)?;
            node.arg(script).current_dir(project).env("PORT", "0");
            for provider in providers {
                node.env(
                    format!("SECRET_{}", provider.to_uppercase()),
                    secret(provider),
                );
            }
            let server = Server::start(name, &mut node, folder)?;
            let route = format!("{}/{}", server.url(), manner.route());
            let endpoints = providers
                .iter()
                .map(|provider| register(&host, name, provider, &format!("{route}/{provider}")))
                .collect::<Result<_>>()?;
            receivers.push(Receiver {
                name,
                manner,
                endpoints,
                server,
            });
        }
        step.done(&format!(
            "host {}, {} receivers",
            host.url(),
            receivers.len()
        ));
        Ok(Self { host, receivers })
    }

    /// Place in `receivers` of the one that this endpoint points to.
    pub(super) fn place_of(&self, endpoint: &str) -> Result<usize> {
        let owns = |receiver: &Receiver| receiver.endpoints.iter().any(|own| own == endpoint);
        let place = self.receivers.iter().position(owns);
        place.with_context(|| format!("the host delivers to an endpoint nobody made: {endpoint}"))
    }

    /// What all receivers have noted so far.
    pub(super) fn received(&self) -> Result<Vec<Seen>> {
        let mut all = Vec::new();
        for receiver in &self.receivers {
            let noted = receiver.server.get("/received")?;
            let noted = noted["events"]
                .as_array()
                .context("no list of events")?
                .iter();
            all.extend(noted.map(|event| Seen {
                receiver: receiver.name,
                message_id: event["messageId"].as_str().unwrap_or_default().to_owned(),
                provider: event["provider"].as_str().unwrap_or_default().to_owned(),
                ok: event["ok"] == true,
                at_ms: event["receivedAtMs"].as_u64().unwrap_or(0),
            }));
        }
        Ok(all)
    }
}

fn install(workspace: &Workspace, project: &str) -> Result<PathBuf> {
    let step = Step::begin(format!(
        "install the packed npm package into the {project} project"
    ));
    let mut node = npm::node(workspace)?;
    node.arg("npm/packaging-tests/install.mjs").arg(project);
    let printed = run::quiet("npm install", &mut node)
        .with_context(|| format!("the {project} project could not be installed"))?;
    step.done("");
    Ok(PathBuf::from(String::from_utf8(printed)?.trim()))
}

fn start_host(workspace: &Workspace, folder: &Path, time_scale: u32) -> Result<Server> {
    let config = folder.join("countersign.toml");
    // Receivers on this machine have no certificates, and no public addresses.
    let text = format!(
        "[delivery]\nallow_http = true\ntime_scale = {time_scale}\n[network]\nallow = [\"127.0.0.0/8\", \"::1\"]\n"
    );
    fs::write(&config, text)?;
    let mut host = workspace.command(workspace.host_binary());
    host.args(["serve", "--listen", "127.0.0.1:0", "--config"])
        .arg(&config)
        .arg("--data-dir")
        .arg(folder.join("data"));
    Server::start("host", &mut host, folder)
}

fn register(host: &Server, name: &str, provider: &str, url: &str) -> Result<String> {
    let description: Value = json!({
        "name": name, "provider": provider, "url": url, "secret": secret(provider),
    });
    let answer = host.post("/v1/endpoints", &description)?;
    match answer["id"].as_str() {
        Some(id) => Ok(id.to_owned()),
        None => bail!("the host refused the endpoint {url}: {answer}"),
    }
}

/// The secret that host and receivers share.
fn secret(provider: &str) -> String {
    format!("whsec_demo-secret-of-{provider}")
}
