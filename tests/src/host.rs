//! The real binary, as a process of its own.

use anyhow::{Context, bail};
use countersign_cluster::Database;
use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Longest wait for a host to say that it listens.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// With the value `postgres` every home is a database of its own instead of a file. `cargo xtask test` runs the suites that are
/// about the engine and the API in both ways.
pub const STORE_VARIABLE: &str = "COUNTERSIGN_TEST_STORE";
/// So that a host which is started again has not long to wait for what the one before was sending. The shortest there is.
const LEASE_S: &str = "2";

/// A data folder and a port on which hosts are started, one after the other.
#[derive(Debug)]
pub struct HostHome {
    dir: TempDir,
    port: u16,
    trusted: Option<PathBuf>,
    /// Whether its hosts may send to this machine.
    local: bool,
    /// Where the store lies instead.
    database: Option<Database>,
}

/// A running host; killed when it is dropped.
#[derive(Debug)]
pub struct Host {
    child: Child,
    url: String,
    agent: ureq::Agent,
}

/// What a command of the binary did.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// An answer of the API.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub content_type: String,
    /// The header `Retry-After`.
    pub retry_after: Option<String>,
    /// The header `Allow`.
    pub allow: Option<String>,
    pub json: Value,
}

impl HostHome {
    /// `delivery` is the body of that section of the configuration, one setting a line.
    pub fn new(delivery: &str) -> anyhow::Result<Self> {
        Self::with(&format!("[delivery]\nallow_http = true\n{delivery}\n"))
    }

    /// As with `new`, and `network` is the body of that section. Nothing is allowed that it does not allow.
    pub fn with_network(delivery: &str, network: &str) -> anyhow::Result<Self> {
        let home = Self::with(&format!(
            "[delivery]\nallow_http = true\n{delivery}\n[network]\n{network}\n"
        ))?;
        Ok(Self {
            local: false,
            ..home
        })
    }

    /// As a host is configured when its operator says nothing, except that it may send to this machine.
    pub fn strict() -> anyhow::Result<Self> {
        Self::with("")
    }

