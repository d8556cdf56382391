//! The keys of the API in memory, in step with the store.

use super::NAME_BYTES_MAX;
use crate::{
    chance::Chance,
    context::Context,
    ids::{ApiKeyId, WorkspaceId},
    store::{ApiKey, KeyDigest, Role, SecretText, StoreError},
};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};
use tokio::sync::{Mutex, MutexGuard};

/// Most keys that are not revoked: some megabytes of memory.
pub const KEYS_MAX: usize = 10_000;

/// Bytes of chance in a key: more than can be guessed, so that a plain digest of it is as good as a slow one.
const KEY_BYTES: usize = 32;

/// How a key begins, so that it is known for one where it lies around.
const PREFIX: &str = "csk_";

/// Every key that is not revoked.
pub struct Keys {
    all: RwLock<Table>,
    /// One change at a time, so that memory and store see them in the same order.
    turn: Mutex<()>,
}

#[derive(Default)]
struct Table {
    by_id: BTreeMap<ApiKeyId, Arc<ApiKey>>,
    /// By the beginning of the digest. What is found is compared as a whole, in constant time.
    by_digest: HashMap<[u8; 8], Vec<Arc<ApiKey>>>,
}

/// Why a key was not made or revoked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiKeyError {
    /// Revoke those that nobody uses.
    #[error("there are {KEYS_MAX} keys already")]
    TooMany,
    /// The client's mistake.
    #[error("a name has at most {NAME_BYTES_MAX} bytes")]
    NameTooLong,
    /// The client's mistake.
    #[error("a key cannot expire before it is made")]
    ExpiresInThePast,
    /// The client's mistake.
    #[error("no such key")]
    Unknown,
    /// Busy or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A key to be made.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// `None`: every workspace.
    pub workspace: Option<WorkspaceId>,
    pub role: Role,
    pub name: Option<String>,
    pub expires_at_ms: Option<u64>,
}

impl Keys {
    /// The keys of the store.
    pub fn new(keys: Vec<ApiKey>) -> Self {
        Self {
            all: RwLock::new(Table::of(keys)),
            turn: Mutex::new(()),
        }
    }

    /// Nobody changes them until it is dropped.
    pub(crate) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// These are all, as the store has them.
    pub(crate) fn replace(&self, keys: Vec<ApiKey>) {
        *self.write() = Table::of(keys);
    }

    /// Whether `text` has the form of a key.
    pub fn is_key(text: &[u8]) -> bool {
        text.starts_with(PREFIX.as_bytes())
    }

    /// The key whose text has this digest, expired or not.
    pub fn of_digest(&self, digest: &KeyDigest) -> Option<Arc<ApiKey>> {
        let table = self.read();
        let found = table.by_digest.get(&beginning(digest))?;
        found.iter().find(|key| key.digest == *digest).cloned()
    }

    /// The key of this id.
    pub fn find(&self, id: &ApiKeyId) -> Option<Arc<ApiKey>> {
        self.read().by_id.get(id).cloned()
    }

