//! `/v1/stats` and `/v1/version`, and the counts of endpoints and workspaces.

use super::{
    App,
    caller::{Allowed, Known, Reading},
    describe::{Routes, Shown, Verb::Get},
    endpoints,
    problem::Problem,
    selection::moment,
    typed::{IdPath, Params, WorkspacePath},
    views::{Same, time},
    workspaces,
};
use crate::{
    ids::{EndpointId, WorkspaceId},
    rules,
    store::{Counted, DeliveryState, Tally, TallyOf},
};
use axum::extract::State;
use countersign_api::{
    Counts, DeliveryStatus, EndpointStats, ServerStats, StatsQuery, Version, WorkspaceStats,
};
use std::sync::Arc;

/// How far back is counted when the client names no time.
const SINCE_DEFAULT_MS: u64 = 24 * 60 * 60 * 1_000;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .on(
            Get,
            "/workspaces/{id}/stats",
            "workspace_stats",
            "Counts what was published in a workspace lately.",
            workspace,
        )
        .on(
            Get,
            "/endpoints/{id}/stats",
            "endpoint_stats",
            "Counts the deliveries to an endpoint.",
            endpoint,
        )
        .on(
            Get,
            "/stats",
            "server_stats",
            "Counts what the whole server keeps.",
            server,
        )
        .on(
            Get,
            "/version",
            "show_version",
            "Shows which versions are in use.",
            version,
        )
}

pub(super) async fn version(State(app): State<Arc<App>>, _: Known) -> Shown<Version> {
    Shown(Version {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        kernel_sha256: rules::KERNEL_SHA256.to_owned(),
        guest_sha256: app.context.rules.guest.sha256().to_string(),
        wasmtime: rules::WASMTIME_VERSION.to_owned(),
    })
}

pub(super) async fn server(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
) -> Result<Shown<ServerStats>, Problem> {
    caller.require_all_workspaces()?;
    let stats = app.context.store.stats().await?;
    let (deliveries, at_least) = counts(&stats.deliveries);
    Ok(Shown(ServerStats {
        messages: stats.messages,
        deliveries,
        at_least,
        in_flight: app.worker.in_flight(),
        guest_sha256: app.context.rules.guest.sha256().to_string(),
    }))
}

pub(super) async fn endpoint(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    IdPath(id): IdPath<EndpointId>,
    Params(query): Params<StatsQuery>,
) -> Result<Shown<EndpointStats>, Problem> {
    endpoints::own(&app, &caller, &id)?;
    let since_ms = since(&app, &query)?;
    let store = &app.context.store;
    let open = store.open(id.clone()).await?;
    let tally = store
        .tally(TallyOf {
            workspace: caller.workspace.clone(),
            endpoint: Some(id),
            since_ms,
        })
        .await?;
    let (open, open_at_least) = counts(&open);
    Ok(Shown(EndpointStats {
        since: time(since_ms),
        deliveries: states(&tally),
        at_least: tally.at_least,
        attempts: tally.attempts,
        open,
        open_at_least,
    }))
}

pub(super) async fn workspace(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    WorkspacePath(id): WorkspacePath,
    Params(query): Params<StatsQuery>,
) -> Result<Shown<WorkspaceStats>, Problem> {
    let workspace: WorkspaceId = workspaces::own(&app, &caller, &id)?.id;
    let since_ms = since(&app, &query)?;
    let endpoints = app.context.registry.count(&workspace) as u64;
    let tally = app.context.store.tally(TallyOf {
        workspace,
        endpoint: None,
        since_ms,
    });
    let tally = tally.await?;
    Ok(Shown(WorkspaceStats {
        endpoints,
        since: time(since_ms),
        messages: tally.messages,
        deliveries: states(&tally),
        at_least: tally.at_least,
        attempts: tally.attempts,
    }))
}

fn since(app: &App, query: &StatsQuery) -> Result<u64, Problem> {
    let given = moment("since", query.since.as_ref(), "query_invalid")?;
    let now_ms = app.context.clock.now_ms();
    Ok(given.unwrap_or(now_ms.saturating_sub(SINCE_DEFAULT_MS)))
}

fn counts(counted: &[(DeliveryState, Counted)]) -> (Counts, Vec<DeliveryStatus>) {
    let all = counted.iter();
    let counts = all
        .clone()
        .map(|(state, counted)| ((*state).same(), counted.count));
    let at_least = all.filter(|(_, counted)| counted.at_least);
    (
        counts.collect(),
        at_least.map(|(state, _)| (*state).same()).collect(),
    )
}

fn states(tally: &Tally) -> Counts {
    let all = tally.deliveries.iter();
    all.map(|(state, count)| ((*state).same(), *count))
        .collect()
}
