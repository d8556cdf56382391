//! The behaviour behind the exports, in safe code.

use crate::{code::Code, frame};
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::str::from_utf8;
use countersign_core::{Config, Headers, KeyedScheme, Message, Request, SignedAt, Tolerance};

/// Longest frame that is taken: far above any webhook body, far below what linear memory can hold.
pub const INPUT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Size of the result record.
pub const RECORD_BYTES: usize = 32;
/// Input buffers above this size are given back once a call is done, so that one large body does not stay in memory.
const INPUT_BYTES_KEPT: usize = 1024 * 1024;

/// Buffers and keyed verifiers.
#[derive(Debug, Default)]
pub struct Kernel {
    input: Vec<u8>,
    output: Vec<u8>,
    record: [u8; RECORD_BYTES],
    /// Handle `n` is place `n - 1`; freed places are used again.
    verifiers: Vec<Option<Verifier>>,
}

#[derive(Debug)]
struct Verifier {
    keyed: KeyedScheme,
    /// Names of the slots, lower case, in slot order.
    slots: Vec<String>,
}

impl Kernel {
    /// A kernel without verifiers.
    pub const fn new() -> Self {
        Self {
            input: Vec::new(),
            output: Vec::new(),
            record: [0; RECORD_BYTES],
            verifiers: Vec::new(),
        }
    }

    /// Room for a frame of `len` bytes; `None` when that is too much.
    pub fn input(&mut self, len: usize) -> Option<&mut [u8]> {
        if len > INPUT_BYTES_MAX {
            return None;
        }
        if self.input.len() < len || self.input.len() > INPUT_BYTES_KEPT && len <= INPUT_BYTES_KEPT
        {
            // Freed before the new one is made, so that the two never stand side by side.
            self.input = Vec::new();
            self.input.resize(len.next_power_of_two().max(4096), 0);
        }
        self.input.get_mut(..len)
    }

    /// The frame that the last call wrote.
    pub fn output(&self) -> &[u8] {
        &self.output
    }

    /// The result record of the last call.
    pub fn record(&self) -> &[u8; RECORD_BYTES] {
        &self.record
    }

    /// Builds a verifier from the first `len` bytes of the input and returns its handle; `0` when that cannot be done,
    /// with the reason in the record.
    pub fn verifier_new(&mut self, len: usize) -> u32 {
        let built = self.input.get(..len).ok_or(Code::BadFrame).and_then(build);
        // The input held secrets.
        self.input.iter_mut().take(len).for_each(|byte| *byte = 0);
        match built {
            Ok(verifier) => {
                self.set_code(Code::Valid);
                self.store(verifier)
            }
            Err(code) => {
                self.set_code(code);
                0
            }
        }
    }

    fn store(&mut self, verifier: Verifier) -> u32 {
        let place = match self.verifiers.iter().position(Option::is_none) {
            Some(place) => place,
            None => {
                self.verifiers.push(None);
                self.verifiers.len().saturating_sub(1)
            }
        };
        if let Some(slot) = self.verifiers.get_mut(place) {
            *slot = Some(verifier);
        }
        u32::try_from(place.saturating_add(1)).unwrap_or(0)
    }

    /// Drops a verifier. Unknown handles are ignored.
    pub fn verifier_free(&mut self, handle: u32) {
        if let Some(slot) = place_of(handle).and_then(|place| self.verifiers.get_mut(place)) {
            *slot = None;
        }
    }

    /// Writes the slot names; returns their count.
    pub fn verifier_headers(&mut self, handle: u32) -> u32 {
        let Some(verifier) = find(&self.verifiers, handle) else {
            return self.no_answer(Code::BadHandle);
        };
        let names: Vec<_> = verifier.slots.iter().map(Some).collect();
        self.output = frame::write(&names);
        let count = u32::try_from(names.len()).unwrap_or(0);
        self.set_code(Code::Valid);
        count
    }

    /// Writes the documented answers; returns their count.
    pub fn verifier_answers(&mut self, handle: u32) -> u32 {
        let Some(verifier) = find(&self.verifiers, handle) else {
            return self.no_answer(Code::BadHandle);
        };
        let answers = verifier.keyed.scheme().answers;
        self.output = frame::write(&[answers.accepted, answers.refused]);
        self.set_code(Code::Valid);
        2
    }

