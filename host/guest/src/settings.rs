//! What an owner sets for one endpoint, and how it is read.

mod signature;

pub(crate) use self::signature::outgoing;

use crate::{
    message::{Rejection, SignaturePlan},
    source::Source,
};
use countersign_core::{
    delivery::{PolicySettings, TIMEOUT_MS_MIN},
    retry::{Backoff, RetrySchedule},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Most headers of an owner's own.
pub const HEADERS_MAX: usize = 20;
/// Most bytes of all their names and values together: half of what common servers take for all headers of a request.
pub const HEADER_BYTES_MAX: usize = 4096;
/// Longest time limit of an attempt that an endpoint can have, in milliseconds.
pub const ENDPOINT_TIMEOUT_MS_MAX: u64 = 60_000;
/// Most requests under way at a time to one endpoint.
pub const CONCURRENCY_MAX: u32 = 64;
/// Highest rate, in requests a second, and longest burst.
pub const RATE_MAX: u32 = 10_000;
/// Longest JSON pointer of an ordering key, in bytes.
pub const POINTER_BYTES_MAX: usize = 200;

/// Names that HTTP or the connection sets, or that would change what is sent.
const HTTP_HEADERS: [&str; 15] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "date",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];
/// Names that Countersign sets; of every provider, since an owner who copies settings must not meet surprises.
const OWN_HEADERS: [&str; 5] = [
    "x-request-id",
    "x-sendemall-signature",
    "x-smartlead-signature",
    "x-webhook-signature",
    "x-webhook-test",
];
/// What the names of Standard Webhooks begin with.
const OWN_PREFIX: &str = "webhook-";

/// What an owner sets for one endpoint. The host keeps it as JSON and hands it back; left out means as the provider or the
/// configuration of the host has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointSettings {
    /// Headers of the owner's own, sent with every attempt: [`HEADERS_MAX`], [`HEADER_BYTES_MAX`].
    pub headers: BTreeMap<String, String>,
    /// What is judged differently from the provider's policy. Its time limit is at most [`ENDPOINT_TIMEOUT_MS_MAX`].
    pub policy: PolicySettings,
    /// Requests that may begin.
    pub rate_limit: Option<RateLimit>,
    /// Requests under way at a time, from 1 to [`CONCURRENCY_MAX`].
    pub concurrency: Option<u32>,
    /// Which events wait for each other.
    pub ordering: Ordering,
    /// Whether `webhook-id`, `webhook-timestamp` and `webhook-signature` are sent beside the provider's own headers.
    pub standard_headers: bool,
    /// Held deliveries that go out in a second after the endpoint came back, from 1 to [`RATE_MAX`]; `None`: as fast as the
    /// endpoint answers.
    pub drain_per_second: Option<u32>,
    /// How deliveries are signed in place of the provider's own signature.
    pub signature: Option<SignaturePlan>,
}

impl Default for EndpointSettings {
    fn default() -> Self {
        Self {
            headers: BTreeMap::new(),
            policy: PolicySettings::default(),
            rate_limit: None,
            concurrency: None,
            ordering: Ordering::None,
            standard_headers: true,
            drain_per_second: None,
            signature: None,
        }
    }
}

/// How many requests may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// In a second on average, from 1 to [`RATE_MAX`].
    pub per_second: u32,
    /// At once after a pause, from 1 to [`RATE_MAX`]; `None`: one.
    #[serde(default)]
    pub burst: Option<u32>,
}

/// Which events of an endpoint wait for each other: of those with the same key, the next one goes out when the one before
/// has ended. Others do not wait.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ordering {
    /// None.
    #[default]
    None,
    /// Those of one lead, across campaigns.
    Lead,
    /// Those of one campaign.
    Campaign,
    /// Those of one lead within one campaign.
    LeadInCampaign,
    /// Those with the same value at this place of the body (RFC 6901). Events without a value there do not wait.
    Pointer(String),
}

