//! Why a signature does not match. Also signs samples, so that the playground needs this module alone.

use countersign_core::{
    Config, Covers, KeyedScheme, Message, Request, Scheme, SignedAt, Tolerance, Valid,
    explain::{self, Confidence, Explanation, Question, Rejection},
};
use serde::Serialize;
use wasm_bindgen::prelude::*;
use zeroize::Zeroize;

const POST: &str = "POST";

/// What [`Case::explain`] returns.
#[derive(Debug, Serialize)]
struct Answer {
    verdict: Verdict,
    findings: Vec<Finding>,
    trials: u32,
    complete: bool,
}

/// The field `ok` tells the two apart.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Verdict {
    Valid {
        ok: bool,
        #[serde(rename = "secretIndex")]
        secret_index: usize,
        /// Unix seconds, with three decimals.
        timestamp: Option<f64>,
        covers: Vec<&'static str>,
    },
    Refused {
        ok: bool,
        code: &'static str,
        message: String,
    },
}

#[derive(Debug, Serialize)]
struct Finding {
    code: &'static str,
    confidence: &'static str,
    message: String,
    fix: &'static str,
}

/// A request, and what it is verified with. Secrets are wiped when it is dropped.
#[wasm_bindgen]
#[derive(Default)]
pub struct Case {
    scheme: String,
    secrets: Vec<String>,
    tolerance: Tolerance,
    options: Vec<String>,
    method: String,
    url: String,
    headers: Vec<(String, Vec<u8>)>,
    others: Vec<String>,
}

#[wasm_bindgen]
impl Case {
    /// A request without headers, under a scheme of this name.
    #[wasm_bindgen(constructor)]
    pub fn new(scheme: String, secrets: Vec<String>) -> Self {
        let mut case = Self::default();
        case.scheme = scheme;
        case.secrets = secrets;
        case.method = POST.to_owned();
        case
    }

    /// Seconds that a signed timestamp may lie from the clock; negative: no limit. Not called: the scheme's own figure.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates, which is what is wanted here"
    )]
    pub fn tolerance(&mut self, seconds: f64) {
        self.tolerance = match seconds < 0.0 {
            true => Tolerance::Off,
            false => Tolerance::Seconds(seconds as u32),
        };
    }

    /// Names and values of the scheme's settings, in turn.
    pub fn options(&mut self, pairs: Vec<String>) {
        self.options = pairs;
    }

    /// Method and full address, for the schemes that sign them.
    pub fn target(&mut self, method: String, url: String) {
        self.method = method;
        self.url = url;
    }

    /// Adds a header, its value in bytes.
    pub fn header(&mut self, name: String, value: Vec<u8>) {
        self.headers.push((name, value));
    }

    /// Names and secrets of other endpoints, in turn.
    pub fn others(&mut self, pairs: Vec<String>) {
        self.others = pairs;
    }

    /// Verifies the request and says why it does not fit. `now` in unix seconds.
    #[wasm_bindgen(unchecked_return_type = "Explanation")]
    #[allow(
        clippy::cast_possible_truncation,
        reason = "`as` saturates, which is what is wanted here"
    )]
    pub fn explain(&self, body: &[u8], now: f64) -> JsValue {
        // Plain strings, numbers and booleans: nothing here can fail to convert.
        self.answer(body, now as i64)
            .serialize(&serde_wasm_bindgen::Serializer::json_compatible())
            .unwrap_or(JsValue::NULL)
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        self.secrets.zeroize();
        self.others.zeroize();
    }
}

/// The names of all schemes.
#[wasm_bindgen]
pub fn schemes() -> Vec<String> {
    Scheme::all().map(|scheme| scheme.name.to_owned()).collect()
}

/// The headers that the sender would put on this body at this moment, in unix milliseconds: names and values in turn.
///
/// # Errors
/// The code and the sentence of the mistake.
#[wasm_bindgen]
#[allow(
    clippy::cast_possible_truncation,
    reason = "`as` saturates, which is what is wanted here"
)]
pub fn sign(
    case: &Case,
    id: Option<String>,
    body: &[u8],
    now_ms: f64,
) -> Result<Vec<String>, String> {
    let signer = KeyedScheme::signer(&case.config())
        .map_err(|error| format!("{}: {error}", error.code()))?;
    let message = Message {
        id: id.as_deref(),
        method: &case.method,
        url: &case.url,
        ..Message::new(SignedAt::UnixMs(now_ms as i64), body)
    };
    let headers = signer
        .sign(&message)
        .map_err(|error| format!("{}: {error}", error.code()))?;
    Ok(headers
        .into_iter()
        .flat_map(|header| [header.name, header.value])
        .collect())
}

impl Case {
    fn config(&self) -> Config<'_> {
        Config {
            scheme: &self.scheme,
            secrets: self.secrets.iter().map(String::as_str).collect(),
            tolerance: self.tolerance,
            options: pairs(&self.options).collect(),
        }
    }

    fn answer(&self, body: &[u8], now_s: i64) -> Answer {
        let mut request = Request::new(self.headers.as_slice(), body);
        request.method = &self.method;
        request.url = &self.url;
        let others: Vec<_> = pairs(&self.others).collect();
        Answer::from(explain::explain(&Question {
            request,
            config: self.config(),
            now_s,
            other_endpoints: &others,
        }))
    }
}

