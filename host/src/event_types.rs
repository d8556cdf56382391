//! Event types that a workspace has described, in memory and in step with the store: a payload is checked without a look into it.

mod schema;

pub use self::schema::{SCHEMA_BYTES_MAX, Schema, SchemaError};

use crate::{
    context::Context,
    ids::WorkspaceId,
    rules::RulesError,
    store::{EventType, StoreError},
};
use countersign_core::subscription::Subscription;
use countersign_guest::{CheckEndpoint, EndpointSettings, Rejection};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::{Mutex, MutexGuard};

/// Most event types of a workspace.
pub const EVENT_TYPES_MAX: usize = 500;
/// Longest schemas of a workspace, together. Compiled they take some ten times as much memory.
pub const SCHEMAS_BYTES_MAX: usize = 1024 * 1024;
/// Longest description, in bytes.
pub const DESCRIPTION_BYTES_MAX: usize = 2_000;
/// Longest name of an event type, in bytes.
pub const NAME_BYTES_MAX: usize = 200;

/// Every event type that is described.
pub struct EventTypes {
    all: RwLock<HashMap<WorkspaceId, Described>>,
    /// Whether there is a schema at all. Most hosts have none, and publishing then asks for nothing else.
    any_schema: AtomicBool,
    /// One change at a time, so that memory and store see them in the same order.
    turn: Mutex<()>,
}

/// Those of a workspace, by provider and name.
type Described = BTreeMap<(String, String), (EventType, Option<Arc<Schema>>)>;

/// Why an event type was not described, or not forgotten.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventTypeError {
    /// The client's mistake.
    #[error("{}", .0.message)]
    Rejected(Rejection),
    /// The client's mistake.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The client's mistake.
    #[error("a description has at most {DESCRIPTION_BYTES_MAX} bytes")]
    DescriptionTooLong,
    /// Forget those that nobody needs.
    #[error("the workspace describes {EVENT_TYPES_MAX} event types already")]
    TooMany,
    /// Forget those that nobody needs.
    #[error("the schemas of a workspace have at most {SCHEMAS_BYTES_MAX} bytes together")]
    SchemasTooLong,
    /// The client's mistake.
    #[error("no such event type")]
    Unknown,
    /// A defect.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// Busy or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a client says of an event type.
#[derive(Debug, Clone)]
pub struct Description {
    pub workspace: WorkspaceId,
    pub provider: String,
    /// In any spelling that the provider knows.
    pub name: String,
    pub description: Option<String>,
    /// JSON text; `None` checks nothing.
    pub schema: Option<String>,
}

impl EventTypes {
    /// The event types of the store. A schema that this version does not take any more checks nothing, and the log says so.
    pub fn new(event_types: Vec<EventType>) -> Self {
        let this = Self {
            all: RwLock::default(),
            any_schema: AtomicBool::new(false),
            turn: Mutex::new(()),
        };
        this.replace(event_types);
        this
    }

    /// Nobody changes them until it is dropped.
    pub(crate) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// These are all, as the store has them. Schemas that are as they were are not compiled again.
    pub(crate) fn replace(&self, event_types: Vec<EventType>) {
        let mut new: HashMap<WorkspaceId, Described> = HashMap::new();
        for event_type in event_types {
            let schema = self.known_schema(&event_type);
            let schema = schema.or_else(|| compiled(&event_type));
            let key = (event_type.provider.clone(), event_type.name.clone());
            let described = new.entry(event_type.workspace.clone()).or_default();
            described.insert(key, (event_type, schema));
        }
        self.change(|all| *all = new);
    }

    fn known_schema(&self, event_type: &EventType) -> Option<Arc<Schema>> {
        let all = self.read();
        let described = all.get(&event_type.workspace)?;
        let key = (event_type.provider.clone(), event_type.name.clone());
        let (known, schema) = described.get(&key)?;
        schema.clone().filter(|_| known.schema == event_type.schema)
    }

    /// What payloads of this type are checked against.
    pub fn schema(
        &self,
        workspace: &WorkspaceId,
        provider: &str,
        name: &str,
    ) -> Option<Arc<Schema>> {
        if !self.any_schema.load(Ordering::Relaxed) {
            return None;
        }
        let all = self.read();
        let described = all.get(workspace)?;
        let (_, schema) = described.get(&(provider.to_owned(), name.to_owned()))?;
        schema.clone()
    }

    /// The event type of this name.
    pub fn find(&self, workspace: &WorkspaceId, provider: &str, name: &str) -> Option<EventType> {
        let all = self.read();
        let described = all.get(workspace)?;
        let found = described.get(&(provider.to_owned(), name.to_owned()))?;
        Some(found.0.clone())
    }

    /// Those of a workspace, by provider and name: of one provider if it is given, those after `after`, at most `limit`.
    pub fn list(
        &self,
        workspace: &WorkspaceId,
        provider: Option<&str>,
        after: Option<&(String, String)>,
        limit: usize,
    ) -> Vec<EventType> {
        let all = self.read();
        let described = all.get(workspace).into_iter().flatten();
        described
            .filter(|(key, _)| after.is_none_or(|after| *key > after))
            .filter(|(key, _)| provider.is_none_or(|provider| key.0 == provider))
            .take(limit)
            .map(|(_, (event_type, _))| event_type.clone())
            .collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<WorkspaceId, Described>> {
        self.all.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, event_type: EventType, schema: Option<Arc<Schema>>) {
        self.change(|all| {
            let key = (event_type.provider.clone(), event_type.name.clone());
            let described = all.entry(event_type.workspace.clone()).or_default();
            described.insert(key, (event_type, schema));
        });
    }

    fn change(&self, change: impl FnOnce(&mut HashMap<WorkspaceId, Described>)) {
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut all);
        let mut schemas = all.values().flat_map(BTreeMap::values);
        let any = schemas.any(|(_, schema)| schema.is_some());
        self.any_schema.store(any, Ordering::Relaxed);
    }