    /// Judges the request in the first `len` bytes of the input.
    pub fn verify(&mut self, handle: u32, len: usize, now_s: i64) -> Code {
        let verdict = match find(&self.verifiers, handle) {
            Some(verifier) => match self.input.get(..len).and_then(frame::read) {
                Some(parts) if parts.len() == verifier.slots.len().saturating_add(1) => {
                    let headers = Slots {
                        names: &verifier.slots,
                        values: &parts,
                    };
                    let body = parts.last().copied().flatten().unwrap_or_default();
                    let request = Request {
                        headers: &headers,
                        body,
                    };
                    verifier.keyed.verify(&request, now_s).map_err(Code::from)
                }
                _ => Err(Code::BadFrame),
            },
            None => Err(Code::BadHandle),
        };
        match verdict {
            Ok(valid) => {
                self.set_code(Code::Valid);
                self.set_word(4, u32::try_from(valid.secret_index).unwrap_or(u32::MAX));
                self.set_word(8, valid.covers.bits());
                if let Some(timestamp_ms) = valid.timestamp_ms {
                    self.set_word(12, 1);
                    // To the millisecond for every moment before the year 287,000.
                    self.set_bytes(16, &(timestamp_ms as f64 / 1_000.0).to_le_bytes());
                }
                Code::Valid
            }
            Err(code) => {
                self.set_code(code);
                code
            }
        }
    }

    /// Signs the message in the first `len` bytes of the input.
    pub fn sign(&mut self, handle: u32, len: usize, now_s: i64) -> Code {
        let signed = match find(&self.verifiers, handle) {
            Some(verifier) => self
                .input
                .get(..len)
                .and_then(frame::read)
                .ok_or(Code::BadFrame)
                .and_then(|parts| sign(&verifier.keyed, &parts, now_s)),
            None => Err(Code::BadHandle),
        };
        let code = match signed {
            Ok(output) => {
                self.output = output;
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

    /// Writes name and sentence of a code; returns their count, `0` for an unknown number.
    pub fn code_text(&mut self, number: u32) -> u32 {
        let Some(code) = Code::from_number(number) else {
            self.output.clear();
            return 0;
        };
        self.output = frame::write(&[Some(code.name()), Some(code.text())]);
        2
    }

    fn no_answer(&mut self, code: Code) -> u32 {
        self.output.clear();
        self.set_code(code);
        0
    }

    /// Starts a new record.
    fn set_code(&mut self, code: Code) {
        self.record = [0; RECORD_BYTES];
        self.set_word(0, code as u32);
    }

    fn set_word(&mut self, offset: usize, word: u32) {
        self.set_bytes(offset, &word.to_le_bytes());
    }

    fn set_bytes(&mut self, offset: usize, bytes: &[u8]) {
        let room = self.record.iter_mut().skip(offset);
        room.zip(bytes).for_each(|(place, byte)| *place = *byte);
    }
}

/// Header values by slot.
struct Slots<'a> {
    names: &'a [alloc::string::String],
    values: &'a [Option<&'a [u8]>],
}

impl Headers for Slots<'_> {
    fn header(&self, name: &str) -> Option<&[u8]> {
        let slot = self
            .names
            .iter()
            .position(|candidate| candidate.eq_ignore_ascii_case(name))?;
        self.values.get(slot).copied().flatten()
    }
}

const fn place_of(handle: u32) -> Option<usize> {
    match handle.checked_sub(1) {
        Some(place) => Some(place as usize),
        None => None,
    }
}

fn find(verifiers: &[Option<Verifier>], handle: u32) -> Option<&Verifier> {
    verifiers.get(place_of(handle)?)?.as_ref()
}

