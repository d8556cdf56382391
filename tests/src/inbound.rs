//! The file format `webhook-inbound/1`: reading it, holding the normaliser to it, and keeping snapshots of all it makes.
//!
//! A fault of a file is a failure of that file: unknown formats, providers and fields are reported, never skipped.

use anyhow::{Context, bail, ensure};
use countersign_core::{
    Config, KeyedScheme, Request, Tolerance,
    event::{Event, EventKind, Source},
    normalise, time,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Environment variable that names another folder of samples.
pub const DIR_VARIABLE: &str = "COUNTERSIGN_INBOUND";

/// Environment variable that has snapshots and generated documents written anew.
pub const BLESS_VARIABLE: &str = "COUNTERSIGN_BLESS";

const FORMAT: &str = "webhook-inbound/1";

/// Folder of snapshots inside the project's own folder of samples.
const SNAPSHOTS: &str = "snapshots";

/// Folders below the one given that are looked into: one a provider, and perhaps one around them.
const DEPTH_MAX: u32 = 4;

/// A sample: one request as a provider posts it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    format: String,
    pub provider: String,
    #[serde(rename = "title")]
    _title: String,
    #[serde(rename = "note", default)]
    _note: Option<String>,
    payload: Value,
    pub request: SampleRequest,
    /// How to verify the request.
    pub verify: Verify,
    pub expect: Expect,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleRequest {
    #[serde(rename = "method")]
    _method: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    pub scheme: String,
    pub secrets: Vec<String>,
    pub now: i64,
    pub tolerance: u32,
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    pub events: Vec<Map<String, Value>>,
}

/// What became of a folder of samples.
#[derive(Debug, Serialize)]
pub struct Report {
    pub files: Vec<FileReport>,
    pub error: Option<String>,
}

/// What became of a sample.
#[derive(Debug, Serialize)]
pub struct FileReport {
    /// Path below the folder.
    pub file: String,
    pub provider: String,
    /// The types of its events, in their order.
    pub types: Vec<String>,
    pub verified: bool,
    pub failures: Vec<String>,
}

impl Report {
    /// Whether there were samples, and each was as expected.
    pub fn is_success(&self) -> bool {
        self.error.is_none()
            && !self.files.is_empty()
            && self.files.iter().all(|file| file.failures.is_empty())
    }
}

/// The project's own folder.
pub fn own_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("inbound")
}

/// The folder in force: the one given, else that of [`DIR_VARIABLE`], else the project's own.
pub fn dir(given: Option<PathBuf>) -> PathBuf {
    let variable = std::env::var_os(DIR_VARIABLE).filter(|value| !value.is_empty());
    given
        .or_else(|| variable.map(PathBuf::from))
        .unwrap_or_else(own_dir)
}

/// Whether snapshots are to be written and not compared.
pub fn is_blessing() -> bool {
    std::env::var_os(BLESS_VARIABLE).is_some_and(|value| value == "1")
}

/// Holds the normaliser to every sample of a folder and the folders in it; compares snapshots in the project's own folder.
pub fn run(dir: &Path) -> Report {
    let mut report = Report {
        files: Vec::new(),
        error: None,
    };
    match samples(dir) {
        Ok(files) if files.is_empty() => {
            report.error = Some(format!("no samples in {}", dir.display()));
        }
        Ok(files) => {
            let snapshots = (dir == own_dir()).then(|| dir.join(SNAPSHOTS));
            let run = |file: &PathBuf| run_file(dir, file, snapshots.as_deref());
            report.files = files.iter().map(run).collect();
            if let Some(snapshots) = snapshots
                && let Err(error) = without_leftovers(&snapshots, &files)
            {
                report.error = Some(format!("{error:#}"));
            }
        }
        Err(error) => report.error = Some(format!("{error:#}")),
    }
    report
}

