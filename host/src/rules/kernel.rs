//! Calls of the kernel through its ABI (`wasm/kernel/ABI.md`).

mod verifying;

pub use self::verifying::Keyed;

use super::{
    RulesError,
    engine::{Engine, Limits, Sandbox},
    pool::{MEMORY_BYTES_KEPT, Pool},
    signers::Signers,
};
use countersign_core::{Message, Request, SignedAt};
use countersign_kernel::{ABI_VERSION, Code, INPUT_BYTES_MAX, RECORD_BYTES, frame};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use wasmtime::TypedFunc;

/// Room for the longest frame that the kernel takes, and some.
const LIMITS: Limits = Limits {
    memory_bytes_max: 96 * 1024 * 1024,
    // A body of a mebibyte takes about 3 ms, the longest frame 200 ms.
    deadline_ms: 1_000,
};

/// The module that signs and verifies.
pub struct Kernel {
    pool: Arc<Pool<Instance>>,
    /// Raised when kept signers are to be forgotten.
    age: Arc<AtomicU64>,
}

/// The times that secrets were taken out of use so far. Who signs asks for it *before* it reads the secrets: when they have
/// changed by the time of the signature, the signer is made for it alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generation(u64);

/// Why the kernel did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// It said no; the code tells why.
    #[error("{}", .0.text())]
    Refused(Code),
    /// It could not answer.
    #[error(transparent)]
    Rules(#[from] RulesError),
}

/// What the kernel says about a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// [`Code::Valid`] or why not.
    pub code: Code,
    /// Place of the secret that matched; 0 when none did.
    pub secret_index: u32,
    /// What the signature covers: 1 body, 2 url, 4 message id, 8 timestamp, 16 method, 32 further headers.
    pub covers: u32,
    /// The signed timestamp in unix seconds.
    pub timestamp_s: Option<f64>,
}

impl Kernel {
    /// Compiles the module and makes a first instance.
    ///
    /// # Errors
    /// [`RulesError::Module`]
    pub fn new(engine: &Engine, wasm: &[u8]) -> Result<Self, RulesError> {
        let template = engine.compile("kernel", wasm, LIMITS)?;
        let age = Arc::new(AtomicU64::new(0));
        let of_kernel = Arc::clone(&age);
        let pool = Pool::new(
            move || Instance::new(template.instance()?),
            move |instance| {
                let age = of_kernel.load(Ordering::Acquire);
                instance.sandbox.memory_bytes() <= MEMORY_BYTES_KEPT && instance.signers.are_of(age)
            },
        )?;
        Ok(Self { pool, age })
    }

    /// To be asked for before the secrets of a signature are read.
    pub fn generation(&self) -> Generation {
        Generation(self.age.load(Ordering::Acquire))
    }

    /// A keyed signer and verifier. `tolerance`: `None` is the scheme's own, `Some(None)` switches the window off,
    /// `Some(Some(seconds))` sets it.
    ///
    /// # Errors
    /// [`KernelError`]
    pub fn verifier(
        &self,
        scheme: &str,
        tolerance: Option<Option<u32>>,
        secrets: &[&str],
        options: &[(&str, &str)],
    ) -> Result<Handle, KernelError> {
        self.keyed(Role::Verifier, scheme, tolerance, secrets, options)
    }

    /// A keyed signer; it differs from a verifier where the secret that signs is another than the one that verifies and
    /// cannot be told from it.
    ///
    /// # Errors
    /// [`KernelError`]
    pub fn signer(
        &self,
        scheme: &str,
        secrets: &[&str],
        options: &[(&str, &str)],
    ) -> Result<Handle, KernelError> {
        self.keyed(Role::Signer, scheme, None, secrets, options)
    }

