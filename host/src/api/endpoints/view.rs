//! An endpoint as clients see it.

use super::super::{
    App,
    views::{Same, time},
};
use crate::{
    identity::ClientIdentity,
    store::{self, SecretText, SigningSecret},
};
use countersign_api::{
    ClientCertificate, Endpoint, EndpointSettings, EndpointWarned, Id, Scope, SecretLife, Signature,
};
use countersign_core::subscription::{self, Subscription};

const SECRET_MADE: &str = "no secret was given, so one was made; this is the only time it is shown";

/// An endpoint as clients see it. Never its secrets, nor a part or a digest of one: it may be short enough to be guessed. Of a
/// client certificate what a receiver sees as well.
pub(super) fn view(endpoint: &store::Endpoint) -> Endpoint {
    let health = &endpoint.health;
    Endpoint {
        id: endpoint.id.to_string(),
        number: endpoint.number,
        workspace: endpoint.workspace.to_string(),
        provider: endpoint.provider.clone(),
        url: endpoint.url.clone(),
        name: endpoint.name.clone(),
        events: events(&endpoint.rules.subscription),
        scope: scope(&endpoint.rules.scope),
        filter: endpoint
            .rules
            .filter
            .as_ref()
            .and_then(|filter| shown(filter.to_json())),
        signature: endpoint.settings.signature.as_ref().map(|plan| Signature {
            scheme: plan.scheme.clone(),
            options: plan.options.iter().cloned().collect(),
        }),
        status: endpoint.state.same(),
        reason: endpoint.reason.map(Same::same),
        since: time(endpoint.since_ms),
        probe_at: endpoint.probe_at_ms.map(time),
        settings: settings(&endpoint.settings),
        failed_in_a_row: health.failed_in_a_row,
        exhausted_in_a_row: health.exhausted_in_a_row,
        failing_since: health.failing_since_ms.map(time),
        last_success_at: health.last_success_at_ms.map(time),
        secret_set: !endpoint.secrets.is_empty(),
        secrets: endpoint.secrets.iter().map(life).collect(),
        client_certificate: endpoint.identity.as_ref().map(certificate),
        created_at: time(endpoint.created_at_ms),
    }
}

/// The settings as their owner wrote them. A test holds the two forms to each other.
fn settings(settings: &countersign_guest::EndpointSettings) -> EndpointSettings {
    shown(settings.to_json()).unwrap_or_default()
}

fn shown<T: serde::de::DeserializeOwned>(json: serde_json::Value) -> Option<T> {
    serde_json::from_value(json)
        .inspect_err(
            |error| tracing::error!(%error, "what is kept cannot be shown: this is a defect"),
        )
        .ok()
}

pub(super) fn warned(
    endpoint: &store::Endpoint,
    made: Option<&SecretText>,
    app: &App,
) -> EndpointWarned {
    let mut warnings = warnings(endpoint, app);
    if made.is_some() {
        warnings.push(SECRET_MADE.to_owned());
    }
    EndpointWarned {
        endpoint: view(endpoint),
        secret: made.map(|secret| secret.as_str().to_owned()),
        warnings,
    }
}

/// The life of a secret, by which they are told apart; newest first.
fn life(secret: &SigningSecret) -> SecretLife {
    SecretLife {
        created_at: time(secret.times.created_at_ms),
        signs_until: secret.times.signs_until_ms.map(time),
        expires_at: secret.times.expires_at_ms.map(time),
    }
}

fn certificate(identity: &ClientIdentity) -> ClientCertificate {
    ClientCertificate {
        sha256: base16ct::lower::encode_string(&identity.sha256()),
        not_after: time(identity.not_after_ms()),
    }
}

/// Documented names in a list, whatever spelling was given; every provider's endpoints take it back like this.
fn events(subscription: &Subscription) -> Vec<String> {
    match subscription {
        Subscription::All => vec!["*".to_owned()],
        Subscription::Only(names) => names.clone(),
    }
}

fn scope(scope: &subscription::Scope) -> Scope {
    match scope {
        subscription::Scope::User => Scope::User,
        subscription::Scope::Client(id) => Scope::Client {
            client_id: Id::Text(id.clone()),
        },
        subscription::Scope::Campaign(id) => Scope::Campaign {
            campaign_id: Id::Text(id.clone()),
        },
    }
}

fn warnings(endpoint: &store::Endpoint, app: &App) -> Vec<String> {
    let mut warnings: Vec<&str> = Vec::new();
    let is_http = endpoint.url.starts_with("http://");
    if endpoint.secrets.is_empty() {
        // R-S2, R-P3.
        warnings.push(
            "no secret is set: deliveries are not signed, and the receiver cannot tell them from forgeries; set `secret`",
        );
    }
    if is_http {
        warnings.push("the address is http: what is sent can be read and changed on its way");
    }
    match &endpoint.identity {
        Some(_) if is_http => {
            warnings.push("the client certificate is not shown, because the address is http");
        }
        Some(identity) if identity.not_after_ms() < app.context.clock.now_ms() => warnings.push(
            "the client certificate has expired: receivers that ask for one refuse it; set another",
        ),
        _ => {}
    }
    warnings.into_iter().map(ToOwned::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_setting_is_shown_as_it_is_kept() {
        let all = json!({
            "headers": {"x-own": "1"},
            "timeout_ms": 5000,
            "schedule": {"delays_ms": [1000, 2000]},
            "jitter": {"shorten_percent": 1, "lengthen_percent": 2},
            "success": "only200",
            "client_errors": "final",
            "auto_pause": {"failing_for": {"limit_ms": 86_400_000}},
            "probing": {"cool_down": {"base_ms": 300_000, "factor": 2, "cap_ms": 86_400_000}},
            "concurrency": 3,
            "rate_limit": {"per_second": 10, "burst": 20},
            "ordering": {"pointer": "/data/id"},
            "standard_headers": false,
            "drain_per_second": 7,
        });
        let kept = countersign_guest::EndpointSettings::from_json(&all.to_string()).unwrap();
        let seen = |kept: &countersign_guest::EndpointSettings| {
            serde_json::to_value(settings(kept)).unwrap()
        };
        assert_eq!(seen(&kept), all);
        assert_eq!(seen(&kept), kept.to_json());
        for part in [
            json!({"auto_pause": "never"}),
            json!({"auto_pause": "no_success_since_delivery_began"}),
            json!({"auto_pause": {"consecutive_deliveries": 3}}),
            json!({"auto_pause": {"consecutive_attempts": 3}}),
            json!({"ordering": "lead_in_campaign"}),
            json!({"success": "any2xx", "client_errors": "retried"}),
            json!({}),
        ] {
            let kept = countersign_guest::EndpointSettings::from_json(&part.to_string()).unwrap();
            assert_eq!(seen(&kept), part);
        }
    }
}
