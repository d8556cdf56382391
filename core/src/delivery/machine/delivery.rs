//! The life of a delivery: one message on its way to one endpoint.
//!
//! ```
//! use countersign_core::delivery::machine::{
//!     Transition,
//!     delivery::{Input, Reason, State, transition},
//! };
//!
//! assert_eq!(transition(State::Pending, Input::Claimed), Transition::To(State::Sending));
//! assert_eq!(transition(State::Sending, Input::AttemptFailed), Transition::To(State::RetryDue));
//! assert_eq!(transition(State::Delivered, Input::Claimed), Transition::Refused(Reason::Ended));
//! ```

use super::words;

words! {
    /// State of a delivery.
    State {
        /// Its first attempt, or the first of a new round, is due.
        Pending = "pending",
        /// An attempt is under way.
        Sending = "sending",
        /// A retry is due at a later moment. A store may keep it as pending with that moment.
        RetryDue = "retry due",
        /// Its endpoint wants events in order, and another of the same key has not ended.
        Waiting = "waiting",
        /// Its endpoint is not active; nothing is dropped meanwhile (R-C3).
        Held = "held",
        /// The receiver has it.
        Delivered = "delivered",
        /// Given up; listed for its owner (E31).
        DeadLettered = "dead_lettered",
        /// Nobody wants it any more.
        Cancelled = "cancelled",
    }
}

words! {
    /// What can happen to a delivery.
    Input {
        /// It is taken up for an attempt.
        Claimed = "claimed",
        /// It is taken up as the probe of an endpoint that is paused by rule.
        ClaimedAsProbe = "claimed as probe",
        /// The receiver has it (E29, R-S7).
        AttemptSucceeded = "attempt succeeded",
        /// The attempt failed and the schedule has a retry left.
        AttemptFailed = "attempt failed, retries left",
        /// The attempt failed and it was the last: the schedule is used up (E31), or the answer is final (R-X9).
        LastAttemptFailed = "last attempt failed",
        /// The receiver answered 410 (R-X4).
        ReceiverGone = "receiver gone",
        /// The attempt was a probe and failed. It does not count against the schedule.
        ProbeFailed = "probe failed",
        /// The attempt could not be made or judged.
        AttemptNotMade = "attempt not made",
        /// The endpoint is no longer active.
        EndpointPaused = "endpoint paused",
        /// The endpoint is active again (C20, R-C3).
        EndpointResumed = "endpoint resumed",
        /// The endpoint is active again, and its owner does not want what was held.
        PassedOver = "passed over",
        /// The endpoint was deleted.
        EndpointDeleted = "endpoint deleted",
        /// Its owner wants it sent again (R-E3).
        ReplayAsked = "replay asked",
        /// Its owner wants it sent again, although the receiver may have it.
        ResendAsked = "resend asked",
        /// Its owner has taken note of it (R-E1).
        Acknowledged = "acknowledged",
        /// Its owner gives it up.
        Discarded = "discarded",
        /// Another of its key was there first and has not ended.
        KeyTaken = "another of its key is open",
        /// Every other of its key that was there first has ended.
        TurnCame = "its turn came",
        /// The host starts after it ended in whatever way.
        HostRestarted = "host restarted",
    }
}

words! {
    /// Why an input changes nothing.
    Reason {
        /// An attempt is under way; the input is repeated when it has ended.
        AttemptUnderWay = "an attempt is under way",
        /// No attempt is under way, so none can have ended.
        NoAttemptUnderWay = "no attempt is under way",
        /// Its endpoint is not active.
        EndpointNotActive = "the endpoint is not active",
        /// It is not held.
        NotHeld = "it is not held",
        /// It is held already.
        HeldAlready = "it is held already",
        /// It is on its way already; only a dead letter is sent again.
        NotDead = "it is not a dead letter",
        /// The receiver has not had all attempts of this round yet.
        OnItsWay = "it is on its way already",
        /// It stays a dead letter, which its owner knows of; it can still be sent again.
        Noted = "its owner knows of it",
        /// Nothing more happens to it by itself.
        Ended = "it has ended",
        /// Another of its key goes first.
        OutOfTurn = "another of its key goes first",
        /// It does not wait for another.
        NotWaiting = "it waits for no other",
        /// Attempts were made already; it has its turn.
        HasItsTurn = "it has its turn",
        /// A start leaves it as it is.
        Kept = "a restart does not change it",
    }
}

/// What the input does to a delivery in this state.
pub type Transition = super::Transition<State, Reason>;