fn build(config: &[u8]) -> Result<Verifier, Code> {
    let parts = frame::read(config).ok_or(Code::BadFrame)?;
    let [Some(scheme), tolerance, Some(secrets), Some(options)] = parts.as_slice() else {
        return Err(Code::BadFrame);
    };
    let options = texts(options)?;
    let config = Config {
        scheme: from_utf8(scheme).map_err(|_| Code::UnknownScheme)?,
        secrets: texts(secrets)?,
        tolerance: parse_tolerance(*tolerance)?,
        options: options
            .chunks(2)
            .map(|pair| match pair {
                [key, value] => Ok((*key, *value)),
                _ => Err(Code::BadFrame),
            })
            .collect::<Result<_, _>>()?,
    };
    let keyed = KeyedScheme::new(&config).map_err(|error| Code::from(&error))?;
    let slots = keyed.header_names().map(str::to_ascii_lowercase).collect();
    Ok(Verifier { keyed, slots })
}

fn texts(list: &[u8]) -> Result<Vec<&str>, Code> {
    frame::read(list)
        .ok_or(Code::BadFrame)?
        .into_iter()
        .map(|part| {
            part.and_then(|bytes| from_utf8(bytes).ok())
                .ok_or(Code::BadFrame)
        })
        .collect()
}

fn parse_tolerance(text: Option<&[u8]>) -> Result<Tolerance, Code> {
    match text {
        None => Ok(Tolerance::SchemeDefault),
        Some(b"") => Ok(Tolerance::Off),
        Some(digits) => from_utf8(digits)
            .ok()
            .and_then(|digits| digits.parse().ok())
            .map(Tolerance::Seconds)
            .ok_or(Code::ToleranceInvalid),
    }
}

