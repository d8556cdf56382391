//! From what is kept to what is shown.

use crate::{
    clock::rfc3339,
    store::{
        self, Attempt, Counted, DeliveryState, EndedState, Message, MessageView, ReplayState, Role,
        Selection, StateReason, VerifiedBy,
    },
};
use countersign_api as api;
use countersign_core::delivery::{DeadLetterReason, EndpointState, FailureKind, Outcome};

/// A moment as it is shown.
pub(super) fn time(at_ms: u64) -> api::Time {
    api::Time::new(rfc3339(at_ms))
}

/// A value that is a word on both sides.
pub(super) trait Same<T> {
    /// The value of the other side.
    fn same(self) -> T;
}

/// Values that are words on both sides.
macro_rules! same_words {
    ($($kept:ty => $shown:ty { $($from:path = $to:path),* $(,)? })*) => {$(
        impl Same<$shown> for $kept {
            fn same(self) -> $shown {
                match self { $($from => $to),* }
            }
        }
    )*};
}

same_words! {
    DeliveryState => api::DeliveryStatus {
        DeliveryState::Pending = api::DeliveryStatus::Pending,
        DeliveryState::Sending = api::DeliveryStatus::Sending,
        DeliveryState::Delivered = api::DeliveryStatus::Delivered,
        DeliveryState::DeadLettered = api::DeliveryStatus::DeadLettered,
        DeliveryState::Waiting = api::DeliveryStatus::Waiting,
        DeliveryState::Held = api::DeliveryStatus::Held,
        DeliveryState::Cancelled = api::DeliveryStatus::Cancelled,
    }
    StateReason => api::StatusReason {
        StateReason::Failing = api::StatusReason::Failing,
        StateReason::Gone = api::StatusReason::Gone,
        StateReason::Manual = api::StatusReason::Manual,
    }
    ReplayState => api::ReplayStatus {
        ReplayState::Running = api::ReplayStatus::Running,
        ReplayState::Paused = api::ReplayStatus::Paused,
        ReplayState::Completed = api::ReplayStatus::Completed,
        ReplayState::Cancelled = api::ReplayStatus::Cancelled,
    }
    EndedState => api::ReplayOf {
        EndedState::DeadLettered = api::ReplayOf::DeadLettered,
        EndedState::Delivered = api::ReplayOf::Delivered,
    }
    api::ReplayOf => EndedState {
        api::ReplayOf::DeadLettered = EndedState::DeadLettered,
        api::ReplayOf::Delivered = EndedState::Delivered,
    }
    Role => api::Role {
        Role::Admin = api::Role::Admin,
        Role::Manage = api::Role::Manage,
        Role::Publish = api::Role::Publish,
        Role::Read = api::Role::Read,
    }
    api::Role => Role {
        api::Role::Admin = Role::Admin,
        api::Role::Manage = Role::Manage,
        api::Role::Publish = Role::Publish,
        api::Role::Read = Role::Read,
    }
    VerifiedBy => api::VerifiedBy {
        VerifiedBy::Signature = api::VerifiedBy::Signature,
        VerifiedBy::Token = api::VerifiedBy::Token,
        VerifiedBy::Nothing = api::VerifiedBy::Open,
    }
    DeadLetterReason => api::DeadLetterReason {
        DeadLetterReason::Exhausted = api::DeadLetterReason::Exhausted,
        DeadLetterReason::Gone = api::DeadLetterReason::Gone,
        DeadLetterReason::ClientError = api::DeadLetterReason::ClientError,
        DeadLetterReason::Skipped = api::DeadLetterReason::Skipped,
    }
    api::DeadLetterReason => DeadLetterReason {
        api::DeadLetterReason::Exhausted = DeadLetterReason::Exhausted,
        api::DeadLetterReason::Gone = DeadLetterReason::Gone,
        api::DeadLetterReason::ClientError = DeadLetterReason::ClientError,
        api::DeadLetterReason::Skipped = DeadLetterReason::Skipped,
    }
    FailureKind => api::AttemptOutcome {
        FailureKind::Timeout = api::AttemptOutcome::Timeout,
        FailureKind::Connect = api::AttemptOutcome::Connect,
        FailureKind::Dns = api::AttemptOutcome::Dns,
        FailureKind::Tls = api::AttemptOutcome::Tls,
        FailureKind::BlockedAddress = api::AttemptOutcome::BlockedAddress,
        FailureKind::InvalidResponse = api::AttemptOutcome::InvalidResponse,
    }
    EndpointState => api::EndpointStatus {
        EndpointState::Active = api::EndpointStatus::Active,
        EndpointState::PausedFailing = api::EndpointStatus::Paused,
        EndpointState::PausedGone = api::EndpointStatus::Paused,
        EndpointState::PausedManual = api::EndpointStatus::Paused,
        EndpointState::HalfOpen = api::EndpointStatus::Paused,
        EndpointState::Disabled = api::EndpointStatus::Disabled,
    }
    // What an owner sets.
    api::EndpointStatus => EndpointState {
        api::EndpointStatus::Active = EndpointState::Active,
        api::EndpointStatus::Paused = EndpointState::PausedManual,
        api::EndpointStatus::Disabled = EndpointState::Disabled,
    }
    api::DeliveryStatus => DeliveryState {
        api::DeliveryStatus::Pending = DeliveryState::Pending,
        api::DeliveryStatus::Sending = DeliveryState::Sending,
        api::DeliveryStatus::Delivered = DeliveryState::Delivered,
        api::DeliveryStatus::DeadLettered = DeliveryState::DeadLettered,
        api::DeliveryStatus::Waiting = DeliveryState::Waiting,
        api::DeliveryStatus::Held = DeliveryState::Held,
        api::DeliveryStatus::Cancelled = DeliveryState::Cancelled,
    }
}

