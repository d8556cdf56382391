//! The faces of the core that are reached from Rust.

use crate::vectors::{Face, Sign, Vector};
use anyhow::Context;
use countersign_core::{Config, Headers, KeyedScheme, Message, Request, SignedAt, Tolerance};
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
        let keyed = match keyed(scheme, vector, &secrets)? {
            Ok(keyed) => keyed,
            Err(code) => return Ok(code),
        };
        let request = Request {
            headers: &vector.request.headers,
            body,
        };
        Ok(match keyed.verify(&request, vector.now) {
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
        let keyed = keyed(scheme, vector, &[&sign.secret])?.map_err(anyhow::Error::msg)?;
        let message = Message {
            id: sign.id.as_deref(),
            at: match &sign.timestamp {
                Some(text) => SignedAt::Text(text),
                None => SignedAt::UnixMs(vector.now * 1_000),
            },
            body,
        };
        let headers = keyed.sign(&message)?.into_iter();
        Ok(headers.map(|header| (header.name, header.value)).collect())
    }
}

/// The inner error is the code of a configuration error.
fn keyed(
    scheme: &str,
    vector: &Vector,
    secrets: &[&str],
) -> anyhow::Result<Result<KeyedScheme, String>> {
    let options = options(vector)?;
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
    Ok(KeyedScheme::new(&config).map_err(|error| error.code().to_owned()))
}

/// The options as the schemes of today take them: texts.
pub(crate) fn options(vector: &Vector) -> anyhow::Result<Vec<(&str, &str)>> {
    let text = |(name, value)| {
        let value: Option<&str> = serde_json::Value::as_str(value);
        let value = value.with_context(|| format!("the option {name} is not a text"))?;
        Ok((String::as_str(name), value))
    };
    vector.options.iter().map(text).collect()
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
    fn handle(
        &self,
        scheme: &str,
        vector: &Vector,
        secrets: &[&str],
    ) -> anyhow::Result<Result<Handle, String>> {
        let options = options(vector)?;
        match self
            .kernel
            .verifier(scheme, vector.tolerance, secrets, &options)
        {
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
        let secrets: Vec<_> = vector.secrets.iter().map(String::as_str).collect();
        let mut handle = match self.handle(scheme, vector, &secrets)? {
            Ok(handle) => handle,
            Err(code) => return Ok(code),
        };
        let header = |name: &str| {
            let value = vector.request.headers.header(name);
            value.map(<[u8]>::to_vec)
        };
        let verdict = handle.verify(header, body, vector.now)?;
        Ok(verdict.code.name().to_owned())
    }

    fn sign(
        &self,
        scheme: &str,
        vector: &Vector,
        sign: &Sign,
        body: &[u8],
    ) -> anyhow::Result<Vec<(String, String)>> {
        let handle = self.handle(scheme, vector, &[&sign.secret])?;
        let mut handle = handle.map_err(anyhow::Error::msg)?;
        let at = match &sign.timestamp {
            Some(text) => SignedAt::Text(text),
            None => SignedAt::UnixMs(vector.now * 1_000),
        };
        Ok(handle.sign(sign.id.as_deref(), at, body)?)
    }
}
