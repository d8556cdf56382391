//! The calls of one transaction.
//!
//! What is published and what is recorded goes into a few statements, however much it is: first all that is published, then all
//! outcomes. They come from different tasks, none of which has heard of the other's yet, so either order is one that could have
//! been. Everything else keeps its place between them.

use super::{
    Writing,
    call::{Call, Failed, Queued},
};
use crate::store::{
    Ended, NewMessage, StoreError,
    postgres::writes::{publish, record, standing},
};
use futures_util::FutureExt;
use std::{collections::HashSet, panic::AssertUnwindSafe};

/// Calls that share a transaction, in their order.
#[derive(Default)]
pub(super) struct Group {
    pub(super) calls: Vec<Call>,
}

impl Group {
    /// Runs all of them. When it fails, nothing of it is to be kept. A panic is a defect, but it must not take the task with it.
    pub(super) async fn run(&mut self, writing: &Writing) -> Result<(), Failed> {
        let run = AssertUnwindSafe(self.run_all(writing)).catch_unwind().await;
        run.unwrap_or_else(|_| {
            let error = StoreError::Failed {
                doing: "writing",
                problem: "the write panicked".to_owned(),
            };
            Err((error.into(), "writing"))
        })
    }

    async fn run_all(&mut self, writing: &Writing) -> Result<(), Failed> {
        let mut begun = false;
        let mut start = 0;
        while start < self.calls.len() {
            let end = self.together(start);
            if end > start {
                self.share(writing, start, end, !begun).await?;
                start = end;
            } else {
                if !begun {
                    writing
                        .begin()
                        .await
                        .map_err(|fault| (fault, "beginning"))?;
                }
                if let Some(Call::Other(other)) = self.calls.get_mut(start) {
                    let doing = other.doing();
                    other.run(writing).await.map_err(|fault| (fault, doing))?;
                }
                start = start.saturating_add(1);
            }
            begun = true;
        }
        Ok(())
    }

    /// Where those end that share statements with the one at `start`; `start` itself when it has its own.
    fn together(&self, start: usize) -> usize {
        let (mut keys, mut deliveries) = (HashSet::new(), HashSet::new());
        let mut end = start;
        for call in self.calls.iter().skip(start) {
            let fits = match call {
                // The second one of a key finds what the first has kept.
                Call::Publish(Queued { asked, .. }) => match &asked.idempotency {
                    Some(idempotency) => keys.insert(&*idempotency.key),
                    None => true,
                },
                Call::Record(Queued { asked, .. }) if changes_endpoint(asked) => {
                    // What comes before it is there when it changes the endpoint, and what comes after finds it changed.
                    return match end == start {
                        true => start.saturating_add(1),
                        false => end,
                    };
                }
                Call::Record(Queued { asked, .. }) => deliveries.insert(&asked.delivery_id),
                Call::Other(_) | Call::Close(_) => false,
            };
            if !fits {
                break;
            }
            end = end.saturating_add(1);
        }
        end
    }

    /// Runs those from `start` to `end` together.
    async fn share(
        &mut self,
        writing: &Writing,
        start: usize,
        end: usize,
        begin: bool,
    ) -> Result<(), Failed> {
        let Some(calls) = self.calls.get_mut(start..end) else {
            return Ok(());
        };
        let messages: Vec<&NewMessage> = calls
            .iter()
            .filter_map(|call| match call {
                Call::Publish(queued) => Some(&queued.asked),
                _ => None,
            })
            .collect();
        let ended: Vec<&Ended> = calls
            .iter()
            .filter_map(|call| match call {
                Call::Record(queued) => Some(&queued.asked),
                _ => None,
            })
            .collect();
        let begin = async {
            match begin {
                true => writing.begin().await,
                false => Ok(()),
            }
        };
        let asking = (
            standing::asked(&messages, &ended),
            publish::keys_asked(&messages),
        );
        let read = async {
            let (standings, known) = futures_util::future::try_join(
                standing::lock(writing, &asking.0),
                publish::known(writing, &asking.1),
            )
            .await?;
            Ok((standings, known))
        };
        // On their way together: whatever is asked first is answered first.
        let ((), (standings, known)) = futures_util::future::try_join(begin, read)
            .await
            .map_err(|fault| (fault, "beginning"))?;
        let ordered = asking.0.is_ordered();
        let publishing = publish::publish(writing, &messages, &standings, known);
        let recording = record::record(writing, &ended, &standings);
        let (published, recorded) = match ordered {
            // Outcomes make room for what has just come in.
            true => {
                let published = publishing.await.map_err(|fault| (fault, "publishing"))?;
                let recorded = recording.await;
                (
                    published,
                    recorded.map_err(|fault| (fault, "recording an attempt"))?,
                )
            }
            false => {
                futures_util::future::try_join(
                    async { publishing.await.map_err(|fault| (fault, "publishing")) },
                    async {
                        let recorded = recording.await;
                        recorded.map_err(|fault| (fault, "recording an attempt"))
                    },
                )
                .await?
            }
        };
        let (mut published, mut recorded) = (published.into_iter(), recorded.into_iter());
        for call in calls {
            match call {
                Call::Publish(queued) => {
                    queued
                        .answer
                        .set(published.next().ok_or(StoreError::Closed));
                }
                Call::Record(queued) => {
                    let done = recorded.next().unwrap_or(Err(StoreError::Closed));
                    queued.answer.set(done);
                }
                Call::Other(_) | Call::Close(_) => {}
            }
        }
        Ok(())
    }

    /// Tells the callers how it ended.
    pub(super) fn answer(self, failed: Option<&StoreError>) {
        for call in self.calls {
            call.answer(failed);
        }
    }
}

fn changes_endpoint(ended: &Ended) -> bool {
    ended.change.is_some() || !ended.operational.is_empty()
}
