//! The commands of the real binary, in a folder of their own.

use crate::host::binary;
use anyhow::{Context, bail};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};
use tempfile::TempDir;

/// Longest wait for a line of a command that runs on.
const LINE_TIMEOUT: Duration = Duration::from_secs(30);

/// A folder that commands run in, with no secret and no settings in their environment.
#[derive(Debug)]
pub struct Folder {
    dir: TempDir,
}

/// What a command did.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Ended {
    /// Standard output as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("text on standard output")
    }

    /// Standard output as one JSON value.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.stdout)
            .unwrap_or_else(|error| panic!("no JSON: {error}: {self:?}"))
    }

    /// Standard output as JSON values, one a line.
    pub fn json_lines(&self) -> Vec<Value> {
        let lines = self.text().lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
            .collect()
    }
}

impl Folder {
    /// An empty folder.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self {
            dir: tempfile::tempdir()?,
        })
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file and returns its name.
    pub fn file<'n>(&self, name: &'n str, bytes: impl AsRef<[u8]>) -> &'n str {
        std::fs::write(self.path(name), bytes).expect("a file in the folder");
        name
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> anyhow::Result<Ended> {
        self.run_with(arguments, &[], b"")
    }

    /// Runs a command to its end, with variables and standard input.
    pub fn run_with(
        &self,
        arguments: &[&str],
        env: &[(&str, &str)],
        input: &[u8],
    ) -> anyhow::Result<Ended> {
        self.run_into(Stdio::piped(), arguments, env, input)
    }

    /// Runs a command to its end whose standard output is a pipe that nobody reads any more.
    pub fn run_unread(
        &self,
        arguments: &[&str],
        env: &[(&str, &str)],
        input: &[u8],
    ) -> anyhow::Result<Ended> {
        let (reader, writer) = std::io::pipe()?;
        drop(reader);
        self.run_into(writer.into(), arguments, env, input)
    }

    fn run_into(
        &self,
        stdout: Stdio,
        arguments: &[&str],
        env: &[(&str, &str)],
        input: &[u8],
    ) -> anyhow::Result<Ended> {
        let mut command = self.command(arguments)?;
        let mut child = command
            .envs(env.iter().copied())
            .stdin(Stdio::piped())
            .stdout(stdout)
            .stderr(Stdio::piped())
            .spawn()?;
        let mut stdin = child.stdin.take().context("stdin is piped")?;
        let input = input.to_vec();
        // A command that does not read its input may end before all of it is written.
        let writing = thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output()?;
        writing.join().expect("writing does not panic");
        Ok(Ended {
            code: output.status.code(),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr)?,
        })
    }

    /// Starts a command that runs on.
    pub fn start(&self, arguments: &[&str], env: &[(&str, &str)]) -> anyhow::Result<Running> {
        let mut command = self.command(arguments)?;
        let mut child = command
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().context("stdout is piped")?;
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Running { child, lines })
    }

    /// Starts a script of the shell, in which `$0` is the binary.
    pub fn shell(&self, script: &str, env: &[(&str, &str)]) -> anyhow::Result<Child> {
        let mut command = self.cleared(Command::new("sh"));
        command.args(["-c", script]).arg(binary()?);
        Ok(command
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?)
    }

    fn command(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        let mut command = self.cleared(Command::new(binary()?));
        command.args(arguments);
        Ok(command)
    }

    /// Without what an environment may say to commands.
    fn cleared(&self, mut command: Command) -> Command {
        command.current_dir(self.dir.path());
        for name in [
            "COUNTERSIGN_SECRET",
            "COUNTERSIGN_API_TOKEN",
            "CLICOLOR_FORCE",
        ] {
            command.env_remove(name);
        }
        command
    }
}

/// A command that runs on; killed when it is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    /// Its next line.
    pub fn line(&self) -> anyhow::Result<String> {
        match self.lines.recv_timeout(LINE_TIMEOUT) {
            Ok(line) => Ok(line),
            Err(RecvTimeoutError::Timeout) => bail!("no line within {LINE_TIMEOUT:?}"),
            Err(RecvTimeoutError::Disconnected) => bail!("it has ended"),
        }
    }

    /// Its next line as JSON.
    pub fn json(&self) -> anyhow::Result<Value> {
        let line = self.line()?;
        serde_json::from_str(&line).with_context(|| format!("no JSON: {line}"))
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Stops it as Ctrl-C does, and returns what it exited with and the lines that are left.
    pub fn interrupt(mut self) -> anyhow::Result<(ExitStatus, Vec<String>)> {
        let pid = self.child.id().to_string();
        if !Command::new("kill")
            .args(["-INT", &pid])
            .status()?
            .success()
        {
            bail!("kill failed");
        }
        let status = self.child.wait()?;
        let mut lines = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(LINE_TIMEOUT) {
            lines.push(line);
        }
        Ok((status, lines))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of a recording.
pub fn recording(path: &Path) -> anyhow::Result<Vec<Value>> {
    let text = std::fs::read_to_string(path)?;
    let lines = text.lines().map(serde_json::from_str);
    Ok(lines.collect::<Result<_, _>>()?)
}
