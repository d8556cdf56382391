//! Which keyed signers and verifiers an instance of the kernel keeps.

use super::kernel::Role;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// Signers that an instance keeps; the one that was idle longest makes room. Each takes less than a KiB of its memory.
const SIGNERS_MAX: usize = 1_024;

/// Digest of a configuration, so that no secret lies here.
pub(super) type Key = [u8; 32];

/// The signers of one instance, by what they were made of.
#[derive(Default)]
pub(super) struct Signers {
    known: HashMap<Key, Signer>,
    /// Counts uses, for their order.
    uses: u64,
    /// Of the kernel, when the first of them was made.
    age: u64,
}

struct Signer {
    number: u32,
    last_use: u64,
}

impl Signers {
    pub(super) fn key(role: Role, config: &[u8]) -> Key {
        // They differ where the secret that signs is another than the one that verifies.
        let role = match role {
            Role::Signer => b"s",
            Role::Verifier => b"v",
        };
        Sha256::new()
            .chain_update(role)
            .chain_update(config)
            .finalize()
            .into()
    }

    /// Forgets all of them when the kernel has become older. Returns the numbers to be freed.
    pub(super) fn renew(&mut self, age: u64) -> Vec<u32> {
        if self.age == age {
            return Vec::new();
        }
        self.age = age;
        self.known
            .drain()
            .map(|(_, signer)| signer.number)
            .collect()
    }

    /// Whether none of them is older than the kernel.
    pub(super) fn are_of(&self, age: u64) -> bool {
        self.known.is_empty() || self.age == age
    }

    pub(super) fn find(&mut self, key: &Key) -> Option<u32> {
        self.uses = self.uses.wrapping_add(1);
        let signer = self.known.get_mut(key)?;
        signer.last_use = self.uses;
        Some(signer.number)
    }

    /// Keeps a new signer. Returns the number of one to be freed, if it takes its place.
    pub(super) fn keep(&mut self, key: Key, number: u32) -> Option<u32> {
        let full = self.known.len() >= SIGNERS_MAX;
        let oldest = full.then(|| self.known.iter().min_by_key(|(_, signer)| signer.last_use));
        let oldest = oldest.flatten().map(|(key, _)| *key);
        let freed = oldest.and_then(|key| self.known.remove(&key));
        let last_use = self.uses;
        self.known.insert(key, Signer { number, last_use });
        freed.map(|signer| signer.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_was_idle_longest_makes_room() {
        let mut signers = Signers::default();
        let key = |number: u32| Signers::key(Role::Signer, &number.to_le_bytes());
        for number in 0..SIGNERS_MAX as u32 {
            assert_eq!(signers.find(&key(number)), None);
            assert_eq!(signers.keep(key(number), number), None);
        }
        assert_eq!(signers.find(&key(0)), Some(0));
        assert_eq!(signers.find(&key(5_000)), None);
        assert_eq!(signers.keep(key(5_000), 5_000), Some(1));
        assert_eq!(signers.find(&key(1)), None);
        assert_eq!(signers.find(&key(0)), Some(0));
        assert_eq!(signers.known.len(), SIGNERS_MAX);
    }

    #[test]
    fn all_are_forgotten_at_once() {
        let mut signers = Signers::default();
        assert!(signers.are_of(1));
        signers.keep(Signers::key(Role::Signer, b"a"), 7);
        assert!(signers.renew(0).is_empty());
        assert!(signers.are_of(0) && !signers.are_of(1));
        assert_eq!(signers.renew(1), [7]);
        assert_eq!(signers.find(&Signers::key(Role::Verifier, b"a")), None);
        assert_eq!(signers.find(&Signers::key(Role::Signer, b"a")), None);
    }
}