fn sign(keyed: &KeyedScheme, parts: &[Option<&[u8]>], now_s: i64) -> Result<Vec<u8>, Code> {
    let [id, timestamp, Some(body)] = parts else {
        return Err(Code::BadFrame);
    };
    let text = |part: &'_ [u8]| {
        from_utf8(part)
            .map(ToOwned::to_owned)
            .map_err(|_| Code::BadFrame)
    };
    let id = id.map(text).transpose()?;
    let timestamp = timestamp.map(text).transpose()?;
    let message = Message {
        id: id.as_deref(),
        at: match &timestamp {
            Some(text) => SignedAt::Text(text),
            None => SignedAt::UnixMs(now_s.saturating_mul(1_000)),
        },
        body,
    };
    let headers = keyed.sign(&message).map_err(|_| Code::IdMissing)?;
    let pairs: Vec<_> = headers
        .into_iter()
        .flat_map(|header| [Some(header.name), Some(header.value)])
        .collect();
    Ok(frame::write(&pairs))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(kernel: &mut Kernel, frame: &[u8]) -> usize {
        kernel.input(frame.len()).unwrap().copy_from_slice(frame);
        frame.len()
    }

    fn config(scheme: &str, secrets: &[&str]) -> Vec<u8> {
        let secrets = frame::write(&secrets.iter().map(Some).collect::<Vec<_>>());
        frame::write(&[
            Some(scheme.as_bytes()),
            None,
            Some(&secrets),
            Some(&frame::write::<&[u8]>(&[])),
        ])
    }

    fn new_verifier(kernel: &mut Kernel, scheme: &str, secrets: &[&str]) -> u32 {
        let len = load(kernel, &config(scheme, secrets));
        kernel.verifier_new(len)
    }

    fn code_in_record(kernel: &Kernel) -> u32 {
        u32::from_le_bytes(*kernel.record().first_chunk().unwrap())
    }

    #[test]
    fn signs_and_verifies_and_reports_the_secret() {
        let mut kernel = Kernel::new();
        let signer = new_verifier(&mut kernel, "standard-webhooks", &["whsec_AAECAw=="]);
        let verifier = new_verifier(&mut kernel, "standard-webhooks", &["AAAA", "AAECAw"]);
        assert_eq!((signer, verifier), (1, 2));

        let message = frame::write(&[Some(b"msg_1".as_slice()), None, Some(b"{}")]);
        let len = load(&mut kernel, &message);
        assert_eq!(kernel.sign(signer, len, 1_700_000_000), Code::Valid);
        let headers: Vec<Vec<u8>> = frame::read(kernel.output())
            .unwrap()
            .into_iter()
            .map(|part| part.unwrap().to_vec())
            .collect();

        assert_eq!(kernel.verifier_headers(verifier), 3);
        let names: Vec<Vec<u8>> = frame::read(kernel.output())
            .unwrap()
            .into_iter()
            .map(|part| part.unwrap().to_vec())
            .collect();
        let mut request: Vec<Option<Vec<u8>>> = names
            .iter()
            .map(|name| {
                let at = headers.iter().position(|header| header == name)?;
                headers.get(at + 1).cloned()
            })
            .collect();
        request.push(Some(b"{}".to_vec()));
        let len = load(&mut kernel, &frame::write(&request));
        assert_eq!(kernel.verify(verifier, len, 1_700_000_300), Code::Valid);
        let words: Vec<u32> = kernel.record()[..16]
            .chunks(4)
            .map(|word| u32::from_le_bytes(word.try_into().unwrap()))
            .collect();
        assert_eq!(words, [0, 1, 1 | 4 | 8, 1]);
        assert_eq!(
            kernel.verify(verifier, len, 1_700_000_301),
            Code::TimestampTooOld
        );
    }

    #[test]
    fn a_message_without_the_id_that_the_scheme_signs_is_refused() {
        let mut kernel = Kernel::new();
        for (scheme, code) in [
            ("standard-webhooks", Code::IdMissing),
            ("platform", Code::Valid),
        ] {
            let handle = new_verifier(&mut kernel, scheme, &["AAAA"]);
            let len = load(&mut kernel, &frame::write(&[None, None, Some(b"{}")]));
            assert_eq!(kernel.sign(handle, len, 0), code, "{scheme}");
        }
    }

    #[test]
    fn freed_places_are_used_again_and_old_handles_are_refused() {
        let mut kernel = Kernel::new();
        let first = new_verifier(&mut kernel, "platform", &["a"]);
        kernel.verifier_free(first);
        kernel.verifier_free(0);
        kernel.verifier_free(77);
        assert_eq!(kernel.verify(first, 0, 0), Code::BadHandle);
        assert_eq!(kernel.verifier_headers(first), 0);
        assert_eq!(new_verifier(&mut kernel, "platform", &["b"]), first);
    }

    #[test]
    fn mistakes_in_the_configuration_have_their_code() {
        let mut kernel = Kernel::new();
        let cases: [(&str, &[&str], Code); 4] = [
            ("nobody", &["a"], Code::UnknownScheme),
            ("platform", &[], Code::SecretInvalid),
            ("platform", &["a", ""], Code::SecretInvalid),
            ("standard-webhooks", &["whsec_%"], Code::SecretInvalid),
        ];
        for (scheme, secrets, code) in cases {
            assert_eq!(new_verifier(&mut kernel, scheme, secrets), 0);
            assert_eq!(code_in_record(&kernel), code as u32, "{scheme} {secrets:?}");
        }
        assert_eq!(kernel.verifier_new(INPUT_BYTES_MAX + 1), 0);
        assert_eq!(code_in_record(&kernel), Code::BadFrame as u32);
    }

    #[test]
    fn the_input_is_wiped_after_it_held_secrets_and_is_bounded() {
        let mut kernel = Kernel::new();
        new_verifier(&mut kernel, "platform", &["very secret"]);
        assert!(kernel.input.iter().all(|byte| *byte == 0));
        assert!(kernel.input(INPUT_BYTES_MAX + 1).is_none());
        assert!(kernel.input(5 * 1024 * 1024).is_some());
        assert!(kernel.input(10).is_some());
        assert!(kernel.input.len() <= INPUT_BYTES_KEPT);
    }

    #[test]
    fn a_frame_of_the_wrong_shape_is_refused() {
        let mut kernel = Kernel::new();
        let handle = new_verifier(&mut kernel, "platform", &["a"]);
        let len = load(&mut kernel, &frame::write(&[Some(b"only one part")]));
        assert_eq!(kernel.verify(handle, len, 0), Code::BadFrame);
        assert_eq!(kernel.sign(handle, len, 0), Code::BadFrame);
        assert_eq!(kernel.verify(handle, usize::MAX, 0), Code::BadFrame);
    }
}
