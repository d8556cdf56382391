//! One field of a JSON text, without building the text's values: what a verifier needs of a body that holds its own
//! signature or timestamp.
//!
//! A scanner of its own because a verifier for browsers has no room for a JSON library. It accepts exactly the texts of
//! RFC 8259 down to [`DEPTH_MAX`] levels; a test holds it against `serde_json`.

use super::BOM;
use alloc::{borrow::Cow, string::String, vec::Vec};

/// Levels of nesting that are read; as many as `serde_json` reads.
const DEPTH_MAX: u32 = 127;

/// The value of a field.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// A string, escapes resolved. A half of a surrogate pair becomes the replacement character.
    Text(Cow<'a, str>),
    /// A number, as it stands.
    Number(&'a str),
    /// An object, as it stands.
    Object(&'a str),
    /// `null`.
    Null,
    /// A list, `true` or `false`.
    Other,
}

/// The text is not JSON.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotJson;

/// The value of this field of a JSON object; the last one where the name occurs more than once, as `JSON.parse` has it. `None`
/// when there is no such field or the text is no object.
pub(crate) fn field<'a>(text: &'a [u8], name: &str) -> Result<Option<Value<'a>>, NotJson> {
    let text = text.strip_prefix(BOM).unwrap_or(text);
    let text = core::str::from_utf8(text).map_err(|_| NotJson)?;
    Scanner::new(text).field_of_text(name)
}

/// Reads a JSON text step by step.
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

/// Which brackets are open, one bit each from the outermost; a set bit is an object.
struct Open {
    kinds: u128,
    depth: u32,
}

impl Open {
    fn push(&mut self, is_object: bool) -> Result<(), NotJson> {
        if self.depth >= DEPTH_MAX {
            return Err(NotJson);
        }
        self.kinds = self.kinds.wrapping_shl(1) | u128::from(is_object);
        self.depth = self.depth.saturating_add(1);
        Ok(())
    }

    fn pop(&mut self) {
        self.kinds >>= 1;
        self.depth = self.depth.saturating_sub(1);
    }

    fn in_object(&self) -> bool {
        self.kinds & 1 == 1
    }
}

