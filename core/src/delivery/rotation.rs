//! Rotation of signing secrets: which of an endpoint's secrets sign at a moment, and what a new one does to those before it.
//!
//! No provider promises a rotation and their headers hold one signature (R-X3), so that header changes over at one moment,
//! while the header of Standard Webhooks holds a signature of every secret that is alive. Until the changeover the old
//! secret signs the provider's header: a receiver that has not heard of the new one yet must not be turned away.

use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Most secrets of an endpoint at a time: each costs a signature per attempt and its bytes in the header.
pub const SECRETS_MAX: usize = 5;
/// How long an old secret lives on when its owner does not say, milliseconds: a day, as receivers are changed by people.
pub const OVERLAP_MS_DEFAULT: u64 = 24 * 60 * 60 * 1_000;
/// Longest overlap, milliseconds: 7 days. An old secret that lives longer has not been replaced.
pub const OVERLAP_MS_MAX: u64 = 7 * OVERLAP_MS_DEFAULT;

/// The life of a secret, unix milliseconds. Both ends are absent in the newest one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretTimes {
    /// When it was set.
    pub created_at_ms: u64,
    /// Until then it signs headers that hold one signature. Never after `expires_at_ms`.
    pub signs_until_ms: Option<u64>,
    /// From then on it signs nothing and is to be wiped.
    pub expires_at_ms: Option<u64>,
}

impl SecretTimes {
    /// The times of the only or newest secret.
    pub const fn newest(created_at_ms: u64) -> Self {
        Self {
            created_at_ms,
            signs_until_ms: None,
            expires_at_ms: None,
        }
    }

    fn is_alive(&self, now_ms: u64) -> bool {
        self.expires_at_ms.is_none_or(|at| at > now_ms)
    }
}

/// What the owner asks for, milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// How long the old secrets live on; [`OVERLAP_MS_DEFAULT`] when absent, at most [`OVERLAP_MS_MAX`]. 0: not at all.
    pub overlap_ms: Option<u64>,
    /// How long the old secret goes on signing headers that hold one signature; the overlap when absent, at most that.
    pub switch_ms: Option<u64>,
}

/// A secret after a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotated {
    /// Its place before; absent for the new one.
    pub before: Option<u32>,
    /// Its life from now on.
    pub times: SecretTimes,
}

/// Why a rotation is refused. The owner's mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RotationError {
    /// The overlap is longer than [`OVERLAP_MS_MAX`].
    OverlapTooLong,
    /// The changeover would come after the overlap.
    SwitchAfterOverlap,
    /// There are [`SECRETS_MAX`] secrets alive. End the present overlap first, or wait for the first to expire.
    TooManySecrets,
}

/// Places of the secrets that sign, in the order in which they are handed to the signer: the first one signs what holds one
/// signature. `secrets` are newest first. What is missing from the answer has expired and is to be wiped.
pub fn signing_order(secrets: &[SecretTimes], now_ms: u64) -> Vec<u32> {
    let mut alive: Vec<(u32, &SecretTimes)> = (0..)
        .zip(secrets)
        .filter(|(_, times)| times.is_alive(now_ms))
        .collect();
    let signs = |times: &SecretTimes| times.signs_until_ms.is_some_and(|at| at > now_ms);
    // The oldest one whose turn is not over: changeovers come in the order of the rotations.
    if let Some(place) = alive.iter().rposition(|(_, times)| signs(times)) {
        let first = alive.remove(place);
        alive.insert(0, first);
    }
    alive.into_iter().map(|(place, _)| place).collect()
}

