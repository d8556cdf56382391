//! The providers: what each calls its events, what their payloads hold, and what it promises about deliveries.

pub mod cleanmails;
pub mod mailgun;
pub(crate) mod model;
pub(crate) mod payload;
pub mod platform;
pub mod resend;
pub mod sendemall;
pub mod sendgrid;
pub mod smartlead;

pub use self::payload::{Defaults, Payload, PayloadError, PayloadProblem};

use crate::{delivery::DeliveryPolicy, event::Source};
use alloc::{borrow::ToOwned, string::String};
use core::fmt;

/// A provider of outreach events that we send for. [`Source`] names these and those that we only receive from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Provider {
    /// Cleanmails.
    Cleanmails,
    /// SmartLead.
    Smartlead,
    /// SendEmAll.
    Sendemall,
    /// The platform whose documentation names no vendor.
    Platform,
}

/// What there is to know about a provider, as data.
pub(crate) struct Profile {
    pub(crate) name: &'static str,
    pub(crate) event_types: &'static [&'static str],
    /// Payload field that holds the event type.
    pub(crate) type_field: &'static str,
    /// Payload fields without which an event cannot be read.
    pub(crate) required: &'static [&'static str],
    pub(crate) always_signed: bool,
    pub(crate) spelling: Spelling,
    pub(crate) policy: DeliveryPolicy,
}

/// How a provider spells a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// A list of names; an empty or missing one means all (C16, R-E4).
    List,
    /// An object of names and booleans; false and missing mean off (S21).
    BoolMap,
    /// Short names with commas between them (P5).
    CommaList,
}

/// No provider of this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownProvider {
    /// The name as given.
    pub name: String,
}

impl fmt::Display for UnknownProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no provider of this name; known are:")?;
        Provider::ALL
            .iter()
            .try_for_each(|provider| write!(f, " {}", provider.name()))
    }
}

impl core::error::Error for UnknownProvider {}

impl Provider {
    /// Every provider.
    pub const ALL: [Self; 4] = [
        Self::Cleanmails,
        Self::Smartlead,
        Self::Sendemall,
        Self::Platform,
    ];

    /// The provider of this name.
    ///
    /// # Errors
    /// [`UnknownProvider`], which names the known ones.
    pub fn named(name: &str) -> Result<Self, UnknownProvider> {
        Self::ALL
            .into_iter()
            .find(|provider| provider.name() == name)
            .ok_or_else(|| UnknownProvider {
                name: name.to_owned(),
            })
    }

    /// Its name, which is also the name of its signature scheme.
    pub fn name(self) -> &'static str {
        self.profile().name
    }

    /// The event types it documents, in the order of its document.
    pub fn event_types(self) -> &'static [&'static str] {
        self.profile().event_types
    }

    /// The documented name of an event type in any spelling that the provider's documents use; `None` for a type that is
    /// not documented.
    pub fn canonical_type(self, name: &str) -> Option<&'static str> {
        match self {
            Self::Platform => platform::canonical_type(name),
            Self::Cleanmails | Self::Smartlead | Self::Sendemall => self
                .event_types()
                .iter()
                .copied()
                .find(|documented| *documented == name),
        }
    }

    /// Whether it promises a signature on every request, so that an endpoint made without a secret gets one (E25, R-E5).
    pub fn always_signed(self) -> bool {
        self.profile().always_signed
    }

    /// How it spells subscriptions.
    pub fn spelling(self) -> Spelling {
        self.profile().spelling
    }

    /// What it promises about deliveries.
    pub fn policy(self) -> &'static DeliveryPolicy {
        &self.profile().policy
    }

    pub(crate) fn profile(self) -> &'static Profile {
        match self {
            Self::Cleanmails => &cleanmails::PROFILE,
            Self::Smartlead => &smartlead::PROFILE,
            Self::Sendemall => &sendemall::PROFILE,
            Self::Platform => &platform::PROFILE,
        }
    }
}

impl From<Provider> for Source {
    fn from(provider: Provider) -> Self {
        match provider {
            Provider::Cleanmails => Self::Cleanmails,
            Provider::Smartlead => Self::Smartlead,
            Provider::Sendemall => Self::Sendemall,
            Provider::Platform => Self::Platform,
        }
    }
}

