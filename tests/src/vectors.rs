//! The file format `webhook-vectors/1`: reading it, and holding a face to it.
//!
//! A fault of a file is a failure of that file: unknown formats, schemes and fields are reported, never skipped.

use anyhow::{Context, bail};
use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Environment variable that names another folder of vectors.
pub const DIR_VARIABLE: &str = "COUNTERSIGN_VECTORS";

const FORMAT: &str = "webhook-vectors/1";

/// A file of vectors.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VectorFile {
    format: String,
    pub scheme: String,
    #[serde(rename = "title")]
    _title: String,
    /// Facts for people.
    #[serde(rename = "spec")]
    _spec: serde_json::Value,
    pub vectors: Vec<Vector>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vector {
    pub id: String,
    #[serde(rename = "title")]
    _title: String,
    #[serde(rename = "origin")]
    _origin: Origin,
    #[serde(rename = "source")]
    _source: Option<String>,
    #[serde(rename = "note")]
    _note: Option<String>,
    pub secrets: Vec<String>,
    #[serde(default)]
    pub options: BTreeMap<String, serde_json::Value>,
    pub request: Request,
    #[serde(default)]
    pub now: i64,
    /// Outer `None`: not given, the scheme's own. Inner `None`: the window is switched off.
    #[serde(default, deserialize_with = "present")]
    pub tolerance: Option<Option<u32>>,
    pub expect: Expect,
    pub sign: Option<Sign>,
    #[serde(rename = "checked")]
    _checked: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Origin {
    Specification,
    VendorDoc,
    LibraryTest,
    Adapted,
    Computed,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[serde(rename = "method")]
    _method: String,
    #[serde(rename = "url")]
    _url: Option<String>,
    pub headers: Vec<(String, String)>,
    body: Option<String>,
    body_base64: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    valid: bool,
    #[serde(default)]
    reasons: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sign {
    pub secret: String,
    pub id: Option<String>,
    pub timestamp: Option<String>,
    pub headers: Vec<(String, String)>,
}

fn present<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<Option<u32>>, D::Error> {
    Option::deserialize(value).map(Some)
}

impl Request {
    /// The raw bytes.
    pub fn body(&self) -> anyhow::Result<Vec<u8>> {
        match (&self.body, &self.body_base64) {
            (Some(text), None) => Ok(text.clone().into_bytes()),
            (None, Some(encoded)) => Ok(Base64::decode_vec(encoded)?),
            _ => bail!("a request has either `body` or `body_base64`"),
        }
    }
}

impl Vector {
    /// Ed25519 keys of Standard Webhooks (v1a).
    fn needs_ed25519(&self) -> bool {
        let sign_secret = self.sign.as_ref().map(|sign| &sign.secret);
        self.secrets
            .iter()
            .chain(sign_secret)
            .any(|secret| secret.starts_with("whsk_") || secret.starts_with("whpk_"))
    }
}

/// One way in which the core reaches its users.
pub trait Face {
    /// Name in reports.
    fn name(&self) -> &'static str;

    /// `valid`, or the code of the refusal or configuration error.
    fn verify(&self, scheme: &str, vector: &Vector, body: &[u8]) -> anyhow::Result<String>;

    /// The headers that the signer sets.
    fn sign(
        &self,
        scheme: &str,
        vector: &Vector,
        sign: &Sign,
        body: &[u8],
    ) -> anyhow::Result<Vec<(String, String)>>;
}

/// What a face made of a folder. The same for every face, so that one table shows them all.
#[derive(Debug, Serialize)]
pub struct Report {
    pub face: &'static str,
    pub files: Vec<FileReport>,
    pub error: Option<String>,
}

#[derive(Debug, Serialize, Default)]
pub struct FileReport {
    pub file: String,
    pub passed: usize,
    pub failed: usize,
    /// Vectors of algorithms that are not known yet.
    pub unknown: usize,
    pub failures: Vec<Failure>,
}

#[derive(Debug, Serialize)]
pub struct Failure {
    pub id: String,
    pub want: String,
    pub got: String,
}

impl Report {
    /// Whether every known vector passed, and there were some.
    pub fn is_success(&self) -> bool {
        self.error.is_none()
            && self.files.iter().all(|file| file.failed == 0)
            && self.files.iter().map(|file| file.passed).sum::<usize>() > 0
    }
}

/// The folder in force: the one given, else that of [`DIR_VARIABLE`], else the project's own.
pub fn dir(given: Option<PathBuf>) -> PathBuf {
    given
        .or_else(|| std::env::var_os(DIR_VARIABLE).map(PathBuf::from))
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors"))
}

/// Holds a face to every file of a folder.
pub fn run(face: &dyn Face, dir: &Path) -> Report {
    let mut report = Report {
        face: face.name(),
        files: Vec::new(),
        error: None,
    };
    match json_files(dir) {
        Ok(files) if files.is_empty() => {
            report.error = Some(format!("no vectors in {}", dir.display()));
        }
        Ok(files) => report.files = files.iter().map(|path| run_file(face, path)).collect(),
        Err(error) => report.error = Some(format!("{error:#}")),
    }
    report
}

fn json_files(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries =
        std::fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    let mut files = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<anyhow::Result<Vec<_>>>()?;
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    files.sort();
    Ok(files)
}

fn run_file(face: &dyn Face, path: &Path) -> FileReport {
    let mut report = FileReport {
        file: path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        ..FileReport::default()
    };
    match read_file(path) {
        Ok(file) => {
            for vector in &file.vectors {
                run_vector(face, &file.scheme, vector, &mut report);
            }
        }
        Err(error) => report.fail("-", "a readable file", &format!("{error:#}")),
    }
    report
}

fn read_file(path: &Path) -> anyhow::Result<VectorFile> {
    let file: VectorFile = serde_json::from_slice(&std::fs::read(path)?)?;
    if file.format != FORMAT {
        bail!("the format is {}, not {FORMAT}", file.format);
    }
    if file.vectors.is_empty() {
        bail!("there are no vectors in it");
    }
    Ok(file)
}

fn run_vector(face: &dyn Face, scheme: &str, vector: &Vector, report: &mut FileReport) {
    if vector.needs_ed25519() {
        report.unknown += 1;
        return;
    }
    match check(face, scheme, vector) {
        Ok(()) => report.passed += 1,
        Err(Mismatch { want, got }) => report.fail(&vector.id, &want, &got),
    }
}

struct Mismatch {
    want: String,
    got: String,
}

fn check(face: &dyn Face, scheme: &str, vector: &Vector) -> Result<(), Mismatch> {
    let expect = &vector.expect;
    let want = match expect.valid {
        true => "valid".to_owned(),
        false => expect.reasons.join(" or "),
    };
    let fault = |error: anyhow::Error| Mismatch {
        want: want.clone(),
        got: format!("{error:#}"),
    };
    let body = vector.request.body().map_err(fault)?;
    let got = face.verify(scheme, vector, &body).map_err(fault)?;
    let fits = match expect.valid {
        true => got == "valid",
        false => expect.reasons.contains(&got),
    };
    if !fits {
        return Err(Mismatch { want, got });
    }
    if let Some(sign) = &vector.sign {
        let got = face.sign(scheme, vector, sign, &body).map_err(fault)?;
        if got != sign.headers {
            return Err(Mismatch {
                want: format!("signed as {:?}", sign.headers),
                got: format!("signed as {got:?}"),
            });
        }
    }
    Ok(())
}

impl FileReport {
    fn fail(&mut self, id: &str, want: &str, got: &str) {
        self.failed += 1;
        self.failures.push(Failure {
            id: id.to_owned(),
            want: want.to_owned(),
            got: got.to_owned(),
        });
    }
}
