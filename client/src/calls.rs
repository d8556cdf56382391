//! The calls of the API, one for each operation. Generated from `docs/openapi.json`, which says more of each; do not change it
//! by hand.

use crate::{
    Call, Error,
    call::{bytes, json, nothing},
    types,
};

/// Lists what was given up and nobody has taken note of, newest first.
///
/// # Errors
/// [`Error::Request`]
pub fn list_dead_letters(
    query: &types::DeadLetterQuery,
) -> Result<Call<types::DeadLetters>, Error> {
    Call::new("GET", &["dead-letters"], json).query(query)
}

/// Takes note of many dead letters.
///
/// # Errors
/// [`Error::Request`]
pub fn acknowledge_dead_letters(
    body: &types::AcknowledgeMany,
) -> Result<Call<types::AcknowledgeAnswer>, Error> {
    Call::new("POST", &["dead-letters", "acknowledge"], json).body(body)
}

/// Counts dead letters.
///
/// # Errors
/// [`Error::Request`]
pub fn count_dead_letters(query: &types::DeadLetterFilter) -> Result<Call<types::Count>, Error> {
    Call::new("GET", &["dead-letters", "count"], json).query(query)
}

/// Lists deliveries, newest first.
///
/// # Errors
/// [`Error::Request`]
pub fn list_deliveries(query: &types::DeliveryQuery) -> Result<Call<types::Deliveries>, Error> {
    Call::new("GET", &["deliveries"], json).query(query)
}

/// Shows a delivery with its attempts.
pub fn show_delivery(id: &str) -> Call<types::DeliveryDetails> {
    Call::new("GET", &["deliveries", id], json)
}

/// Takes note of a dead letter; a second time is a success, too.
pub fn acknowledge_delivery(id: &str) -> Call<types::Acknowledged> {
    Call::new("POST", &["deliveries", id, "acknowledge"], json)
}

/// Lists the attempts of a delivery, and when the next one is due.
///
/// # Errors
/// [`Error::Request`]
pub fn list_attempts(id: &str, query: &types::PageQuery) -> Result<Call<types::Attempts>, Error> {
    Call::new("GET", &["deliveries", id, "attempts"], json).query(query)
}

/// Sends again what has ended, delivered or not.
pub fn resend_delivery(id: &str) -> Call<types::SentAgain> {
    Call::new("POST", &["deliveries", id, "resend"], json)
}

/// Sends a dead letter again, with the same message id.
pub fn retry_delivery(id: &str) -> Call<types::SentAgain> {
    Call::new("POST", &["deliveries", id, "retry"], json)
}

/// Lists endpoints, oldest first.
///
/// # Errors
/// [`Error::Request`]
pub fn list_endpoints(query: &types::PageQuery) -> Result<Call<types::Endpoints>, Error> {
    Call::new("GET", &["endpoints"], json).query(query)
}

/// Makes an endpoint.
///
/// # Errors
/// [`Error::Request`]
pub fn create_endpoint(body: &types::CreateEndpoint) -> Result<Call<types::EndpointWarned>, Error> {
    Call::new("POST", &["endpoints"], json).body(body)
}

/// Deletes an endpoint; its open deliveries are cancelled.
pub fn delete_endpoint(id: &str) -> Call<()> {
    Call::new("DELETE", &["endpoints", id], nothing)
}

/// Shows an endpoint, with its health.
pub fn show_endpoint(id: &str) -> Call<types::Endpoint> {
    Call::new("GET", &["endpoints", id], json)
}

/// Changes what is named about an endpoint.
///
/// # Errors
/// [`Error::Request`]
pub fn change_endpoint(
    id: &str,
    body: &types::ChangeEndpoint,
) -> Result<Call<types::EndpointWarned>, Error> {
    Call::new("PATCH", &["endpoints", id], json).body(body)
}

/// Takes the client certificate away; a second time is a success, too.
pub fn delete_client_certificate(id: &str) -> Call<()> {
    Call::new("DELETE", &["endpoints", id, "client-certificate"], nothing)
}

/// Sets the certificate for receivers that ask who is calling.
///
/// # Errors
/// [`Error::Request`]
pub fn set_client_certificate(
    id: &str,
    body: &types::SetClientCertificate,
) -> Result<Call<types::EndpointWarned>, Error> {
    Call::new("PUT", &["endpoints", id, "client-certificate"], json).body(body)
}

