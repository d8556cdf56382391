//! What an owner sets differently from the provider's policy, for one endpoint.

use super::{AutoPause, ClientErrors, DeliveryPolicy, PolicyError, Probing, SuccessRule};
use crate::retry::{Jitter, RetrySchedule};
use serde::{Deserialize, Serialize};

/// What is set differently from a provider's [`DeliveryPolicy`]; `None` is as the provider has it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PolicySettings {
    /// In place of [`DeliveryPolicy::schedule`].
    pub schedule: Option<RetrySchedule>,
    /// In place of [`DeliveryPolicy::jitter`].
    pub jitter: Option<Jitter>,
    /// In place of [`DeliveryPolicy::timeout_ms`].
    pub timeout_ms: Option<u64>,
    /// In place of [`DeliveryPolicy::success`].
    pub success: Option<SuccessRule>,
    /// In place of [`DeliveryPolicy::client_errors`].
    pub client_errors: Option<ClientErrors>,
    /// In place of [`DeliveryPolicy::auto_pause`].
    pub auto_pause: Option<AutoPause>,
    /// In place of [`DeliveryPolicy::probing`]; it can be added, and no provider's policy has one to be taken away.
    pub probing: Option<Probing>,
}

impl PolicySettings {
    /// Whether everything is as the provider has it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The provider's policy with these settings in it.
    ///
    /// # Errors
    /// [`PolicyError`]
    pub fn over(&self, provider: &DeliveryPolicy) -> Result<DeliveryPolicy, PolicyError> {
        let policy = DeliveryPolicy {
            schedule: match &self.schedule {
                Some(schedule) => schedule.clone(),
                None => provider.schedule.clone(),
            },
            jitter: self.jitter.unwrap_or(provider.jitter),
            timeout_ms: self.timeout_ms.unwrap_or(provider.timeout_ms),
            success: self.success.unwrap_or(provider.success),
            client_errors: self.client_errors.unwrap_or(provider.client_errors),
            auto_pause: self.auto_pause.unwrap_or(provider.auto_pause),
            probing: self.probing.or(provider.probing),
        };
        policy.check().map(|()| policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{provider::Provider, retry::Backoff};
    use alloc::vec::Vec;

    #[test]
    fn what_is_not_set_stays_as_the_provider_has_it() {
        for provider in Provider::ALL {
            let policy = provider.policy();
            assert_eq!(PolicySettings::default().over(policy).as_ref(), Ok(policy));
            let schedule = RetrySchedule::custom(Vec::from([7])).unwrap();
            let settings = PolicySettings {
                schedule: Some(schedule.clone()),
                ..PolicySettings::default()
            };
            let expected = DeliveryPolicy {
                schedule,
                ..policy.clone()
            };
            assert_eq!(settings.over(policy), Ok(expected));
        }
    }

    #[test]
    fn what_cannot_be_kept_is_refused() {
        let none = PolicySettings::default;
        let cool_down = Backoff {
            base_ms: 0,
            factor: 2,
            cap_ms: 5,
        };
        for (settings, error) in [
            (
                PolicySettings {
                    timeout_ms: Some(999),
                    ..none()
                },
                PolicyError::TimeoutOutOfRange { timeout_ms: 999 },
            ),
            (
                PolicySettings {
                    auto_pause: Some(AutoPause::ConsecutiveAttempts(0)),
                    ..none()
                },
                PolicyError::PauseAfterNothing,
            ),
            (
                PolicySettings {
                    probing: Some(Probing { cool_down }),
                    ..none()
                },
                PolicyError::CoolDownOutOfRange,
            ),
        ] {
            assert_eq!(settings.over(Provider::Platform.policy()), Err(error));
        }
    }
}
