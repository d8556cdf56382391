//! `/v1/endpoints`

mod view;

use self::view::{view, warned};
use super::{
    App,
    caller::{Allowed, Caller, Managing, Reading},
    describe::{
        Created, Done, Routes, Shown,
        Verb::{Delete, Get, Patch, Post, Put},
    },
    page::Paged,
    problem::Problem,
    typed::{Body, IdPath, Params},
    views::Same,
};
use crate::{
    clock::parse_rfc3339,
    context::to_its_end,
    endpoints::{self, Change, Description, Rotate},
    ids::EndpointId,
    registry::Entry,
    store::{Resume, SecretText},
};
use axum::extract::State;
use countersign_api::{
    ChangeEndpoint, CreateEndpoint, Endpoint, EndpointWarned, Endpoints, Held, PageQuery, Raw,
    RotateSecret, SetClientCertificate,
};
use countersign_core::delivery::{EndpointState, rotation::Rotation};
use std::sync::Arc;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .on(
            Get,
            "/endpoints",
            "list_endpoints",
            "Lists endpoints, oldest first.",
            list,
        )
        .on(
            Post,
            "/endpoints",
            "create_endpoint",
            "Makes an endpoint.",
            create,
        )
        .on(
            Get,
            "/endpoints/{id}",
            "show_endpoint",
            "Shows an endpoint, with its health.",
            show,
        )
        .on(
            Patch,
            "/endpoints/{id}",
            "change_endpoint",
            "Changes what is named about an endpoint.",
            change,
        )
        .on(
            Delete,
            "/endpoints/{id}",
            "delete_endpoint",
            "Deletes an endpoint; its open deliveries are cancelled.",
            delete,
        )
        .on(
            Post,
            "/endpoints/{id}/pause",
            "pause_endpoint",
            "Pauses an endpoint by hand; what is published for it is held.",
            pause,
        )
        .on(
            Post,
            "/endpoints/{id}/resume",
            "resume_endpoint",
            "Sets an endpoint active and says what becomes of what was held.",
            resume,
        )
        .on(
            Post,
            "/endpoints/{id}/secret/rotate",
            "rotate_secret",
            "Sets a new secret beside the present one.",
            rotate,
        )
        .on(
            Post,
            "/endpoints/{id}/secret/finish",
            "finish_rotation",
            "Ends the overlap: the newest secret signs alone.",
            finish,
        )
        .on(
            Put,
            "/endpoints/{id}/client-certificate",
            "set_client_certificate",
            "Sets the certificate for receivers that ask who is calling.",
            certify,
        )
        .on(
            Delete,
            "/endpoints/{id}/client-certificate",
            "delete_client_certificate",
            "Takes the client certificate away; a second time is a success, too.",
            uncertify,
        )
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    Body(new): Body<CreateEndpoint>,
) -> Result<Created<EndpointWarned>, Problem> {
    let given = Description {
        workspace: caller.workspace.clone(),
        state: new.status.map(Same::same),
        settings: raw(new.settings.as_ref()),
        provider: new.provider,
        url: new.url,
        name: new.name,
        events: raw(new.events.as_ref()),
        scope: raw(new.scope.as_ref()),
        filter: raw(new.filter.as_ref()),
        signature: raw(new.signature.as_ref()),
        secret: new.secret.map(SecretText::new),
    };
    let (context, worker) = (Arc::clone(&app.context), Arc::clone(&app.worker));
    let made = to_its_end(endpoints::create(context, worker, given)).await?;
    let secret = made.endpoint.secrets.first();
    let secret = secret
        .filter(|_| made.secret_made)
        .map(|secret| &secret.text);
    Ok(Created(warned(&made.endpoint, secret, &app)))
}

/// The JSON text of a field; null is as good as nothing.
fn raw<T>(field: Option<&Raw<T>>) -> Option<String> {
    field.map(Raw::as_str).map(ToOwned::to_owned)
}

/// The JSON text of a field for which null means something.
fn raw_or_null<T>(field: Option<Option<Raw<T>>>) -> Option<String> {
    let text =
        |raw: Option<Raw<T>>| raw.map_or_else(|| "null".to_owned(), |raw| raw.as_str().to_owned());
    field.map(text)
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    Params(page): Params<PageQuery>,
) -> Result<Shown<Endpoints>, Problem> {
    let paged = Paged::new(page.limit, page.after.as_deref(), EndpointId::parse)?;
    let registry = &app.context.registry;
    let found = registry.list(&caller.workspace, paged.after.as_ref(), paged.one_more());
    let (found, next) = paged.cut(found, |last| last.id.to_string());
    Ok(Shown(Endpoints {
        endpoints: found.iter().map(view).collect(),
        next,
    }))
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Allowed<Reading>,
    IdPath(id): IdPath<EndpointId>,
) -> Result<Shown<Endpoint>, Problem> {
    Ok(Shown(view(&own(&app, &caller, &id)?.snapshot())))
}

/// The endpoint of this id, unless it is another workspace's. That an endpoint belongs to one never changes.
pub(super) fn own(app: &App, caller: &Caller, id: &EndpointId) -> Result<Arc<Entry>, Problem> {
    let found = app.context.registry.find_in(&caller.workspace, id);
    found.ok_or_else(|| Problem::not_found("endpoint"))
}