/// The samples in force, by their path below the folder.
///
/// # Errors
/// There are none, or one cannot be read.
pub fn all_samples(dir: &Path) -> anyhow::Result<Vec<(PathBuf, Sample)>> {
    let files = samples(dir)?;
    ensure!(!files.is_empty(), "no samples in {}", dir.display());
    let read = |file: PathBuf| {
        Ok((
            file.clone(),
            serde_json::from_slice(&std::fs::read(dir.join(file))?)?,
        ))
    };
    files.into_iter().map(read).collect()
}

/// What of a sample's expectation an event does not meet, one line a key.
pub fn unmet(want: &Map<String, Value>, event: &Event) -> Vec<String> {
    let got = summary(event);
    let differences = differences(want, &got).into_iter();
    differences
        .map(|(key, want, got)| format!("{key}: want {want}, got {got}"))
        .collect()
}

/// The normalised events of the project's own samples.
///
/// # Errors
/// A sample cannot be read.
pub fn own_events() -> anyhow::Result<Vec<Event>> {
    let dir = own_dir();
    let mut events = Vec::new();
    for file in samples(&dir)? {
        let sample: Sample = serde_json::from_slice(&std::fs::read(dir.join(file))?)?;
        let source = Source::named(&sample.provider)?;
        let body = sample.request.body.as_bytes();
        events.extend(normalise::parse(source, &sample.request.headers, body)?);
    }
    Ok(events)
}

/// Every `*.json` below a folder, snapshots apart, as paths below it.
fn samples(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    collect(dir, Path::new(""), DEPTH_MAX, &mut found)?;
    found.sort();
    Ok(found)
}

fn collect(
    root: &Path,
    below: &Path,
    depth_left: u32,
    found: &mut Vec<PathBuf>,
) -> anyhow::Result<()> {
    let dir = root.join(below);
    let entries =
        std::fs::read_dir(&dir).with_context(|| format!("cannot read {}", dir.display()))?;
    for entry in entries {
        let name = entry?.file_name();
        let path = below.join(&name);
        if root.join(&path).is_dir() {
            if name != SNAPSHOTS && depth_left > 0 {
                collect(root, &path, depth_left - 1, found)?;
            }
        } else if path.extension().is_some_and(|ending| ending == "json") {
            found.push(path);
        }
    }
    Ok(())
}

fn run_file(dir: &Path, file: &Path, snapshots: Option<&Path>) -> FileReport {
    let mut report = FileReport {
        file: file.display().to_string(),
        provider: "-".to_owned(),
        types: Vec::new(),
        verified: false,
        failures: Vec::new(),
    };
    if let Err(error) = check(&dir.join(file), &mut report)
        .and_then(|events| snapshots.map_or(Ok(()), |root| compare(&root.join(file), &events)))
    {
        report.failures.push(format!("{error:#}"));
    }
    report
}

fn check(path: &Path, report: &mut FileReport) -> anyhow::Result<Vec<Event>> {
    let sample: Sample = serde_json::from_slice(&std::fs::read(path)?)?;
    ensure!(
        sample.format == FORMAT,
        "the format is {}, not {FORMAT}",
        sample.format
    );
    report.provider = sample.provider.clone();
    let source = Source::named(&sample.provider)?;
    let body = sample.request.body.as_bytes();
    ensure!(
        serde_json::from_slice::<Value>(body)? == sample.payload,
        "`payload` is not what `request.body` says"
    );
    verify(&sample)?;
    report.verified = true;
    let events = normalise::parse(source, &sample.request.headers, body)?;
    report.types = events
        .iter()
        .map(|event| event.event_type.as_str().to_owned())
        .collect();
    ensure!(
        events.len() == sample.expect.events.len(),
        "want {} events, got {}",
        sample.expect.events.len(),
        events.len()
    );
    for ((event, want), at) in events.iter().zip(&sample.expect.events).zip(0..) {
        for (key, want, got) in differences(want, &summary(event)) {
            report
                .failures
                .push(format!("event {at}, {key}: want {want}, got {got}"));
        }
    }
    Ok(events)
}