/// What the input does to a delivery in this state. Every pair is decided.
///
/// A pause or deletion of the endpoint during an attempt is ignored here: whoever ends the attempt applies it afterwards,
/// as [`judge`](crate::delivery::judge) does for a pause.
pub const fn transition(state: State, input: Input) -> Transition {
    use super::Transition::{Ignored, Refused, To};
    use State::{Cancelled, DeadLettered, Delivered, Held, Pending, RetryDue, Sending, Waiting};

    match (input, state) {
        (Input::Claimed, Pending | RetryDue) => To(Sending),
        (Input::Claimed, Waiting) => Refused(Reason::OutOfTurn),
        (Input::Claimed, Sending) => Refused(Reason::AttemptUnderWay),
        (Input::Claimed, Held) => Refused(Reason::EndpointNotActive),
        (Input::Claimed, Delivered | DeadLettered | Cancelled) => Refused(Reason::Ended),

        (Input::ClaimedAsProbe, Held) => To(Sending),
        (Input::ClaimedAsProbe, Sending) => Refused(Reason::AttemptUnderWay),
        (Input::ClaimedAsProbe, Pending | RetryDue | Waiting) => Refused(Reason::NotHeld),
        (Input::ClaimedAsProbe, Delivered | DeadLettered | Cancelled) => Refused(Reason::Ended),

        (Input::AttemptSucceeded, Sending) => To(Delivered),
        (Input::AttemptFailed, Sending) => To(RetryDue),
        (Input::LastAttemptFailed | Input::ReceiverGone, Sending) => To(DeadLettered),
        (Input::ProbeFailed, Sending) => To(Held),
        (Input::AttemptNotMade, Sending) => To(Pending),
        (
            Input::AttemptSucceeded
            | Input::AttemptFailed
            | Input::LastAttemptFailed
            | Input::ReceiverGone
            | Input::ProbeFailed
            | Input::AttemptNotMade,
            Pending | RetryDue | Waiting | Held | Delivered | DeadLettered | Cancelled,
        ) => Refused(Reason::NoAttemptUnderWay),

        (Input::EndpointPaused, Pending | RetryDue) => To(Held),
        // It is held when its turn comes.
        (Input::EndpointPaused, Waiting) => Ignored(Reason::OutOfTurn),
        (Input::EndpointPaused, Held) => Ignored(Reason::HeldAlready),
        (Input::EndpointPaused, Sending) => Ignored(Reason::AttemptUnderWay),
        (Input::EndpointPaused, Delivered | DeadLettered | Cancelled) => Ignored(Reason::Ended),

        (Input::EndpointResumed, Held) => To(Pending),
        (Input::EndpointResumed, Pending | Sending | RetryDue | Waiting) => {
            Ignored(Reason::NotHeld)
        }
        (Input::EndpointResumed, Delivered | DeadLettered | Cancelled) => Ignored(Reason::Ended),

        (Input::PassedOver, Held) => To(DeadLettered),
        (Input::PassedOver, Pending | Sending | RetryDue | Waiting) => Ignored(Reason::NotHeld),
        (Input::PassedOver, Delivered | DeadLettered | Cancelled) => Ignored(Reason::Ended),

        (Input::EndpointDeleted, Pending | RetryDue | Waiting | Held) => To(Cancelled),
        (Input::EndpointDeleted, Sending) => Ignored(Reason::AttemptUnderWay),
        (Input::EndpointDeleted, Delivered | DeadLettered | Cancelled) => Ignored(Reason::Ended),

        (Input::ReplayAsked, DeadLettered) => To(Pending),
        (Input::ReplayAsked, Pending | Sending | RetryDue | Waiting | Held) => {
            Refused(Reason::NotDead)
        }
        (Input::ReplayAsked, Delivered | Cancelled) => Refused(Reason::Ended),

        (Input::ResendAsked, DeadLettered | Delivered) => To(Pending),
        (Input::ResendAsked, Pending | Sending | RetryDue | Waiting | Held) => {
            Refused(Reason::OnItsWay)
        }
        (Input::ResendAsked, Cancelled) => Refused(Reason::Ended),

        // Asking twice is no mistake (R-E1).
        (Input::Acknowledged, DeadLettered) => Ignored(Reason::Noted),
        (Input::Acknowledged, Pending | Sending | RetryDue | Waiting | Held) => {
            Refused(Reason::NotDead)
        }
        (Input::Acknowledged, Delivered | Cancelled) => Refused(Reason::Ended),

        (Input::Discarded, Pending | RetryDue | Waiting | Held | DeadLettered) => To(Cancelled),
        (Input::Discarded, Sending) => Refused(Reason::AttemptUnderWay),
        // Asking twice is no mistake.
        (Input::Discarded, Cancelled) => Ignored(Reason::Ended),
        (Input::Discarded, Delivered) => Refused(Reason::Ended),

        // When it is published, or when a dead letter is sent again: it goes behind those that are open by then.
        (Input::KeyTaken, Pending | Held) => To(Waiting),
        (Input::KeyTaken, Waiting) => Ignored(Reason::OutOfTurn),
        (Input::KeyTaken, Sending | RetryDue) => Refused(Reason::HasItsTurn),
        (Input::KeyTaken, Delivered | DeadLettered | Cancelled) => Refused(Reason::Ended),

        // To held, if its endpoint is not active: the pause is applied next.
        (Input::TurnCame, Waiting) => To(Pending),
        (Input::TurnCame, Pending | Sending | RetryDue | Held) => Ignored(Reason::NotWaiting),
        (Input::TurnCame, Delivered | DeadLettered | Cancelled) => Ignored(Reason::Ended),

        (Input::HostRestarted, Sending) => To(Pending),
        (
            Input::HostRestarted,
            Pending | RetryDue | Waiting | Held | Delivered | DeadLettered | Cancelled,
        ) => Ignored(Reason::Kept),
    }
}

/// The states in which the input is not refused.
pub fn allowed(input: Input) -> impl Iterator<Item = State> {
    let states = State::ALL.iter().copied();
    states.filter(move |state| !matches!(transition(*state, input), Transition::Refused(_)))
}

impl State {
    /// Whether nothing more happens to it by itself.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Delivered | Self::DeadLettered | Self::Cancelled)
    }
}