    /// Signs a message; returns the headers to send. The keyed signer is kept for the next message, so that a busy endpoint's
    /// secret is not prepared anew for each; not so when a secret was taken out of use since `read_at`, because it may be one
    /// of these.
    ///
    /// # Errors
    /// [`KernelError`]
    pub fn sign(
        &self,
        scheme: &str,
        secrets: &[&str],
        options: &[(&str, &str)],
        message: &Message<'_>,
        read_at: Generation,
    ) -> Result<Vec<(String, String)>, KernelError> {
        if self.generation() != read_at {
            return self.signer(scheme, secrets, options)?.sign(message);
        }
        let config = configuration(scheme, None, secrets, options);
        let (frame, now_s) = to_be_signed(message);
        let Generation(age) = read_at;
        let signed =
            self.pool.with(
                |instance| match instance.kept(Role::Signer, &config, age)? {
                    Ok(number) => instance.sign(number, &frame, now_s),
                    Err(code) => Ok(Err(code)),
                },
            )?;
        signed.map_err(KernelError::Refused)
    }

    /// Forgets all kept signers and verifiers: to be called when a secret has been taken out of use. An instance that is signing right now
    /// goes when it is done.
    pub fn forget_signers(&self) {
        self.age.fetch_add(1, Ordering::AcqRel);
        self.pool.drop_idle();
    }

    fn keyed(
        &self,
        role: Role,
        scheme: &str,
        tolerance: Option<Option<u32>>,
        secrets: &[&str],
        options: &[(&str, &str)],
    ) -> Result<Handle, KernelError> {
        let config = configuration(scheme, tolerance, secrets, options);
        let mut instance = self.pool.take()?;
        let built = instance.keyed_new(role, &config)?;
        let handle = |instance, number| Handle {
            pool: Arc::clone(&self.pool),
            instance: Some(instance),
            number,
        };
        match built {
            Ok(number) => Ok(handle(instance, number)),
            Err(code) => {
                // Handle 0 is none; dropping it gives the instance back.
                drop(handle(instance, 0));
                Err(KernelError::Refused(code))
            }
        }
    }
}

/// The frame that describes a keyed signer or verifier.
fn configuration(
    scheme: &str,
    tolerance: Option<Option<u32>>,
    secrets: &[&str],
    options: &[(&str, &str)],
) -> Vec<u8> {
    let tolerance =
        tolerance.map(|seconds| seconds.map_or_else(String::new, |seconds| seconds.to_string()));
    let secrets: Vec<_> = secrets.iter().map(Some).collect();
    let options: Vec<_> = options
        .iter()
        .flat_map(|(k, v)| [Some(k), Some(v)])
        .collect();
    frame::write(&[
        Some(scheme.as_bytes()),
        tolerance.as_deref().map(str::as_bytes),
        Some(&frame::write(&secrets)),
        Some(&frame::write(&options)),
    ])
}

/// A keyed signer and verifier. It has an instance of the kernel to itself; dropping it wipes the keys and gives the
/// instance back.
pub struct Handle {
    pool: Arc<Pool<Instance>>,
    /// Gone after a trap.
    instance: Option<Instance>,
    number: u32,
}

impl Handle {
    /// Judges a request. `now_s` is the receiver's clock.
    ///
    /// # Errors
    /// [`RulesError`]; a request that does not verify is a verdict, not an error.
    pub fn verify<N: AsRef<str>, V: AsRef<[u8]>>(
        &mut self,
        request: &Request<'_, [(N, V)]>,
        now_s: i64,
    ) -> Result<Verdict, RulesError> {
        self.with(|instance, number| instance.judge(number, request, now_s))
    }

    /// The names of the request parts that are read, lower case.
    ///
    /// # Errors
    /// [`RulesError`]
    pub fn header_names(&mut self) -> Result<Vec<String>, RulesError> {
        self.with(|instance, number| instance.header_names(number))
    }

    /// Signs a message; returns the headers to send.
    ///
    /// # Errors
    /// [`KernelError`]
    pub fn sign(&mut self, message: &Message<'_>) -> Result<Vec<(String, String)>, KernelError> {
        let (frame, now_s) = to_be_signed(message);
        let signed = self.with(|instance, number| instance.sign(number, &frame, now_s))?;
        signed.map_err(KernelError::Refused)
    }