/// A retry schedule as an owner writes it.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Schedule {
    DelaysMs(Vec<u64>),
    Exponential(Exponential),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exponential {
    base_ms: u64,
    factor: u32,
    cap_ms: u64,
    retries: u32,
}

impl EndpointSettings {
    /// These settings with those of a JSON object in it in their place; `null` sets one back to its default. So does the
    /// JSON text of a signature.
    ///
    /// # Errors
    /// [`Rejection`] with the code `settings_invalid` and the name of the setting, or with what is wrong with the signature.
    pub(crate) fn with(
        &self,
        source: Source,
        text: Option<&str>,
        signature: Option<&str>,
    ) -> Result<Self, Rejection> {
        let mut settings = self.clone();
        if let Some(text) = text {
            let given: Map<String, Value> = serde_json::from_str(text)
                .map_err(|_| refused("", "`settings` must be an object".to_owned()))?;
            for (name, value) in given {
                settings.set(&name, value)?;
            }
        }
        if let Some(text) = signature {
            settings.signature = signature::read(text)?;
        }
        settings.check(source)?;
        Ok(settings)
    }

    /// As [`from_json`](Self::from_json) reads them: [`to_json`](Self::to_json), and the signature.
    pub fn to_kept_json(&self) -> Value {
        let mut all = self.to_json();
        if let Some(signature) = &self.signature {
            all["signature"] = signature.to_json();
        }
        all
    }

    /// As an owner writes them. What is as the provider or the host has it is left out; the signature is none of them.
    pub fn to_json(&self) -> Value {
        let policy = &self.policy;
        let delays = |schedule: &RetrySchedule| json!({ "delays_ms": schedule.delays_ms() });
        let headers = (!self.headers.is_empty()).then_some(&self.headers);
        let ordering = (self.ordering != Ordering::None).then_some(&self.ordering);
        let mut all = json!({
            "headers": headers,
            "schedule": policy.schedule.as_ref().map(delays),
            "jitter": policy.jitter,
            "timeout_ms": policy.timeout_ms,
            "success": policy.success,
            "client_errors": policy.client_errors,
            "auto_pause": policy.auto_pause,
            "probing": policy.probing,
            "rate_limit": self.rate_limit,
            "concurrency": self.concurrency,
            "ordering": ordering,
            "standard_headers": (!self.standard_headers).then_some(false),
            "drain_per_second": self.drain_per_second,
        });
        if let Some(all) = all.as_object_mut() {
            all.retain(|_, value| !value.is_null());
        }
        all
    }

    /// Reads what [`to_kept_json`](Self::to_kept_json) wrote. It was checked when it was set.
    pub fn from_json(text: &str) -> Option<Self> {
        let mut kept: Map<String, Value> = serde_json::from_str(text).ok()?;
        let mut settings = Self::default();
        if let Some(signature) = kept.remove("signature") {
            settings.signature = signature::read(&signature.to_string()).ok()?;
        }
        for (name, value) in kept {
            settings.set(&name, value).ok()?;
        }
        Some(settings)
    }

