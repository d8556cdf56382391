//! How a signature header is laid out: which texts in it are presented as signatures, and how a signer writes it.

use super::{Refusal, scheme::Name};
use crate::headers::trimmed;
use alloc::{string::String, vec::Vec};
use core::ops::ControlFlow;

/// How a signature header is laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// The digest and nothing else.
    Bare,
    /// A prefix, compared exactly and occurring once, then the digest (vector rule V5).
    Prefixed(Name),
    /// The digest; this prefix is taken off when it is there and never written (R-S1).
    PrefixTolerated(&'static str),
    /// A word, compared without regard to case, blanks, then the credentials.
    ///
    /// Source: RFC 9110 section 11.4.
    #[cfg(feature = "every-scheme")]
    AuthScheme(&'static str),
    /// Several `version,signature` items separated by one space. Items of versions for which there is no key are skipped.
    ///
    /// Source: Standard Webhooks 1.0.0, "Webhook headers".
    Versioned {
        /// Version of HMACs.
        symmetric: &'static str,
        /// Version of signatures with a public key.
        asymmetric: &'static str,
    },
    /// Several `label=value` items (vector rule V6). Unknown labels are skipped; a timestamp may stand among them.
    Labelled {
        /// Between two items when written; read, its first character separates and blanks around items are dropped.
        separator: &'static str,
        /// Label of the digests.
        label: Name,
        /// Label of a list of header names, separated by blanks, that must all be there and may be signed.
        #[cfg(feature = "every-scheme")]
        header_list: Option<&'static str>,
    },
    /// Several digests. Where there is a prefix, items without it are skipped.
    Separated {
        /// Between two items.
        separator: Name,
        /// Before each digest.
        prefix: Name,
    },
}

/// A signature, written out.
pub(crate) struct Written {
    pub(crate) is_asymmetric: bool,
    pub(crate) text: String,
}

impl Layout {
    /// Standard Webhooks 1.0.0.
    pub(super) const STANDARD_WEBHOOKS: Self = Self::Versioned {
        symmetric: "v1",
        asymmetric: "v1a",
    };

    /// Items with labels, digests under this one.
    pub(super) const fn labelled(separator: &'static str, label: &'static str) -> Self {
        Self::Labelled {
            separator,
            label: Name::Borrowed(label),
            #[cfg(feature = "every-scheme")]
            header_list: None,
        }
    }

    /// Shows each text that the header presents as a signature of this kind of key to `seen`, until that says it is enough.
    ///
    /// # Errors
    /// Why the header presents none.
    pub(crate) fn presented<'a>(
        &self,
        header: &'a [u8],
        is_asymmetric: bool,
        seen: &mut dyn FnMut(&'a [u8]) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Refusal> {
        let mut any = false;
        let mut rest = Some(header);
        let mut flow = ControlFlow::Continue(());
        while let Some(text) = rest
            && flow.is_continue()
        {
            let (item, after) = split_once(text, self.separator());
            rest = after;
            if let Some(signature) = self.signature(item, is_asymmetric) {
                any = true;
                flow = seen(signature);
            }
        }
        match self {
            _ if any => Ok(flow),
            // There are signatures, of versions or under labels that are not known.
            Self::Versioned { .. } => Err(Refusal::UnsupportedVersion),
            Self::Labelled { .. } if header.contains(&b'=') => Err(Refusal::UnsupportedVersion),
            _ => Err(Refusal::MalformedHeader),
        }
    }

    /// What an item of the header presents as a signature, if it does.
    pub(super) fn signature<'a>(&self, item: &'a [u8], is_asymmetric: bool) -> Option<&'a [u8]> {
        match self {
            Self::Bare => Some(item),
            Self::Prefixed(prefix) => item.strip_prefix(prefix.as_bytes()),
            Self::PrefixTolerated(prefix) => {
                Some(item.strip_prefix(prefix.as_bytes()).unwrap_or(item))
            }
            #[cfg(feature = "every-scheme")]
            Self::AuthScheme(word) => {
                let (found, rest) = item.split_at_checked(word.len())?;
                match found.eq_ignore_ascii_case(word.as_bytes()) {
                    true => trimmed(rest.strip_prefix(b" ")?),
                    false => None,
                }
            }
            Self::Versioned { .. } => {
                let version = self.version(is_asymmetric).as_bytes();
                item.strip_prefix(version)?.strip_prefix(b",")
            }
            Self::Labelled { label, .. } => labelled(item, label),
            Self::Separated { prefix, .. } => trimmed(item)?.strip_prefix(prefix.as_bytes()),
        }
    }

    /// What stands between two items when a header is read; empty where there is only one.
    fn separator(&self) -> &[u8] {
        match self {
            Self::Versioned { .. } => b" ",
            Self::Labelled { separator, .. } => separator.as_bytes().get(..1).unwrap_or_default(),
            Self::Separated { separator, .. } => separator.as_bytes(),
            _ => b"",
        }
    }

    /// The value of the first item with this label.
    pub(crate) fn first_item<'a>(&self, header: &'a [u8], label: &str) -> Option<&'a [u8]> {
        let mut rest = Some(header);
        while let Some(text) = rest {
            let (item, after) = split_once(text, self.separator());
            rest = after;
            if let Some(value) = labelled(item, label) {
                return Some(value);
            }
        }
        None
    }

    /// The value of a header with these signatures, and the items that stand before them: timestamp, list of headers.
    pub(crate) fn write(&self, items: &[(&str, &str)], signatures: &[Written]) -> String {
        let texts = signatures.iter().map(|signature| signature.text.as_str());
        let first = signatures.first();
        let first = first
            .map(|signature| signature.text.as_str())
            .unwrap_or_default();
        match self {
            Self::Bare | Self::PrefixTolerated(_) => String::from(first),
            Self::Prefixed(prefix) => [prefix, first].concat(),
            #[cfg(feature = "every-scheme")]
            Self::AuthScheme(word) => [word, " ", first].concat(),
            Self::Versioned { .. } => {
                let items = signatures.iter();
                let items =
                    items.map(|one| [self.version(one.is_asymmetric), ",", &one.text].concat());
                items.collect::<Vec<_>>().join(" ")
            }
            Self::Labelled {
                separator, label, ..
            } => {
                let items = items
                    .iter()
                    .map(|(name, value)| [name, "=", value].concat());
                let digests = texts.map(|digest| [label, "=", digest].concat());
                items.chain(digests).collect::<Vec<_>>().join(separator)
            }
            Self::Separated { separator, prefix } => {
                let items = texts.map(|text| [prefix, text].concat());
                items.collect::<Vec<_>>().join(separator)
            }
        }
    }

    /// The label of a list of header names, where there can be one.
    #[cfg(feature = "every-scheme")]
    pub(crate) const fn header_list(&self) -> Option<&'static str> {
        match self {
            Self::Labelled { header_list, .. } => *header_list,
            _ => None,
        }
    }

    /// Whether the header has an item with the label of this layout's digests; true of layouts without labels.
    pub(super) fn has_label(&self, header: &[u8]) -> bool {
        match self {
            Self::Labelled { label, .. } => self.first_item(header, label).is_some(),
            _ => true,
        }
    }

    const fn version(&self, is_asymmetric: bool) -> &'static str {
        match self {
            Self::Versioned { asymmetric, .. } if is_asymmetric => asymmetric,
            Self::Versioned { symmetric, .. } => symmetric,
            _ => "",
        }
    }

    /// Whether several digests can stand in one header.
    pub(super) const fn holds_several(&self) -> bool {
        matches!(
            self,
            Self::Versioned { .. } | Self::Labelled { .. } | Self::Separated { .. }
        )
    }
}

