//! Chance. The only file that asks the operating system for it.

/// A source of unpredictable bytes.
pub trait Chance: Send + Sync + 'static {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's generator.
#[derive(Debug, Clone, Copy)]
pub struct SystemChance;

impl Chance for SystemChance {
    /// # Panics
    /// When the operating system has no random bytes. Nothing safe can be done then: ids would repeat and secrets could be
    /// guessed. [`SystemChance::check`] finds out at the start.
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives no random bytes");
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

/// A new signing secret: `whsec_` and lower-case hex. The whole text is the key (E26).
pub fn signing_secret(chance: &dyn Chance) -> String {
    let mut bytes = [0; SECRET_BYTES];
    chance.fill(&mut bytes);
    format!("whsec_{}", base16ct::lower::encode_string(&bytes))
}
