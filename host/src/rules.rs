//! The rules, inside their sandbox: the kernel signs, the guest decides. Both modules are part of the binary.

mod engine;
mod guest;
mod kernel;
mod pool;
mod self_test;
mod signers;

pub use self::{
    engine::{Engine, Limits},
    guest::Guest,
    kernel::{Generation, Handle, Kernel, KernelError, Keyed, Verdict},
};
pub use countersign_kernel::Code;

use crate::store::{Endpoint, SigningSecret};
use countersign_core::{Message, SignedAt};
use countersign_guest::{DeliveryPlan, SignaturePlan};
use std::{path::PathBuf, sync::Arc};

/// The module that signs; the npm package verifies with the same bytes.
pub const KERNEL_WASM: &[u8] = include_bytes!(env!("COUNTERSIGN_KERNEL_WASM"));
/// SHA-256 of [`KERNEL_WASM`], lower-case hex.
pub const KERNEL_SHA256: &str = env!("COUNTERSIGN_KERNEL_SHA256");
/// The module that decides.
pub const GUEST_WASM: &[u8] = include_bytes!(env!("COUNTERSIGN_GUEST_WASM"));
/// SHA-256 of [`GUEST_WASM`], lower-case hex.
pub const GUEST_SHA256: &str = env!("COUNTERSIGN_GUEST_SHA256");
/// Version of the WebAssembly engine.
pub const WASMTIME_VERSION: &str = env!("COUNTERSIGN_WASMTIME_VERSION");

/// Why the rules did not answer. Never the fault of whoever sent the input: a defect, or a limit that held one off.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// Not a module that this host can run.
    #[error("the module {module} cannot be used: {problem}")]
    Module {
        /// Its name.
        module: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// It took longer than its deadline.
    #[error("the rules took longer than their deadline")]
    Deadline,
    /// It needed more memory than its limit.
    #[error("the rules needed more memory than their limit")]
    Memory,
    /// It trapped; the instance is gone and the next call gets a new one.
    #[error("the rules trapped: {0}")]
    Trap(String),
    /// The call is longer than the rules take.
    #[error("the question is too long for the rules ({bytes} bytes)")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The answer cannot be read, or does not belong to the question.
    #[error("the rules gave an answer that cannot be read: {0}")]
    Answer(&'static str),
    /// The rules refused what the host put together itself.
    #[error("the rules refused a call of the host: {0}")]
    Refused(String),
}

/// What an attempt is signed with.
#[derive(Clone, Copy)]
pub struct Signing<'a> {
    /// Each signs; without any there is no signature.
    pub secrets: &'a [&'a str],
    /// Where it goes, for schemes that sign that.
    pub url: &'a str,
    /// From before the secrets were read.
    pub read_at: Generation,
}

/// Kernel and guest, and what the guest said about providers.
pub struct Rules {
    pub kernel: Kernel,
    pub guest: Guest,
    engine: Engine,
}

impl Rules {
    /// Compiles the modules of this binary and tries them.
    ///
    /// # Errors
    /// [`RulesError`]: this build is broken.
    pub fn load() -> Result<Self, RulesError> {
        Self::load_with(GUEST_WASM, None)
    }

    /// Compiles the kernel of this binary and a guest from elsewhere, and tries them.
    ///
    /// # Errors
    /// [`RulesError`]: the guest is none for this host.
    pub fn load_with(guest: &[u8], file: Option<PathBuf>) -> Result<Self, RulesError> {
        let engine = Engine::new()?;
        let kernel = Kernel::new(&engine, KERNEL_WASM)?;
        let guest = Guest::new(&engine, guest, file)?;
        self_test::run(&guest, &kernel, &[])?;
        Ok(Self {
            kernel,
            guest,
            engine,
        })
    }

    /// Replaces the guest once the new one has been tried; `providers` are those of the endpoints. Calls under way finish on
    /// the one before. Takes as long as compiling does.
    ///
    /// # Errors
    /// [`RulesError`]; the one before stays.
    pub fn replace_guest(
        &self,
        wasm: &[u8],
        file: Option<PathBuf>,
        providers: &[String],
    ) -> Result<(), RulesError> {
        let guest = Guest::new(&self.engine, wasm, file)?;
        self_test::run(&guest, &self.kernel, providers)?;
        self.guest.become_like(&guest);
        Ok(())
    }

