//! `countersign trigger`: a sample event, sent as its provider sends it.

mod change;
mod destination;
mod mail;

use self::{
    change::Change,
    destination::{Destination, DestinationArgs},
    mail::Mail,
};
use super::{
    SENDER,
    output::{DIM, Output, paint},
    secret::SecretArgs,
    sender::SchemeArgs,
};
use crate::{
    chance::SystemChance,
    clock::{Clock, SystemClock, rfc3339},
    error::Error,
    ids::MessageId,
    rules::{Rules, RulesError, Signing},
    store::SecretText,
};
use clap::Args;
use countersign_core::{
    provider::Provider,
    sample::{Occasion, sample},
    standard,
};
use countersign_guest::{Publish, SignaturePlan, subscription::Overlap};
use serde::Serialize;
use serde_json::{Value, json};
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  countersign trigger --list
  countersign trigger sendemall email.replied --to http://localhost:3000/hooks --secret-file secret.txt
      Sent as the host would send it: the same bytes, headers and signatures.
  countersign trigger cleanmails email.replied --set data.lead_email=ada@example.com --to http://localhost:3000/hooks
      May be repeated; a value that is JSON is taken as such: --set data.lead_id=7
  countersign trigger smartlead EMAIL_SENT --host http://127.0.0.1:8700
      Published to a running host, which delivers it to its endpoints. Its token: COUNTERSIGN_API_TOKEN or --token-file
  countersign trigger sendemall email.bounced --print | countersign verify --provider sendemall
  countersign trigger cleanmails email.sent --scheme stripe --to http://localhost:3000/stripe
      The event of one sender in the signature of another.
  countersign trigger standard order.paid --set data.total=5 --to http://localhost:3000/hooks
      An event of your own, in the shape and signature of Standard Webhooks.
  countersign trigger mailgun failed --secret-env MAILGUN_SIGNING_KEY --to http://127.0.0.1:8700/api/webhooks
      What a mail provider posts, to a receiver or to a host that takes it in.

Exit code: 0 it was answered with 2xx (or printed), 1 it was not, 2 the command was called wrongly.";

/// Sends a realistic sample event, signed, to a receiver or through a running host.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Trigger {
    /// cleanmails, smartlead, sendemall, platform, resend, sendgrid or mailgun; standard for an event of your own
    #[arg(value_name = "PROVIDER")]
    provider: Option<String>,
    /// Type of the event, as the provider calls it
    #[arg(value_name = "EVENT")]
    event: Option<String>,
    /// Lists providers and their events instead
    #[arg(long)]
    list: bool,
    /// Changes a field of the sample, or adds one; may be repeated
    #[arg(long = "set", value_name = "FIELD=VALUE")]
    changes: Vec<Change>,
    #[command(flatten)]
    destination: DestinationArgs,
    #[command(flatten, next_help_heading = SENDER)]
    scheme: SchemeArgs,
    #[command(flatten)]
    secrets: SecretArgs,
}

/// Whose event it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Provider(Provider),
    /// One's own, of any type.
    Own,
    /// A mail provider's, which hosts take in.
    Mail(Mail),
}

/// The events of a provider. Where there are none, any type will do.
#[derive(Debug, Serialize)]
struct Listed {
    provider: &'static str,
    events: &'static [&'static str],
}

/// A sample and what it is called.
struct Sample {
    provider: &'static str,
    event_type: String,
    payload: Value,
}

