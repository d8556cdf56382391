//! A kernel module, called through its ABI and nothing else: what a caller of our own would write.

use anyhow::{Context, ensure};
use countersign_core::Headers;
use countersign_kernel::{ABI_VERSION, Code, frame};
use std::path::Path;
use wasmtime::{Engine, Instance, Memory, Module, Store, TypedFunc, WasmParams, WasmResults};

/// A verifier of the module.
pub type Handle = u32;

/// What a verifier is built from, beside its scheme.
#[derive(Debug, Default)]
pub struct Settings<'a> {
    pub secrets: Vec<&'a str>,
    pub tolerance: Option<Option<u32>>,
    pub options: Vec<(&'a str, &'a str)>,
}

/// One instance of it.
pub struct KernelModule {
    store: Store<()>,
    instance: Instance,
    memory: Memory,
    input: TypedFunc<u32, u32>,
    verify: TypedFunc<(u32, u32, f64), u32>,
}

impl KernelModule {
    /// Compiles the file.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let wasm = std::fs::read(path)
            .with_context(|| format!("{} is missing; run `cargo xtask build`", path.display()))?;
        let engine = Engine::default();
        let module = Module::new(&engine, wasm).map_err(fault)?;
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).map_err(fault)?;
        let memory = instance.get_memory(&mut store, "memory");
        let mut kernel = Self {
            memory: memory.context("no memory")?,
            input: instance
                .get_typed_func(&mut store, "input")
                .map_err(fault)?,
            verify: instance
                .get_typed_func(&mut store, "verify")
                .map_err(fault)?,
            store,
            instance,
        };
        let version: u32 = kernel.call("abi_version", ())?;
        ensure!(version == ABI_VERSION, "another version of the ABI");
        Ok(kernel)
    }

    /// Whether there is an export of this name.
    pub fn has(&mut self, export: &str) -> bool {
        self.instance.get_export(&mut self.store, export).is_some()
    }

    /// The inner error is the code of a configuration error.
    pub fn verifier(
        &mut self,
        scheme: &str,
        settings: &Settings<'_>,
    ) -> anyhow::Result<Result<Handle, Code>> {
        let tolerance = settings.tolerance.map(|tolerance| match tolerance {
            Some(seconds) => seconds.to_string(),
            None => String::new(),
        });
        let secrets: Vec<_> = settings.secrets.iter().map(Some).collect();
        let options = settings.options.iter();
        let options: Vec<_> = options.flat_map(|(k, v)| [Some(k), Some(v)]).collect();
        let len = self.put(&frame::write(&[
            Some(scheme.as_bytes()),
            tolerance.as_deref().map(str::as_bytes),
            Some(&frame::write(&secrets)),
            Some(&frame::write(&options)),
        ]))?;
        Ok(match self.call("verifier_new", len)? {
            0 => Err(self.record_code()?),
            handle => Ok(handle),
        })
    }

    /// Drops a verifier.
    pub fn free(&mut self, handle: Handle) -> anyhow::Result<()> {
        self.call("verifier_free", handle)
    }

    /// The frame of a request, as this verifier reads it.
    pub fn request(
        &mut self,
        handle: Handle,
        request: &countersign_core::Request<'_, [(String, String)]>,
    ) -> anyhow::Result<Vec<u8>> {
        let _count: u32 = self.call("verifier_headers", handle)?;
        let output = self.output()?;
        let names = frame::read(&output).context("no frame")?;
        let mut parts: Vec<Option<Vec<u8>>> = Vec::new();
        for name in names.into_iter().flatten() {
            parts.push(match std::str::from_utf8(name)? {
                ":method" => Some(request.method.as_bytes().to_vec()),
                ":url" => Some(request.url.as_bytes().to_vec()),
                ":headers" => {
                    let pairs = request.headers.iter();
                    let pairs = pairs.flat_map(|(name, value)| [Some(name), Some(value)]);
                    Some(frame::write(&pairs.collect::<Vec<_>>()))
                }
                name => request.headers.header(name).map(<[u8]>::to_vec),
            });
        }
        parts.push(Some(request.body.to_vec()));
        Ok(frame::write(&parts))
    }

    /// The verdict on the request in this frame.
    pub fn verify(&mut self, handle: Handle, request: &[u8], now_s: i64) -> anyhow::Result<Code> {
        let len = self.put(request)?;
        self.verify_again(handle, len, now_s)
    }

    /// The verdict on the request that is there already.
    pub fn verify_again(&mut self, handle: Handle, len: u32, now_s: i64) -> anyhow::Result<Code> {
        let number = self
            .verify
            .call(&mut self.store, (handle, len, now_s as f64))
            .map_err(fault)?;
        Code::from_number(number).context("an unknown code")
    }

    /// Name and sentence of a code.
    pub fn code_text(&mut self, code: Code) -> anyhow::Result<(String, Option<String>)> {
        let _count: u32 = self.call("code_text", code as u32)?;
        let output = self.output()?;
        let parts: Vec<_> = frame::read(&output).context("no frame")?.iter().collect();
        let text =
            |part: Option<&[u8]>| part.map(|part| String::from_utf8_lossy(part).into_owned());
        match parts.as_slice() {
            [name, sentence] => Ok((text(*name).context("no name")?, text(*sentence))),
            _ => anyhow::bail!("not two parts"),
        }
    }

    /// Writes a frame to the input and returns its length.
    pub fn put(&mut self, frame: &[u8]) -> anyhow::Result<u32> {
        let len = u32::try_from(frame.len())?;
        let at = self.input.call(&mut self.store, len).map_err(fault)?;
        self.memory.write(&mut self.store, at as usize, frame)?;
        Ok(len)
    }

    fn output(&mut self) -> anyhow::Result<Vec<u8>> {
        let at: u32 = self.call("output", ())?;
        let len: u32 = self.call("output_len", ())?;
        let mut output = vec![0; len as usize];
        self.memory.read(&self.store, at as usize, &mut output)?;
        Ok(output)
    }

    fn record_code(&mut self) -> anyhow::Result<Code> {
        let at: u32 = self.call("result", ())?;
        let mut word = [0; 4];
        self.memory.read(&self.store, at as usize, &mut word)?;
        Code::from_number(u32::from_le_bytes(word)).context("an unknown code")
    }

    fn call<P: WasmParams, R: WasmResults>(
        &mut self,
        name: &str,
        parameters: P,
    ) -> anyhow::Result<R> {
        let function = self
            .instance
            .get_typed_func::<P, R>(&mut self.store, name)
            .map_err(fault)?;
        function.call(&mut self.store, parameters).map_err(fault)
    }
}

/// wasmtime has an error type of its own.
fn fault(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:#}")
}
