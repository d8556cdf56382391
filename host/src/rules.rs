//! The rules, inside their sandbox: the kernel signs, the guest decides. Both modules are part of the binary.

mod engine;
mod guest;
mod kernel;
mod pool;
mod signers;

pub use self::{
    engine::{Engine, Limits},
    guest::Guest,
    kernel::{Handle, Kernel, KernelError, Verdict},
};
pub use countersign_kernel::Code;

use crate::store::Endpoint;
use countersign_core::{Message, SignedAt};
use countersign_guest::DeliveryPlan;
use std::{collections::HashMap, sync::Arc, sync::RwLock};

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

/// Kernel and guest, and what the guest said about providers.
pub struct Rules {
    pub kernel: Kernel,
    pub guest: Guest,
    /// By provider name. Plans are constants of the guest, and it knows few providers.
    plans: RwLock<HashMap<String, Arc<DeliveryPlan>>>,
}

impl Rules {
    /// Compiles the modules of this binary and tries them.
    ///
    /// # Errors
    /// [`RulesError`]: this build is broken.
    pub fn load() -> Result<Self, RulesError> {
        let engine = Engine::new()?;
        Ok(Self {
            kernel: Kernel::new(&engine, KERNEL_WASM)?,
            guest: Guest::new(&engine, GUEST_WASM)?,
            plans: RwLock::default(),
        })
    }

    /// How deliveries of the provider are made.
    ///
    /// # Errors
    /// [`RulesError`], also for a provider that the guest does not know: endpoints are checked when they are made.
    pub fn plan(&self, provider: &str) -> Result<Arc<DeliveryPlan>, RulesError> {
        if let Some(plan) = self
            .plans
            .read()
            .ok()
            .and_then(|plans| plans.get(provider).cloned())
        {
            return Ok(plan);
        }
        let plan = Arc::new(self.guest.plan(provider)?);
        if let Ok(mut plans) = self.plans.write() {
            plans.insert(provider.to_owned(), Arc::clone(&plan));
        }
        Ok(plan)
    }

    /// The headers of one attempt: content type, ids and, for an endpoint with a secret, the signatures.
    ///
    /// # Errors
    /// [`KernelError`]; secrets are checked when they are set, so a refusal is a defect.
    pub fn headers(
        &self,
        plan: &DeliveryPlan,
        endpoint: &Endpoint,
        message_id: &str,
        body: &[u8],
        now_ms: u64,
    ) -> Result<Vec<(String, String)>, KernelError> {
        let mut headers = vec![("content-type".to_owned(), plan.content_type.clone())];
        let ids = plan.id_headers.iter();
        headers.extend(ids.map(|name| (name.clone(), message_id.to_owned())));
        let Some(secret) = &endpoint.secret else {
            return Ok(headers);
        };
        let at = SignedAt::UnixMs(i64::try_from(now_ms).unwrap_or(i64::MAX));
        for signature in &plan.signatures {
            let options = signature.options.iter();
            let options: Vec<_> = options.map(|(k, v)| (k.as_str(), v.as_str())).collect();
            let secrets = [secret.as_str()];
            let message = Message {
                id: Some(message_id),
                url: &endpoint.url,
                ..Message::new(at, body)
            };
            let kernel = &self.kernel;
            headers.extend(kernel.sign(&signature.scheme, &secrets, &options, &message)?);
        }
        Ok(headers)
    }

    /// Whether `secret` can be the key of every signature of the provider.
    ///
    /// # Errors
    /// [`KernelError::Refused`] with the code when it cannot.
    pub fn check_secret(&self, provider: &str, secret: &str) -> Result<(), KernelError> {
        for signature in &self.plan(provider)?.signatures {
            let options = signature.options.iter();
            let options: Vec<_> = options.map(|(k, v)| (k.as_str(), v.as_str())).collect();
            self.kernel.signer(&signature.scheme, &[secret], &options)?;
        }
        Ok(())
    }
}