    fn with(config: &str) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        // Free at this moment; the same port is used again after each restart, as in life.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let database = match std::env::var(STORE_VARIABLE).as_deref() {
            Ok("postgres") => Some(countersign_cluster::database().context("no PostgreSQL")?),
            Ok(other) => bail!("{STORE_VARIABLE}={other}: only postgres is another store"),
            Err(_) => None,
        };
        let home = Self {
            dir,
            port,
            trusted: None,
            local: true,
            database,
        };
        home.configure(config)?;
        Ok(home)
    }

    /// Replaces the configuration file. A host that runs reads it again on SIGHUP.
    pub fn configure(&self, config: &str) -> anyhow::Result<()> {
        Ok(std::fs::write(self.config_path(), config)?)
    }

    /// The configuration file.
    pub fn config_path(&self) -> PathBuf {
        self.dir.path().join("countersign.toml")
    }

    /// Runs a command of the binary on this configuration and data.
    pub fn run(&self, arguments: &[&str], env: &[(&str, &str)]) -> anyhow::Result<Ran> {
        let (config, data) = (self.config_path(), self.data_dir());
        let paths = [config.to_str(), data.to_str()];
        let [Some(config), Some(data)] = paths else {
            bail!("the temporary folder has a strange name");
        };
        let arguments = [arguments, &["--config", config, "--data-dir", data]].concat();
        let env = [&self.store_settings()[..], env].concat();
        self.run_bare(&arguments, &env)
    }

    /// Whether its hosts keep everything in a file of the data folder.
    pub fn is_on_a_file(&self) -> bool {
        self.database.is_none()
    }

    fn store_settings(&self) -> Vec<(&str, &str)> {
        match &self.database {
            Some(database) => vec![
                ("COUNTERSIGN_STORE_URL", database.url()),
                ("COUNTERSIGN_STORE_LEASE_S", LEASE_S),
            ],
            None => Vec::new(),
        }
    }

    /// Runs a command of the binary.
    pub fn run_bare(&self, arguments: &[&str], env: &[(&str, &str)]) -> anyhow::Result<Ran> {
        let mut command = program()?;
        command.args(arguments).envs(env.iter().copied());
        let output = command.stdin(Stdio::null()).output()?;
        Ok(Ran {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout)?,
            stderr: String::from_utf8(output.stderr)?,
        })
    }

    /// Lets the hosts trust this certificate, and no other, as if the machine did.
    pub fn trust(&mut self, certificate_pem: &str) -> anyhow::Result<()> {
        let path = self.dir.path().join("trusted.pem");
        std::fs::write(&path, certificate_pem)?;
        self.trusted = Some(path);
        Ok(())
    }

    /// Where the store lies.
    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Starts a host and waits until it listens.
    pub fn start(&self) -> anyhow::Result<Host> {
        self.start_with(|_| {})
    }

    /// Starts a host whose command is changed first, and waits until it listens.
    pub fn start_with(&self, change: impl FnOnce(&mut Command)) -> anyhow::Result<Host> {
        let mut command = self.command()?;
        change(&mut command);
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the binary")?;
        let stdout = child.stdout.take().context("stdout is piped")?;
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(stdout).read_line(&mut line);
            sender.send(read.map(|_| line))
        });
        let line = match receiver.recv_timeout(START_TIMEOUT) {
            Ok(line) => line?,
            Err(_) => {
                child.kill()?;
                bail!("the host did not say within {START_TIMEOUT:?} that it listens");
            }
        };
        let line: Value = serde_json::from_str(&line)
            .with_context(|| format!("the host printed {line:?}; is its log above?"))?;
        let url = line["listening"]
            .as_str()
            .context("no address in the line")?;
        Ok(Host {
            child,
            url: url.to_owned(),
            agent: agent(),
        })
    }

    /// `countersign serve` for this folder and port, not yet started. Its log goes to `host.log` in the folder.
    pub fn command(&self) -> anyhow::Result<Command> {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.log_path())?;
        let mut command = program()?;
        command
            .args(["serve", "--listen", &format!("127.0.0.1:{}", self.port)])
            .arg("--config")
            .arg(self.config_path())
            .arg("--data-dir")
            .arg(self.data_dir())
            .envs(self.store_settings())
            .stderr(log);
        if self.local {
            command.env("COUNTERSIGN_NETWORK_ALLOW", "127.0.0.0/8,::1");
        }
        if let Some(trusted) = &self.trusted {
            command
                .env("SSL_CERT_FILE", trusted)
                .env_remove("SSL_CERT_DIR");
        }
        Ok(command)
    }

    /// Everything that the hosts of this folder logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Where its hosts log.
    pub fn log_path(&self) -> PathBuf {
        self.dir.path().join("host.log")
    }
}