    fn with<R>(
        &mut self,
        work: impl FnOnce(&mut Instance, u32) -> Result<R, RulesError>,
    ) -> Result<R, RulesError> {
        let mut instance = self.instance.take().ok_or_else(|| {
            RulesError::Trap("this verifier was lost in an earlier trap".to_owned())
        })?;
        let done = work(&mut instance, self.number)?;
        self.instance = Some(instance);
        Ok(done)
    }
}

/// The frame of a message, and the time of the attempt in unix seconds.
fn to_be_signed(message: &Message<'_>) -> (Vec<u8>, f64) {
    let (text, now_s) = match message.at {
        SignedAt::Text(text) => (Some(text.as_bytes()), 0.0),
        SignedAt::UnixMs(unix_ms) => (None, unix_ms.div_euclid(1_000) as f64),
    };
    let frame = frame::write(&[
        message.id.map(str::as_bytes),
        text,
        Some(message.body),
        Some(message.method.as_bytes()),
        Some(message.url.as_bytes()),
        Some(&all_headers(message.headers)),
    ]);
    (frame, now_s)
}

/// Names and values, alternating, as a frame.
fn all_headers<N: AsRef<str>, V: AsRef<[u8]>>(headers: &[(N, V)]) -> Vec<u8> {
    let pairs = headers.iter();
    let parts = pairs.flat_map(|(name, value)| [name.as_ref().as_bytes(), value.as_ref()]);
    frame::write(&parts.map(Some).collect::<Vec<_>>())
}

impl Drop for Handle {
    fn drop(&mut self) {
        let number = self.number;
        if let Some(mut instance) = self.instance.take()
            && instance.free(number).is_ok()
        {
            self.pool.put_back(instance);
        }
    }
}

/// What keys are for.
#[derive(Clone, Copy)]
pub(super) enum Role {
    Verifier,
    Signer,
}

struct Instance {
    sandbox: Sandbox,
    input: TypedFunc<u32, u32>,
    output: TypedFunc<(), u32>,
    output_len: TypedFunc<(), u32>,
    verifier_new: TypedFunc<u32, u32>,
    signer_new: TypedFunc<u32, u32>,
    verifier_free: TypedFunc<u32, ()>,
    verifier_headers: TypedFunc<u32, u32>,
    verify: TypedFunc<(u32, u32, f64), u32>,
    sign: TypedFunc<(u32, u32, f64), u32>,
    /// Where the result record lies.
    record: u32,
    signers: Signers,
}

impl Instance {
    fn new(mut sandbox: Sandbox) -> Result<Self, RulesError> {
        let version = sandbox.function::<(), u32>("abi_version")?;
        let version = sandbox.call(&version, ())?;
        if version != ABI_VERSION {
            return Err(RulesError::Module {
                module: "kernel",
                problem: format!("its ABI is {version}, this host speaks {ABI_VERSION}"),
            });
        }
        let result = sandbox.function::<(), u32>("result")?;
        Ok(Self {
            record: sandbox.call(&result, ())?,
            input: sandbox.function("input")?,
            output: sandbox.function("output")?,
            output_len: sandbox.function("output_len")?,
            verifier_new: sandbox.function("verifier_new")?,
            signer_new: sandbox.function("signer_new")?,
            verifier_free: sandbox.function("verifier_free")?,
            verifier_headers: sandbox.function("verifier_headers")?,
            verify: sandbox.function("verify")?,
            sign: sandbox.function("sign")?,
            signers: Signers::default(),
            sandbox,
        })
    }

    fn keyed_new(&mut self, role: Role, config: &[u8]) -> Result<Result<u32, Code>, RulesError> {
        let length = self.put(config)?;
        let new = match role {
            Role::Verifier => &self.verifier_new,
            Role::Signer => &self.signer_new,
        };
        match self.sandbox.call(new, length)? {
            0 => Ok(Err(code(self.word(0)?)?)),
            number => Ok(Ok(number)),
        }
    }

