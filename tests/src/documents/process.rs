//! A receiver out of a document, as a process of its own.

use super::runtime::{Node, Python};
use crate::host::wait_for;
use anyhow::{Context, bail};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tempfile::TempDir;

/// Longest wait for a receiver to listen, and for what it prints.
const LIMIT: Duration = Duration::from_secs(30);

/// Put before a Node sample. Whatever port it asks for, it gets a free one, and says which. What it leaves to its reader
/// (`told`) prints.
const NODE_BEFORE: &str = r#"
const net = require('node:net');
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (_port, ...rest) {
  const callback = rest.find((one) => typeof one === 'function');
  this.once('listening', () => console.log(`LISTENING ${this.address().port}`));
  return listen.call(this, 0, '127.0.0.1', callback);
};
const told = (event) => console.log(`TOLD ${JSON.stringify(event)}`);
"#;

/// The same for Python.
const PYTHON_BEFORE: &str = r#"
import json as _json, sys as _sys
def told(event):
    # In one piece: requests are answered by threads, and print writes the end of the line apart.
    _sys.stdout.write("TOLD " + _json.dumps(event) + "\n")
    _sys.stdout.flush()
"#;

/// Put behind a Flask sample, which leaves starting to its reader.
const PYTHON_BEHIND: &str = r#"
from werkzeug.serving import make_server as _make_server
_server = _make_server("127.0.0.1", 0, app, threaded=True)
print(f"LISTENING {_server.server_port}", flush=True)
_server.serve_forever()
"#;

/// A running sample; killed when it is dropped.
#[derive(Debug)]
pub struct Sample {
    child: Child,
    port: u16,
    lines: Arc<Mutex<Vec<String>>>,
    errors: Arc<Mutex<String>>,
    _folder: TempDir,
}

impl Sample {
    /// A Node program, in the module system of `require`.
    pub fn node(node: &Node, program: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("sample.cjs");
        std::fs::write(&file, format!("{NODE_BEFORE}\n{program}\n"))?;
        let mut command = node.command();
        command.arg(&file);
        Self::start(command, folder)
    }

    /// A Flask program whose application is called `app`.
    pub fn flask(python: &Python, program: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("sample.py");
        std::fs::write(
            &file,
            format!("{PYTHON_BEFORE}\n{program}\n{PYTHON_BEHIND}\n"),
        )?;
        let mut command = python.command();
        command.arg(&file);
        Self::start(command, folder)
    }

    /// Runs a Python program to its end and returns what it told.
    pub fn python(python: &Python, program: &str) -> anyhow::Result<Vec<Value>> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("program.py");
        std::fs::write(&file, format!("{PYTHON_BEFORE}\n{program}\n"))?;
        let output = python.command().arg(&file).stdin(Stdio::null()).output()?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr));
        }
        let lines = String::from_utf8(output.stdout)?;
        lines.lines().filter_map(told).collect()
    }

    fn start(mut command: Command, folder: TempDir) -> anyhow::Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start the sample")?;
        let (lines, errors) = (
            Arc::new(Mutex::new(Vec::new())),
            Arc::new(Mutex::new(String::new())),
        );
        let stdout = child.stdout.take().context("stdout is piped")?;
        let kept = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                locked(&kept).push(line);
            }
        });
        let mut stderr = child.stderr.take().context("stderr is piped")?;
        let kept = Arc::clone(&errors);
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(read @ 1..) = stderr.read(&mut piece) {
                let text = String::from_utf8_lossy(&piece[..read]);
                locked(&kept).push_str(&text);
            }
        });
        let mut sample = Self {
            child,
            port: 0,
            lines,
            errors,
            _folder: folder,
        };
        let listening = wait_for("listening", LIMIT, || {
            if let Some(status) = sample.child.try_wait()? {
                bail!("the sample ended with {status}: {}", sample.errors());
            }
            let lines = sample.lines();
            Ok(lines
                .iter()
                .find_map(|line| line.strip_prefix("LISTENING ")?.parse().ok()))
        });
        sample.port = listening?;
        Ok(sample)
    }

    /// Address of one of its routes.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Host and port, to stand for a host name of a document.
    pub fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What it printed so far.
    pub fn lines(&self) -> Vec<String> {
        locked(&self.lines).clone()
    }

    /// What it complained of so far.
    pub fn errors(&self) -> String {
        locked(&self.errors).clone()
    }

    /// What it told so far.
    pub fn told(&self) -> Vec<Value> {
        let lines = self.lines();
        lines.iter().filter_map(|line| told(line)?.ok()).collect()
    }

    /// What it told, once that is so many.
    pub fn wait_told(&self, count: usize) -> anyhow::Result<Vec<Value>> {
        let waited = wait_for("what the sample tells", LIMIT, || {
            let told = self.told();
            Ok((told.len() >= count).then_some(told))
        });
        waited.with_context(|| format!("it printed {:?} and {}", self.lines(), self.errors()))
    }

    /// A line that begins so, once it is there.
    pub fn wait_line(&self, start: &str) -> anyhow::Result<String> {
        let waited = wait_for("a line of the sample", LIMIT, || {
            Ok(self
                .lines()
                .into_iter()
                .find(|line| line.starts_with(start)))
        });
        waited.with_context(|| format!("it printed {:?} and {}", self.lines(), self.errors()))
    }
}

impl Drop for Sample {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn told(line: &str) -> Option<anyhow::Result<Value>> {
    let text = line.strip_prefix("TOLD ")?;
    Some(serde_json::from_str(text).context("what was told is JSON"))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