impl Source {
    /// The provider that we also send for; `None` for one that is inbound only.
    pub const fn provider(self) -> Option<Provider> {
        match self {
            Self::Cleanmails => Some(Provider::Cleanmails),
            Self::Smartlead => Some(Provider::Smartlead),
            Self::Sendemall => Some(Provider::Sendemall),
            Self::Platform => Some(Provider::Platform),
            Self::Resend | Self::Sendgrid | Self::Mailgun => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::{AutoPause, ClientErrors, SuccessRule};
    use crate::event::EventType;
    use crate::normalise::{NO_HEADERS, parse};
    use crate::render::render;
    use crate::retry::{Jitter, RetrySchedule};
    use crate::sample::{Occasion, sample};

    /// The names of the documents, in their order, and what they mean to everybody (table X).
    fn documented() -> [(Provider, &'static [(&'static str, EventType)]); 4] {
        use EventType::*;
        [
            (
                Provider::Cleanmails,
                &[
                    ("email.sent", EmailSent),
                    ("email.opened", EmailOpened),
                    ("email.clicked", EmailClicked),
                    ("email.replied", EmailReplied),
                    ("email.bounced", EmailBounced),
                    ("lead.unsubscribed", EmailUnsubscribed),
                    ("campaign.started", CampaignStarted),
                    ("campaign.completed", CampaignCompleted),
                    ("campaign.paused", CampaignPaused),
                    ("lead.created", LeadCreated),
                    ("lead.validated", LeadValidated),
                ],
            ),
            (
                Provider::Smartlead,
                &[
                    ("EMAIL_SENT", EmailSent),
                    ("EMAIL_OPENED", EmailOpened),
                    ("EMAIL_CLICKED", EmailClicked),
                    ("EMAIL_REPLIED", EmailReplied),
                    ("EMAIL_BOUNCED", EmailBounced),
                    ("EMAIL_UNSUBSCRIBED", EmailUnsubscribed),
                ],
            ),
            (
                Provider::Sendemall,
                &[
                    ("email.sent", EmailSent),
                    ("email.delivered", EmailDelivered),
                    ("email.opened", EmailOpened),
                    ("email.clicked", EmailClicked),
                    ("email.replied", EmailReplied),
                    ("email.bounced", EmailBounced),
                    ("email.unsubscribed", EmailUnsubscribed),
                    ("campaign.completed", CampaignCompleted),
                ],
            ),
            (
                Provider::Platform,
                &[
                    ("email.open", EmailOpened),
                    ("email.click", EmailClicked),
                    ("email.bounce", EmailBounced),
                    ("email.unsubscribe", EmailUnsubscribed),
                ],
            ),
        ]
    }

    // Holds: C1 to C11, R-C7, S1 to S6, R-S17, E1 to E8, R-E11, P7
    #[test]
    fn each_documented_name_has_its_meaning_and_is_written_for_it() {
        let occasion = Occasion {
            id: "1",
            at_ms: 0,
            workspace_id: 1,
            campaign_id: None,
        };
        for (provider, names) in documented() {
            let own = names.iter().map(|(name, _)| *name);
            assert!(own.eq(provider.event_types().iter().copied()));
            for (name, event_type) in names {
                let body = sample(provider, name, occasion).unwrap().encode();
                let events = parse(provider.into(), &NO_HEADERS, &body).unwrap();
                assert_eq!(&events[0].event_type, event_type, "{name}");
                // There and back: nothing else is written for this meaning.
                let written = render(&events[0], provider).unwrap();
                assert_eq!(written.event_type(), *name);
            }
        }
    }

    // Holds: C31, R-C10, S31, R-S7, R-S19, E29, E33, R-E13, P15, R-P11, R-X9
    #[test]
    fn every_policy_is_the_reading_and_within_its_bounds() {
        for (provider, schedule, timeout_ms, auto_pause) in [
            (
                Provider::Cleanmails,
                RetrySchedule::CLEANMAILS,
                10_000,
                AutoPause::ConsecutiveDeliveries(10),
            ),
            (
                Provider::Smartlead,
                RetrySchedule::SMARTLEAD,
                30_000,
                AutoPause::NoSuccessSinceDeliveryBegan,
            ),
            (
                Provider::Sendemall,
                RetrySchedule::SENDEMALL,
                10_000,
                AutoPause::Never,
            ),
            (
                Provider::Platform,
                RetrySchedule::STANDARD_WEBHOOKS,
                10_000,
                AutoPause::Never,
            ),
        ] {
            let expected = DeliveryPolicy {
                schedule,
                jitter: Jitter::NONE,
                timeout_ms,
                success: SuccessRule::Any2xx,
                client_errors: ClientErrors::Retried,
                auto_pause,
                probing: None,
            };
            assert_eq!(provider.policy(), &expected);
            assert_eq!(expected.check(), Ok(()));
        }
    }
}