    /// How deliveries of the provider are made to an endpoint, which may have a signature of its own.
    ///
    /// # Errors
    /// [`RulesError`], also for a provider that the guest does not know: endpoints are checked when they are made.
    pub fn plan(
        &self,
        provider: &str,
        standard_headers: bool,
        signature: Option<&SignaturePlan>,
    ) -> Result<Arc<DeliveryPlan>, RulesError> {
        self.guest.plan(provider, standard_headers, signature)
    }

    /// The headers of one attempt: content type, ids and, for an endpoint with a secret, the signatures. `read_at` is from
    /// before the endpoint was looked at.
    ///
    /// # Errors
    /// [`KernelError`]; secrets are checked when they are set, so a refusal is a defect.
    pub fn headers(
        &self,
        plan: &DeliveryPlan,
        endpoint: &Endpoint,
        read_at: Generation,
        message_id: &str,
        body: &[u8],
        now_ms: u64,
    ) -> Result<Vec<(String, String)>, KernelError> {
        let secrets = match endpoint.secrets.is_empty() {
            true => Vec::new(),
            false => self.signing(&endpoint.secrets, now_ms)?,
        };
        let to = Signing {
            secrets: &secrets,
            url: &endpoint.url,
            read_at,
        };
        self.signed_headers(plan, to, message_id, body, now_ms)
    }

    /// The headers of one attempt that belongs to no endpoint.
    ///
    /// # Errors
    /// [`KernelError`]
    pub fn signed_headers(
        &self,
        plan: &DeliveryPlan,
        to: Signing<'_>,
        message_id: &str,
        body: &[u8],
        now_ms: u64,
    ) -> Result<Vec<(String, String)>, KernelError> {
        let Signing {
            secrets,
            url,
            read_at,
        } = to;
        let mut headers = vec![("content-type".to_owned(), plan.content_type.clone())];
        let ids = plan.id_headers.iter();
        headers.extend(ids.map(|name| (name.clone(), message_id.to_owned())));
        if secrets.is_empty() {
            return Ok(headers);
        }
        let at = SignedAt::UnixMs(i64::try_from(now_ms).unwrap_or(i64::MAX));
        for signature in &plan.signatures {
            let options = signature.options.iter();
            let options: Vec<_> = options.map(|(k, v)| (k.as_str(), v.as_str())).collect();
            let message = Message {
                id: Some(message_id),
                url,
                ..Message::new(at, body)
            };
            let kernel = &self.kernel;
            let signed = kernel.sign(&signature.scheme, secrets, &options, &message, read_at)?;
            headers.extend(signed);
        }
        Ok(headers)
    }

    /// The secrets that sign at this moment, as the kernel takes them: the first one signs headers that hold one signature
    /// (R-X3).
    fn signing<'a>(
        &self,
        secrets: &'a [SigningSecret],
        now_ms: u64,
    ) -> Result<Vec<&'a str>, RulesError> {
        // The usual case, in which there is nothing to decide.
        if let [only] = secrets
            && only.times.expires_at_ms.is_none()
        {
            return Ok(vec![only.text.as_str()]);
        }
        let times = secrets.iter().map(|secret| secret.times).collect();
        let order = self.guest.signing_order(times, now_ms)?;
        let signing = order
            .iter()
            .filter_map(|place| secrets.get(*place as usize));
        Ok(signing.map(|secret| secret.text.as_str()).collect())
    }

    /// Whether `secret` can be the key of every signature of the plan: each is made once. A public key, say, is a key and
    /// cannot sign.
    ///
    /// # Errors
    /// [`KernelError::Refused`] with the code when it cannot.
    pub fn check_secret(&self, plan: &DeliveryPlan, secret: &str) -> Result<(), KernelError> {
        let trial = Message {
            id: Some("msg_trial"),
            url: "https://example.com/",
            ..Message::new(SignedAt::UnixMs(0), b"{}")
        };
        for signature in &plan.signatures {
            let options = signature.options.iter();
            let options: Vec<_> = options.map(|(k, v)| (k.as_str(), v.as_str())).collect();
            let signer = self.kernel.signer(&signature.scheme, &[secret], &options);
            signer?.sign(&trial)?;
        }
        Ok(())
    }
}
