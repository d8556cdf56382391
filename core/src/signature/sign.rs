//! Signing.

#[cfg(feature = "every-scheme")]
use super::{Covers, content::Listed};
use super::{
    KeyedScheme, Message, SignError, SignedAt, content::Content, layout::Written, scheme::Scheme,
    timestamp::TimestampPlace,
};
use crate::headers::Header;
use alloc::{
    borrow::Cow,
    string::{String, ToString},
    vec::Vec,
};

impl KeyedScheme {
    /// The headers of a message, or with Mailgun the fields of its signature object. Where the header holds a list, every
    /// secret signs (rotation, R-X3); elsewhere each secret has a header of its own as far as the scheme has headers.
    ///
    /// # Errors
    /// [`SignError`]
    pub fn sign(&self, message: &Message<'_>) -> Result<Vec<Header>, SignError> {
        // Hook0 signs in its older version where no further headers are signed.
        let scheme = match self.scheme.alternative {
            #[cfg(feature = "every-scheme")]
            Some(older) if self.reads_listed_headers() && message.headers.is_empty() => older,
            _ => &self.scheme,
        };
        let id = match (&scheme.id_header, message.id) {
            (Some(_), None | Some("")) => return Err(SignError::IdMissing),
            (_, id) => id.unwrap_or_default(),
        };
        let timestamp = match (&scheme.timestamp, message.at) {
            (None, _) => String::new(),
            (Some(timestamp), SignedAt::UnixMs(unix_ms)) => timestamp.form.write(unix_ms),
            (Some(_), SignedAt::Text(text)) => text.to_string(),
        };
        #[cfg(feature = "every-scheme")]
        if scheme.covers().contains(Covers::URL) && message.url.is_empty() {
            return Err(SignError::UrlMissing);
        }
        let names: Vec<_> = message.headers.iter().map(|(name, _)| *name).collect();
        #[cfg(feature = "every-scheme")]
        let values: Vec<_> = message.headers.iter().map(|(_, value)| *value).collect();
        let names = names.join(" ");
        let content = Content::new(scheme, message.method, message.url, message.body);
        // The address holds the hash of another body: whatever is signed, no receiver takes it.
        let mut content = content.map_err(|_| SignError::UrlMissing)?;
        content.id = id.as_bytes();
        content.timestamp = Cow::Borrowed(timestamp.as_bytes());
        #[cfg(feature = "every-scheme")]
        {
            content.listed = Listed {
                names: Cow::Borrowed(names.as_bytes()),
                values: values.join(".").into_bytes(),
            };
        }
        let signatures = self
            .keys
            .iter()
            .map(|key| {
                let text = key.sign(content.parts(scheme), scheme.encoding);
                Ok(Written {
                    is_asymmetric: key.is_asymmetric(),
                    text: text.ok_or(SignError::SecretCannotSign)?,
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(write_headers(scheme, id, &timestamp, &names, &signatures))
    }
}

#[cfg_attr(
    not(feature = "every-scheme"),
    expect(unused_variables, reason = "only Hook0 lists headers")
)]
fn write_headers(
    scheme: &Scheme,
    id: &str,
    timestamp: &str,
    listed: &str,
    signatures: &[Written],
) -> Vec<Header> {
    let mut headers = Vec::new();
    let mut add = |name: &str, value: &str| {
        headers.push(Header {
            name: name.to_string(),
            value: value.to_string(),
        })
    };
    if let Some(name) = &scheme.id_header {
        add(name, id);
    }
    let mut items = Vec::new();
    match scheme.timestamp.as_ref().map(|timestamp| &timestamp.place) {
        Some(TimestampPlace::Header(name)) => add(name, timestamp),
        Some(TimestampPlace::Label(label)) => items.push((*label, timestamp)),
        // It stands in the body already.
        #[cfg(feature = "every-scheme")]
        Some(TimestampPlace::BodyField { .. }) => {}
        None => {}
    }
    #[cfg(feature = "every-scheme")]
    if let Some(label) = scheme.layout.header_list().filter(|_| !listed.is_empty()) {
        items.push((label, listed));
    }
    for (name, value) in scheme.fixed_headers {
        add(name, value);
    }
    if scheme.layout.holds_several() {
        if let Some(name) = scheme.signature_headers.first() {
            add(name, &scheme.layout.write(&items, signatures));
        }
    } else {
        for (name, signature) in scheme.signature_headers.iter().zip(signatures) {
            let one = core::slice::from_ref(signature);
            add(name, &scheme.layout.write(&items, one));
        }
    }
    headers
}