/// The secrets after a new one was set, newest first, as `secrets` are. Expired ones are left out.
///
/// # Errors
/// [`RotationError`]
pub fn rotate(
    secrets: &[SecretTimes],
    rotation: Rotation,
    now_ms: u64,
) -> Result<Vec<Rotated>, RotationError> {
    let overlap_ms = rotation.overlap_ms.unwrap_or(OVERLAP_MS_DEFAULT);
    if overlap_ms > OVERLAP_MS_MAX {
        return Err(RotationError::OverlapTooLong);
    }
    let switch_ms = rotation.switch_ms.unwrap_or(overlap_ms);
    if switch_ms > overlap_ms {
        return Err(RotationError::SwitchAfterOverlap);
    }
    let ends_ms = now_ms.saturating_add(overlap_ms);
    let switches_ms = now_ms.saturating_add(switch_ms);
    // A shorter overlap than the present one also ends that: whoever says 0 wants the old ones gone.
    let earlier = |present: Option<u64>, new: u64| Some(present.map_or(new, |at| at.min(new)));
    let old = (0..).zip(secrets).map(|(place, times)| Rotated {
        before: Some(place),
        times: SecretTimes {
            created_at_ms: times.created_at_ms,
            signs_until_ms: earlier(times.signs_until_ms, switches_ms),
            expires_at_ms: earlier(times.expires_at_ms, ends_ms),
        },
    });
    let new = Rotated {
        before: None,
        times: SecretTimes::newest(now_ms),
    };
    let rotated: Vec<_> = core::iter::once(new)
        .chain(old.filter(|old| old.times.is_alive(now_ms)))
        .collect();
    match rotated.len() > SECRETS_MAX {
        true => Err(RotationError::TooManySecrets),
        false => Ok(rotated),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    const HOUR: u64 = 60 * 60 * 1_000;

    fn rotated(
        secrets: &[SecretTimes],
        overlap_ms: u64,
        switch_ms: u64,
        now_ms: u64,
    ) -> Vec<SecretTimes> {
        let rotation = Rotation {
            overlap_ms: Some(overlap_ms),
            switch_ms: Some(switch_ms),
        };
        let rotated = rotate(secrets, rotation, now_ms).unwrap();
        rotated.into_iter().map(|rotated| rotated.times).collect()
    }

    // Holds: R-X3
    #[test]
    fn the_old_secret_signs_first_until_the_switch_and_both_until_the_overlap_ends() {
        let secrets = rotated(&[SecretTimes::newest(0)], 4 * HOUR, HOUR, 10);
        assert_eq!(signing_order(&secrets, 10), [1, 0]);
        assert_eq!(signing_order(&secrets, 10 + HOUR - 1), [1, 0]);
        assert_eq!(signing_order(&secrets, 10 + HOUR), [0, 1]);
        assert_eq!(signing_order(&secrets, 10 + 4 * HOUR - 1), [0, 1]);
        assert_eq!(signing_order(&secrets, 10 + 4 * HOUR), [0]);
        assert_eq!(signing_order(&secrets, u64::MAX), [0]);
    }

    #[test]
    fn without_a_word_of_the_owner_it_is_a_day_and_the_switch_is_at_its_end() {
        let secrets = rotate(&[SecretTimes::newest(0)], Rotation::default(), HOUR).unwrap();
        let old = secrets[1].times;
        assert_eq!(old.expires_at_ms, Some(25 * HOUR));
        assert_eq!(old.signs_until_ms, Some(25 * HOUR));
        assert_eq!((secrets[0].before, secrets[1].before), (None, Some(0)));
    }

    #[test]
    fn an_overlap_of_nothing_leaves_the_new_one_alone() {
        let secrets = rotated(&[SecretTimes::newest(0)], HOUR, HOUR, 0);
        assert_eq!(rotated(&secrets, 0, 0, 5), [SecretTimes::newest(5)]);
        assert_eq!(rotated(&[], HOUR, 0, 5), [SecretTimes::newest(5)]);
    }

    #[test]
    fn changeovers_come_in_the_order_of_the_rotations() {
        let first = rotated(&[SecretTimes::newest(0)], 10 * HOUR, 2 * HOUR, 0);
        let second = rotated(&first, 10 * HOUR, 5 * HOUR, HOUR);
        assert_eq!(signing_order(&second, HOUR), [2, 0, 1]);
        assert_eq!(signing_order(&second, 2 * HOUR), [1, 0, 2]);
        assert_eq!(signing_order(&second, 6 * HOUR), [0, 1, 2]);
        assert_eq!(signing_order(&second, 10 * HOUR), [0, 1]);
    }

    #[test]
    fn limits_hold() {
        let long = Rotation {
            overlap_ms: Some(OVERLAP_MS_MAX + 1),
            switch_ms: None,
        };
        assert_eq!(rotate(&[], long, 0), Err(RotationError::OverlapTooLong));
        let late = Rotation {
            overlap_ms: Some(HOUR),
            switch_ms: Some(HOUR + 1),
        };
        assert_eq!(rotate(&[], late, 0), Err(RotationError::SwitchAfterOverlap));
        let mut secrets = vec![SecretTimes::newest(0)];
        for now_ms in 1..SECRETS_MAX as u64 {
            secrets = rotated(&secrets, HOUR, HOUR, now_ms);
        }
        assert_eq!(secrets.len(), SECRETS_MAX);
        let one_more = rotate(&secrets, Rotation::default(), 9);
        assert_eq!(one_more, Err(RotationError::TooManySecrets));
        // The oldest has expired by then.
        assert_eq!(rotated(&secrets, HOUR, 0, HOUR + 1).len(), SECRETS_MAX);
        assert!(rotated(&secrets, 0, 0, 9).len() == 1);
    }
}