/// A request as the provider would send it.
struct Delivery {
    message_id: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Whose {
    fn named(name: &str) -> Result<Self, Error> {
        match name {
            standard::SOURCE => Ok(Self::Own),
            name => match (Mail::named(name), Provider::named(name)) {
                (Some(mail), _) => Ok(Self::Mail(mail)),
                (None, Ok(provider)) => Ok(Self::Provider(provider)),
                (None, Err(error)) => {
                    let others = Mail::ALL.map(Mail::name).join(" ");
                    Err(Error::Usage {
                        code: Some("unknown_provider"),
                        message: format!("{error} {others} {}", standard::SOURCE),
                    })
                }
            },
        }
    }

    /// Every one, in the order of the list.
    fn all() -> impl Iterator<Item = Self> {
        let providers = Provider::ALL.into_iter().map(Self::Provider);
        providers
            .chain(Mail::ALL.map(Self::Mail))
            .chain([Self::Own])
    }

    fn listed(self) -> Listed {
        match self {
            Self::Provider(provider) => Listed {
                provider: provider.name(),
                events: provider.event_types(),
            },
            Self::Own => Listed {
                provider: standard::SOURCE,
                events: &[],
            },
            Self::Mail(mail) => Listed {
                provider: mail.name(),
                events: mail.events(),
            },
        }
    }

    /// The body of a sample.
    fn sample(self, event: &str, now_ms: u64) -> Result<Value, Error> {
        let provider = match self {
            Self::Provider(provider) => provider,
            Self::Own => return Ok(json!({ "type": event, "data": {} })),
            Self::Mail(mail) => return mail.sample(event, now_ms),
        };
        let id = MessageId::new(now_ms, &SystemChance);
        let occasion = Occasion {
            id: id.bare(),
            at_ms: i64::try_from(now_ms).unwrap_or(i64::MAX),
            workspace_id: 1,
            campaign_id: None,
        };
        let payload = sample(provider, event, occasion).map_err(|error| Error::Usage {
            code: Some("unknown_event_type"),
            message: error.to_string(),
        })?;
        serde_json::from_slice(&payload.encode()).map_err(|error| Error::System {
            doing: "reading a sample",
            source: error.into(),
        })
    }
}

impl Whose {
    /// The request that would bring the sample.
    fn delivery(
        self,
        sample: &Sample,
        signature: Option<SignaturePlan>,
        secrets: &[SecretText],
        url: &str,
        now_ms: u64,
    ) -> Result<Delivery, Error> {
        match self {
            Self::Provider(_) | Self::Own => sample.delivery(signature, secrets, url, now_ms),
            Self::Mail(mail) => mail.delivery(sample, signature, secrets, url, now_ms),
        }
    }
}

impl Trigger {
    pub(super) fn run(self, out: &Output) -> Result<ExitCode, Error> {
        if self.list {
            return list(self.provider.as_deref(), out).map(|()| ExitCode::SUCCESS);
        }
        let (Some(provider), Some(event)) = (&self.provider, &self.event) else {
            return Err(Error::usage(
                "Name a provider and an event, as in: countersign trigger cleanmails email.replied. --list shows both.",
            ));
        };
        let whose = Whose::named(provider)?;
        let destination = self.destination.read()?;
        let now_ms = SystemClock::new().now_ms();
        let provider = whose.listed().provider;
        let mut sample = Sample {
            provider,
            event_type: event.clone(),
            payload: whose.sample(event, now_ms)?,
        };
        for change in &self.changes {
            change.make(&mut sample.payload).map_err(Error::usage)?;
        }
        let SchemeArgs { scheme, options } = self.scheme;
        if scheme.is_none() && !options.is_empty() {
            return Err(Error::usage(
                "--option is a setting of --scheme; give both.",
            ));
        }
        match destination {
            Destination::Host(host) => {
                if matches!(whose, Whose::Mail(_)) {
                    return Err(Error::usage(format!(
                        "{provider} posts to hosts and is not published by them: --to {}/api/webhooks, where its source is configured.",
                        host.url()
                    )));
                }
                if scheme.is_some() || self.secrets.are_given() {
                    return Err(Error::usage(
                        "A running host signs with the secrets of its endpoints; leave --scheme and the secret out.",
                    ));
                }
                destination::publish(&host, &sample, out)
            }
            Destination::To(url) => {
                let secrets = self.secrets.read(provider, out)?;
                let signature = scheme.map(|scheme| SignaturePlan { scheme, options });
                let delivery = whose.delivery(&sample, signature, &secrets, &url, now_ms)?;
                destination::send(&url, &sample, delivery, out)
            }
            Destination::Print => {
                let secrets = self.secrets.read(provider, out)?;
                let signature = scheme.map(|scheme| SignaturePlan { scheme, options });
                let delivery = whose.delivery(&sample, signature, &secrets, "", now_ms)?;
                destination::print(&delivery, out)
            }
        }
    }
}

fn list(provider: Option<&str>, out: &Output) -> Result<(), Error> {
    let listed: Vec<_> = match provider {
        Some(provider) => vec![Whose::named(provider)?.listed()],
        None => Whose::all().map(Whose::listed).collect(),
    };
    let mut lines = Vec::new();
    for Listed { provider, events } in &listed {
        let provider = paint(DIM, provider);
        lines.extend(events.iter().map(|event| format!("{provider} {event}")));
        if events.is_empty() {
            lines.push(format!(
                "{provider} any type of your own, such as order.paid"
            ));
        }
    }
    out.either(&listed, lines.join("\n"))
}

impl Sample {
    /// The request that the host would make of it, in the provider's own signature or in another.
    fn delivery(
        &self,
        signature: Option<SignaturePlan>,
        secrets: &[SecretText],
        url: &str,
        now_ms: u64,
    ) -> Result<Delivery, Error> {
        let rules = Rules::load()?;
        let message_id = MessageId::new(now_ms, &SystemChance);
        let published = rules.guest.publish(Publish {
            provider: self.provider.to_owned(),
            payload: self.payload.to_string().into_bytes(),
            default_id: message_id.bare().to_owned(),
            default_timestamp: rfc3339(now_ms),
            client_id: None,
            bot: false,
            endpoints: Vec::new(),
            overlap: Overlap::default(),
        })?;
        // The sample itself is sound, so it is what was set.
        let published = published.map_err(|rejection| {
            Error::usage(format!("{}: {}", rejection.field, rejection.message))
        })?;
        let plan = rules.plan(self.provider, true, signature.as_ref());
        let plan = plan.map_err(|error| match error {
            // Of one's own: which schemes can sign deliveries is for the rules to say.
            RulesError::Refused(why) if signature.is_some() => Error::usage(why),
            error => error.into(),
        })?;
        let secrets: Vec<_> = secrets.iter().map(SecretText::as_str).collect();
        let to = Signing {
            secrets: &secrets,
            url,
            read_at: rules.kernel.generation(),
        };
        let id = message_id.as_str();
        let headers = rules.signed_headers(&plan, to, id, &published.body, now_ms)?;
        Ok(Delivery {
            message_id: message_id.to_string(),
            headers: once_each(headers),
            body: published.body,
        })
    }
}

/// A later header replaces an earlier one of the same name, as in what the host sends.
fn once_each(headers: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut kept: Vec<(String, String)> = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        kept.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
        kept.push((name, value));
    }
    kept
}