    /// Whether there is room for another one of so many bytes of schema, in place of the one of this name.
    fn check_room(&self, new: &Description) -> Result<(), EventTypeError> {
        let all = self.read();
        let Some(described) = all.get(&new.workspace) else {
            return Ok(());
        };
        let others = described.iter();
        let others = others.filter(|((provider, name), _)| {
            (provider.as_str(), name.as_str()) != (new.provider.as_str(), new.name.as_str())
        });
        let length = |schema: Option<&String>| schema.map_or(0, String::len);
        let own = length(new.schema.as_ref());
        let (count, bytes) = others.fold((0_usize, own), |(count, bytes), (_, (one, _))| {
            let more = length(one.schema.as_ref());
            (count.saturating_add(1), bytes.saturating_add(more))
        });
        match (count, bytes) {
            (EVENT_TYPES_MAX.., _) => Err(EventTypeError::TooMany),
            (_, bytes) if bytes > SCHEMAS_BYTES_MAX => Err(EventTypeError::SchemasTooLong),
            (_, _) => Ok(()),
        }
    }
}

/// The schema of an event type. One that this version does not take any more checks nothing.
fn compiled(event_type: &EventType) -> Option<Arc<Schema>> {
    let schema = event_type.schema.as_deref().map(Schema::new);
    let schema = schema.transpose().unwrap_or_else(|error| {
        let EventType { workspace, provider, name, .. } = event_type;
        tracing::error!(%workspace, provider, name, %error, "a schema cannot be used; its events are not checked");
        None
    });
    schema.map(Arc::new)
}

/// Describes an event type, in place of what was said of it before. `true`: nothing was. To be run to its end.
///
/// # Errors
/// [`EventTypeError`]; nothing is changed then.
pub async fn describe(
    context: Arc<Context>,
    mut new: Description,
) -> Result<(EventType, bool), EventTypeError> {
    let too_long = |text: &String| text.len() > DESCRIPTION_BYTES_MAX;
    if new.description.as_ref().is_some_and(too_long) {
        return Err(EventTypeError::DescriptionTooLong);
    }
    new.name = documented_name(&context, &new.provider, &new.name)?;
    let schema = match new.schema.clone() {
        None => None,
        // Compiling may take some milliseconds.
        Some(text) => {
            let compiled = tokio::task::spawn_blocking(move || Schema::new(&text)).await;
            let compiled =
                compiled.unwrap_or_else(|error| Err(SchemaError::Unsupported(error.to_string())));
            Some(Arc::new(compiled?))
        }
    };
    let event_types = &context.event_types;
    let _turn = event_types.turn.lock().await;
    event_types.check_room(&new)?;
    let before = event_types.find(&new.workspace, &new.provider, &new.name);
    let now_ms = context.clock.now_ms();
    let event_type = EventType {
        workspace: new.workspace,
        provider: new.provider,
        name: new.name,
        description: new.description,
        schema: new.schema,
        created_at_ms: before
            .as_ref()
            .map_or(now_ms, |before| before.created_at_ms),
        updated_at_ms: now_ms,
    };
    context.store.keep_event_type(event_type.clone()).await?;
    event_types.keep(event_type.clone(), schema);
    Ok((event_type, before.is_none()))
}

/// Forgets what was said of an event type. To be run to its end.
///
/// # Errors
/// [`EventTypeError`]; nothing is changed then.
pub async fn forget(
    context: Arc<Context>,
    workspace: WorkspaceId,
    provider: String,
    name: String,
) -> Result<(), EventTypeError> {
    let event_types = &context.event_types;
    let _turn = event_types.turn.lock().await;
    let found = event_types.find(&workspace, &provider, &name);
    let found = found.ok_or(EventTypeError::Unknown)?;
    context.store.forget_event_type(found).await?;
    event_types.change(|all| {
        if let Some(described) = all.get_mut(&workspace) {
            described.remove(&(provider, name));
        }
    });
    Ok(())
}

/// The name as the provider documents it. The rules know which names there are.
///
/// # Errors
/// [`EventTypeError::Rejected`]
pub fn documented_name(
    context: &Context,
    provider: &str,
    name: &str,
) -> Result<String, EventTypeError> {
    let rejected = |message: &str| {
        Err(EventTypeError::Rejected(Rejection {
            field: "name".to_owned(),
            code: "unknown_event_type".to_owned(),
            message: message.to_owned(),
        }))
    };
    // With an asterisk it may stand for several.
    if name.len() > NAME_BYTES_MAX || name.contains('*') {
        return rejected("give the name of one event type, of at most 200 bytes");
    }
    let checked = context.rules.guest.check_endpoint(CheckEndpoint {
        provider: provider.to_owned(),
        events: Some(serde_json::json!([name]).to_string()),
        scope: None,
        settings: None,
        signature: None,
        filter: None,
        before: EndpointSettings::default(),
    })?;
    let (rules, _) = checked.map_err(|rejection| {
        EventTypeError::Rejected(match rejection.field.as_str() {
            "events" => Rejection {
                field: "name".to_owned(),
                ..rejection
            },
            _ => rejection,
        })
    })?;
    match rules.subscription {
        Subscription::Only(names) if names.len() == 1 => Ok(names.into_iter().collect()),
        Subscription::Only(_) | Subscription::All => {
            rejected("give the name of one event type, of at most 200 bytes")
        }
    }
}