/// The value of an item with this label.
fn labelled<'a>(item: &'a [u8], label: &str) -> Option<&'a [u8]> {
    let item = trimmed(item)?;
    let equals = item.iter().position(|byte| *byte == b'=')?;
    let (name, value) = item.split_at_checked(equals)?;
    match name == label.as_bytes() {
        true => value.strip_prefix(b"="),
        false => None,
    }
}

/// The text up to a separator of any length, and what comes after that; an empty one separates nothing.
fn split_once<'a>(text: &'a [u8], separator: &[u8]) -> (&'a [u8], Option<&'a [u8]>) {
    let at = match separator {
        [] => None,
        [one] => text.iter().position(|byte| byte == one),
        _ => text
            .windows(separator.len())
            .position(|window| window == separator),
    };
    match at.and_then(|at| text.split_at_checked(at)) {
        Some((item, after)) => (item, after.strip_prefix(separator)),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::borrow::Cow;

    fn labelled() -> Layout {
        Layout::labelled(",", "v1")
    }

    fn presented<'a>(layout: &Layout, header: &'a str) -> Result<Vec<&'a str>, Refusal> {
        let mut found = Vec::new();
        let flow = layout.presented(header.as_bytes(), false, &mut |item| {
            found.push(item);
            ControlFlow::Continue(())
        })?;
        assert_eq!(flow, ControlFlow::Continue(()));
        Ok(found
            .into_iter()
            .map(|item| core::str::from_utf8(item).unwrap())
            .collect())
    }

    #[test]
    fn labelled_items_come_in_any_order_with_blanks_around_them() {
        let header = "v0=x, v1=a==,junk,\tt=5 ,v1=b,=c,v1";
        assert_eq!(presented(&labelled(), header), Ok(["a==", "b"].to_vec()));
        assert_eq!(
            labelled().first_item(header.as_bytes(), "t"),
            Some(b"5".as_slice())
        );
        assert_eq!(
            presented(&labelled(), "t=5,v2=a"),
            Err(Refusal::UnsupportedVersion)
        );
        assert_eq!(
            presented(&labelled(), "junk"),
            Err(Refusal::MalformedHeader)
        );
    }

    // Holds: R-P4
    #[test]
    fn a_prefix_counts_once_and_exactly() {
        let layout = Layout::Prefixed(Cow::Borrowed("sha256="));
        assert_eq!(
            presented(&layout, "sha256=sha256=a"),
            Ok(["sha256=a"].to_vec())
        );
        assert_eq!(
            presented(&layout, "SHA256=a"),
            Err(Refusal::MalformedHeader)
        );
    }

    #[test]
    fn separated_items_without_the_prefix_are_skipped() {
        let layout = Layout::Separated {
            separator: Cow::Borrowed(";;"),
            prefix: Cow::Borrowed("x="),
        };
        assert_eq!(
            presented(&layout, "x=a;; y=b;;x=c"),
            Ok(["a", "c"].to_vec())
        );
        assert_eq!(presented(&layout, "y=b"), Err(Refusal::MalformedHeader));
        let written = ["a", "b"].map(|text| Written {
            is_asymmetric: false,
            text: text.into(),
        });
        assert_eq!(layout.write(&[], &written), "x=a;;x=b");
    }
}
