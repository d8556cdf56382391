//! Verifying requests with kept verifiers.

use super::{Generation, Instance, Kernel, KernelError, Role, Verdict, all_headers, configuration};
use crate::rules::RulesError;
use countersign_core::{Headers, Request};
use countersign_kernel::frame;

/// What a verifier is made of.
#[derive(Clone, Copy)]
pub struct Keyed<'a> {
    /// Name of the scheme.
    pub scheme: &'a str,
    /// `None` is the scheme's own, `Some(None)` switches the window off, `Some(Some(seconds))` sets it.
    pub tolerance: Option<Option<u32>>,
    /// Any of them may fit.
    pub secrets: &'a [&'a str],
    pub options: &'a [(&'a str, &'a str)],
    /// When the secrets were read.
    pub read_at: Generation,
}

impl Kernel {
    /// Judges a request. `now_s` is the receiver's clock. The keyed verifier is kept for the next request, as signers are, and
    /// forgotten with them; not so when a secret was taken out of use since they were read.
    ///
    /// # Errors
    /// [`KernelError`]; a request that does not verify is a verdict, not an error.
    pub fn verify<N: AsRef<str>, V: AsRef<[u8]>>(
        &self,
        keyed: Keyed<'_>,
        request: &Request<'_, [(N, V)]>,
        now_s: i64,
    ) -> Result<Verdict, KernelError> {
        if self.generation() != keyed.read_at {
            let Keyed {
                scheme,
                tolerance,
                secrets,
                options,
                ..
            } = keyed;
            let mut verifier = self.verifier(scheme, tolerance, secrets, options)?;
            return Ok(verifier.verify(request, now_s)?);
        }
        let config = configuration(keyed.scheme, keyed.tolerance, keyed.secrets, keyed.options);
        let Generation(age) = keyed.read_at;
        let judged =
            self.pool.with(
                |instance| match instance.kept(Role::Verifier, &config, age)? {
                    Ok(number) => instance.judge(number, request, now_s).map(Ok),
                    Err(code) => Ok(Err(code)),
                },
            )?;
        judged.map_err(KernelError::Refused)
    }
}

impl Instance {
    /// Hands over what the verifier reads of the request, and no more.
    pub(super) fn judge<N: AsRef<str>, V: AsRef<[u8]>>(
        &mut self,
        number: u32,
        request: &Request<'_, [(N, V)]>,
        now_s: i64,
    ) -> Result<Verdict, RulesError> {
        let names = self.header_names(number)?;
        let part = |name: &String| match name.as_str() {
            ":method" => Some(request.method.as_bytes().to_vec()),
            ":url" => Some(request.url.as_bytes().to_vec()),
            ":headers" => Some(all_headers(request.headers)),
            name => request.headers.header(name).map(<[u8]>::to_vec),
        };
        let parts: Vec<_> = names.iter().map(part).collect();
        let mut parts: Vec<_> = parts.iter().map(Option::as_deref).collect();
        parts.push(Some(request.body));
        self.verify(number, &frame::write(&parts), now_s as f64)
    }
}
