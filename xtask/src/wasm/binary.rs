//! Looking into finished modules, and taking sections out that nobody reads.

use std::ops::Range;

use anyhow::{Context, Result};
use wasmparser::{Parser, Payload};

/// Every import as `module.name`.
pub(super) fn imports(module: &[u8]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::ImportSection(section) =
            payload.context("the compiler wrote no valid wasm module")?
        {
            for import in section.into_imports() {
                let import = import.context("an import of the module cannot be read")?;
                found.push(format!("{}.{}", import.module, import.name));
            }
        }
    }
    Ok(found)
}

/// The module without the custom sections of these names.
pub(super) fn without_sections(module: &[u8], names: &[&str]) -> Result<Vec<u8>> {
    let mut kept = Vec::with_capacity(module.len());
    let mut copied = 0;
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::CustomSection(section) =
            payload.context("the compiler wrote no valid wasm module")?
            && names.contains(&section.name())
        {
            let range = whole_section(module, section.range());
            kept.extend_from_slice(&module[copied..range.start]);
            copied = range.end;
        }
    }
    kept.extend_from_slice(&module[copied..]);
    Ok(kept)
}

/// The section with its head: one byte for its kind (0) and its length as LEB128 before the content.
fn whole_section(module: &[u8], content: Range<usize>) -> Range<usize> {
    let mut length_bytes = Vec::new();
    let mut rest = content.len();
    loop {
        let low = (rest & 0x7f) as u8;
        rest >>= 7;
        length_bytes.push(if rest == 0 { low } else { low | 0x80 });
        if rest == 0 {
            break;
        }
    }
    let mut start = content.start.saturating_sub(length_bytes.len());
    // Linkers may pad the length to five bytes; then the byte before is still part of it.
    if module.get(start..content.start) != Some(length_bytes.as_slice()) {
        start = content.start.saturating_sub(5);
    }
    start.saturating_sub(1)..content.end
}

/// Whether the bytes occur anywhere.
pub(super) fn contains(module: &[u8], needle: &[u8]) -> bool {
    !needle.is_empty() && module.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"\0asm\x01\0\0\0";

    fn custom(name: &str, content: &[u8]) -> Vec<u8> {
        let mut body = vec![name.len() as u8];
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(content);
        let mut section = vec![0, body.len() as u8];
        section.extend(body);
        section
    }

    #[test]
    fn named_sections_go_and_others_stay() {
        let module = [
            HEAD,
            &custom("name", b"xy"),
            &custom("kept", b"z"),
            &custom("producers", b""),
        ]
        .concat();
        let want = [HEAD, &custom("kept", b"z")].concat();
        assert_eq!(
            without_sections(&module, &["name", "producers"]).expect("a module"),
            want
        );
    }

    #[test]
    fn a_padded_length_goes_with_its_section() {
        let mut padded = vec![0, 0x87, 0x80, 0x80, 0x80, 0x00];
        padded.extend_from_slice(b"\x04namexy");
        let module = [HEAD, &padded, &custom("kept", b"z")].concat();
        let want = [HEAD, &custom("kept", b"z")].concat();
        assert_eq!(
            without_sections(&module, &["name"]).expect("a module"),
            want
        );
    }

    #[test]
    fn imports_are_named() {
        // One function type and one import of it: env.now.
        let module = [
            HEAD,
            b"\x01\x04\x01\x60\0\0",
            b"\x02\x0b\x01\x03env\x03now\0\0",
        ]
        .concat();
        assert_eq!(imports(&module).expect("imports"), ["env.now"]);
        assert!(imports(HEAD).expect("imports").is_empty());
        assert!(imports(b"not wasm").is_err());
    }

    #[test]
    fn bytes_are_found_anywhere() {
        assert!(contains(b"abc", b"bc"));
        assert!(!contains(b"abc", b"cb"));
        assert!(!contains(b"ab", b"abc"));
    }
}