    fn set(&mut self, name: &str, value: Value) -> Result<(), Rejection> {
        match name {
            "headers" => {
                let kind = "an object of header names and their values, both strings";
                self.headers = read(name, value, kind)?.unwrap_or_default();
            }
            "schedule" => self.policy.schedule = schedule(value)?,
            "jitter" => {
                let kind = r#"an object {"shorten_percent": 0, "lengthen_percent": 20}, each from 0 to 100"#;
                self.policy.jitter = exact(name, value, kind)?;
            }
            "timeout_ms" => self.policy.timeout_ms = read(name, value, "a number of milliseconds")?,
            "success" => self.policy.success = read(name, value, "any2xx or only200")?,
            "client_errors" => {
                self.policy.client_errors = read(name, value, "retried or final")?;
            }
            "auto_pause" => {
                let kind = r#"never, {"consecutive_deliveries": 10}, {"consecutive_attempts": 5}, {"failing_for": {"limit_ms": 86400000}} or no_success_since_delivery_began"#;
                self.policy.auto_pause = exact(name, value, kind)?;
            }
            "probing" => {
                let kind = r#"{"cool_down": {"base_ms": 300000, "factor": 2, "cap_ms": 86400000}}"#;
                self.policy.probing = exact(name, value, kind)?;
            }
            "rate_limit" => {
                self.rate_limit = read(name, value, r#"{"per_second": 10, "burst": 20}"#)?;
            }
            "concurrency" => self.concurrency = read(name, value, "a number")?,
            "ordering" => {
                let kind =
                    r#"none, lead, campaign, lead_in_campaign or {"pointer": "/data/lead_id"}"#;
                self.ordering = exact(name, value, kind)?.unwrap_or_default();
            }
            "standard_headers" => {
                self.standard_headers = read(name, value, "true or false")?.unwrap_or(true);
            }
            "drain_per_second" => self.drain_per_second = read(name, value, "a number")?,
            _ => {
                let name: String = name.chars().take(100).collect();
                return Err(refused(
                    &name,
                    format!(
                        "there is no setting `{name}`; known are: headers, schedule, jitter, timeout_ms, success, client_errors, \
                         auto_pause, probing, rate_limit, concurrency, ordering, standard_headers, drain_per_second"
                    ),
                ));
            }
        }
        Ok(())
    }

    fn check(&self, source: Source) -> Result<(), Rejection> {
        check_headers(&self.headers)?;
        if let Some(signature) = &self.signature {
            self.check_signature(signature)?;
        }
        if let Some(timeout_ms) = self.policy.timeout_ms {
            let range = TIMEOUT_MS_MIN..=ENDPOINT_TIMEOUT_MS_MAX;
            within("timeout_ms", timeout_ms, range)?;
        }
        let policy = self.policy.over(source.policy());
        policy.map_err(|error| refused(policy_field(&error), error.to_string()))?;
        if let Some(rate) = self.rate_limit {
            within(
                "rate_limit.per_second",
                rate.per_second.into(),
                1..=RATE_MAX.into(),
            )?;
            within(
                "rate_limit.burst",
                rate.burst.unwrap_or(1).into(),
                1..=RATE_MAX.into(),
            )?;
        }
        within(
            "concurrency",
            self.concurrency.unwrap_or(1).into(),
            1..=CONCURRENCY_MAX.into(),
        )?;
        let drain = self.drain_per_second.unwrap_or(1);
        within("drain_per_second", drain.into(), 1..=RATE_MAX.into())?;
        match source {
            Source::Provider(_) => {}
            Source::Standard | Source::Operational => self.check_own()?,
        }
        match &self.ordering {
            Ordering::Pointer(pointer)
                if !pointer.starts_with('/') || pointer.len() > POINTER_BYTES_MAX =>
            {
                let message = format!(
                    "`ordering.pointer` is a JSON pointer such as /data/lead_id, of at most {POINTER_BYTES_MAX} bytes"
                );
                Err(refused("ordering", message))
            }
            _ => Ok(()),
        }
    }
}

impl EndpointSettings {
    /// What makes no sense for events that are no provider's.
    fn check_own(&self) -> Result<(), Rejection> {
        if !self.standard_headers && self.signature.is_none() {
            let message = "events of this source are signed with these headers; give another `signature` first, or leave \
                           `standard_headers` out";
            return Err(refused("standard_headers", message.to_owned()));
        }
        match self.ordering {
            Ordering::None | Ordering::Pointer(_) => Ok(()),
            Ordering::Lead | Ordering::Campaign | Ordering::LeadInCampaign => {
                let message = r#"events of this source have no leads or campaigns of their own; give {"pointer": "/data/id"} or another place in the body, or leave `ordering` out"#;
                Err(refused("ordering", message.to_owned()))
            }
        }
    }
}

const fn policy_field(error: &countersign_core::delivery::PolicyError) -> &'static str {
    use countersign_core::delivery::PolicyError;
    match error {
        PolicyError::PauseAfterNothing => "auto_pause",
        PolicyError::CoolDownOutOfRange => "probing",
        _ => "timeout_ms",
    }
}

