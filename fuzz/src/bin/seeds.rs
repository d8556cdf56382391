//! Writes the first files of every corpus, from the vectors and samples of the repository and a few texts. What a fuzzer
//! found since is left alone.

use countersign_fuzz::{input::write_bytes, verify};
use serde_json::Value;
use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpora = root.join("corpus");
    let tests = root.join("../tests");
    let mut bodies = Vec::new();
    for entry in fs::read_dir(tests.join("vectors"))? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            let file: Value = serde_json::from_slice(&fs::read(path)?)?;
            bodies.extend(vectors(&corpora, &file)?);
        }
    }
    for provider in fs::read_dir(tests.join("samples"))? {
        let folder = provider?.path();
        if folder.is_dir() {
            for sample in fs::read_dir(folder)? {
                let bytes = fs::read(sample?.path())?;
                seed(&corpora, "payload", &bytes)?;
                seed(&corpora, "events", &bytes)?;
                bodies.push(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
    }
    for source in ["mailgun", "resend", "sendgrid"] {
        for sample in fs::read_dir(tests.join("inbound").join(source))? {
            let sample: Value = serde_json::from_slice(&fs::read(sample?.path())?)?;
            let body = sample["request"]["body"].as_str().unwrap_or_default();
            seed(&corpora, "events", body.as_bytes())?;
        }
    }
    for body in bodies.iter().filter(|body| body.starts_with('{')) {
        for name in ["timestamp", "signature", "event-data"] {
            let name_first = [&[name.len() as u8], name.as_bytes(), body.as_bytes()].concat();
            seed(&corpora, "json_field", &name_first)?;
        }
    }
    for text in [
        "1985-04-12T23:20:50.52Z",
        "1990-12-31T23:59:60Z",
        "1937-01-01T12:00:27.87+00:20",
        "2000-02-29T00:00:00.123456789z",
        "1772000000",
        "99999999999999999999",
    ] {
        seed(&corpora, "timestamp", text.as_bytes())?;
    }
    let kinds = [
        ("", "", "abc"),
        ("sha256=", "", "sha256=abc"),
        ("", "", "sha256=abc"),
        ("", "", "Basic abc"),
        ("", "", "v1,abc v1a,def v2,x"),
        ("v1", "", "t=1,v1=abc, v1=def,v0=x,h=a b"),
        ("v1=", " | ", "v1=abc | v0=d | v1=e"),
    ];
    for (kind, (text, second, header)) in kinds.into_iter().enumerate() {
        let mut bytes = vec![kind as u8, 0];
        for part in [text, second, header] {
            write_bytes(&mut bytes, part.as_bytes());
        }
        seed(&corpora, "header_lists", &bytes)?;
    }
    for (event_type, filter, body) in FILTERS {
        let mut bytes = Vec::new();
        write_bytes(&mut bytes, event_type.as_bytes());
        write_bytes(&mut bytes, filter.as_bytes());
        bytes.extend_from_slice(body.as_bytes());
        seed(&corpora, "filter", &bytes)?;
    }
    Ok(())
}

/// An event type, a filter and a body each.
const FILTERS: [(&str, &str, &str); 6] = [
    (
        "order.paid",
        r#"{"type": {"prefix": "order."}, "/data/total": {"gte": 100, "lt": 1000}}"#,
        r#"{"type": "order.paid", "data": {"total": 250.5}}"#,
    ),
    (
        "a",
        r#"{"or": [{"/a~1b/0": {"in": [1, "x", null, true]}}, {"not": {"/c": {"exists": true}}}]}"#,
        r#"{"a/b": ["x"], "c": {}}"#,
    ),
    (
        "a",
        r#"{"and": [{"/t": {"contains": "v", "suffix": "p"}}, {"/t/~0": 7}], "/n": {"gt": -1e300, "lte": "z"}}"#,
        r#"{"t": "vip", "n": 18446744073709551615}"#,
    ),
    (
        "a",
        r#"{"/list": {"contains": 1.0}}"#,
        r#"{"list": [[], {}, 1]}"#,
    ),
    ("a", r#"{"/a": 1, "/a": 2}"#, "{}"),
    (
        "a",
        r#"{"not": {"not": {"and": [{"type": "a"}]}}}"#,
        "no JSON",
    ),
];

/// Seeds of the vectors of a file; returns their bodies.
fn vectors(corpora: &Path, file: &Value) -> io::Result<Vec<String>> {
    let mut bodies = Vec::new();
    let Some(scheme) = file["scheme"].as_str() else {
        return Ok(bodies);
    };
    let none = Vec::new();
    for vector in file["vectors"].as_array().unwrap_or(&none) {
        let request = &vector["request"];
        let Some(body) = request["body"].as_str() else {
            continue;
        };
        bodies.push(body.to_owned());
        let texts = |list: &'_ Value| -> Vec<String> {
            let items = list.as_array().into_iter().flatten();
            items.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let secrets = texts(&vector["secrets"]);
        let options: Vec<_> = vector["options"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| {
                let text = value.as_str().map(str::to_owned);
                (name.as_str(), text.unwrap_or_else(|| value.to_string()))
            })
            .collect();
        let headers = request["headers"].as_array().unwrap_or(&none);
        let headers: Vec<_> = headers.iter().map(texts).collect();
        let input = verify::Input {
            scheme,
            secrets: secrets.iter().map(String::as_str).collect(),
            tolerance: match &vector["tolerance"] {
                Value::Number(seconds) => seconds.as_u64().map(|seconds| Some(seconds as u32)),
                Value::Null if vector.get("tolerance").is_some() => Some(None),
                _ => None,
            },
            options: options
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect(),
            method: request["method"].as_str().unwrap_or("POST"),
            url: request["url"].as_str().unwrap_or_default(),
            headers: headers
                .iter()
                .filter_map(|pair| Some((pair.first()?.as_str(), pair.get(1)?.as_bytes())))
                .collect(),
            body: body.as_bytes(),
            now_s: vector["now"].as_i64().unwrap_or_default(),
            change: (0, 0),
        };
        seed(corpora, "verify", &input.write())?;
        let is_refused = vector["expect"]["valid"] == false;
        if is_refused && !vector["id"].as_str().unwrap_or_default().contains("-h") {
            seed(corpora, "explain", &input.write())?;
        }
    }
    Ok(bodies)
}

/// Named by its content, so that a second run writes the same files.
fn seed(corpora: &Path, target: &str, bytes: &[u8]) -> io::Result<()> {
    let folder = corpora.join(target);
    fs::create_dir_all(&folder)?;
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    fs::write(folder.join(format!("seed-{hash:016x}")), bytes)
}
