//! The behaviour behind the exports, in safe code.

#[cfg(feature = "hashed")]
mod hashed;
mod request;

use self::request::Slots;
use crate::{code::Code, frame};
#[cfg(feature = "full")]
use alloc::borrow::ToOwned;
use alloc::{string::String, vec::Vec};
use core::str::from_utf8;
#[cfg(feature = "full")]
use countersign_core::Covers;
use countersign_core::{
    Config, ConfigError, KeyedScheme, Message, Refusal, SignedAt, Tolerance, Valid,
};

/// Longest frame that is taken: far above any webhook body, far below what linear memory can hold.
pub const INPUT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Size of the result record.
pub const RECORD_BYTES: usize = 32;
/// Input buffers above this size are given back once a call is done, so that one large body does not stay in memory.
const INPUT_BYTES_KEPT: usize = 1024 * 1024;

/// Names of slots that are no headers.
#[cfg(feature = "full")]
const METHOD: &str = ":method";
#[cfg(feature = "full")]
const URL: &str = ":url";
#[cfg(feature = "full")]
const ALL_HEADERS: &str = ":headers";

/// How keys are read: for a verifier or for a signer.
type New = fn(&Config<'_>) -> Result<KeyedScheme, ConfigError>;

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
        self.keyed_new(len, KeyedScheme::new)
    }

    /// Like [`verifier_new`](Self::verifier_new), for a signer.
    pub fn signer_new(&mut self, len: usize) -> u32 {
        self.keyed_new(len, KeyedScheme::signer)
    }

    fn keyed_new(&mut self, len: usize, new: New) -> u32 {
        let config = self.input.get(..len).ok_or(Code::BadFrame);
        let built = config.and_then(|config| build(config, new));
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

    /// Writes the slot names; returns their count. The second word of the record says whether the clock matters.
    pub fn verifier_headers(&mut self, handle: u32) -> u32 {
        let Some(verifier) = find(&self.verifiers, handle) else {
            return self.no_answer(Code::BadHandle);
        };
        let names: Vec<_> = verifier.slots.iter().map(Some).collect();
        self.output = frame::write(&names);
        let count = u32::try_from(names.len()).unwrap_or(0);
        let reads_clock = verifier.keyed.reads_clock();
        self.set_code(Code::Valid);
        self.set_word(4, reads_clock.into());
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
        let verdict = self.asked(handle, len, |keyed, slots, body| {
            keyed.verify(&slots.request(body), now_s)
        });
        self.record_verdict(verdict)
    }

    /// Hands the slots and the last part of the frame in the first `len` bytes of the input to `ask`.
    fn asked<T>(
        &self,
        handle: u32,
        len: usize,
        ask: impl FnOnce(&KeyedScheme, &Slots<'_>, &[u8]) -> Result<T, Refusal>,
    ) -> Result<T, Code> {
        let verifier = find(&self.verifiers, handle).ok_or(Code::BadHandle)?;
        let parts = self.input.get(..len).and_then(frame::read);
        let parts = parts.ok_or(Code::BadFrame)?;
        let slots = Slots::read(verifier, parts)?;
        let last = parts.get(parts.len().saturating_sub(1)).unwrap_or_default();
        ask(&verifier.keyed, &slots, last).map_err(Code::from)
    }

    fn record_verdict(&mut self, verdict: Result<Valid, Code>) -> Code {
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
                .and_then(|parts| sign(&verifier.keyed, &parts.iter().collect::<Vec<_>>(), now_s)),
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
        let text = cfg!(feature = "texts").then(|| code.text());
        self.output = frame::write(&[Some(code.name()), text]);
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

const fn place_of(handle: u32) -> Option<usize> {
    match handle.checked_sub(1) {
        Some(place) => Some(place as usize),
        None => None,
    }
}

fn find(verifiers: &[Option<Verifier>], handle: u32) -> Option<&Verifier> {
    verifiers.get(place_of(handle)?)?.as_ref()
}

fn build(config: &[u8], new: New) -> Result<Verifier, Code> {
    let parts: Vec<_> = frame::read(config).ok_or(Code::BadFrame)?.iter().collect();
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
    let keyed = new(&config).map_err(|error| Code::from(&error))?;
    Ok(Verifier {
        slots: slots(&keyed),
        keyed,
    })
}

/// What is read of a request, beside its body. All headers come last.
fn slots(keyed: &KeyedScheme) -> Vec<String> {
    let mut slots: Vec<String> = Vec::new();
    for name in keyed.header_names().map(str::to_ascii_lowercase) {
        if !slots.contains(&name) {
            slots.push(name);
        }
    }
    #[cfg(feature = "full")]
    {
        let covers = keyed.scheme().covers();
        let pseudo = [
            (METHOD, covers.contains(Covers::METHOD)),
            (URL, covers.contains(Covers::URL)),
            (ALL_HEADERS, keyed.reads_listed_headers()),
        ];
        slots.extend(
            pseudo
                .into_iter()
                .filter(|(_, read)| *read)
                .map(|(name, _)| name.to_owned()),
        );
    }
    slots
}

fn texts(list: &[u8]) -> Result<Vec<&str>, Code> {
    frame::read(list)
        .ok_or(Code::BadFrame)?
        .iter()
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
    let (id, timestamp, body, method, url, headers) = match parts {
        [id, timestamp, Some(body)] => (id, timestamp, body, &None, &None, &None),
        [id, timestamp, Some(body), method, url, headers] => {
            (id, timestamp, body, method, url, headers)
        }
        _ => return Err(Code::BadFrame),
    };
    let text = |part: &Option<_>| part.map(from_utf8).transpose().map_err(|_| Code::BadFrame);
    let headers = headers.map_or(Ok(Vec::new()), texts)?;
    let headers: Vec<_> = headers
        .chunks(2)
        .filter_map(|pair| match pair {
            [name, value] => Some((*name, *value)),
            _ => None,
        })
        .collect();
    let at = match text(timestamp)? {
        Some(text) => SignedAt::Text(text),
        None => SignedAt::UnixMs(now_s.saturating_mul(1_000)),
    };
    let simple = Message::new(at, body);
    let message = Message {
        id: text(id)?,
        method: text(method)?.unwrap_or(simple.method),
        url: text(url)?.unwrap_or_default(),
        headers: &headers,
        ..simple
    };
    let headers = keyed.sign(&message).map_err(Code::from)?;
    let pairs: Vec<_> = headers
        .into_iter()
        .flat_map(|header| [Some(header.name), Some(header.value)])
        .collect();
    Ok(frame::write(&pairs))
}

#[cfg(test)]
mod tests;
