//! Servers as children: started, asked over HTTP, ended with us.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Longest wait for a server to say where it listens.
const START_LIMIT: Duration = Duration::from_secs(30);

/// Longest wait for a server to end when it is asked to.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// A server that prints `{"listening": "http://..."}` once it can be asked. Ended when dropped.
pub(super) struct Server {
    child: Child,
    url: String,
    agent: ureq::Agent,
    /// Its end tells a child that we are gone, however we went.
    stdin: Option<ChildStdin>,
}

impl Server {
    /// Starts `command`; its log goes to a file of this name.
    pub(super) fn start(name: &str, command: &mut Command, logs: &Path) -> Result<Self> {
        let log_path = logs.join(format!("{}.log", name.replace(' ', "-")));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log_path)?)
            .spawn()
            .with_context(|| format!("{name} could not be started"))?;
        let stdout = child.stdout.take().context("standard output is piped")?;
        let stdin = child.stdin.take();
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut lines = BufReader::new(stdout).lines();
            // Nobody waits any more when the limit has passed.
            sender.send(lines.next()).ok();
            // Read on, so that a child that prints is never stopped by a full pipe.
            lines.for_each(drop);
        });
        let line = receiver.recv_timeout(START_LIMIT);
        let url = line.ok().flatten().and_then(Result::ok).and_then(|line| {
            let line: Value = serde_json::from_str(&line).ok()?;
            Some(line["listening"].as_str()?.to_owned())
        });
        let Some(url) = url else {
            child.kill().ok();
            bail!("{name} did not start; its log is {}", log_path.display());
        };
        Ok(Self {
            child,
            url,
            agent: ureq::Agent::config_builder()
                .http_status_as_error(false)
                .timeout_global(Some(Duration::from_secs(10)))
                .build()
                .into(),
            stdin,
        })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn get(&self, path: &str) -> Result<Value> {
        let mut response = self.agent.get(format!("{}{path}", self.url)).call()?;
        Ok(response.body_mut().read_json()?)
    }

    pub(super) fn post(&self, path: &str, json: &Value) -> Result<Value> {
        let mut response = self
            .agent
            .post(format!("{}{path}", self.url))
            .send_json(json)?;
        Ok(response.body_mut().read_json()?)
    }
}

impl Drop for Server {
    /// Asks first: a child may have children of its own to end (the Worker's has workerd).
    fn drop(&mut self) {
        self.stdin = None;
        let asked = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .stderr(Stdio::null())
            .status();
        if asked.is_ok_and(|status| status.success()) {
            let asked_at = Instant::now();
            while asked_at.elapsed() < STOP_LIMIT && matches!(self.child.try_wait(), Ok(None)) {
                thread::sleep(Duration::from_millis(10));
            }
        }
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
