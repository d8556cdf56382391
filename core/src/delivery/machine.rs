//! The two state machines of delivering: one for a [delivery], one for an [endpoint].
//!
//! Each is a table: every state with every input has its answer, and none of them panics. `docs/DELIVERY.md` shows both,
//! written from this code.

pub mod delivery;
pub mod endpoint;

/// What an input does to a state.
///
/// `S` is the state, `R` says why nothing changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition<S, R> {
    /// The next state.
    To(S),
    /// The state stays and nothing is wrong: the input does not concern it.
    Ignored(R),
    /// The state stays, and whoever caused the input is to be told.
    Refused(R),
}

impl<S, R> Transition<S, R> {
    /// The state after the input, if it was `before`.
    pub fn after(self, before: S) -> S {
        match self {
            Self::To(state) => state,
            Self::Ignored(_) | Self::Refused(_) => before,
        }
    }
}

/// Declares a set of words: the values, all of them in order, and what each is called. With the list made here, nothing can
/// be added that the tables and tests do not see.
macro_rules! words {
    (
        $(#[$doc:meta])*
        $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// What it is called.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }
    };
}
use words;
