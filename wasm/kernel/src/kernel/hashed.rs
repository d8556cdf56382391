//! Verification whose inner hash the embedder computes.

use super::{Kernel, find};
use crate::{code::Code, frame};
use alloc::vec::Vec;

/// Bytes of an inner hash.
const HASH_BYTES: usize = 32;

impl Kernel {
    /// Writes the block of each secret; returns their count, `0` where the scheme does not allow it. The second word of the
    /// record says whether the body alone is signed.
    pub fn inner_blocks(&mut self, handle: u32) -> u32 {
        let Some(verifier) = find(&self.verifiers, handle) else {
            return self.no_answer(Code::BadHandle);
        };
        let Some(inner) = verifier.keyed.inner_hash() else {
            return self.no_answer(Code::Valid);
        };
        let blocks: Vec<_> = inner.blocks.iter().map(|block| Some(&**block)).collect();
        self.output = frame::write(&blocks);
        self.set_code(Code::Valid);
        self.set_word(4, inner.body_alone.into());
        u32::try_from(blocks.len()).unwrap_or(0)
    }

    /// Judges all but the signature of the request in the first `len` bytes of the input, and writes the signed content
    /// before and after the body.
    pub fn verify_around(&mut self, handle: u32, len: usize, now_s: i64) -> Code {
        let around = self.asked(handle, len, |keyed, slots, _| {
            keyed.around_body(&slots.request(b""), now_s)
        });
        let code = match around {
            Ok(around) => {
                self.output = frame::write(&[Some(around.before), Some(around.after)]);
                Code::Valid
            }
            Err(code) => {
                self.output.clear();
                code
            }
        };
        self.set_code(code);
        code
    }

    /// Judges the request by the inner hashes in the last part of its frame, one after the other.
    pub fn verify_hashed(&mut self, handle: u32, len: usize, now_s: i64) -> Code {
        let verdict = self.asked(handle, len, |keyed, slots, hashes| {
            let (hashes, _) = hashes.as_chunks::<HASH_BYTES>();
            keyed.verify_hashed(&slots.request(b""), hashes, now_s)
        });
        self.record_verdict(verdict)
    }
}
