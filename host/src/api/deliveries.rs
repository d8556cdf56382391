//! `/v1/deliveries`

use super::{
    App,
    caller::{Allowed, Caller, Managing, Reading},
    describe::{
        Accepted, Contested, Routes, Shown,
        Verb::{Get, Post},
    },
    page::Paged,
    problem::Problem,
    selection::{endpoint_id, event_type, moment},
    typed::{IdPath, Params},
    views::{self, Same},
};
use crate::{
    context::to_its_end,
    ids::DeliveryId,
    records::replay,
    store::{Attempt, Delivery, DeliveryState, Filter, Retried, Word},
};
use axum::{extract::State, http::StatusCode};
use countersign_api::{Attempts, Deliveries, DeliveryDetails, DeliveryQuery, PageQuery, SentAgain};
use countersign_core::delivery::machine::delivery::Input;
use std::sync::Arc;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .on(
            Get,
            "/deliveries",
            "list_deliveries",
            "Lists deliveries, newest first.",
            list,
        )
        .on(
            Get,
            "/deliveries/{id}",
            "show_delivery",
            "Shows a delivery with its attempts.",
            show,
        )
        .on(
            Get,
            "/deliveries/{id}/attempts",
            "list_attempts",
            "Lists the attempts of a delivery, and when the next one is due.",
            attempts,
        )
        .on(
            Post,
            "/deliveries/{id}/retry",
            "retry_delivery",
            "Sends a dead letter again, with the same message id.",
            retry,
        )
        .on(
            Post,
            "/deliveries/{id}/resend",
            "resend_delivery",
            "Sends again what has ended, delivered or not.",
            resend,
        )
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    IdPath(id): IdPath<DeliveryId>,
) -> Result<Shown<DeliveryDetails>, Problem> {
    let (delivery, attempts) = own(&app, &caller, id).await?;
    Ok(Shown(views::delivery_details(&delivery, &attempts)))
}

/// The delivery of this id, unless it is another workspace's. That a delivery belongs to one never changes.
pub(super) async fn own(
    app: &App,
    caller: &Caller,
    id: DeliveryId,
) -> Result<(Delivery, Vec<Attempt>), Problem> {
    let found = app.context.store.delivery(id).await?;
    let found = found.filter(|(delivery, _)| delivery.workspace == caller.workspace);
    found.ok_or_else(|| Problem::not_found("delivery"))
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    Params(query): Params<DeliveryQuery>,
) -> Result<Shown<Deliveries>, Problem> {
    let paged = Paged::new(query.limit, query.after.as_deref(), DeliveryId::parse)?;
    let code = "query_invalid";
    let filter = Filter {
        workspace: caller.workspace.clone(),
        state: query.status.map(Same::same),
        endpoint_id: endpoint_id(query.endpoint_id.as_deref(), code)?,
        event_type: event_type(query.event_type, code)?,
        created_since_ms: moment("created_since", query.created_since.as_ref(), code)?,
        created_until_ms: moment("created_until", query.created_until.as_ref(), code)?,
        after: paged.after,
        limit: paged.limit,
    };
    let selected = app.context.store.deliveries(filter).await?;
    Ok(Shown(Deliveries {
        deliveries: selected.found.iter().map(views::delivery).collect(),
        next: selected.next.map(|next| next.to_string()),
    }))
}

pub(super) async fn attempts(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    IdPath(id): IdPath<DeliveryId>,
    Params(page): Params<PageQuery>,
) -> Result<Shown<Attempts>, Problem> {
    let paged = Paged::new(page.limit, page.after.as_deref(), |text| {
        text.parse::<u32>().ok()
    })?;
    let (delivery, attempts) = own(&app, &caller, id).await?;
    let behind = |attempt: &Attempt| paged.after.is_none_or(|after| attempt.number > after);
    let found = attempts.into_iter().filter(behind).take(paged.one_more());
    let (found, next) = paged.cut(found.collect(), |last| last.number.to_string());
    Ok(Shown(Attempts {
        attempts: found.iter().map(views::attempt).collect(),
        next,
        next_attempt_at: views::delivery(&delivery).next_attempt_at,
    }))
}

pub(super) async fn retry(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    IdPath(id): IdPath<DeliveryId>,
) -> Result<Contested<Accepted<SentAgain>>, Problem> {
    send_again(&app, &caller, id, Input::ReplayAsked).await
}

pub(super) async fn resend(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    IdPath(id): IdPath<DeliveryId>,
) -> Result<Contested<Accepted<SentAgain>>, Problem> {
    send_again(&app, &caller, id, Input::ResendAsked).await
}

async fn send_again(
    app: &App,
    caller: &Caller,
    id: DeliveryId,
    asked: Input,
) -> Result<Contested<Accepted<SentAgain>>, Problem> {
    own(app, caller, id.clone()).await?;
    let (context, worker) = (Arc::clone(&app.context), Arc::clone(&app.worker));
    let retried = to_its_end(replay::retry(context, worker, id.clone(), asked)).await?;
    let conflict = |code: &str, detail: String| Problem::new(StatusCode::CONFLICT, code, detail);
    let sent = |state: DeliveryState| {
        Ok(Contested(Accepted(SentAgain {
            id: id.to_string(),
            status: state.same(),
        })))
    };
    match retried {
        Retried::Pending(_) => sent(DeliveryState::Pending),
        Retried::Waiting => sent(DeliveryState::Waiting),
        Retried::Unknown => Err(Problem::not_found("delivery")),
        Retried::NotNow(state @ DeliveryState::Delivered) => Err(conflict(
            "not_dead_lettered",
            format!(
                "this delivery is {}; to send it once more, POST to its /resend",
                state.word()
            ),
        )),
        Retried::NotNow(state) => Err(conflict(
            "not_dead_lettered",
            format!(
                "only what has ended can be sent again; this delivery is {}",
                state.word()
            ),
        )),
        Retried::EndpointNotActive => Err(conflict(
            "endpoint_not_active",
            "its endpoint is paused, disabled or deleted; set its `status` to active first"
                .to_owned(),
        )),
        Retried::WithoutBody => Err(conflict(
            "body_forgotten",
            "its body is no longer kept (retention.bodies), so it cannot be sent again; publish the event anew"
                .to_owned(),
        )),
    }
}
