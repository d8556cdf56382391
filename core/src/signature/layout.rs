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
    /// Several `version,digest` items separated by one space. Items of other versions are skipped.
    ///
    /// Source: Standard Webhooks 1.0.0, "Webhook headers".
    Versioned(&'static str),
    /// Several `label=value` items (vector rule V6). Unknown labels are skipped; a timestamp may stand among them.
    Labelled {
        /// Between two items when written; read, its first character separates and blanks around items are dropped.
        separator: &'static str,
        /// Label of the digests.
        label: Name,
    },
    /// Several digests. Where there is a prefix, items without it are skipped.
    Separated {
        /// Between two items.
        separator: Name,
        /// Before each digest.
        prefix: Name,
    },
}

impl Layout {
    /// Shows each text that the header presents as a signature to `seen`, until that says it is enough.
    ///
    /// # Errors
    /// Why the header presents none.
    pub(super) fn presented<'a>(
        &self,
        header: &'a [u8],
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
            Self::Versioned(version) => header
                .split(|byte| *byte == b' ')
                .filter_map(|item| item.strip_prefix(version.as_bytes())?.strip_prefix(b","))
                .try_for_each(show),
            Self::Labelled { label, .. } => self.items(header, label).try_for_each(show),
            Self::Separated { separator, prefix } => split(header, separator.as_bytes())
                .filter_map(trimmed)
                .filter_map(|item| item.strip_prefix(prefix.as_bytes()))
                .try_for_each(show),
        };
        match self {
            _ if any => Ok(flow),
            // There are signatures, of versions or under labels that are not known.
            Self::Versioned(_) => Err(Refusal::UnsupportedVersion),
            Self::Labelled { .. } if header.contains(&b'=') => Err(Refusal::UnsupportedVersion),
            _ => Err(Refusal::MalformedHeader),
        }
    }

    /// The values of the items with this label.
    pub(super) fn items<'a, 'l>(
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

    /// The value of a header with these digests, written out, and the timestamp item that stands before them.
    pub(super) fn write(&self, timestamp_item: Option<(&str, &str)>, digests: &[String]) -> String {
        let first = digests.first().map(String::as_str).unwrap_or_default();
        match self {
            Self::Bare | Self::PrefixTolerated(_) => String::from(first),
            Self::Prefixed(prefix) => [prefix, first].concat(),
            Self::Versioned(version) => {
                let items = digests.iter().map(|digest| [version, ",", digest].concat());
                items.collect::<Vec<_>>().join(" ")
            }
            Self::Labelled { separator, label } => {
                let timestamp = timestamp_item.map(|(name, value)| [name, "=", value].concat());
                let digests = digests.iter().map(|digest| [label, "=", digest].concat());
                timestamp
                    .into_iter()
                    .chain(digests)
                    .collect::<Vec<_>>()
                    .join(separator)
            }
            Self::Separated { separator, prefix } => {
                let items = digests
                    .iter()
                    .map(|digest| [prefix, digest.as_str()].concat());
                items.collect::<Vec<_>>().join(separator)
            }
        }
    }

    /// Whether several digests can stand in one header.
    pub(super) const fn holds_several(&self) -> bool {
        matches!(
            self,
            Self::Versioned(_) | Self::Labelled { .. } | Self::Separated { .. }
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
        Layout::Labelled {
            separator: ",",
            label: Cow::Borrowed("v1"),
        }
    }

    fn presented<'a>(layout: &Layout, header: &'a str) -> Result<Vec<&'a str>, Refusal> {
        let mut found = Vec::new();
        let flow = layout.presented(header.as_bytes(), |item| {
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
        assert_eq!(layout.write(None, &["a".into(), "b".into()]), "x=a;;x=b");
    }
}