/// Says which events a filter would have let through, and why not.
///
/// # Errors
/// [`Error::Request`]
pub fn dry_run_filter(id: &str, body: &types::DryRun) -> Result<Call<types::DryRunAnswer>, Error> {
    Call::new("POST", &["endpoints", id, "filter", "dry-run"], json).body(body)
}

/// Pauses an endpoint by hand; what is published for it is held.
pub fn pause_endpoint(id: &str) -> Call<types::Endpoint> {
    Call::new("POST", &["endpoints", id, "pause"], json)
}

/// Sends a signed sample at once, which is neither kept nor counted.
///
/// # Errors
/// [`Error::Request`]
pub fn ping_endpoint(id: &str, body: &types::Ping) -> Result<Call<types::Pinged>, Error> {
    Call::new("POST", &["endpoints", id, "ping"], json).body(body)
}

/// Sets an endpoint active and says what becomes of what was held.
///
/// # Errors
/// [`Error::Request`]
pub fn resume_endpoint(id: &str, body: &types::Resume) -> Result<Call<types::Endpoint>, Error> {
    Call::new("POST", &["endpoints", id, "resume"], json).body(body)
}

/// Ends the overlap: the newest secret signs alone.
pub fn finish_rotation(id: &str) -> Call<types::EndpointWarned> {
    Call::new("POST", &["endpoints", id, "secret", "finish"], json)
}

/// Sets a new secret beside the present one.
///
/// # Errors
/// [`Error::Request`]
pub fn rotate_secret(
    id: &str,
    body: &types::RotateSecret,
) -> Result<Call<types::EndpointWarned>, Error> {
    Call::new("POST", &["endpoints", id, "secret", "rotate"], json).body(body)
}

/// Counts the deliveries to an endpoint.
///
/// # Errors
/// [`Error::Request`]
pub fn endpoint_stats(
    id: &str,
    query: &types::StatsQuery,
) -> Result<Call<types::EndpointStats>, Error> {
    Call::new("GET", &["endpoints", id, "stats"], json).query(query)
}

/// Lists what a workspace says of its event types.
///
/// # Errors
/// [`Error::Request`]
pub fn list_event_types(query: &types::EventTypeQuery) -> Result<Call<types::EventTypes>, Error> {
    Call::new("GET", &["event-types"], json).query(query)
}

/// Forgets what was said of an event type.
pub fn forget_event_type(provider: &str, name: &str) -> Call<()> {
    Call::new("DELETE", &["event-types", provider, name], nothing)
}

/// Shows what a workspace says of an event type.
pub fn show_event_type(provider: &str, name: &str) -> Call<types::EventType> {
    Call::new("GET", &["event-types", provider, name], json)
}

/// Describes an event type, in place of what was said before.
///
/// # Errors
/// [`Error::Request`]
pub fn describe_event_type(
    provider: &str,
    name: &str,
    body: &types::DescribeEventType,
) -> Result<Call<types::EventType>, Error> {
    Call::new("PUT", &["event-types", provider, name], json).body(body)
}

/// Publishes an event.
///
/// # Errors
/// [`Error::Request`]
pub fn publish_event(body: &types::PublishEvent) -> Result<Call<types::AcceptedEvent>, Error> {
    Call::new("POST", &["events"], json).body(body)
}

/// Publishes up to 1,000 events, all or none.
///
/// # Errors
/// [`Error::Request`]
pub fn publish_batch(body: &types::PublishBatch) -> Result<Call<types::AcceptedBatch>, Error> {
    Call::new("POST", &["events", "batch"], json).body(body)
}

/// Lists what other senders posted, newest first.
///
/// # Errors
/// [`Error::Request`]
pub fn list_inbound(query: &types::InboundQuery) -> Result<Call<types::InboundRequests>, Error> {
    Call::new("GET", &["inbound"], json).query(query)
}

/// Shows a request of another sender, with its body and its events.
///
/// # Errors
/// [`Error::Request`]
pub fn show_inbound(
    id: &str,
    query: &types::PageQuery,
) -> Result<Call<types::InboundDetails>, Error> {
    Call::new("GET", &["inbound", id], json).query(query)
}