/// The signature, which every sample has.
fn verify(sample: &Sample) -> anyhow::Result<()> {
    let Verify {
        scheme,
        secrets,
        now,
        tolerance,
        options,
    } = &sample.verify;
    let config = Config {
        scheme,
        secrets: secrets.iter().map(String::as_str).collect(),
        tolerance: Tolerance::Seconds(*tolerance),
        options: options
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect(),
    };
    let keyed = KeyedScheme::new(&config).context("cannot verify")?;
    let request = Request::new(&sample.request.headers, sample.request.body.as_bytes());
    match keyed.verify(&request, *now) {
        Ok(_) => Ok(()),
        Err(refusal) => bail!("every sample is valid, but: {refusal}"),
    }
}

/// The keys of `expect.events` (N1): those that always exist, then those that are left out when there is nothing to say.
fn summary(event: &Event) -> Map<String, Value> {
    let mut keys = json!({
        "type": event.event_type.as_str(),
        "provider_event": event.provider_event,
        "email_id": event.email_id,
        "recipient": event.recipient(),
        "timestamp": event.occurred_at,
        "dedupe": event.dedupe,
    });
    if event.recipients.len() > 1 {
        keys["recipients"] = json!(event.recipients);
    }
    if let Some(url) = &event.url {
        keys["url"] = json!(url);
    }
    if event.event_type.kind() == EventKind::Bounced {
        keys["bounce_type"] = json!(event.bounce.kind);
    }
    if let Some(reason) = &event.bounce.reason {
        keys["reason"] = json!(reason);
    }
    match keys {
        Value::Object(keys) => keys,
        _ => Map::new(),
    }
}

/// Keys whose values differ or that only one side has. Moments are compared as such.
fn differences<'a>(
    want: &'a Map<String, Value>,
    got: &'a Map<String, Value>,
) -> Vec<(&'a str, Value, Value)> {
    let absent = || Value::from("no such key");
    let keys = want
        .keys()
        .chain(got.keys().filter(|key| !want.contains_key(*key)));
    keys.filter_map(|key| {
        let (want, got) = (want.get(key), got.get(key));
        let same = match key.as_str() {
            "timestamp" => want.is_some() == got.is_some() && moment(want) == moment(got),
            _ => want == got,
        };
        (!same).then(|| {
            let shown = |value: Option<&Value>| value.cloned().unwrap_or_else(absent);
            (key.as_str(), shown(want), shown(got))
        })
    })
    .collect()
}

/// A text that is no moment differs from every moment, and from `null`.
fn moment(value: Option<&Value>) -> Option<Result<i64, String>> {
    let text = value?.as_str()?;
    Some(time::parse_rfc3339(text).ok_or_else(|| text.to_owned()))
}

fn compare(path: &Path, events: &[Event]) -> anyhow::Result<()> {
    let text = format!("{}\n", serde_json::to_string_pretty(events)?);
    expect_file(path, &text)
}

/// Compares a committed file with what it should be, or writes it when blessing.
///
/// # Errors
/// The file differs or cannot be read or written.
pub fn expect_file(path: &Path, text: &str) -> anyhow::Result<()> {
    if is_blessing() {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        return Ok(std::fs::write(path, text)?);
    }
    let shown = path.file_name().unwrap_or_default().to_string_lossy();
    let committed =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    if committed != text {
        let line = committed
            .lines()
            .zip(text.lines())
            .zip(1..)
            .find(|((committed, now), _)| committed != now);
        let (place, committed, now) = match line {
            Some(((committed, now), number)) => (number, committed, now),
            None => (0, "another length", ""),
        };
        bail!(
            "{shown} is out of date from line {place}: `{committed}` is now `{now}`; {BLESS_VARIABLE}=1 writes it anew"
        );
    }
    Ok(())
}

/// A snapshot without a sample is one that nothing compares.
fn without_leftovers(snapshots: &Path, files: &[PathBuf]) -> anyhow::Result<()> {
    let mut kept = Vec::new();
    collect(snapshots, Path::new(""), DEPTH_MAX, &mut kept)?;
    match kept.iter().find(|snapshot| !files.contains(snapshot)) {
        Some(snapshot) => bail!("the snapshot {} has no sample", snapshot.display()),
        None => Ok(()),
    }
}