fn schedule(value: Value) -> Result<Option<RetrySchedule>, Rejection> {
    const KIND: &str = r#"a list of waits ("5s, 5min, 2h"), {"delays_ms": [5000]} or {"exponential": {"base_ms": 5000, "factor": 2, "cap_ms": 3600000, "retries": 8}}"#;
    let checked = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text.parse(),
        value => match read("schedule", value, KIND)? {
            None => return Ok(None),
            Some(Schedule::DelaysMs(delays_ms)) => RetrySchedule::custom(delays_ms),
            Some(Schedule::Exponential(given)) => {
                let backoff = Backoff {
                    base_ms: given.base_ms,
                    factor: given.factor,
                    cap_ms: given.cap_ms,
                };
                RetrySchedule::exponential(backoff, given.retries)
            }
        },
    };
    checked
        .map(Some)
        .map_err(|error| refused("schedule", error.to_string()))
}

fn check_headers(headers: &BTreeMap<String, String>) -> Result<(), Rejection> {
    let refused = |message| Err(refused("headers", message));
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| name.len().saturating_add(value.len()))
        .fold(0, usize::saturating_add);
    if headers.len() > HEADERS_MAX || bytes > HEADER_BYTES_MAX {
        return refused(format!(
            "give at most {HEADERS_MAX} headers with {HEADER_BYTES_MAX} bytes together"
        ));
    }
    let mut seen: Vec<String> = Vec::new();
    for (name, value) in headers {
        let lower = name.to_ascii_lowercase();
        // RFC 9110, sections 5.6.2 and 5.5.
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(token) {
            return refused(format!("`{}` is no name of a header", name.escape_debug()));
        }
        let visible = |byte: u8| (b' '..=b'~').contains(&byte) || byte == b'\t';
        if !value.bytes().all(visible) || value.trim() != value {
            return refused(format!(
                "the value of `{name}` must be visible ASCII, without blanks around it"
            ));
        }
        if HTTP_HEADERS.contains(&&*lower)
            || OWN_HEADERS.contains(&&*lower)
            || lower.starts_with(OWN_PREFIX)
        {
            return refused(format!(
                "`{name}` is set by Countersign or by HTTP itself; leave it out"
            ));
        }
        if seen.contains(&lower) {
            return refused(format!("`{name}` occurs twice; keep one"));
        }
        seen.push(lower);
    }
    Ok(())
}

fn within(name: &str, value: u64, range: std::ops::RangeInclusive<u64>) -> Result<(), Rejection> {
    match range.contains(&value) {
        true => Ok(()),
        false => {
            let (least, most) = (range.start(), range.end());
            let message = format!("`{name}` must be from {least} to {most}, not {value}");
            Err(refused(name, message))
        }
    }
}

fn read<T: DeserializeOwned>(name: &str, value: Value, kind: &str) -> Result<Option<T>, Rejection> {
    serde_json::from_value(value)
        .map_err(|error| refused(name, format!("`{name}` must be {kind}: {error}")))
}

/// Like [`read`], and refuses fields that are not known.
fn exact<T: DeserializeOwned + Serialize>(
    name: &str,
    value: Value,
    kind: &str,
) -> Result<Option<T>, Rejection> {
    let parsed: Option<T> = read(name, value.clone(), kind)?;
    match serde_json::to_value(&parsed) {
        Ok(same) if same == value => Ok(parsed),
        _ => Err(refused(
            name,
            format!("`{name}` must be {kind}, and nothing else in it"),
        )),
    }
}

fn refused(name: &str, message: String) -> Rejection {
    Rejection {
        field: match name {
            "" => "settings".to_owned(),
            name => format!("settings.{name}"),
        },
        code: "settings_invalid".to_owned(),
        message,
    }
}

#[cfg(test)]
mod tests;