/// Lists keys, oldest first.
///
/// # Errors
/// [`Error::Request`]
pub fn list_keys(query: &types::PageQuery) -> Result<Call<types::Keys>, Error> {
    Call::new("GET", &["keys"], json).query(query)
}

/// Makes a key, which is shown this once.
///
/// # Errors
/// [`Error::Request`]
pub fn create_key(body: &types::CreateKey) -> Result<Call<types::MadeKey>, Error> {
    Call::new("POST", &["keys"], json).body(body)
}

/// Revokes a key from the next request on.
pub fn revoke_key(id: &str) -> Call<()> {
    Call::new("DELETE", &["keys", id], nothing)
}

/// Shows what a key is for, and not the key.
pub fn show_key(id: &str) -> Call<types::Key> {
    Call::new("GET", &["keys", id], json)
}

/// Lists messages, newest first.
///
/// # Errors
/// [`Error::Request`]
pub fn list_messages(query: &types::MessageQuery) -> Result<Call<types::Messages>, Error> {
    Call::new("GET", &["messages"], json).query(query)
}

/// Shows a message with its deliveries and their attempts.
pub fn show_message(id: &str) -> Call<types::MessageDetails> {
    Call::new("GET", &["messages", id], json)
}

/// Shows the body of a message, as it is sent.
pub fn message_payload(id: &str) -> Call<Vec<u8>> {
    Call::new("GET", &["messages", id, "payload"], bytes)
}

/// Lists replays, newest first.
///
/// # Errors
/// [`Error::Request`]
pub fn list_replays(query: &types::PageQuery) -> Result<Call<types::Replays>, Error> {
    Call::new("GET", &["replays"], json).query(query)
}

/// Sends many deliveries again, not too fast.
///
/// # Errors
/// [`Error::Request`]
pub fn create_replay(body: &types::CreateReplay) -> Result<Call<types::ReplayAnswer>, Error> {
    Call::new("POST", &["replays"], json).body(body)
}

/// Shows a replay, with its progress.
pub fn show_replay(id: &str) -> Call<types::Replay> {
    Call::new("GET", &["replays", id], json)
}

/// Ends a replay; what it has sent stays sent.
pub fn cancel_replay(id: &str) -> Call<types::Replay> {
    Call::new("POST", &["replays", id, "cancel"], json)
}

/// Pauses a replay.
pub fn pause_replay(id: &str) -> Call<types::Replay> {
    Call::new("POST", &["replays", id, "pause"], json)
}

/// Lets a paused replay go on.
pub fn resume_replay(id: &str) -> Call<types::Replay> {
    Call::new("POST", &["replays", id, "resume"], json)
}

/// Counts what the whole server keeps.
pub fn server_stats() -> Call<types::ServerStats> {
    Call::new("GET", &["stats"], json)
}

/// Shows which versions are in use.
pub fn show_version() -> Call<types::Version> {
    Call::new("GET", &["version"], json)
}

/// Lists workspaces, by name.
///
/// # Errors
/// [`Error::Request`]
pub fn list_workspaces(query: &types::PageQuery) -> Result<Call<types::Workspaces>, Error> {
    Call::new("GET", &["workspaces"], json).query(query)
}

/// Makes a workspace.
///
/// # Errors
/// [`Error::Request`]
pub fn create_workspace(body: &types::CreateWorkspace) -> Result<Call<types::Workspace>, Error> {
    Call::new("POST", &["workspaces"], json).body(body)
}

/// Shows a workspace.
pub fn show_workspace(id: &str) -> Call<types::Workspace> {
    Call::new("GET", &["workspaces", id], json)
}

/// Gives a workspace another name for people.
///
/// # Errors
/// [`Error::Request`]
pub fn rename_workspace(
    id: &str,
    body: &types::RenameWorkspace,
) -> Result<Call<types::Workspace>, Error> {
    Call::new("PATCH", &["workspaces", id], json).body(body)
}

/// Counts what was published in a workspace lately.
///
/// # Errors
/// [`Error::Request`]
pub fn workspace_stats(
    id: &str,
    query: &types::StatsQuery,
) -> Result<Call<types::WorkspaceStats>, Error> {
    Call::new("GET", &["workspaces", id, "stats"], json).query(query)
}
