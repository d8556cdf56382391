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
            header_list: None,
        }
    }

    /// Shows each text that the header presents as a signature of this kind of key to `seen`, until that says it is enough.
    ///
    /// # Errors
    /// Why the header presents none.
    pub(super) fn presented<'a>(
        &self,
        header: &'a [u8],
        is_asymmetric: bool,
        mut seen: impl FnMut(&'a [u8]) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Refusal> {
        let mut any = false;
        let mut show = |item| {
            any = true;
            seen(item)
        };
        let flow = match self {
            Self::Bare => show(header),
            Self::Prefixed(prefix) => header
                .strip_prefix(prefix.as_bytes())
                .into_iter()
                .try_for_each(show),
            Self::PrefixTolerated(prefix) => {
                show(header.strip_prefix(prefix.as_bytes()).unwrap_or(header))
            }
            Self::AuthScheme(word) => header
                .split_at_checked(word.len())
                .filter(|(found, _)| found.eq_ignore_ascii_case(word.as_bytes()))
                .and_then(|(_, rest)| trimmed(rest.strip_prefix(b" ")?))
                .into_iter()
                .try_for_each(show),
            Self::Versioned { .. } => {
                let version = self.version(is_asymmetric).as_bytes();
                header
                    .split(|byte| *byte == b' ')
                    .filter_map(|item| item.strip_prefix(version)?.strip_prefix(b","))
                    .try_for_each(show)
            }
            Self::Labelled { label, .. } => self.items(header, label).try_for_each(show),
            Self::Separated { separator, prefix } => split(header, separator.as_bytes())
                .filter_map(trimmed)
                .filter_map(|item| item.strip_prefix(prefix.as_bytes()))
                .try_for_each(show),
        };
        match self {
            _ if any => Ok(flow),
            // There are signatures, of versions or under labels that are not known.
            Self::Versioned { .. } => Err(Refusal::UnsupportedVersion),
            Self::Labelled { .. } if header.contains(&b'=') => Err(Refusal::UnsupportedVersion),
            _ => Err(Refusal::MalformedHeader),
        }
    }

    /// The values of the items with this label.
    pub(crate) fn items<'a, 'l>(
        &self,
        header: &'a [u8],
        label: &'l str,
    ) -> impl Iterator<Item = &'a [u8]> + use<'a, 'l> {
        let separator = match self {
            Self::Labelled { separator, .. } => separator.as_bytes().first().copied(),
            _ => None,
        };
        header
            .split(move |byte| Some(*byte) == separator)
            .filter_map(trimmed)
            .filter_map(move |item| {
                let equals = item.iter().position(|byte| *byte == b'=')?;
                let (name, value) = item.split_at_checked(equals)?;
                (name == label.as_bytes()).then(|| value.strip_prefix(b"="))?
            })
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
    pub(crate) const fn header_list(&self) -> Option<&'static str> {
        match self {
            Self::Labelled { header_list, .. } => *header_list,
            _ => None,
        }
    }

    /// Whether the header has an item with the label of this layout's digests; true of layouts without labels.
    pub(super) fn has_label(&self, header: &[u8]) -> bool {
        match self {
            Self::Labelled { label, .. } => self.items(header, label).next().is_some(),
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

/// Splits at a separator of any length; an empty one separates nothing.
fn split<'a>(text: &'a [u8], separator: &[u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let text = rest.take()?;
        let at = match separator.is_empty() {
            true => None,
            false => text
                .windows(separator.len())
                .position(|window| window == separator),
        };
        match at.and_then(|at| text.split_at_checked(at)) {
            Some((item, after)) => {
                rest = after.strip_prefix(separator);
                Some(item)
            }
            None => Some(text),
        }
    })
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
        let flow = layout.presented(header.as_bytes(), false, |item| {
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
            labelled().items(header.as_bytes(), "t").next(),
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
