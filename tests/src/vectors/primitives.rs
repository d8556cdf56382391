//! The file format `webhook-primitives/1`: algorithms alone. Each becomes a vector of the scheme in which a user declares
//! everything.

use super::{FORMAT as VECTORS, VectorFile};
use anyhow::{Context, bail};
use base64ct::{Base64, Encoding};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) const FORMAT: &str = "webhook-primitives/1";

const HEADER: &str = "x-signature";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PrimitiveFile {
    #[serde(rename = "format")]
    _format: String,
    algorithm: String,
    title: Option<String>,
    vectors: Vec<Primitive>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Primitive {
    id: String,
    title: String,
    origin: String,
    source: Option<String>,
    note: Option<String>,
    checked: bool,
    message_hex: String,
    expect: Expect,
    /// Hash of an HMAC.
    algorithm: Option<String>,
    key_hex: Option<String>,
    digest_hex: Option<String>,
    public_key_hex: Option<String>,
    public_key_base64: Option<String>,
    signature_hex: Option<String>,
    /// With it, signing must give the same signature.
    seed_hex: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    valid: bool,
}

/// The file as one of the other format.
pub(super) fn read(text: &[u8]) -> anyhow::Result<VectorFile> {
    let file: PrimitiveFile = serde_json::from_slice(text)?;
    let vectors = file.vectors.iter();
    let vectors = vectors.map(|one| vector(&file.algorithm, one).context(one.id.clone()));
    let vectors = vectors.collect::<anyhow::Result<Vec<_>>>()?;
    Ok(serde_json::from_value(json!({
        "format": VECTORS,
        "scheme": "generic-hmac",
        "title": file.title.unwrap_or(file.algorithm),
        "spec": {},
        "vectors": vectors,
    }))?)
}

fn vector(algorithm: &str, one: &Primitive) -> anyhow::Result<Value> {
    let needed = |field: &'_ Option<String>, name: &'static str| {
        let field = field.clone();
        field.with_context(|| format!("there is no {name}"))
    };
    let signature = || needed(&one.signature_hex, "signature_hex");
    let (options, secret, signature, signer) = match algorithm {
        "hmac" => {
            let key = needed(&one.key_hex, "key_hex")?;
            let hash = needed(&one.algorithm, "algorithm")?;
            let digest = needed(&one.digest_hex, "digest_hex")?;
            let options = json!({"algorithm": hash, "secret_format": "hex"});
            (options, key.clone(), digest, Some(key))
        }
        "ed25519" => {
            let public = needed(&one.public_key_hex, "public_key_hex")?;
            let options = json!({"algorithm": "ed25519"});
            (options, public, signature()?, one.seed_hex.clone())
        }
        "ecdsa-p256" => {
            let public = needed(&one.public_key_base64, "public_key_base64")?;
            (
                json!({"algorithm": "ecdsa-p256"}),
                public,
                signature()?,
                None,
            )
        }
        other => bail!("there is no algorithm {other}"),
    };
    let mut options = options;
    options["header"] = HEADER.into();
    options["encoding"] = "hex".into();
    let headers = json!([[HEADER, signature]]);
    let reasons = match one.expect.valid {
        true => json!([]),
        false => json!(["bad_signature", "malformed_header", "missing_header"]),
    };
    let sign = signer.filter(|_| one.expect.valid);
    let message = base16ct::mixed::decode_vec(&one.message_hex);
    let message = message.map_err(|error| anyhow::anyhow!("message_hex: {error}"))?;
    Ok(json!({
        "id": one.id,
        "title": one.title,
        "origin": one.origin,
        "source": one.source,
        "note": one.note,
        "checked": one.checked,
        "secrets": [secret],
        "options": options,
        "request": {"method": "POST", "headers": headers, "body_base64": Base64::encode_string(&message)},
        "expect": {"valid": one.expect.valid, "reasons": reasons},
        "sign": sign.map(|secret| json!({"secret": secret, "headers": headers})),
    }))
}
