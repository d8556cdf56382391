//! Names of things: a fixed prefix and a ULID, so that an id says what it names and sorts by the time it was made.

mod workspace;

pub use self::workspace::WorkspaceId;

use crate::chance::Chance;
use serde::{Serialize, Serializer};
use std::{fmt, sync::Arc};
use ulid::Ulid;

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
    /// Names a key of the API.
    ApiKeyId = "key_";
}

impl MessageId {
    /// The id without its prefix, for envelopes that put their own before it.
    pub fn bare(&self) -> &str {
        self.0.strip_prefix(Self::PREFIX).unwrap_or(&self.0)
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
