//! Secrets in the file: sealed, moved there from older versions, sealed anew with another key.

use super::*;
use crate::{
    store::sqlite::schema::MIGRATIONS,
    vault::{Key, KeyError, KeyFile},
};
use rusqlite_migration::Migrations;

/// Everything that a folder holds, but for key files.
fn bytes(folder: &Path) -> Vec<u8> {
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    files
        .filter(|file| file.extension().is_none_or(|extension| extension != "key"))
        .flat_map(|file| std::fs::read(file).unwrap())
        .collect()
}

fn holds(folder: &Path, text: &str) -> bool {
    let bytes = bytes(folder);
    let hex = base16ct::lower::encode_string(text.as_bytes());
    [text, &hex].iter().any(|text| {
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    })
}

fn with_keys(path: &Path, keys: &KeySource) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(path, OPTIONS, keys, Arc::new(SystemChance))
}

async fn secrets(store: &dyn Store) -> Vec<String> {
    let endpoints = store.endpoints().await.unwrap();
    let secrets = endpoints.iter().flat_map(|endpoint| &endpoint.secrets);
    secrets
        .map(|secret| secret.text.as_str().to_owned())
        .collect()
}

#[tokio::test]
async fn secrets_are_read_back_and_are_nowhere_in_the_files() {
    let fixture = Fixture::new();
    let mut endpoint = fixture.endpoint().await;
    let second = "another secret of the tests";
    endpoint.secrets.insert(
        0,
        SigningSecret::newest(SecretText::new(second.to_owned()), 7),
    );
    endpoint.secrets[1].times.expires_at_ms = Some(9);
    fixture.update(&endpoint, None, 2).await;
    assert_eq!(fixture.store.endpoints().await.unwrap(), [endpoint.clone()]);
    assert_eq!(
        fixture
            .after_a_crash()
            .await
            .store
            .endpoints()
            .await
            .unwrap(),
        [endpoint]
    );
    for secret in [SECRET, second] {
        assert!(!holds(fixture.folder.path(), secret));
    }
}

#[tokio::test]
async fn a_deleted_endpoint_has_no_secrets_and_gets_none_again() {
    let fixture = Fixture::new();
    let endpoint = fixture.endpoint().await;
    fixture
        .store
        .delete_endpoint(endpoint.id.clone(), 2)
        .await
        .unwrap();
    fixture.update(&endpoint, None, 3).await;
    assert!(sealed(&fixture.path()).is_empty());
}

/// A file as version 2 of the schema left it.
fn older_version(path: &Path) {
    let mut connection = Connection::open(path).unwrap();
    connection
        .pragma_update(None, "journal_mode", "wal")
        .unwrap();
    Migrations::from_slice(&MIGRATIONS[..2])
        .to_latest(&mut connection)
        .unwrap();
    // As versions without filters wrote them.
    let rules = r#"{"subscription":"all","scope":"user"}"#;
    for name in ["kept", "deleted"] {
        let id = EndpointId::new(1, &SystemChance);
        let secret = format!("clear secret of the {name} one");
        connection
            .execute(
                "INSERT INTO endpoints (id, provider, url, rules, secret, state, since_ms, exhausted_in_a_row, version,
                                        created_at_ms)
                 VALUES (?, 'cleanmails', 'https://example.com/', ?, ?, 'active', 1, 0, 1, 5)",
                [id.as_str(), rules, &secret],
            )
            .unwrap();
    }
    connection
        .execute(
            "UPDATE endpoints SET secret = NULL, deleted_at_ms = 6 WHERE secret LIKE '%deleted%'",
            [],
        )
        .unwrap();
}

#[tokio::test]
async fn clear_secrets_of_an_older_version_are_sealed_and_what_they_left_is_wiped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    older_version(&path);
    assert!(holds(folder.path(), "clear secret of the kept one"));
    let store = open(&path);
    assert_eq!(secrets(&store).await, ["clear secret of the kept one"]);
    let endpoint = store.endpoints().await.unwrap().remove(0);
    assert_eq!(endpoint.secrets[0].times.created_at_ms, 5);
    assert!(!holds(folder.path(), "clear secret"));
    assert_eq!(sealed(&path).len(), 1);
}

