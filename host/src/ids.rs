//! Names of things: a fixed prefix and a ULID, so that an id says what it names and sorts by the time it was made.

mod workspace;

pub use self::workspace::WorkspaceId;

use crate::chance::Chance;
use serde::{Serialize, Serializer};
use std::{
    fmt,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
};
use ulid::Ulid;

/// Deliveries that a message can have: so many numbers after its own belong to it.
const DELIVERIES_MAX: u32 = 1 << 24;

/// A text that is no id of the kind that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no id of this kind")]
pub struct NotAnId;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// What every id of this kind starts with.
            pub const PREFIX: &str = $prefix;

            /// A new id, made at `now_ms`.
            pub fn new(now_ms: u64, chance: &dyn Chance) -> Self {
                Self(format!("{}{}", $prefix, ulid(now_ms, chance)).into())
            }

            /// Reads an id; `None` when `text` is none of this kind.
            pub fn parse(text: &str) -> Option<Self> {
                let ulid = text.strip_prefix($prefix)?;
                Ulid::from_string(ulid).ok()?;
                Some(Self(text.into()))
            }

            /// The least id that can be made at `at_ms`: ids sort by time, so it stands between what was made before and
            /// after.
            pub fn floor(at_ms: u64) -> Self {
                // 48 bits of milliseconds last until the year 10889.
                let at_ms = at_ms.min((1 << 48) - 1);
                Self(format!("{}{}", $prefix, Ulid::from_parts(at_ms, 0)).into())
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                Self::parse(text).ok_or(NotAnId)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// Names an endpoint.
    EndpointId = "ep_";
    /// Names a message: the same on every attempt (`webhook-id`).
    MessageId = "msg_";
    /// Names a delivery: one message to one endpoint.
    DeliveryId = "dlv_";
    /// Names an attempt: one request.
    AttemptId = "atmpt_";
    /// Names a replay: many deliveries sent again.
    ReplayId = "rpl_";
    /// Names a request of another sender.
    InboundId = "inb_";
    /// Names a key of the API.
    ApiKeyId = "key_";
}

impl InboundId {
    /// The id without its prefix, for the ids of its events.
    pub fn bare(&self) -> &str {
        self.0.strip_prefix(Self::PREFIX).unwrap_or(&self.0)
    }
}

impl MessageId {
    /// The id without its prefix, for envelopes that put their own before it.
    pub fn bare(&self) -> &str {
        self.0.strip_prefix(Self::PREFIX).unwrap_or(&self.0)
    }

    fn number(&self) -> u128 {
        // An id is one by construction.
        Ulid::from_string(self.bare()).map_or(0, u128::from)
    }
}

impl DeliveryId {
    /// The id of a delivery of the message, `place` of its deliveries from 0: the deliveries of a message follow its number, in
    /// order, so that they lie beside each other wherever things are sorted by id.
    pub fn of(message: &MessageId, place: u32) -> Self {
        let offset = u128::from(place % DELIVERIES_MAX).saturating_add(1);
        Self::numbered(message.number().saturating_add(offset))
    }

    /// The least and the greatest id that [`of`](Self::of) makes for the message.
    pub fn span(message: &MessageId) -> (Self, Self) {
        let number = message.number();
        let last = number.saturating_add(u128::from(DELIVERIES_MAX));
        (
            Self::numbered(number.saturating_add(1)),
            Self::numbered(last),
        )
    }

    /// What sorts before every delivery of the message and after those of older ones.
    pub fn before_those_of(message: &MessageId) -> Self {
        Self::numbered(message.number())
    }

    fn numbered(number: u128) -> Self {
        Self(format!("{}{}", Self::PREFIX, Ulid::from(number)).into())
    }
}

/// Makes the ids of messages. Each is greater than the one before, also within a millisecond and when the clock is set back, so
/// that sorting by id is sorting by the order of publishing; and there is room for its deliveries before the next one.
#[derive(Debug, Default)]
pub struct MessageIds(Mutex<u128>);

impl MessageIds {
    /// An id that nobody else has.
    pub fn next(&self, now_ms: u64, chance: &dyn Chance) -> MessageId {
        let mut random = [0; 16];
        chance.fill(&mut random);
        let random = u128::from_le_bytes(random);
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Without the uppermost bit of chance: half of the numbers of each millisecond are left for those that follow.
        let fresh = u128::from(Ulid::from_parts(now_ms, random)) & !(1 << 79);
        let step = u128::from(DELIVERIES_MAX).saturating_add(random & 0xff_ffff_ffff);
        let number = fresh.max(last.saturating_add(step));
        *last = number;
        drop(last);
        MessageId(format!("{}{}", MessageId::PREFIX, Ulid::from(number)).into())
    }
}

fn ulid(now_ms: u64, chance: &dyn Chance) -> Ulid {
    let mut random = [0; 16];
    chance.fill(&mut random);
    Ulid::from_parts(now_ms, u128::from_le_bytes(random))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::SystemChance;

    #[test]
    fn ids_read_back_and_sort_by_time() {
        let early = MessageId::new(1_700_000_000_000, &SystemChance);
        let late = MessageId::new(1_700_000_000_001, &SystemChance);
        assert!(early < late);
        assert_eq!(MessageId::parse(early.as_str()), Some(early.clone()));
        let floor = MessageId::floor(1_700_000_000_001);
        assert!(early < floor && floor < late);
        assert!(late < MessageId::floor(u64::MAX));
        assert_eq!(early.as_str(), format!("msg_{}", early.bare()));
    }

    #[test]
    fn messages_sort_as_they_were_published_and_their_deliveries_lie_between_them() {
        let ids = MessageIds::default();
        // The clock stands still, and is set back.
        let times = [5_000_u64, 5_000, 5_000, 4_000, 4_000, 5_001];
        let made: Vec<_> = (0..1_000)
            .map(|place| ids.next(1_700_000_000_000 + times[place % 6], &SystemChance))
            .collect();
        for pair in made.windows(2) {
            let (low, high) = DeliveryId::span(&pair[0]);
            let places = [0, 1, 2, DELIVERIES_MAX - 1].map(|place| DeliveryId::of(&pair[0], place));
            assert!(places.is_sorted() && places[0] == low && places[3] == high);
            assert!(pair[0].bare() < &low.as_str()[4..]);
            assert!(&high.as_str()[4..] < pair[1].bare());
            assert_eq!(DeliveryId::parse(low.as_str()), Some(low));
        }
        let at = |ms: u64| MessageId::floor(1_700_000_000_000 + ms);
        assert!(at(5_000) < made[0] && made[999] < at(5_002));
    }

    #[test]
    fn what_is_no_id_is_refused() {
        let id = EndpointId::new(1, &SystemChance);
        assert_eq!(DeliveryId::parse(id.as_str()), None);
        for text in [
            "",
            "ep_",
            "ep_1",
            "ep_../../etc",
            "ep_01D39ZY06FGSCTVN4T2V9PKHF\u{e9}",
        ] {
            assert_eq!(EndpointId::parse(text), None, "{text}");
        }
    }
}
