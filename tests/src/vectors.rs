//! The file formats `webhook-vectors/1` and `webhook-primitives/1`: reading them, and holding a face to them.
//!
//! A fault of a file is a failure of that file: unknown formats, schemes and fields are reported, never skipped.

mod primitives;

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
    #[serde(rename = "format")]
    _format: String,
    pub scheme: String,
    #[serde(rename = "title")]
    _title: String,
    /// Facts for people.
    #[serde(rename = "spec")]
    _spec: serde_json::Value,
    pub vectors: Vec<Vector>,
}

#[derive(Debug, Clone, Deserialize)]
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

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Origin {
    Specification,
    VendorDoc,
    LibraryTest,
    Adapted,
    Computed,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    pub method: String,
    pub url: Option<String>,
    pub headers: Vec<(String, String)>,
    body: Option<String>,
    body_base64: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    valid: bool,
    #[serde(default)]
    reasons: Vec<String>,
}

impl Expect {
    /// Whether this verdict is a wanted one.
    pub fn allows(&self, code: &str) -> bool {
        match self.valid {
            true => code == "valid",
            false => self.reasons.iter().any(|reason| reason == code),
        }
    }
}

/// What a signer is given, and what it must return.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sign {
    pub secret: String,
    /// Message id.
    id: Option<String>,
    /// Mailgun's word for it.
    token: Option<String>,
    pub timestamp: Option<String>,
    /// Names of further headers of the request that are signed.
    #[serde(default)]
    signed_headers: Vec<String>,
    headers: Option<Vec<(String, String)>>,
    signature_object: Option<BTreeMap<String, String>>,
    /// `false`: another signature each time, so that only verifying it can tell whether it is right.
    #[serde(default = "yes")]
    deterministic: bool,
}

fn yes() -> bool {
    true
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
    /// The request, for a Rust face.
    pub fn request<'a>(&'a self, body: &'a [u8]) -> Judged<'a> {
        let simple = countersign_core::Request::new(self.request.headers.as_slice(), body);
        countersign_core::Request {
            method: &self.request.method,
            url: self.request.url.as_deref().unwrap_or_default(),
            ..simple
        }
    }

    /// The further headers to be signed, with their values.
    pub fn signed_headers(&self, sign: &Sign) -> anyhow::Result<Vec<(&str, &str)>> {
        let headers = &self.request.headers;
        let value = |name: &String| {
            let mut headers = headers.iter();
            let found = headers.find(|(candidate, _)| candidate.eq_ignore_ascii_case(name));
            let (name, value) = found.with_context(|| format!("there is no header {name}"))?;
            Ok((name.as_str(), value.as_str()))
        };
        sign.signed_headers.iter().map(value).collect()
    }

    /// The options as the core takes them: texts.
    pub fn options(&self) -> anyhow::Result<Vec<(&str, &str)>> {
        let mut options = Vec::new();
        for (name, value) in &self.options {
            options.push(match value {
                serde_json::Value::String(text) => (name.as_str(), text.as_str()),
                serde_json::Value::Bool(true) => (name.as_str(), "true"),
                serde_json::Value::Bool(false) => (name.as_str(), "false"),
                _ => bail!("the option {name} is neither text nor boolean"),
            });
        }
        Ok(options)
    }
}

impl Sign {
    /// Message id, by either name.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref().or(self.token.as_deref())
    }

    /// The wanted headers, or fields of a signature object, in an order of their own.
    fn wanted(&self) -> anyhow::Result<Vec<(String, String)>> {
        match (&self.headers, &self.signature_object) {
            (Some(headers), None) => Ok(sorted(headers.clone())),
            (None, Some(object)) => Ok(sorted(object.clone().into_iter().collect())),
            _ => bail!("a signer returns either `headers` or a `signature_object`"),
        }
    }
}

/// Order says nothing, nor does the case of names.
fn sorted(mut headers: Vec<(String, String)>) -> Vec<(String, String)> {
    headers.sort_by_key(|(name, _)| name.to_ascii_lowercase());
    headers
}

/// A request as the core takes it.
pub type Judged<'a> = countersign_core::Request<'a, [(String, String)]>;

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

/// The files of a folder with their names, for suites of another kind than a face.
///
/// # Errors
/// A folder or file that cannot be read, or no file at all.
pub fn files(dir: &Path) -> anyhow::Result<Vec<(String, VectorFile)>> {
    let paths = json_files(dir)?;
    anyhow::ensure!(!paths.is_empty(), "no vectors in {}", dir.display());
    let read = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok((name.into_owned(), read_file(path)?))
    };
    paths.iter().map(read).collect()
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
    let text = std::fs::read(path)?;
    let format: Format = serde_json::from_slice(&text)?;
    let file: VectorFile = match format.format.as_str() {
        FORMAT => serde_json::from_slice(&text)?,
        primitives::FORMAT => primitives::read(&text)?,
        other => bail!(
            "the format is {other}, neither {FORMAT} nor {}",
            primitives::FORMAT
        ),
    };
    if file.vectors.is_empty() {
        bail!("there are no vectors in it");
    }
    Ok(file)
}

/// What every file has.
#[derive(Deserialize)]
struct Format {
    format: String,
}

fn run_vector(face: &dyn Face, scheme: &str, vector: &Vector, report: &mut FileReport) {
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
    if !expect.allows(&got) {
        return Err(Mismatch { want, got });
    }
    if let Some(sign) = &vector.sign {
        check_sign(face, scheme, vector, sign, &body).map_err(fault)??;
    }
    Ok(())
}

/// The inner error is a signature that is not the wanted one.
fn check_sign(
    face: &dyn Face,
    scheme: &str,
    vector: &Vector,
    sign: &Sign,
    body: &[u8],
) -> anyhow::Result<Result<(), Mismatch>> {
    let wanted = sign.wanted()?;
    let got = sorted(face.sign(scheme, vector, sign, body)?);
    if sign.deterministic {
        return Ok(match got == wanted {
            true => Ok(()),
            false => Err(Mismatch {
                want: format!("signed as {wanted:?}"),
                got: format!("signed as {got:?}"),
            }),
        });
    }
    let mut signed = vector.clone();
    signed.request.headers = got.clone();
    Ok(match face.verify(scheme, &signed, body)?.as_str() {
        "valid" => Ok(()),
        verdict => Err(Mismatch {
            want: "a signature that verifies".to_owned(),
            got: format!("{verdict}: {got:?}"),
        }),
    })
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
