//! The state of an endpoint (R-X8).
//!
//! An endpoint that fails too much is paused by rule. If the policy allows [probing](crate::delivery::Probing), one held
//! delivery goes out as a probe after a cool-down. Its success opens the endpoint again; its failure pauses it for longer.
//! An endpoint that its owner paused or switched off is left alone.
//!
//! What a caller does to probe:
//!
//! 1. Keep [`Pause::probe_at_ms`](crate::delivery::Pause). At that moment, if a delivery is held, apply
//!    [`ProbeDue`](Input::ProbeDue) to the endpoint and `ClaimedAsProbe` to the oldest of them, in one step.
//! 2. Make the attempt with the number that its schedule has next, and have it [judged](crate::delivery::judge) as a probe.
//! 3. When the delivery is held again, do not count the attempt. When the endpoint is active, release what is held.
//! 4. When there is no outcome, apply [`ProbeLost`](Input::ProbeLost), and `AttemptNotMade` and `EndpointPaused` to the
//!    delivery. The moment of step 1 still stands.
//!
//! ```
//! use countersign_core::delivery::machine::{
//!     Transition,
//!     endpoint::{Input, State, transition},
//! };
//!
//! assert_eq!(transition(State::PausedFailing, Input::ProbeDue), Transition::To(State::HalfOpen));
//! assert_eq!(transition(State::HalfOpen, Input::ProbeSucceeded), Transition::To(State::Active));
//! ```

use super::words;

words! {
    /// State of an endpoint.
    State {
        /// Events are delivered.
        Active = "active",
        /// Taken out of service by rule because too much failed; events are held.
        PausedFailing = "paused (failing)",
        /// Taken out of service by rule because it answered 410; events are held and no probe goes out (R-X4).
        PausedGone = "paused (gone)",
        /// Taken out of service by its owner; events are held.
        PausedManual = "paused (manual)",
        /// Paused because too much failed, and a probe is out; other events are held.
        HalfOpen = "half-open",
        /// Switched off by its owner; events are held.
        Disabled = "disabled",
    }
}

words! {
    /// What can happen to an endpoint.
    Input {
        /// An attempt that was no probe succeeded.
        AttemptSucceeded = "attempt succeeded",
        /// An attempt that was no probe failed, and the policy bears it.
        AttemptFailed = "attempt failed, bearable",
        /// An attempt that was no probe failed, and the policy's [`AutoPause`](crate::delivery::AutoPause) is reached.
        ThresholdReached = "threshold reached",
        /// It answered 410: it wants no more (R-X4).
        ReceiverGone = "receiver gone",
        /// The cool-down is over and a delivery is held: a probe may go out.
        ProbeDue = "probe due",
        /// The probe succeeded.
        ProbeSucceeded = "probe succeeded",
        /// The probe failed.
        ProbeFailed = "probe failed",
        /// The probe has no outcome: it could not be made, or the host restarted meanwhile.
        ProbeLost = "probe lost",
        /// Its owner pauses it.
        PausedByHand = "paused by hand",
        /// Its owner sets it active (C20, R-C4, R-S11).
        ResumedByHand = "resumed by hand",
        /// Its owner switches it off.
        DisabledByHand = "disabled by hand",
    }
}

words! {
    /// Why an input changes nothing.
    Reason {
        /// Health remembers it; the state stays.
        HealthOnly = "counts in health only",
        /// The attempt began before the pause and says little about now.
        BeganBefore = "the attempt began before",
        /// It is in this state already.
        Already = "it is so already",
        /// It is active and needs no probe.
        NotPaused = "it is not paused",
        /// A probe is out; one at a time.
        ProbeOut = "a probe is out",
        /// No probe is out.
        NoProbeOut = "no probe is out",
        /// It answered 410: only its owner ends the pause.
        AskedForSilence = "it asked for silence",
        /// Its owner decides, and nobody else.
        OwnerDecides = "its owner decides",
    }
}

/// What the input does to an endpoint in this state.
pub type Transition = super::Transition<State, Reason>;

/// What the input does to an endpoint in this state. Every pair is decided.
pub const fn transition(state: State, input: Input) -> Transition {
    use super::Transition::{Ignored, Refused, To};
    use State::{Active, Disabled, HalfOpen, PausedFailing, PausedGone, PausedManual};

    match (input, state) {
        (Input::AttemptSucceeded | Input::AttemptFailed, Active) => Ignored(Reason::HealthOnly),
        (Input::ThresholdReached, Active) => To(PausedFailing),
        (
            Input::AttemptSucceeded | Input::AttemptFailed | Input::ThresholdReached,
            PausedFailing | PausedGone | HalfOpen,
        ) => Ignored(Reason::BeganBefore),

        // Also while a probe is out: the receiver has said what the probe was to find out.
        (Input::ReceiverGone, Active | PausedFailing | HalfOpen) => To(PausedGone),
        (Input::ReceiverGone, PausedGone) => Ignored(Reason::Already),
        (
            Input::AttemptSucceeded
            | Input::AttemptFailed
            | Input::ThresholdReached
            | Input::ReceiverGone,
            PausedManual | Disabled,
        ) => Ignored(Reason::OwnerDecides),

        (Input::ProbeDue, PausedFailing) => To(HalfOpen),
        (Input::ProbeDue, PausedGone) => Refused(Reason::AskedForSilence),
        (Input::ProbeDue, Active) => Refused(Reason::NotPaused),
        (Input::ProbeDue, HalfOpen) => Refused(Reason::ProbeOut),
        (Input::ProbeDue, PausedManual | Disabled) => Refused(Reason::OwnerDecides),

        (Input::ProbeSucceeded, HalfOpen) => To(Active),
        (Input::ProbeFailed | Input::ProbeLost, HalfOpen) => To(PausedFailing),
        (
            Input::ProbeSucceeded | Input::ProbeFailed | Input::ProbeLost,
            Active | PausedFailing | PausedGone,
        ) => Ignored(Reason::NoProbeOut),
        // The owner was faster than the probe.
        (
            Input::ProbeSucceeded | Input::ProbeFailed | Input::ProbeLost,
            PausedManual | Disabled,
        ) => Ignored(Reason::OwnerDecides),

        (Input::PausedByHand, Active | PausedFailing | PausedGone | HalfOpen | Disabled) => {
            To(PausedManual)
        }
        (Input::PausedByHand, PausedManual) => Ignored(Reason::Already),

        (Input::ResumedByHand, PausedFailing | PausedGone | PausedManual | HalfOpen | Disabled) => {
            To(Active)
        }
        // Health starts anew all the same (R-C4).
        (Input::ResumedByHand, Active) => Ignored(Reason::Already),

        (Input::DisabledByHand, Active | PausedFailing | PausedGone | PausedManual | HalfOpen) => {
            To(Disabled)
        }
        (Input::DisabledByHand, Disabled) => Ignored(Reason::Already),
    }
}

impl State {
    /// Whether deliveries go out as they become due; in every other state they are held.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Active)
    }
}
