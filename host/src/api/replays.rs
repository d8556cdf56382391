//! `/v1/replays`

use super::{
    App,
    caller::{Allowed, Caller, Managing, Reading},
    describe::{
        Accepted, Contested, Either, Routes, Shown,
        Verb::{Get, Post},
    },
    page::Paged,
    problem::Problem,
    selection,
    typed::{Body, IdPath, Params},
    views::{self, Same},
};
use crate::{
    context::to_its_end,
    ids::{DeliveryId, ReplayId},
    records::replay,
    store::{self, ReplayState, Word},
};
use axum::{extract::State, http::StatusCode};
use countersign_api::{CreateReplay, PageQuery, Preview, Replay, ReplayAnswer, Replays};
use std::sync::Arc;

/// Deliveries a second when the client asks for no number: hardly felt by any receiver.
const PER_SECOND_DEFAULT: u32 = 10;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .on(
            Get,
            "/replays",
            "list_replays",
            "Lists replays, newest first.",
            list,
        )
        .on(
            Post,
            "/replays",
            "create_replay",
            "Sends many deliveries again, not too fast.",
            create,
        )
        .on(
            Get,
            "/replays/{id}",
            "show_replay",
            "Shows a replay, with its progress.",
            show,
        )
        .on(
            Post,
            "/replays/{id}/pause",
            "pause_replay",
            "Pauses a replay.",
            pause,
        )
        .on(
            Post,
            "/replays/{id}/resume",
            "resume_replay",
            "Lets a paused replay go on.",
            resume,
        )
        .on(
            Post,
            "/replays/{id}/cancel",
            "cancel_replay",
            "Ends a replay; what it has sent stays sent.",
            cancel,
        )
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    Body(given): Body<CreateReplay>,
) -> Result<Contested<Either<Shown<ReplayAnswer>, Accepted<ReplayAnswer>>>, Problem> {
    let state = given.of.unwrap_or_default().same();
    let selection = selection::of_body(&caller.workspace, state, given.ids, given.filter.as_ref())?;
    if given.dry_run.unwrap_or(false) {
        let preview = replay::preview(&app.context, selection).await?;
        let preview = ReplayAnswer::DryRun(self::preview(&preview));
        return Ok(Contested(Either::One(Shown(preview))));
    }
    let per_second = given.per_second.unwrap_or(PER_SECOND_DEFAULT);
    let replays = Arc::clone(&app.replays);
    let begun = to_its_end(async move { replays.begin(selection, per_second).await }).await?;
    let begun = ReplayAnswer::Begun(views::replay(&begun));
    Ok(Contested(Either::Other(Accepted(begun))))
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    Params(page): Params<PageQuery>,
) -> Result<Shown<Replays>, Problem> {
    let paged = Paged::new(page.limit, page.after.as_deref(), ReplayId::parse)?;
    let limit = paged.limit.saturating_add(1);
    let store = &app.context.store;
    let found = store.replays(caller.workspace.clone(), paged.after.clone(), limit);
    let (found, next) = paged.cut(found.await?, |last| last.id.to_string());
    Ok(Shown(Replays {
        replays: found.iter().map(views::replay).collect(),
        next,
    }))
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    IdPath(id): IdPath<ReplayId>,
) -> Result<Shown<Replay>, Problem> {
    Ok(Shown(views::replay(&own(&app, &caller, id).await?)))
}

/// The replay of this id, unless it is another workspace's. That a replay belongs to one never changes.
async fn own(app: &App, caller: &Caller, id: ReplayId) -> Result<store::Replay, Problem> {
    let found = app.context.store.replay(id).await?;
    let found = found.filter(|found| found.selection.workspace == caller.workspace);
    found.ok_or_else(|| Problem::not_found("replay"))
}

pub(super) async fn pause(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    IdPath(id): IdPath<ReplayId>,
) -> Result<Contested<Shown<Replay>>, Problem> {
    change(app, &caller, id, ReplayState::Paused).await
}

pub(super) async fn resume(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    IdPath(id): IdPath<ReplayId>,
) -> Result<Contested<Shown<Replay>>, Problem> {
    change(app, &caller, id, ReplayState::Running).await
}

pub(super) async fn cancel(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    IdPath(id): IdPath<ReplayId>,
) -> Result<Contested<Shown<Replay>>, Problem> {
    change(app, &caller, id, ReplayState::Cancelled).await
}

async fn change(
    app: Arc<App>,
    caller: &Caller,
    id: ReplayId,
    to: ReplayState,
) -> Result<Contested<Shown<Replay>>, Problem> {
    own(&app, caller, id.clone()).await?;
    let replays = Arc::clone(&app.replays);
    let changed = to_its_end(async move { replays.change(id, to).await }).await?;
    let changed = changed.ok_or_else(|| Problem::not_found("replay"))?;
    match changed.state == to {
        true => Ok(Contested(Shown(views::replay(&changed)))),
        false => Err(Problem::new(
            StatusCode::CONFLICT,
            "replay_ended",
            format!("this replay is {}; begin another one", changed.state.word()),
        )),
    }
}

pub(super) fn preview(preview: &replay::Preview) -> Preview {
    Preview {
        dry_run: true,
        count: preview.matched.count,
        at_least: preview.matched.at_least,
        sample: preview.sample.iter().map(DeliveryId::to_string).collect(),
    }
}
