//! The faces of the core that are reached from Rust.

use crate::vectors::{Face, Sign, Vector};
use countersign_core::{Config, ConfigError, KeyedScheme, Message, SignedAt, Tolerance};
use countersign_host::rules::{Engine, Handle, KERNEL_WASM, Kernel, KernelError};

/// `countersign-core`, called directly.
#[derive(Debug)]
pub struct Native;

impl Face for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn verify(&self, scheme: &str, vector: &Vector, body: &[u8]) -> anyhow::Result<String> {
        let secrets: Vec<_> = vector.secrets.iter().map(String::as_str).collect();
        let keyed = match keyed(KeyedScheme::new, scheme, vector, &secrets)? {
            Ok(keyed) => keyed,
            Err(code) => return Ok(code),
        };
        Ok(match keyed.verify(&vector.request(body), vector.now) {
            Ok(_) => "valid".to_owned(),
            Err(refusal) => refusal.code().to_owned(),
        })
    }

    fn sign(
        &self,
        scheme: &str,
        vector: &Vector,
        sign: &Sign,
        body: &[u8],
    ) -> anyhow::Result<Vec<(String, String)>> {
        let keyed = keyed(KeyedScheme::signer, scheme, vector, &[&sign.secret])?;
        let keyed = keyed.map_err(anyhow::Error::msg)?;
        let signed_headers = vector.signed_headers(sign)?;
        let headers = keyed.sign(&message(vector, sign, &signed_headers, body))?;
        let headers = headers.into_iter();
        Ok(headers.map(|header| (header.name, header.value)).collect())
    }
}

fn message<'a>(
    vector: &'a Vector,
    sign: &'a Sign,
    signed_headers: &'a [(&'a str, &'a str)],
    body: &'a [u8],
) -> Message<'a> {
    let at = match &sign.timestamp {
        Some(text) => SignedAt::Text(text),
        None => SignedAt::UnixMs(vector.now * 1_000),
    };
    Message {
        id: sign.id(),
        method: &vector.request.method,
        url: vector.request.url.as_deref().unwrap_or_default(),
        headers: signed_headers,
        ..Message::new(at, body)
    }
}

/// The inner error is the code of a configuration error.
fn keyed(
    new: fn(&Config<'_>) -> Result<KeyedScheme, ConfigError>,
    scheme: &str,
    vector: &Vector,
    secrets: &[&str],
) -> anyhow::Result<Result<KeyedScheme, String>> {
    let options = vector.options()?;
    let config = Config {
        scheme,
        secrets: secrets.to_vec(),
        tolerance: match vector.tolerance {
            None => Tolerance::SchemeDefault,
            Some(None) => Tolerance::Off,
            Some(Some(seconds)) => Tolerance::Seconds(seconds),
        },
        options,
    };
    Ok(new(&config).map_err(|error| error.code().to_owned()))
}

/// The kernel module in wasmtime, through the code that the host sends with.
pub struct Wasmtime {
    kernel: Kernel,
}

impl Wasmtime {
    /// Compiles the module that is embedded in the host.
    pub fn new() -> anyhow::Result<Self> {
        let kernel = Kernel::new(&Engine::new()?, KERNEL_WASM)?;
        Ok(Self { kernel })
    }

    /// The inner error is the code of a configuration error.
    fn verifier(&self, scheme: &str, vector: &Vector) -> anyhow::Result<Result<Handle, String>> {
        let secrets: Vec<_> = vector.secrets.iter().map(String::as_str).collect();
        let options = vector.options()?;
        let handle = self
            .kernel
            .verifier(scheme, vector.tolerance, &secrets, &options);
        match handle {
            Ok(handle) => Ok(Ok(handle)),
            Err(KernelError::Refused(code)) => Ok(Err(code.name().to_owned())),
            Err(error) => Err(error.into()),
        }
    }
}

impl Face for Wasmtime {
    fn name(&self) -> &'static str {
        "wasmtime"
    }

    fn verify(&self, scheme: &str, vector: &Vector, body: &[u8]) -> anyhow::Result<String> {
        let mut handle = match self.verifier(scheme, vector)? {
            Ok(handle) => handle,
            Err(code) => return Ok(code),
        };
        let verdict = handle.verify(&vector.request(body), vector.now)?;
        Ok(verdict.code.name().to_owned())
    }

    fn sign(
        &self,
        scheme: &str,
        vector: &Vector,
        sign: &Sign,
        body: &[u8],
    ) -> anyhow::Result<Vec<(String, String)>> {
        let options = vector.options()?;
        let mut handle = self.kernel.signer(scheme, &[&sign.secret], &options)?;
        let signed_headers = vector.signed_headers(sign)?;
        Ok(handle.sign(&message(vector, sign, &signed_headers, body))?)
    }
}