impl Host {
    /// Address of the API.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn get(&self, path: &str) -> anyhow::Result<Answer> {
        read(self.agent.get(format!("{}{path}", self.url)).call()?)
    }

    pub fn post(&self, path: &str, json: &Value) -> anyhow::Result<Answer> {
        self.post_bytes(
            path,
            &[("content-type", "application/json")],
            json.to_string().as_bytes(),
        )
    }

    pub fn post_bytes(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> anyhow::Result<Answer> {
        post(&self.agent, &format!("{}{path}", self.url), headers, body)
    }

    pub fn patch(&self, path: &str, json: &Value) -> anyhow::Result<Answer> {
        let request = self.agent.patch(format!("{}{path}", self.url));
        read(
            request
                .content_type("application/json")
                .send(json.to_string())?,
        )
    }

    pub fn put(&self, path: &str, json: &Value) -> anyhow::Result<Answer> {
        let request = self.agent.put(format!("{}{path}", self.url));
        read(
            request
                .content_type("application/json")
                .send(json.to_string())?,
        )
    }

    pub fn delete(&self, path: &str) -> anyhow::Result<Answer> {
        read(self.agent.delete(format!("{}{path}", self.url)).call()?)
    }

    /// Any request, with these headers beside those of JSON.
    pub fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        json: Option<&Value>,
    ) -> anyhow::Result<Answer> {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = match json {
            None => self.agent.run(request.body(())?)?,
            Some(json) => {
                let request = request.header("content-type", "application/json");
                self.agent.run(request.body(json.to_string())?)?
            }
        };
        read(answer)
    }

    /// Creates an endpoint and returns its id.
    pub fn create_endpoint(&self, description: &Value) -> anyhow::Result<String> {
        let answer = self.post("/v1/endpoints", description)?;
        if answer.status != 201 {
            bail!("endpoint not created: {answer:?}");
        }
        Ok(answer.json["id"].as_str().context("no id")?.to_owned())
    }

    /// Publishes an event and returns the message id.
    pub fn publish(&self, provider: &str, payload: &Value) -> anyhow::Result<String> {
        let event = serde_json::json!({"provider": provider, "payload": payload});
        let answer = self.post("/v1/events", &event)?;
        if answer.status != 202 {
            bail!("event not accepted: {answer:?}");
        }
        Ok(answer.json["message_id"]
            .as_str()
            .context("no message id")?
            .to_owned())
    }

    /// Memory that the process holds now, in KiB; what the operating system calls resident.
    pub fn resident_kib(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB"));
        Ok(kib.context("no VmRSS")?.trim().parse()?)
    }

    /// SIGKILL: no chance to tidy up.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGTERM, and what it exited with.
    pub fn terminate(mut self) -> anyhow::Result<ExitStatus> {
        self.signal("TERM")?;
        Ok(self.child.wait()?)
    }

    /// A signal by its short name.
    pub fn signal(&self, name: &str) -> anyhow::Result<()> {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status()?;
        match sent.success() {
            true => Ok(()),
            false => bail!("kill failed"),
        }
    }

    /// What it exited with; `None` when it is still alive after `limit`.
    pub fn ended_within(&mut self, limit: Duration) -> anyhow::Result<Option<ExitStatus>> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            if started.elapsed() > limit {
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks until the answer is there; fails with what was last seen.
pub fn wait_for<T>(
    what: &str,
    limit: Duration,
    mut ask: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let started = Instant::now();
    loop {
        if let Some(found) = ask()? {
            return Ok(found);
        }
        if started.elapsed() > limit {
            bail!("{what} did not happen within {limit:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// One that reports statuses as data.
pub fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .into()
}

/// Posts bytes.
pub fn post(
    agent: &ureq::Agent,
    url: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> anyhow::Result<Answer> {
    let mut request = agent.post(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    read(request.send(body)?)
}

fn read(mut response: ureq::http::Response<ureq::Body>) -> anyhow::Result<Answer> {
    let header = |name: &str| {
        let value = response.headers().get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let content_type = header("content-type").unwrap_or_default();
    let (retry_after, allow) = (header("retry-after"), header("allow"));
    let text = response.body_mut().read_to_string()?;
    Ok(Answer {
        status: response.status().as_u16(),
        content_type,
        retry_after,
        allow,
        json: match text.is_empty() {
            true => Value::Null,
            false => serde_json::from_str(&text).with_context(|| format!("no JSON: {text:?}"))?,
        },
    })
}

/// A command of the binary, without what is in the environment for the tests' own sake: it would warn of such variables.
pub(crate) fn program() -> anyhow::Result<Command> {
    let mut command = Command::new(binary()?);
    for variable in [
        STORE_VARIABLE,
        countersign_cluster::LEFT_OUT_VARIABLE,
        countersign_cluster::SERVER_VARIABLE,
    ] {
        command.env_remove(variable);
    }
    Ok(command)
}

/// The binary beside our own executable in `target/<profile>/`, or one folder up from a test's.
pub(crate) fn binary() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folders = own.ancestors().skip(1).take(2);
    let mut binaries = folders.map(|folder| folder.join("countersign"));
    binaries
        .find(|binary| binary.is_file())
        .context("there is no binary `countersign`; run `cargo xtask build`")
}
