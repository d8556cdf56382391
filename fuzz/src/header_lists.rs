//! The layouts of signature headers, held against a second way to say the same.

use crate::input;
use arbitrary::{Result, Unstructured};
use countersign_core::{Refusal, internals, signature::layout::Layout};

pub fn run(data: &[u8]) {
    // Too few bytes for an input are none.
    let _ = hold(&mut Unstructured::new(data));
}

fn hold(input: &mut Unstructured<'_>) -> Result<()> {
    let kind: u8 = input.arbitrary()?;
    let is_asymmetric: bool = input.arbitrary()?;
    let text = input::text(input)?.to_owned();
    let second = input::text(input)?.to_owned();
    let header = input::bytes(input)?;
    let layout = match kind % 7 {
        0 => Layout::Bare,
        1 => Layout::Prefixed(text.into()),
        2 => Layout::PrefixTolerated("sha256="),
        3 => Layout::AuthScheme("Basic"),
        4 => Layout::Versioned {
            symmetric: "v1",
            asymmetric: "v1a",
        },
        5 => Layout::Labelled {
            separator: ", ",
            label: text.into(),
            header_list: Some("h"),
        },
        _ if second.is_empty() => return Ok(()),
        _ => Layout::Separated {
            separator: second.into(),
            prefix: text.into(),
        },
    };
    let presented = internals::presented(&layout, header, is_asymmetric);
    let expected = expected(&layout, header, is_asymmetric);
    match &presented {
        Ok(items) => {
            assert_eq!(*items, expected, "{layout:?}");
            assert!(!items.is_empty());
        }
        Err(refusal) => {
            assert!(expected.is_empty(), "{layout:?}: {refusal:?}");
            let known = [Refusal::MalformedHeader, Refusal::UnsupportedVersion];
            assert!(known.contains(refusal));
        }
    }
    if let (Layout::Labelled { label, .. }, Ok(items)) = (&layout, &presented) {
        assert_eq!(
            internals::first_item(&layout, header, label),
            items.first().copied()
        );
    }
    Ok(())
}

/// The signatures that a header presents: split it whole, then look at each item.
fn expected<'a>(layout: &Layout, header: &'a [u8], is_asymmetric: bool) -> Vec<&'a [u8]> {
    match layout {
        Layout::Bare => vec![header],
        Layout::Prefixed(prefix) => Vec::from_iter(header.strip_prefix(prefix.as_bytes())),
        Layout::PrefixTolerated(prefix) => match header.starts_with(prefix.as_bytes()) {
            true => vec![&header[prefix.len()..]],
            false => vec![header],
        },
        Layout::AuthScheme(word) => {
            let is_it = header.len() > word.len()
                && header[..word.len()].eq_ignore_ascii_case(word.as_bytes())
                && header[word.len()] == b' ';
            match is_it {
                true => Vec::from_iter(
                    Some(trimmed(&header[word.len()..])).filter(|rest| !rest.is_empty()),
                ),
                false => Vec::new(),
            }
        }
        Layout::Versioned {
            symmetric,
            asymmetric,
        } => {
            let start = format!("{},", if is_asymmetric { asymmetric } else { symmetric });
            let items = split(header, b" ").into_iter();
            items
                .filter_map(|item| item.strip_prefix(start.as_bytes()))
                .collect()
        }
        Layout::Labelled { label, .. } => {
            let items = split(header, b",").into_iter().map(trimmed);
            items
                .filter_map(|item| {
                    let equals = item.iter().position(|byte| *byte == b'=')?;
                    (&item[..equals] == label.as_bytes()).then(|| &item[equals + 1..])
                })
                .collect()
        }
        Layout::Separated { separator, prefix } => {
            let items = split(header, separator.as_bytes()).into_iter().map(trimmed);
            items
                .filter(|item| !item.is_empty())
                .filter_map(|item| item.strip_prefix(prefix.as_bytes()))
                .collect()
        }
    }
}

fn split<'a>(text: &'a [u8], separator: &[u8]) -> Vec<&'a [u8]> {
    let (mut items, mut start, mut at) = (Vec::new(), 0, 0);
    while at < text.len() {
        if text[at..].starts_with(separator) {
            items.push(&text[start..at]);
            at += separator.len();
            start = at;
        } else {
            at += 1;
        }
    }
    items.push(&text[start..]);
    items
}

fn trimmed(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}
