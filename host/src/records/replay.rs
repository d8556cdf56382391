//! Sending again: one delivery at once, or many as a replay, which is kept, goes on after a restart, and has a brake.

use crate::{
    clock::within,
    context::Context,
    ids::{DeliveryId, ReplayId},
    rules::RulesError,
    store::{
        Chore, Counted, DeliveryState, EndedState, Page, Replay, ReplayState, ReplayStep, Retried,
        Selection, StoreError,
    },
    worker::Worker,
};
use countersign_core::delivery::machine::delivery::{Input, State};
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;

/// Fastest replay, deliveries a second. Faster ones would only pile up what is due.
pub const PER_SECOND_MAX: u32 = 1_000;
/// Replays of one workspace that may be running or paused at a time.
pub const OPEN_MAX: u32 = 16;
/// Ids that a request may name.
pub const IDS_MAX: usize = 1_000;
/// Deliveries that a preview names.
const SAMPLE: u32 = 10;
/// Steps in a second, at most. So a step is a tenth of the rate, and no burst.
const STEPS_PER_SECOND: u32 = 10;
/// Parts of the list without anything that fits, that are passed by in one step.
const EMPTY_PAGES_MAX: u32 = 20;
/// Longest sleep, so that a clock that was set is noticed.
const ROUND: Duration = Duration::from_secs(60);
/// Between two looks whether the host is still there that carries a replay on.
const OF_ANOTHER: Duration = Duration::from_secs(5);
/// Pause after the store has failed.
const STORE_FAILED: Duration = Duration::from_secs(1);

/// Why nothing is sent again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// Too many replays are open already.
    #[error("{OPEN_MAX} replays are running or paused already")]
    TooMany,
    /// A defect.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// Busy or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a replay would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    pub matched: Counted,
    /// The first ones.
    pub sample: Vec<DeliveryId>,
}

/// Sends one delivery again. To be run to its end.
///
/// # Errors
/// [`ReplayError`]; nothing is changed then.
pub async fn retry(
    context: Arc<Context>,
    worker: Arc<Worker>,
    id: DeliveryId,
    asked: Input,
) -> Result<Retried, ReplayError> {
    let states = states(&context, asked)?;
    let now_ms = context.clock.now_ms();
    let retried = context.store.retry(id, states, now_ms).await?;
    if let Retried::Pending(endpoint) = &retried {
        worker.due(endpoint, now_ms);
    }
    Ok(retried)
}

/// Says what a replay of the selection would do.
///
/// # Errors
/// [`ReplayError`]
pub async fn preview(context: &Context, selection: Selection) -> Result<Preview, ReplayError> {
    let matched = context.store.count(selection.clone()).await?;
    let page = Page {
        after: None,
        newest_first: false,
        limit: SAMPLE,
    };
    let sample = context.store.select(selection, page).await?.found;
    Ok(Preview {
        matched,
        sample: sample.into_iter().map(|delivery| delivery.id).collect(),
    })
}

/// In which states a delivery takes this, as the rules say.
fn states(context: &Context, asked: Input) -> Result<Vec<DeliveryState>, RulesError> {
    let states = context.rules.guest.allowed(asked)?;
    Ok(states.into_iter().map(DeliveryState::from).collect())
}

/// What a replay asks of the deliveries in this state.
const fn asked(state: EndedState) -> Input {
    match state {
        EndedState::DeadLettered => Input::ReplayAsked,
        EndedState::Delivered => Input::ResendAsked,
    }
}

impl From<State> for DeliveryState {
    fn from(state: State) -> Self {
        match state {
            // The store keeps both as pending, with the time of the next attempt.
            State::Pending | State::RetryDue => Self::Pending,
            State::Waiting => Self::Waiting,
            State::Sending => Self::Sending,
            State::Held => Self::Held,
            State::Delivered => Self::Delivered,
            State::DeadLettered => Self::DeadLettered,
            State::Cancelled => Self::Cancelled,
        }
    }
}

/// Carries replays on.
pub struct Replays {
    context: Arc<Context>,
    worker: Arc<Worker>,
    /// A replay was made or resumed.
    wake: Notify,
}

impl Replays {
    /// Does nothing until [`run`](Self::run).
    pub fn new(context: Arc<Context>, worker: Arc<Worker>) -> Self {
        Self {
            context,
            worker,
            wake: Notify::new(),
        }
    }

    /// Begins a replay of what fits now; what fits later is not part of it.
    ///
    /// # Errors
    /// [`ReplayError`]; nothing is begun then.
    pub async fn begin(
        &self,
        mut selection: Selection,
        per_second: u32,
    ) -> Result<Replay, ReplayError> {
        let now_ms = self.context.clock.now_ms();
        let until = |given: Option<u64>| {
            let now = now_ms.saturating_add(1);
            Some(given.map_or(now, |given| given.min(now)))
        };
        selection.created_until_ms = until(selection.created_until_ms);
        selection.ended_until_ms = until(selection.ended_until_ms);
        let replay = Replay {
            id: ReplayId::new(now_ms, &*self.context.chance),
            state: ReplayState::Running,
            matched: self.context.store.count(selection.clone()).await?,
            selection,
            per_second: per_second.clamp(1, PER_SECOND_MAX),
            cursor: None,
            replayed: 0,
            skipped: 0,
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
        };
        let created = self.context.store.create_replay(replay.clone(), OPEN_MAX);
        if !created.await? {
            return Err(ReplayError::TooMany);
        }
        self.wake.notify_one();
        Ok(replay)
    }