    /// The number of the signer or verifier with this configuration, kept from an earlier call or made.
    fn kept(
        &mut self,
        role: Role,
        config: &[u8],
        age: u64,
    ) -> Result<Result<u32, Code>, RulesError> {
        for number in self.signers.renew(age) {
            self.free(number)?;
        }
        let key = Signers::key(role, config);
        if let Some(number) = self.signers.find(&key) {
            return Ok(Ok(number));
        }
        let number = match self.keyed_new(role, config)? {
            Ok(number) => number,
            Err(code) => return Ok(Err(code)),
        };
        if let Some(oldest) = self.signers.keep(key, number) {
            self.free(oldest)?;
        }
        Ok(Ok(number))
    }

    fn free(&mut self, number: u32) -> Result<(), RulesError> {
        self.sandbox.call(&self.verifier_free, number)
    }

    fn header_names(&mut self, number: u32) -> Result<Vec<String>, RulesError> {
        self.sandbox.call(&self.verifier_headers, number)?;
        self.texts()
    }

    fn verify(&mut self, number: u32, request: &[u8], now_s: f64) -> Result<Verdict, RulesError> {
        let length = self.put(request)?;
        let answer = self.sandbox.call(&self.verify, (number, length, now_s))?;
        let timestamp_s = match self.word(12)? {
            0 => None,
            _ => self
                .record()?
                .get(16..)
                .and_then(<[u8]>::first_chunk)
                .map(|bytes| f64::from_le_bytes(*bytes)),
        };
        Ok(Verdict {
            code: code(answer)?,
            secret_index: self.word(4)?,
            covers: self.word(8)?,
            timestamp_s,
        })
    }

    fn sign(
        &mut self,
        number: u32,
        message: &[u8],
        now_s: f64,
    ) -> Result<Result<Vec<(String, String)>, Code>, RulesError> {
        let length = self.put(message)?;
        match code(self.sandbox.call(&self.sign, (number, length, now_s))?)? {
            Code::Valid => {
                let mut texts = self.texts()?.into_iter();
                let pair = || Some((texts.next()?, texts.next()?));
                Ok(Ok(std::iter::from_fn(pair).collect()))
            }
            refused => Ok(Err(refused)),
        }
    }

    fn put(&mut self, frame: &[u8]) -> Result<u32, RulesError> {
        let too_long = RulesError::TooLong { bytes: frame.len() };
        if frame.len() > INPUT_BYTES_MAX {
            return Err(too_long);
        }
        let length = u32::try_from(frame.len()).map_err(|_| too_long)?;
        let place = self.sandbox.call(&self.input, length)?;
        self.sandbox.write(place, frame)?;
        Ok(length)
    }

    /// The parts of the output frame.
    fn texts(&mut self) -> Result<Vec<String>, RulesError> {
        let length = self.sandbox.call(&self.output_len, ())?;
        let place = self.sandbox.call(&self.output, ())?;
        let text = |part: Option<&[u8]>| String::from_utf8(part?.to_vec()).ok();
        frame::read(self.sandbox.read(place, length)?)
            .and_then(|parts| parts.into_iter().map(text).collect())
            .ok_or(RulesError::Answer("its output is no frame of texts"))
    }

    fn record(&self) -> Result<&[u8], RulesError> {
        self.sandbox.read(self.record, RECORD_BYTES as u32)
    }

    fn word(&self, offset: usize) -> Result<u32, RulesError> {
        let bytes = self.record()?.get(offset..).and_then(<[u8]>::first_chunk);
        bytes
            .map(|bytes| u32::from_le_bytes(*bytes))
            .ok_or(RulesError::Answer("its record is cut short"))
    }
}

fn code(number: u32) -> Result<Code, RulesError> {
    Code::from_number(number).ok_or(RulesError::Answer("it has no such code"))
}

#[cfg(test)]
mod tests;