impl<'a> Scanner<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Whether nothing is left.
    pub(crate) const fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    /// Passes over one value and returns it as it stands.
    #[cfg(feature = "explain")]
    pub(crate) fn pass(&mut self) -> Result<&'a str, NotJson> {
        let start = self.at;
        self.skip(0)?;
        self.text.get(start..self.at).ok_or(NotJson)
    }

    fn field_of_text(mut self, name: &str) -> Result<Option<Value<'a>>, NotJson> {
        let mut found = None;
        self.blanks();
        match self.peek() {
            Some(b'{') => found = self.object(name)?,
            _ => self.skip(0)?,
        }
        self.blanks();
        match self.is_at_end() {
            true => Ok(found),
            false => Err(NotJson),
        }
    }

    /// Reads the outermost object and keeps the value of one field.
    fn object(&mut self, name: &str) -> Result<Option<Value<'a>>, NotJson> {
        let mut found = None;
        self.expect(b'{')?;
        self.blanks();
        if self.take(b'}') {
            return Ok(None);
        }
        loop {
            self.blanks();
            let key = self.string()?;
            self.blanks();
            self.expect(b':')?;
            self.blanks();
            match key == name {
                true => found = Some(self.value()?),
                false => self.skip(1)?,
            }
            self.blanks();
            if self.take(b'}') {
                return Ok(found);
            }
            self.expect(b',')?;
        }
    }

    fn value(&mut self) -> Result<Value<'a>, NotJson> {
        let start = self.at;
        Ok(match self.peek() {
            Some(b'"') => Value::Text(self.string()?),
            Some(first) => {
                self.skip(1)?;
                let text = self.text.get(start..self.at).ok_or(NotJson)?;
                match first {
                    b'{' => Value::Object(text),
                    b'n' => Value::Null,
                    b'-' | b'0'..=b'9' => Value::Number(text),
                    _ => Value::Other,
                }
            }
            None => return Err(NotJson),
        })
    }

    /// Passes over one value of any kind, without recursion.
    pub(crate) fn skip(&mut self, depth: u32) -> Result<(), NotJson> {
        let mut open = Open { kinds: 0, depth };
        loop {
            self.blanks();
            let is_open = match self.peek().ok_or(NotJson)? {
                bracket @ (b'{' | b'[') => {
                    self.step();
                    open.push(bracket == b'{')?;
                    self.blanks();
                    let end = if bracket == b'{' { b'}' } else { b']' };
                    match self.take(end) {
                        true => {
                            open.pop();
                            false
                        }
                        false => true,
                    }
                }
                b'"' => self.pass_string().map(|_| false)?,
                b'-' | b'0'..=b'9' => self.number().map(|()| false)?,
                _ => self.word().map(|()| false)?,
            };
            // After a value come closing brackets, and then a comma when any bracket is still open.
            while !is_open && open.depth > depth {
                self.blanks();
                let end = if open.in_object() { b'}' } else { b']' };
                if !self.take(end) {
                    self.expect(b',')?;
                    break;
                }
                open.pop();
            }
            if open.depth == depth {
                return Ok(());
            }
            if open.in_object() {
                self.blanks();
                self.pass_string()?;
                self.blanks();
                self.expect(b':')?;
            }
        }
    }

    fn word(&mut self) -> Result<(), NotJson> {
        let rest = self.rest();
        let word = ["true", "false", "null"]
            .into_iter()
            .find(|word| rest.starts_with(word.as_bytes()))
            .ok_or(NotJson)?;
        self.at = self.at.saturating_add(word.len());
        Ok(())
    }

    /// RFC 8259 section 6.
    fn number(&mut self) -> Result<(), NotJson> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), NotJson> {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit());
        match count.count() {
            0 => Err(NotJson),
            count => {
                self.at = self.at.saturating_add(count);
                Ok(())
            }
        }
    }

    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>, NotJson> {
        let raw = self.pass_string()?;
        match raw.as_bytes().contains(&b'\\') {
            true => unescaped(raw).map(Cow::Owned),
            false => Ok(Cow::Borrowed(raw)),
        }
    }

    /// Passes over a string and returns what stands between its quotes.
    pub(crate) fn pass_string(&mut self) -> Result<&'a str, NotJson> {
        self.expect(b'"')?;
        let start = self.at;
        loop {
            let plain = self.rest().iter();
            let plain = plain.take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20));
            self.at = self.at.saturating_add(plain.count());
            match self.peek() {
                Some(b'"') => {
                    let raw = self.text.get(start..self.at).ok_or(NotJson)?;
                    self.step();
                    return Ok(raw);
                }
                Some(b'\\') => {
                    self.step();
                    self.escape()?;
                }
                _ => return Err(NotJson),
            }
        }
    }

    fn escape(&mut self) -> Result<(), NotJson> {
        let kind = self.peek().ok_or(NotJson)?;
        self.step();
        match kind {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(()),
            b'u' => {
                let digits = self.rest().get(..4).ok_or(NotJson)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(NotJson);
                }
                self.at = self.at.saturating_add(4);
                Ok(())
            }
            _ => Err(NotJson),
        }
    }

    pub(crate) fn blanks(&mut self) {
        let blanks = self.rest().iter();
        let blanks = blanks.take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
        self.at = self.at.saturating_add(blanks.count());
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    fn step(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        if is_there {
            self.step();
        }
        is_there
    }

    pub(crate) fn expect(&mut self, byte: u8) -> Result<(), NotJson> {
        match self.take(byte) {
            true => Ok(()),
            false => Err(NotJson),
        }
    }
}

/// The text of a string whose escapes are known to be whole.
pub(crate) fn unescaped(raw: &str) -> Result<String, NotJson> {
    let mut text = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'\\' {
            text.push(*first);
            continue;
        }
        let (kind, after) = after.split_first().ok_or(NotJson)?;
        rest = after;
        text.push(match kind {
            b'b' => 0x8,
            b'f' => 0xc,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let (character, after) = escaped_character(rest)?;
                rest = after;
                text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            other => *other,
        });
    }
    String::from_utf8(text).map_err(|_| NotJson)
}

/// The character of one or two units, the first of which stands at the start, and what comes after them. A half of a
/// surrogate pair is the replacement character.
fn escaped_character(text: &[u8]) -> Result<(char, &[u8]), NotJson> {
    let (high, after) = unit(text)?;
    if let (0xd800..0xdc00, Some(second)) = (high, after.strip_prefix(b"\\u"))
        && let (low @ 0xdc00..0xe000, after) = unit(second)?
    {
        let above = (high & 0x3ff).wrapping_shl(10) | (low & 0x3ff);
        let character = char::from_u32(above.wrapping_add(0x1_0000));
        return Ok((character.unwrap_or(char::REPLACEMENT_CHARACTER), after));
    }
    let character = char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER);
    Ok((character, after))
}

/// Four hexadecimal digits, and what comes after them.
fn unit(text: &[u8]) -> Result<(u32, &[u8]), NotJson> {
    let (digits, rest) = text.split_first_chunk::<4>().ok_or(NotJson)?;
    let mut unit = 0;
    for digit in digits {
        let digit = char::from(*digit).to_digit(16).ok_or(NotJson)?;
        unit = u32::wrapping_shl(unit, 4) | digit;
    }
    Ok((unit, rest))
}

#[cfg(test)]
mod tests;
