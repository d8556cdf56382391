//! Chance. The only file that asks the operating system for it.

use base64ct::{Base64, Encoding};
use countersign_guest::NewSecret;
use std::cell::RefCell;
use zeroize::Zeroizing;

/// Ids and numbers; anything longer, such as a secret, comes from the operating system directly.
const SHORT_BYTES: usize = 16;

/// A source of unpredictable bytes.
pub trait Chance: Send + Sync + 'static {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// Random bytes that a thread asks the operating system for at a time: every delivery needs four ids and numbers, and a
/// system call for each shows.
const AHEAD_BYTES: usize = 512;

/// Bytes that were asked for ahead. Those before `used` have been handed out, and are zero since.
struct Ahead {
    bytes: [u8; AHEAD_BYTES],
    used: usize,
}

thread_local! {
    static AHEAD: RefCell<Ahead> = const {
        RefCell::new(Ahead { bytes: [0; AHEAD_BYTES], used: AHEAD_BYTES })
    };
}

/// The operating system's generator.
#[derive(Debug, Clone, Copy)]
pub struct SystemChance;

impl Chance for SystemChance {
    /// # Panics
    /// When the operating system has no random bytes. Nothing safe can be done then: ids would repeat and secrets could be
    /// guessed. [`SystemChance::check`] finds out at the start.
    fn fill(&self, bytes: &mut [u8]) {
        let short = bytes.len() <= SHORT_BYTES;
        let taken = short && AHEAD.with_borrow_mut(|ahead| ahead.take(bytes));
        if !taken {
            getrandom::fill(bytes).expect("the operating system gives no random bytes");
        }
    }
}

impl Ahead {
    /// Hands out bytes that nobody got before. False when there are none, and none to be had.
    fn take(&mut self, bytes: &mut [u8]) -> bool {
        if self.used.saturating_add(bytes.len()) > AHEAD_BYTES {
            if getrandom::fill(&mut self.bytes).is_err() {
                return false;
            }
            self.used = 0;
        }
        let end = self.used.saturating_add(bytes.len());
        let Some(unused) = self.bytes.get_mut(self.used..end) else {
            return false;
        };
        bytes.copy_from_slice(unused);
        // What was handed out cannot be found here later.
        unused.fill(0);
        self.used = end;
        true
    }
}

impl SystemChance {
    /// Whether the generator works.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn check() -> Result<(), std::io::Error> {
        getrandom::fill(&mut [0; 16]).map_err(std::io::Error::other)
    }
}

/// A number, drawn evenly from all that there are.
pub fn number(chance: &dyn Chance) -> u64 {
    let mut bytes = [0; 8];
    chance.fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// Bytes of a secret that is made here: as long as the digest of HMAC-SHA256, beyond which a key gains nothing (RFC 2104,
/// section 3).
const SECRET_BYTES: usize = 32;

/// A new signing secret.
pub fn signing_secret(chance: &dyn Chance, kind: NewSecret) -> String {
    let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
    chance.fill(&mut *bytes);
    let hex = || base16ct::lower::encode_string(&*bytes);
    let base64 = || Base64::encode_string(&*bytes);
    match kind {
        NewSecret::WhsecHex => format!("whsec_{}", hex()),
        NewSecret::WhsecBase64 => format!("whsec_{}", base64()),
        NewSecret::Hex => hex(),
        NewSecret::Base64 => base64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_bytes_are_handed_out_twice() {
        let mut seen = HashSet::new();
        // Past several refills, in lengths that do not divide the store.
        for round in 0..1_000 {
            let mut bytes = [0; SHORT_BYTES];
            SystemChance.fill(&mut bytes[..10 + round % 7]);
            assert!(seen.insert(bytes[..10].to_vec()));
        }
        AHEAD.with_borrow(|ahead| {
            assert!(ahead.bytes[..ahead.used].iter().all(|byte| *byte == 0));
        });
    }
}