#[tokio::test]
async fn a_wrong_or_missing_key_is_refused_by_name() {
    let fixture = Fixture::new();
    fixture.endpoint().await;
    fixture.store.close().await.unwrap();
    let path = fixture.path();
    drop(fixture.suite);
    let other = KeySource::Given(zeroize::Zeroizing::new("02".repeat(32)));
    let missing = KeySource::File(fixture.folder.path().join("none.key"));
    for (keys, tell) in [(other, "Wrong"), (missing, "Missing")] {
        match with_keys(&path, &keys) {
            Err(StoreError::Key(error)) => {
                assert!(format!("{error:?}").starts_with(tell), "{error:?}");
            }
            other => panic!("{tell}: {:?}", other.err()),
        }
    }
    assert!(!fixture.folder.path().join("none.key").exists());
    assert_eq!(secrets(&open(&path)).await, [SECRET]);
}

#[tokio::test]
async fn a_secret_that_is_copied_to_another_endpoint_does_not_open_there() {
    let fixture = Fixture::new();
    fixture.endpoint().await;
    fixture.endpoint().await;
    let connection = Connection::open(fixture.path()).unwrap();
    connection
        .execute(
            "UPDATE endpoint_secrets SET sealed = (SELECT min(sealed) FROM endpoint_secrets)",
            [],
        )
        .unwrap();
    assert!(fixture.store.endpoints().await.is_err());
}

async fn store_with_key_file(folder: &Path) -> (PathBuf, KeySource, PathBuf) {
    let (path, file) = (folder.join("a.db"), folder.join("secrets.key"));
    let keys = KeySource::File(file.clone());
    let store: Arc<dyn Store> = Arc::new(with_keys(&path, &keys).unwrap());
    suite::create_endpoint(&*store).await;
    store.close().await.unwrap();
    (path, keys, file)
}

#[tokio::test]
async fn another_key_seals_everything_anew_and_the_old_one_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (path, keys, file) = store_with_key_file(folder.path()).await;
    let before = (
        sealed(&path),
        KeyFile::new(file.clone()).read().unwrap().unwrap(),
    );
    let id = SqliteStore::rotate_key(&path, &OPTIONS, &keys, Arc::new(SystemChance)).unwrap();
    let after = KeyFile::new(file).read().unwrap().unwrap();
    assert_eq!(after.iter().map(Key::id).collect::<Vec<_>>(), [id]);
    assert_ne!(before.1[0].id(), id);
    assert!(sealed(&path)[0].contains(&id.to_string()));
    assert!(
        !holds(folder.path(), &before.0[0]),
        "sealed with the old key"
    );
    assert_eq!(secrets(&with_keys(&path, &keys).unwrap()).await, [SECRET]);
}

#[tokio::test]
async fn an_interrupted_change_of_keys_is_finished_by_the_next_start_or_call() {
    for by_start in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let (path, keys, file) = store_with_key_file(folder.path()).await;
        let file = KeyFile::new(file);
        let old = file.read().unwrap().unwrap();
        let new = Key::generate(&SystemChance);
        file.write(&[new.clone(), old[0].clone()]).unwrap();
        match by_start {
            true => drop(with_keys(&path, &keys).unwrap()),
            false => {
                let id = SqliteStore::rotate_key(&path, &OPTIONS, &keys, Arc::new(SystemChance))
                    .unwrap();
                assert_eq!(id, new.id());
            }
        }
        let left = file.read().unwrap().unwrap();
        assert_eq!(left.iter().map(Key::id).collect::<Vec<_>>(), [new.id()]);
        assert_eq!(secrets(&with_keys(&path, &keys).unwrap()).await, [SECRET]);
    }
}

#[tokio::test]
async fn a_key_of_the_configuration_is_changed_there() {
    let fixture = Fixture::new();
    fixture.endpoint().await;
    fixture.store.close().await.unwrap();
    let path = fixture.path();
    drop(fixture.suite);
    let rotate =
        |keys: &KeySource| SqliteStore::rotate_key(&path, &OPTIONS, keys, Arc::new(SystemChance));
    assert!(matches!(
        rotate(&keys()),
        Err(StoreError::Key(KeyError::GivenAlone))
    ));
    let (new, old) = ("03".repeat(32), "01".repeat(32));
    let both = KeySource::Given(zeroize::Zeroizing::new(format!("{new},{old}")));
    rotate(&both).unwrap();
    let new = KeySource::Given(zeroize::Zeroizing::new(new));
    assert_eq!(secrets(&with_keys(&path, &new).unwrap()).await, [SECRET]);
}
