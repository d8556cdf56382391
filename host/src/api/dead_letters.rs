//! `/v1/dead-letters`

use super::{
    App,
    caller::{Allowed, Managing, Reading},
    deliveries::own,
    describe::{
        Contested, Routes, Shown,
        Verb::{Get, Post},
    },
    page::Paged,
    problem::Problem,
    selection,
    typed::{Body, IdPath, Params},
    views,
};
use crate::{
    context::{Context, to_its_end},
    ids::DeliveryId,
    records::replay,
    store::{EndedState, Page, Selection, StoreError},
};
use axum::{extract::State, http::StatusCode};
use countersign_api::{
    AcknowledgeAnswer, AcknowledgeMany, Acknowledged, AcknowledgedMany, Count, DeadLetterFilter,
    DeadLetterQuery, DeadLetters,
};
use std::sync::Arc;

/// Dead letters that one step acknowledges.
const STEP: u32 = 200;
/// Steps of one request; what is left is told, so that no request takes minutes.
const STEPS_MAX: u32 = 50;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .on(
            Post,
            "/deliveries/{id}/acknowledge",
            "acknowledge_delivery",
            "Takes note of a dead letter; a second time is a success, too.",
            acknowledge_one,
        )
        .on(
            Get,
            "/dead-letters",
            "list_dead_letters",
            "Lists what was given up and nobody has taken note of, newest first.",
            list,
        )
        .on(
            Get,
            "/dead-letters/count",
            "count_dead_letters",
            "Counts dead letters.",
            count,
        )
        .on(
            Post,
            "/dead-letters/acknowledge",
            "acknowledge_dead_letters",
            "Takes note of many dead letters.",
            acknowledge,
        )
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    Params(query): Params<DeadLetterQuery>,
) -> Result<Shown<DeadLetters>, Problem> {
    let paged = Paged::new(query.limit, query.after.as_deref(), DeliveryId::parse)?;
    let page = Page {
        limit: paged.limit,
        after: paged.after,
        newest_first: true,
    };
    let selection = selection::of_query(&caller.workspace, query)?;
    let selected = app.context.store.select(selection, page).await?;
    Ok(Shown(DeadLetters {
        dead_letters: selected.found.iter().map(views::delivery).collect(),
        next: selected.next.map(|next| next.to_string()),
    }))
}

pub(super) async fn count(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    Params(filter): Params<DeadLetterFilter>,
) -> Result<Shown<Count>, Problem> {
    let selection = selection::of_parameters(&caller.workspace, filter)?;
    let counted = app.context.store.count(selection).await?;
    Ok(Shown(views::count(counted)))
}

pub(super) async fn acknowledge_one(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    IdPath(id): IdPath<DeliveryId>,
) -> Result<Contested<Shown<Acknowledged>>, Problem> {
    own(&app, &caller, id.clone()).await?;
    let now_ms = app.context.clock.now_ms();
    let store = &app.context.store;
    match store.acknowledge(vec![id.clone()], now_ms).await? {
        0 => Err(Problem::new(
            StatusCode::CONFLICT,
            "not_dead_lettered",
            "only a dead letter can be acknowledged",
        )),
        _ => Ok(Contested(Shown(Acknowledged {
            id: id.to_string(),
            acknowledged: true,
        }))),
    }
}

pub(super) async fn acknowledge(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    Body(given): Body<AcknowledgeMany>,
) -> Result<Shown<AcknowledgeAnswer>, Problem> {
    let selection = selection::of_body(
        &caller.workspace,
        EndedState::DeadLettered,
        given.ids,
        given.filter.as_ref(),
    )?;
    if given.dry_run.unwrap_or(false) {
        let preview = replay::preview(&app.context, selection).await?;
        let preview = super::replays::preview(&preview);
        return Ok(Shown(AcknowledgeAnswer::DryRun(preview)));
    }
    let (acknowledged, more) =
        to_its_end(acknowledge_all(Arc::clone(&app.context), selection)).await?;
    let done = AcknowledgedMany { acknowledged, more };
    Ok(Shown(AcknowledgeAnswer::Done(done)))
}

/// In small steps, so that other writes do not wait. Returns how many there were, and whether some may be left.
async fn acknowledge_all(
    context: Arc<Context>,
    selection: Selection,
) -> Result<(u64, bool), StoreError> {
    let mut page = Page {
        after: None,
        newest_first: true,
        limit: STEP,
    };
    let mut acknowledged: u64 = 0;
    for _ in 0..STEPS_MAX {
        let selected = context
            .store
            .select(selection.clone(), page.clone())
            .await?;
        let ids: Vec<_> = selected.found.into_iter().map(|found| found.id).collect();
        if !ids.is_empty() {
            let now_ms = context.clock.now_ms();
            let marked = context.store.acknowledge(ids, now_ms).await?;
            acknowledged = acknowledged.saturating_add(marked);
        }
        page.after = selected.next;
        if page.after.is_none() {
            return Ok((acknowledged, false));
        }
    }
    Ok((acknowledged, true))
}