pub(super) async fn change(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    IdPath(id): IdPath<EndpointId>,
    Body(given): Body<ChangeEndpoint>,
) -> Result<Shown<EndpointWarned>, Problem> {
    own(&app, &caller, &id)?;
    let change = Change {
        state: given.status.map(Same::same),
        url: given.url,
        name: given.name,
        events: raw(given.events.as_ref()),
        scope: raw(given.scope.as_ref()),
        filter: raw_or_null(given.filter),
        signature: raw_or_null(given.signature),
        secret: given.secret.map(|secret| secret.map(SecretText::new)),
        settings: raw(given.settings.as_ref()),
        resume: None,
    };
    let (context, worker) = (Arc::clone(&app.context), Arc::clone(&app.worker));
    let changed = to_its_end(endpoints::change(context, worker, id, change)).await?;
    Ok(Shown(warned(&changed, None, &app)))
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    IdPath(id): IdPath<EndpointId>,
) -> Result<Done, Problem> {
    own(&app, &caller, &id)?;
    let (context, worker) = (Arc::clone(&app.context), Arc::clone(&app.worker));
    to_its_end(endpoints::delete(context, worker, id)).await?;
    Ok(Done)
}

pub(super) async fn rotate(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    IdPath(id): IdPath<EndpointId>,
    Body(given): Body<RotateSecret>,
) -> Result<Shown<EndpointWarned>, Problem> {
    own(&app, &caller, &id)?;
    let ms = |seconds: u64| seconds.saturating_mul(1_000);
    let asked = Rotate {
        secret: given.secret.map(SecretText::new),
        rotation: Rotation {
            overlap_ms: given.overlap_s.map(ms),
            switch_ms: given.switch_s.map(ms),
        },
    };
    let turned = to_its_end(endpoints::rotate(Arc::clone(&app.context), id, asked)).await?;
    Ok(Shown(warned(&turned.endpoint, turned.made.as_ref(), &app)))
}

pub(super) async fn finish(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    IdPath(id): IdPath<EndpointId>,
) -> Result<Shown<EndpointWarned>, Problem> {
    own(&app, &caller, &id)?;
    let endpoint = to_its_end(endpoints::finish(Arc::clone(&app.context), id)).await?;
    Ok(Shown(warned(&endpoint, None, &app)))
}

/// Sets the client certificate, in the place of the one before.
pub(super) async fn certify(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    IdPath(id): IdPath<EndpointId>,
    Body(given): Body<SetClientCertificate>,
) -> Result<Shown<EndpointWarned>, Problem> {
    own(&app, &caller, &id)?;
    let certificate = endpoints::ClientCertificate {
        key: SecretText::new(given.private_key),
        chain: given.certificate,
    };
    let context = Arc::clone(&app.context);
    let changed = endpoints::set_certificate(context, id, Some(certificate));
    Ok(Shown(warned(&to_its_end(changed).await?, None, &app)))
}

/// Takes the client certificate away.
pub(super) async fn uncertify(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    IdPath(id): IdPath<EndpointId>,
) -> Result<Done, Problem> {
    own(&app, &caller, &id)?;
    let context = Arc::clone(&app.context);
    to_its_end(endpoints::set_certificate(context, id, None)).await?;
    Ok(Done)
}

/// Sets an endpoint paused, by hand.
pub(super) async fn pause(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    IdPath(id): IdPath<EndpointId>,
) -> Result<Shown<Endpoint>, Problem> {
    own(&app, &caller, &id)?;
    let change = Change {
        state: Some(EndpointState::PausedManual),
        ..Change::default()
    };
    let (context, worker) = (Arc::clone(&app.context), Arc::clone(&app.worker));
    let changed = to_its_end(endpoints::change(context, worker, id, change)).await?;
    Ok(Shown(view(&changed)))
}

/// Sets an endpoint active, and says what becomes of its held deliveries.
pub(super) async fn resume(
    State(app): State<Arc<App>>,
    caller: Allowed<Managing>,
    IdPath(id): IdPath<EndpointId>,
    given: Option<Body<countersign_api::Resume>>,
) -> Result<Shown<Endpoint>, Problem> {
    own(&app, &caller, &id)?;
    let held = given.and_then(|Body(given)| given.held);
    let change = Change {
        state: Some(EndpointState::Active),
        resume: Some(held_of(held.as_ref(), app.context.clock.now_ms())?),
        ..Change::default()
    };
    let (context, worker) = (Arc::clone(&app.context), Arc::clone(&app.worker));
    let changed = to_its_end(endpoints::change(context, worker, id, change)).await?;
    Ok(Shown(view(&changed)))
}

fn held_of(held: Option<&Raw<Held>>, now_ms: u64) -> Result<Resume, Problem> {
    let read = match held.map(Raw::read) {
        None | Some(Ok(Held::All)) => Some(Resume::All),
        // Also what was published in this very millisecond: whatever is held was there before.
        Some(Ok(Held::None)) => Some(Resume::Since(now_ms.saturating_add(1))),
        Some(Ok(Held::Since(since))) => parse_rfc3339(since.as_str()).map(Resume::Since),
        Some(Err(_)) => None,
    };
    let detail = r#"`held` must be all, none or {"since": "2026-01-02T03:04:05Z"}"#;
    read.ok_or_else(|| Problem::field("held_invalid", "held", detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    // Holds: R-C3
    #[test]
    fn what_is_held_is_told_in_one_of_three_ways() {
        let read = |json: Value| {
            let raw = Raw::from_json(serde_json::value::to_raw_value(&json).unwrap());
            held_of(Some(&raw), 1_000)
        };
        assert_eq!(held_of(None, 1_000), Ok(Resume::All));
        assert_eq!(read(json!("all")), Ok(Resume::All));
        assert_eq!(read(json!("none")), Ok(Resume::Since(1_001)));
        let since = json!({"since": "1970-01-01T00:00:05Z"});
        assert_eq!(read(since), Ok(Resume::Since(5_000)));
        for wrong in [
            json!("some"),
            json!({"since": "yesterday"}),
            json!({"since": "1970-01-01T00:00:05Z", "until": 1}),
            json!(7),
        ] {
            assert_eq!(read(wrong).unwrap_err().code(), "held_invalid");
        }
    }
}