    /// Pauses, resumes or cancels a replay. Returns it as it is then, `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub async fn change(
        &self,
        id: ReplayId,
        to: ReplayState,
    ) -> Result<Option<Replay>, StoreError> {
        let from = match to {
            ReplayState::Running => vec![ReplayState::Paused],
            ReplayState::Paused => vec![ReplayState::Running],
            ReplayState::Completed | ReplayState::Cancelled => {
                vec![ReplayState::Running, ReplayState::Paused]
            }
        };
        let now_ms = self.context.clock.now_ms();
        let changed = self.context.store.change_replay(id, from, to, now_ms);
        let changed = changed.await?;
        self.wake.notify_one();
        Ok(changed)
    }

    /// Runs until it is aborted, which may happen at any time: a step is kept as a whole or not at all.
    pub async fn run(&self) {
        let clock = &self.context.clock;
        loop {
            let wait = match self.round().await {
                Ok(wait) => wait.min(ROUND),
                Err(error) => {
                    tracing::debug!(%error, "replays wait");
                    STORE_FAILED
                }
            };
            within(&**clock, wait, self.wake.notified()).await;
        }
    }

    /// Makes a step of every replay for which it is time. Returns when the next one is due.
    async fn round(&self) -> Result<Duration, ReplayError> {
        let mut wait = ROUND;
        for replay in self.context.store.open_replays().await? {
            if replay.state != ReplayState::Running {
                continue;
            }
            let chore = Chore::Replay(replay.id.clone());
            if !self.context.store.take_chore(chore).await? {
                wait = wait.min(OF_ANOTHER);
                continue;
            }
            let pace = Pace::of(replay.per_second);
            let since_ms = self
                .context
                .clock
                .now_ms()
                .checked_sub(replay.updated_at_ms)
                .map(Duration::from_millis);
            match since_ms {
                Some(since) if since < pace.interval && replay.cursor.is_some() => {
                    wait = wait.min(pace.interval.saturating_sub(since));
                }
                // Also when the clock was set back.
                _ => {
                    self.step(replay, pace.count).await?;
                    wait = wait.min(pace.interval);
                }
            }
        }
        Ok(wait)
    }

    async fn step(&self, mut replay: Replay, count: u32) -> Result<(), ReplayError> {
        let states = states(&self.context, asked(replay.selection.state))?;
        for _ in 0..EMPTY_PAGES_MAX {
            let page = Page {
                after: replay.cursor.clone(),
                newest_first: false,
                limit: count,
            };
            let selected = self.context.store.select(replay.selection.clone(), page);
            let selected = selected.await?;
            let empty = selected.found.is_empty();
            let now_ms = self.context.clock.now_ms();
            let stepped = self.context.store.step_replay(ReplayStep {
                id: replay.id.clone(),
                from: replay.cursor.clone(),
                deliveries: selected.found.into_iter().map(|found| found.id).collect(),
                states: states.clone(),
                to: selected.next.clone(),
                now_ms,
            });
            for endpoint in stepped.await?.endpoints {
                self.worker.due(&endpoint, now_ms);
            }
            match selected.next {
                Some(next) if empty => replay.cursor = Some(next),
                Some(_) => return Ok(()),
                None => {
                    tracing::info!(replay = %replay.id, "a replay is completed");
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// How a rate is kept: so many at a time, and a wait after them.
#[derive(Debug, PartialEq, Eq)]
struct Pace {
    count: u32,
    interval: Duration,
}

impl Pace {
    fn of(per_second: u32) -> Self {
        let per_second = per_second.max(1);
        let count = per_second.div_ceil(STEPS_PER_SECOND);
        let interval_ms = u64::from(count)
            .saturating_mul(1_000)
            .div_ceil(u64::from(per_second));
        Self {
            count,
            interval: Duration::from_millis(interval_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_rate_is_exceeded_and_no_step_is_a_burst() {
        for per_second in 1..=PER_SECOND_MAX {
            let pace = Pace::of(per_second);
            let rate = f64::from(pace.count) / pace.interval.as_secs_f64();
            assert!(
                rate <= f64::from(per_second) + 1e-9,
                "{per_second}: {pace:?}"
            );
            assert!(
                rate >= f64::from(per_second) * 0.98,
                "{per_second}: {pace:?}"
            );
            assert!(pace.count <= 100, "{per_second}: {pace:?}");
        }
        let slow = Pace::of(1);
        assert_eq!((slow.count, slow.interval), (1, Duration::from_secs(1)));
    }
}