/// How an attempt ended, the status of its answer, and what that asked for.
pub(super) fn outcome(outcome: &Outcome) -> (api::AttemptOutcome, Option<u16>, Option<u32>) {
    match *outcome {
        Outcome::Response {
            status,
            retry_after_s,
        } => (api::AttemptOutcome::Response, Some(status), retry_after_s),
        Outcome::Failure(kind) => (kind.same(), None, None),
    }
}

pub(super) fn delivery(delivery: &store::Delivery) -> api::Delivery {
    let next_ms = delivery
        .next_attempt_at_ms
        .filter(|_| delivery.state == DeliveryState::Pending);
    api::Delivery {
        id: delivery.id.to_string(),
        message_id: delivery.message_id.to_string(),
        endpoint_id: delivery.endpoint_id.to_string(),
        event_type: delivery.event_type.clone(),
        status: delivery.state.same(),
        reason: delivery.dead_reason.map(Same::same),
        attempt_count: delivery.attempts,
        next_attempt_at: next_ms.map(time),
        acknowledged_at: delivery.acknowledged_at_ms.map(time),
        created_at: time(delivery.created_at_ms),
        updated_at: time(delivery.updated_at_ms),
    }
}

pub(super) fn attempt(attempt: &Attempt) -> api::Attempt {
    let (outcome, status, retry_after_s) = outcome(&attempt.outcome);
    api::Attempt {
        id: attempt.id.to_string(),
        number: attempt.number,
        started_at: time(attempt.started_at_ms),
        duration_ms: attempt.duration_ms,
        outcome,
        detail: attempt.detail.clone(),
        status,
        retry_after_s,
        response: String::from_utf8_lossy(&attempt.response).into_owned(),
    }
}

pub(super) fn delivery_details(
    kept: &store::Delivery,
    attempts: &[Attempt],
) -> api::DeliveryDetails {
    api::DeliveryDetails {
        delivery: delivery(kept),
        attempts: attempts.iter().map(attempt).collect(),
    }
}

pub(super) fn message(message: &Message) -> api::Message {
    api::Message {
        id: message.id.to_string(),
        workspace: message.workspace.to_string(),
        provider: message.provider.clone(),
        event_type: message.event_type.clone(),
        created_at: time(message.created_at_ms),
    }
}

pub(super) fn message_details(view: &MessageView) -> api::MessageDetails {
    let deliveries = view.deliveries.iter();
    api::MessageDetails {
        message: message(&view.message),
        deliveries: deliveries
            .map(|(delivery, attempts)| delivery_details(delivery, attempts))
            .collect(),
    }
}

pub(super) fn count(counted: Counted) -> api::Count {
    api::Count {
        count: counted.count,
        at_least: counted.at_least,
    }
}

pub(super) fn replay(replay: &store::Replay) -> api::Replay {
    api::Replay {
        id: replay.id.to_string(),
        status: replay.state.same(),
        of: replay.selection.state.same(),
        filter: replay_filter(&replay.selection),
        ids: replay.selection.ids.as_ref().map(|ids| ids.len() as u64),
        per_second: replay.per_second,
        matched: replay.matched.count,
        matched_at_least: replay.matched.at_least,
        replayed: replay.replayed,
        skipped: replay.skipped,
        created_at: time(replay.created_at_ms),
        updated_at: time(replay.updated_at_ms),
    }
}

fn replay_filter(selection: &Selection) -> api::ReplayFilter {
    let ended = (
        selection.ended_since_ms.map(time),
        selection.ended_until_ms.map(time),
    );
    let (died, delivered) = match selection.state {
        EndedState::DeadLettered => (ended, (None, None)),
        EndedState::Delivered => ((None, None), ended),
    };
    api::ReplayFilter {
        endpoint_id: selection.endpoint_id.as_ref().map(ToString::to_string),
        event_type: selection.event_type.clone(),
        reason: selection.reason.map(Same::same),
        acknowledged: selection.acknowledged,
        created_since: selection.created_since_ms.map(time),
        created_until: selection.created_until_ms.map(time),
        died_since: died.0,
        died_until: died.1,
        delivered_since: delivered.0,
        delivered_until: delivered.1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Word;

    #[track_caller]
    fn assert_same_words<Kept: Word + Same<Shown>, Shown: serde::Serialize>() {
        for kept in Kept::ALL.iter().copied() {
            let shown = serde_json::to_value(kept.same()).unwrap();
            assert_eq!(shown, kept.word());
        }
    }

    #[test]
    fn words_are_the_same_in_the_store_and_in_the_api() {
        assert_same_words::<DeliveryState, api::DeliveryStatus>();
        assert_same_words::<StateReason, api::StatusReason>();
        assert_same_words::<ReplayState, api::ReplayStatus>();
        assert_same_words::<EndedState, api::ReplayOf>();
        assert_same_words::<Role, api::Role>();
        assert_same_words::<VerifiedBy, api::VerifiedBy>();
        assert_same_words::<DeadLetterReason, api::DeadLetterReason>();
        assert_same_words::<FailureKind, api::AttemptOutcome>();
        assert_same_words::<EndpointState, api::EndpointStatus>();
    }
}