/// What has no partner at the end is left out.
fn pairs(flat: &[String]) -> impl Iterator<Item = (&str, &str)> {
    flat.chunks_exact(2).filter_map(|pair| match pair {
        [name, value] => Some((name.as_str(), value.as_str())),
        _ => None,
    })
}

impl From<Explanation> for Answer {
    fn from(explanation: Explanation) -> Self {
        let findings = explanation.findings.into_iter();
        Self {
            verdict: explanation
                .verdict
                .map_or_else(Verdict::refused, Verdict::valid),
            findings: findings
                .map(|finding| Finding {
                    code: finding.cause.code(),
                    confidence: match finding.confidence {
                        Confidence::Certain => "certain",
                        Confidence::Likely => "likely",
                    },
                    message: finding.sentence,
                    fix: finding.fix,
                })
                .collect(),
            trials: explanation.trials,
            complete: explanation.complete,
        }
    }
}

impl Verdict {
    #[allow(
        clippy::cast_precision_loss,
        reason = "to the millisecond for every moment before the year 287,000"
    )]
    fn valid(valid: Valid) -> Self {
        let names = [
            (Covers::BODY, "body"),
            (Covers::URL, "url"),
            (Covers::ID, "id"),
            (Covers::TIMESTAMP, "timestamp"),
            (Covers::METHOD, "method"),
            (Covers::HEADERS, "headers"),
        ];
        let covered = names
            .iter()
            .filter(|(part, _)| valid.covers.contains(*part));
        Self::Valid {
            ok: true,
            secret_index: valid.secret_index,
            timestamp: valid.timestamp_ms.map(|ms| ms as f64 / 1_000.0),
            covers: covered.map(|(_, name)| *name).collect(),
        }
    }

    fn refused(rejection: Rejection) -> Self {
        Self::Refused {
            ok: false,
            code: rejection.code(),
            message: match rejection {
                Rejection::Request(refusal) => refusal.to_string(),
                Rejection::Config(error) => error.to_string(),
            },
        }
    }
}

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
export interface Explanation {
  verdict:
    | { ok: true; secretIndex: number; timestamp: number | null; covers: string[] }
    | { ok: false; code: string; message: string };
  findings: { code: string; confidence: "certain" | "likely"; message: string; fix: string }[];
  trials: number;
  complete: boolean;
}
"#;

#[cfg(test)]
mod tests {
    use super::*;

    /// HMAC-SHA256 of the text, as GitHub's documents print it.
    const SIGNATURE: &str =
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    const SECRET: &str = "It's a Secret to Everybody";

    fn case(secret: &str) -> Case {
        let mut case = Case::new("github".to_owned(), vec![secret.to_owned()]);
        case.header(
            "X-Hub-Signature-256".to_owned(),
            SIGNATURE.as_bytes().to_vec(),
        );
        case
    }

    #[test]
    fn a_request_that_fits_needs_no_explanation() {
        let answer = serde_json::to_value(case(SECRET).answer(b"Hello, World!", 0)).unwrap();
        let verdict = serde_json::json!({"ok": true, "secretIndex": 0, "timestamp": null, "covers": ["body"]});
        assert_eq!(answer["verdict"], verdict);
        assert_eq!(answer["findings"], serde_json::json!([]));
        assert_eq!(answer["trials"], 1);
    }

    #[test]
    fn one_that_does_not_is_explained() {
        let answer =
            serde_json::to_value(case(&format!("{SECRET}\n")).answer(b"Hello, World!", 0)).unwrap();
        assert_eq!(answer["verdict"]["code"], "bad_signature");
        assert_eq!(answer["findings"][0]["code"], "secret_white_space");
        assert_eq!(answer["findings"][0]["confidence"], "certain");
        assert_eq!(answer["complete"], true);
    }

    #[test]
    fn a_sample_is_signed_as_the_sender_would_and_mistakes_are_told() {
        assert!(schemes().contains(&"github".to_owned()));
        let headers = sign(&case(SECRET), None, b"Hello, World!", 0.0).unwrap();
        assert_eq!(headers, ["X-Hub-Signature-256", SIGNATURE]);
        let standard = Case::new(
            "standard-webhooks".to_owned(),
            vec!["whsec_c2VjcmV0".to_owned()],
        );
        let mistake = sign(&standard, None, b"", 0.0).unwrap_err();
        assert!(mistake.starts_with("id_missing: "), "{mistake}");
        let mistake = sign(&case(""), None, b"", 0.0).unwrap_err();
        assert!(mistake.starts_with("secret_invalid: "), "{mistake}");
    }

    #[test]
    fn the_settings_reach_the_core() {
        let mut case = case("");
        assert_eq!(code(&case), "secret_invalid");
        case.secrets = vec![SECRET.to_owned()];
        case.options(vec!["odd".to_owned()]);
        assert_eq!(code(&case), "valid");
        case.options(vec!["mode".to_owned(), "none".to_owned()]);
        assert_eq!(code(&case), "unknown_option");
        for (seconds, tolerance) in [
            (-1.0, Tolerance::Off),
            (300.9, Tolerance::Seconds(300)),
            (1e18, Tolerance::Seconds(u32::MAX)),
        ] {
            case.tolerance(seconds);
            assert_eq!(case.tolerance, tolerance);
        }
    }

    fn code(case: &Case) -> String {
        match case.answer(b"Hello, World!", 0).verdict {
            Verdict::Valid { .. } => "valid".to_owned(),
            Verdict::Refused { code, .. } => code.to_owned(),
        }
    }
}