    /// Keys of a workspace, or of all, oldest first: those that come after `after`, at most `limit`.
    pub fn list(
        &self,
        workspace: Option<&WorkspaceId>,
        after: Option<&ApiKeyId>,
        limit: usize,
    ) -> Vec<Arc<ApiKey>> {
        let table = self.read();
        let keys = table.by_id.values();
        keys.filter(|key| after.is_none_or(|after| key.id > *after))
            .filter(|key| workspace.is_none_or(|wanted| key.workspace.as_ref() == Some(wanted)))
            .take(limit)
            .cloned()
            .collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.all.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.all.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn of(keys: Vec<ApiKey>) -> Self {
        let mut table = Self::default();
        for key in keys {
            table.insert(key);
        }
        table
    }

    fn insert(&mut self, key: ApiKey) {
        let key = Arc::new(key);
        let same = self.by_digest.entry(beginning(&key.digest)).or_default();
        same.push(Arc::clone(&key));
        self.by_id.insert(key.id.clone(), key);
    }

    fn remove(&mut self, id: &ApiKeyId) {
        let Some(key) = self.by_id.remove(id) else {
            return;
        };
        let place = beginning(&key.digest);
        if let Some(same) = self.by_digest.get_mut(&place) {
            same.retain(|other| other.id != *id);
            if same.is_empty() {
                self.by_digest.remove(&place);
            }
        }
    }
}

/// The digest of a key's text.
pub(crate) fn digest(text: &[u8]) -> KeyDigest {
    KeyDigest(Sha256::digest(text).into())
}

fn beginning(digest: &KeyDigest) -> [u8; 8] {
    let mut beginning = [0; 8];
    for (to, from) in beginning.iter_mut().zip(digest.0) {
        *to = from;
    }
    beginning
}

fn key_text(chance: &dyn Chance) -> SecretText {
    let mut bytes = zeroize::Zeroizing::new([0; KEY_BYTES]);
    chance.fill(&mut *bytes);
    let hex = base16ct::lower::encode_string(&*bytes);
    SecretText::new(format!("{PREFIX}{hex}"))
}

/// Makes a key and tells its text, which is shown this once. To be run to its end.
///
/// # Errors
/// [`ApiKeyError`]; nothing is stored then.
pub async fn create_key(
    context: Arc<Context>,
    new: NewKey,
) -> Result<(Arc<ApiKey>, SecretText), ApiKeyError> {
    let too_long = |name: &String| name.len() > NAME_BYTES_MAX;
    if new.name.as_ref().is_some_and(too_long) {
        return Err(ApiKeyError::NameTooLong);
    }
    let now_ms = context.clock.now_ms();
    if new.expires_at_ms.is_some_and(|at_ms| at_ms <= now_ms) {
        return Err(ApiKeyError::ExpiresInThePast);
    }
    let _turn = context.keys.turn.lock().await;
    if context.keys.read().by_id.len() >= KEYS_MAX {
        return Err(ApiKeyError::TooMany);
    }
    let text = key_text(&*context.chance);
    let key = ApiKey {
        id: ApiKeyId::new(now_ms, &*context.chance),
        workspace: new.workspace,
        role: new.role,
        name: new.name,
        digest: digest(text.as_str().as_bytes()),
        created_at_ms: now_ms,
        expires_at_ms: new.expires_at_ms,
    };
    context.store.create_key(key.clone()).await?;
    let id = key.id.clone();
    context.keys.write().insert(key);
    let made = context.keys.find(&id).ok_or(ApiKeyError::Unknown)?;
    Ok((made, text))
}

/// Revokes a key: it is refused from the next request on. To be run to its end.
///
/// # Errors
/// [`ApiKeyError`]; the key still works then.
pub async fn revoke_key(context: Arc<Context>, id: ApiKeyId) -> Result<(), ApiKeyError> {
    let _turn = context.keys.turn.lock().await;
    if context.keys.find(&id).is_none() {
        return Err(ApiKeyError::Unknown);
    }
    let now_ms = context.clock.now_ms();
    context.store.revoke_key(id.clone(), now_ms).await?;
    context.keys.write().remove(&id);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::SystemChance;

    fn key(text: &SecretText, workspace: Option<&str>) -> ApiKey {
        ApiKey {
            id: ApiKeyId::new(1, &SystemChance),
            workspace: workspace.and_then(WorkspaceId::parse),
            role: Role::Read,
            name: None,
            digest: digest(text.as_str().as_bytes()),
            created_at_ms: 1,
            expires_at_ms: None,
        }
    }

    #[test]
    fn a_key_is_found_by_its_text_alone_and_not_after_it_is_removed() {
        let (one, two) = (key_text(&SystemChance), key_text(&SystemChance));
        assert!(Keys::is_key(one.as_str().as_bytes()));
        let stored = [key(&one, None), key(&two, Some("acme"))];
        let keys = Keys::new(stored.to_vec());
        for (text, key) in [(&one, &stored[0]), (&two, &stored[1])] {
            let digest = digest(text.as_str().as_bytes());
            assert_eq!(keys.of_digest(&digest).unwrap().id, key.id);
        }
        let mut wrong = digest(one.as_str().as_bytes());
        wrong.0[31] ^= 1;
        assert!(keys.of_digest(&wrong).is_none());
        keys.write().remove(&stored[0].id);
        assert!(keys.of_digest(&stored[0].digest).is_none());
        assert!(keys.of_digest(&stored[1].digest).is_some());
        assert_eq!(keys.write().by_digest.len(), 1);
        let acme = WorkspaceId::parse("acme");
        assert_eq!(keys.list(acme.as_ref(), None, 9).len(), 1);
        assert!(!format!("{stored:?}").contains(&format!("{:?}", stored[0].digest.0)));
    }
}
