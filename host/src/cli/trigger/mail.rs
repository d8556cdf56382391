//! Samples of the mail providers: what Resend, SendGrid and Mailgun post about the one mail of [`samples`], signed as each does.
//!
//! Their bodies are not made from normalised events: the host takes these providers' events in and never sends them, so nothing in the
//! core writes them. A test reads every sample as any other request is read.

mod samples;

use super::{Delivery, Sample};
use crate::{
    chance::{Chance, SystemChance},
    cli::sender::kernel,
    error::Error,
    ids::MessageId,
    store::SecretText,
};
use countersign_core::{Message, SignedAt, event::Source};
use countersign_guest::SignaturePlan;
use serde_json::Value;

/// A mail provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mail {
    Resend,
    Sendgrid,
    Mailgun,
}

impl Mail {
    pub(super) const ALL: [Self; 3] = [Self::Resend, Self::Sendgrid, Self::Mailgun];

    /// As in the rest of the project; also the name of its scheme.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Resend => Source::Resend.name(),
            Self::Sendgrid => Source::Sendgrid.name(),
            Self::Mailgun => Source::Mailgun.name(),
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mail| mail.name() == name)
    }

    /// The events of which there are samples, as the provider calls them.
    pub(super) const fn events(self) -> &'static [&'static str] {
        match self {
            Self::Resend => &samples::RESEND,
            Self::Sendgrid => &samples::SENDGRID,
            Self::Mailgun => &samples::MAILGUN,
        }
    }

    /// The body of a sample, for Mailgun without its signature.
    ///
    /// # Errors
    /// [`Error::Usage`]: there is no such event.
    pub(super) fn sample(self, event: &str, now_ms: u64) -> Result<Value, Error> {
        if !self.events().contains(&event) {
            return Err(Error::Usage {
                code: Some("unknown_event_type"),
                message: format!(
                    "{} has no event type {event} here; known are: {}",
                    self.name(),
                    self.events().join(", ")
                ),
            });
        }
        let id = MessageId::new(now_ms, &SystemChance);
        let when = samples::When {
            id: id.bare(),
            now_ms,
        };
        Ok(match self {
            Self::Resend => samples::resend(event, when),
            Self::Sendgrid => samples::sendgrid(event, when),
            Self::Mailgun => samples::mailgun(event, when),
        })
    }

    /// What a mistake in the secret is most likely about.
    const fn secret_hint(self) -> &'static str {
        match self {
            Self::Resend => "Resend's secrets are `whsec_` and base64",
            Self::Sendgrid => {
                "SendGrid signs with a private key, which only SendGrid has of your account. Make a pair for tests: `openssl ecparam \
                 -name prime256v1 -genkey | openssl pkcs8 -topk8 -nocrypt` prints the private key (--secret-file), and `openssl pkey -pubout` \
                 of it what your receiver verifies with"
            }
            Self::Mailgun => "Mailgun's is the HTTP webhook signing key, any text",
        }
    }

    /// The request that the provider would send, in its own signature or in another.
    ///
    /// # Errors
    /// [`Error::Usage`], [`Error::Rules`]
    pub(super) fn delivery(
        self,
        sample: &Sample,
        signature: Option<SignaturePlan>,
        secrets: &[SecretText],
        url: &str,
        now_ms: u64,
    ) -> Result<Delivery, Error> {
        let is_own = signature.is_none();
        let plan = signature.unwrap_or_else(|| SignaturePlan {
            scheme: self.name().to_owned(),
            options: Vec::new(),
        });
        let mut payload = sample.payload.clone();
        let message_id = MessageId::new(now_ms, &SystemChance);
        let id = match self {
            Self::Mailgun if is_own => token(),
            Self::Mailgun | Self::Resend | Self::Sendgrid => message_id.to_string(),
        };
        let body = |payload: &Value| match self {
            // It ends its bodies so, and signs that.
            Self::Sendgrid => format!("{payload}\r\n"),
            Self::Resend | Self::Mailgun => payload.to_string(),
        };
        let secrets: Vec<_> = secrets.iter().map(SecretText::as_str).collect();
        let options = crate::cli::sender::borrowed(&plan.options);
        let refused = |error: crate::rules::KernelError| {
            let hint = match is_own {
                true => format!(" {}", self.secret_hint()),
                false => String::new(),
            };
            Error::usage(format!("{error}{hint}"))
        };
        let mut signer = kernel()?
            .signer(&plan.scheme, &secrets, &options)
            .map_err(refused)?;
        let at = SignedAt::UnixMs(i64::try_from(now_ms).unwrap_or(i64::MAX));
        let unsigned = body(&payload);
        let signed = signer
            .sign(&Message {
                id: Some(&id),
                method: "POST",
                url,
                ..Message::new(at, unsigned.as_bytes())
            })
            .map_err(refused)?;
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        match (self, payload.as_object_mut()) {
            (Self::Mailgun, Some(fields)) if is_own => {
                let signature = signed.into_iter();
                let signature = signature.map(|(name, value)| (name, Value::String(value)));
                // First, as Mailgun has it; the order means nothing.
                fields.insert("signature".to_owned(), Value::Object(signature.collect()));
            }
            (_, _) => headers.extend(signed),
        }
        Ok(Delivery {
            message_id: id,
            headers,
            body: body(&payload).into_bytes(),
        })
    }
}

/// Fifty hexadecimal digits, never used before (N6).
fn token() -> String {
    let mut bytes = [0; 25];
    SystemChance.fill(&mut bytes);
    base16ct::lower::encode_string(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_core::normalise;

    #[test]
    fn every_sample_is_read_as_the_event_that_it_is_called() {
        for mail in Mail::ALL {
            assert!(mail.events().len() >= 8);
            for event in mail.events() {
                let payload = mail.sample(event, 1_767_323_045_678).unwrap();
                let source = Source::named(mail.name()).unwrap();
                let events =
                    normalise::parse(source, &[("svix-id", "m")], payload.to_string().as_bytes())
                        .unwrap();
                let [read] = events.as_slice() else {
                    panic!("{event}: {events:?}");
                };
                assert_eq!(read.provider_event, *event);
                let told = format!("{} {event}: {read:?}", mail.name());
                assert!(
                    read.email_id.is_some() && read.occurred_at.is_some(),
                    "{told}"
                );
                assert_ne!(read.event_type.as_str(), "other", "{told}");
            }
        }
    }

    #[test]
    fn no_two_samples_are_one_event() {
        for mail in Mail::ALL {
            let event = mail.events().first().unwrap();
            let [one, other] = [(); 2].map(|()| mail.sample(event, 1_767_323_045_678).unwrap());
            assert_ne!(one, other);
        }
        assert_ne!(token(), token());
        assert_eq!(token().len(), 50);
    }

    #[test]
    fn events_without_a_sample_are_told_with_those_that_have_one() {
        let error = Mail::Sendgrid.sample("opened", 0).unwrap_err().to_string();
        assert!(error.contains("known are: processed"), "{error}");
    }
}
