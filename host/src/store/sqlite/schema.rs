//! Opening the file: one process at a time, the settings that durability rests on, and the schema's migrations.

use super::{Durability, Options, check, writer::failed};
use crate::store::StoreError;
use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::{M, Migrations};
use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

pub(super) const MIGRATIONS: &[M<'_>] = &[
    M::up(include_str!("../../../migrations/0001_start.sql")),
    M::up(include_str!("../../../migrations/0002_health.sql")),
    M::up(include_str!("../../../migrations/0003_secrets.sql")),
    M::up(include_str!("../../../migrations/0004_settings.sql")),
    M::up(include_str!("../../../migrations/0005_records.sql")),
    M::up(include_str!("../../../migrations/0006_engine.sql")),
    M::up(include_str!("../../../migrations/0007_workspaces.sql")),
    M::up(include_str!("../../../migrations/0008_inbound.sql")),
    M::up(include_str!("../../../migrations/0009_speed.sql")),
    M::up(include_str!("../../../migrations/0010_failed_events.sql")),
];

/// Pages of 4 KiB in the write-ahead log after which the writing thread itself copies what the checkpoint thread has left and
/// begins the log anew: 32 MiB. More would make a start after a crash read more.
const CHECKPOINT_PAGES: i64 = 8_192;
/// Pages that the writing connection keeps in memory: 8 MiB, four times SQLite's own figure, so that the indexes of a long
/// backlog are not read again and again.
const CACHE_KIB: i64 = 8 * 1_024;

/// Prepared statements that a connection keeps; more than there are.
const STATEMENTS_KEPT: usize = 128;
/// How long a connection waits for another program that has locked the file, such as the sqlite3 shell.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The right to use a file, for as long as it is held.
///
/// A lock on a file beside the data: SQLite's own exclusive mode would also lock out our readers and the sqlite3 shell.
/// The operating system takes it back when the process ends, in whatever way.
#[derive(Debug)]
pub(super) struct Lock(#[allow(dead_code)] File);

impl Lock {
    pub(super) fn take(store: &Path) -> Result<Self, StoreError> {
        let opening = |error: std::io::Error| StoreError::Failed {
            doing: "opening its lock file",
            problem: format!("{}: {error}", lock_path(store).display()),
        };
        if let Some(folder) = store.parent() {
            let mut builder = DirBuilder::new();
            builder.recursive(true).mode(0o700);
            builder.create(folder).map_err(opening)?;
        }
        let file = own_file(&lock_path(store)).map_err(opening)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse {
                path: store.to_owned(),
            }),
            Err(TryLockError::Error(error)) => Err(opening(error)),
        }
    }
}

/// Opens a file, or makes one that only its owner can read: the data holds signing secrets.
fn own_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    options.open(path)
}

fn lock_path(store: &Path) -> PathBuf {
    let mut path = store.as_os_str().to_owned();
    path.push(".lock");
    path.into()
}

/// Opens the writing connection and brings the schema up to date.
pub(super) fn open_writer(store: &Path, options: &Options) -> Result<Connection, StoreError> {
    // SQLite gives its other files the mode of this one.
    own_file(store).map_err(|error| StoreError::Failed {
        doing: "opening the file",
        problem: format!("{}: {error}", store.display()),
    })?;
    let opened = Connection::open(store).and_then(|connection| {
        // In WAL mode a commit with synchronous=FULL is on the disk before it returns; NORMAL would lose the last commits
        // when the power fails.
        connection.pragma_update(None, "journal_mode", "wal")?;
        let synchronous = match options.durability {
            Durability::Full => "full",
            Durability::Normal => "normal",
        };
        connection.pragma_update(None, "synchronous", synchronous)?;
        connection.pragma_update(None, "temp_store", "memory")?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        prepare(&connection)?;
        Ok(connection)
    });
    let mut connection = opened.map_err(|error| match check::is_damage(&error) {
        true => check::damaged(store, error.to_string()),
        false => StoreError::Failed {
            doing: "opening the file",
            problem: format!("{}: {error}", store.display()),
        },
    })?;
    check::at_start(&connection, store, options.check, options.check_limit)?;
    Migrations::from_slice(MIGRATIONS)
        .to_latest(&mut connection)
        .map_err(|error| StoreError::Failed {
            doing: "bringing the schema up to date",
            problem: error.to_string(),
        })?;
    Ok(connection)
}

/// Opens a file that may belong to a running host, or to none, for reading. The lock is not taken: SQLite's own keep
/// readers and the writer apart.
pub(super) fn open_visitor(store: &Path) -> Result<Connection, StoreError> {
    let opening = |error: rusqlite::Error| match failed("opening the file", &error) {
        StoreError::Failed { .. } if check::is_damage(&error) => {
            check::damaged(store, error.to_string())
        }
        StoreError::Failed { doing, problem } => StoreError::Failed {
            doing,
            problem: format!("{}: {problem}", store.display()),
        },
        other => other,
    };
    // A connection that may not write at all cannot read what a crash left in the write-ahead log.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(store, flags).map_err(opening)?;
    prepare(&connection).map_err(opening)?;
    connection
        .pragma_update(None, "query_only", true)
        .map_err(opening)?;
    let version: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(opening)?;
    match usize::try_from(version) == Ok(MIGRATIONS.len()) {
        true => Ok(connection),
        false => Err(StoreError::Failed {
            doing: "opening the file",
            problem: format!(
                "{} has schema version {version}, this program reads {}; start this version's `countersign serve` on it first",
                store.display(),
                MIGRATIONS.len()
            ),
        }),
    }
}

/// Opens another connection that may write, to a file that is up to date.
pub(super) fn open_second(store: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(store, flags)?;
    prepare(&connection)?;
    Ok(connection)
}

/// Opens a connection that only reads.
pub(super) fn open_reader(store: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(store, flags)?;
    prepare(&connection)?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{super::tests::OPTIONS, *};
    use crate::{
        ids::WorkspaceId,
        store::{EndedState, Page, Selection},
    };

    #[test]
    fn migrations_are_sound() {
        Migrations::from_slice(MIGRATIONS).validate().unwrap();
    }

    #[test]
    fn data_of_an_older_version_is_kept() {
        let mut connection = Connection::open_in_memory().unwrap();
        Migrations::from_slice(&MIGRATIONS[..1])
            .to_latest(&mut connection)
            .unwrap();
        connection
            .execute_batch(
                "INSERT INTO endpoints (id, provider, url, rules, state, since_ms, exhausted_in_a_row, last_success_at_ms,
                                        version, created_at_ms)
                 VALUES ('ep_1', 'cleanmails', 'https://example.com/', '{}', 'active', 1, 4, 2, 3, 1);
                 INSERT INTO deliveries VALUES
                     ('dlv_1', 'msg_1', 'ep_1', 9, 'dead_lettered', 'gone', 2, 1, 10, NULL, 5, 6);",
            )
            .unwrap();
        Migrations::from_slice(MIGRATIONS)
            .to_latest(&mut connection)
            .unwrap();
        let row = |sql: &str| -> Vec<rusqlite::types::Value> {
            connection
                .query_row(sql, [], |row| {
                    (0..row.as_ref().column_count())
                        .map(|column| row.get(column))
                        .collect()
                })
                .unwrap()
        };
        let health = row(
            "SELECT failed_in_a_row, exhausted_in_a_row, pauses_in_a_row, failing_since_ms, last_success_at_ms
             FROM endpoints",
        );
        let null = rusqlite::types::Value::Null;
        assert_eq!(
            health,
            [0.into(), 4.into(), 0.into(), null.clone(), 2.into()]
        );
        let delivery: [rusqlite::types::Value; 15] = [
            "dlv_1".to_owned().into(),
            "msg_1".to_owned().into(),
            "ep_1".to_owned().into(),
            9.into(),
            "dead_lettered".to_owned().into(),
            "gone".to_owned().into(),
            2.into(),
            1.into(),
            10.into(),
            null.clone(),
            5.into(),
            6.into(),
            null.clone(),
            null.clone(),
            null,
        ];
        assert_eq!(row("SELECT * FROM deliveries"), delivery);
        connection
            .execute("UPDATE deliveries SET dead_reason = 'client_error'", [])
            .unwrap();
    }

    #[test]
    fn a_commit_is_on_the_disk_before_it_returns() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open_writer(&folder.path().join("a.db"), &OPTIONS).unwrap();
        let ask = |pragma: &str| {
            connection
                .pragma_query_value(None, pragma, |row| row.get::<_, rusqlite::types::Value>(0))
                .unwrap()
        };
        assert_eq!(ask("journal_mode"), "wal".to_owned().into());
        assert_eq!(ask("synchronous"), 2.into());
        drop(connection);
        let weaker = Options {
            durability: Durability::Normal,
            ..OPTIONS
        };
        let connection = open_writer(&folder.path().join("a.db"), &weaker).unwrap();
        let synchronous: i64 = connection
            .pragma_query_value(None, "synchronous", |row| row.get(0))
            .unwrap();
        assert_eq!(synchronous, 1);
    }

    #[test]
    fn nobody_else_can_read_the_data() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("new/a.db");
        let _lock = Lock::take(&store).unwrap();
        let _connection = open_writer(&store, &OPTIONS).unwrap();
        for path in ["new", "new/a.db", "new/a.db-wal", "new/a.db.lock"] {
            let mode = std::fs::metadata(folder.path().join(path))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o077, 0, "{path}: {mode:o}");
        }
    }

    #[test]
    fn due_deliveries_are_found_through_their_index() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open_writer(&folder.path().join("a.db"), &OPTIONS).unwrap();
        for (sql, index) in [
            (super::super::writes::CLAIM, "deliveries_open"),
            (super::super::writes::NEXT_DUE, "deliveries_open"),
            (super::super::writes::RECOVER, "deliveries_open"),
            (super::super::writes::CLAIM_HELD, "deliveries_held"),
            (super::super::writes::HOLD, "deliveries_open"),
            (super::super::writes::CANCEL[0], "deliveries_open"),
            (super::super::writes::CANCEL[1], "deliveries_held"),
            (super::super::writes::CANCEL[2], "deliveries_waiting"),
            (super::super::writes::SKIPPED, "deliveries_held"),
            (super::super::writes::LAST_OF_KEY, "deliveries_ordered"),
            (super::super::writes::FIRST_OF_KEY, "deliveries_ordered"),
            (
                super::super::reads::bodies::DEFAULT,
                "SEARCH messages USING PRIMARY KEY",
            ),
            (super::super::reads::bodies::OTHER, "messages_by_workspace"),
        ]
        .into_iter()
        .chain(super::super::reads::COUNTS)
        .chain(super::super::reads::COUNTS_OF)
        {
            assert_goes_through(&connection, sql, index);
        }
    }

    #[test]
    fn lists_of_a_workspace_go_through_its_messages_or_the_deliveries_themselves() {
        use super::super::reads::lists;
        let folder = tempfile::tempdir().unwrap();
        let connection = open_writer(&folder.path().join("a.db"), &OPTIONS).unwrap();
        let beside = "SEARCH deliveries USING PRIMARY KEY";
        for (sql, index) in [
            (lists::PAGE_DEFAULT, beside),
            (lists::PAGE_OTHER, "messages_by_workspace"),
            (lists::PAGE_OTHER, beside),
            (lists::MESSAGES_OTHER, "messages_by_workspace"),
            (lists::MESSAGES_COUNTED_OTHER, "messages_by_workspace"),
        ] {
            assert_goes_through(&connection, sql, index);
        }
    }

    #[test]
    fn a_selection_looks_at_no_more_than_its_state_and_time() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open_writer(&folder.path().join("a.db"), &OPTIONS).unwrap();
        let selection = |state, acknowledged| Selection {
            acknowledged,
            ..Selection::all(WorkspaceId::default(), state)
        };
        for (selection, index) in [
            (
                selection(EndedState::DeadLettered, Some(false)),
                "INDEX deliveries_dead_unseen",
            ),
            (
                selection(EndedState::DeadLettered, None),
                "INDEX deliveries_dead ",
            ),
            (
                selection(EndedState::Delivered, None),
                "SEARCH deliveries USING PRIMARY KEY",
            ),
        ] {
            for newest_first in [false, true] {
                let page = Page {
                    after: None,
                    newest_first,
                    limit: 1,
                };
                let sql = super::super::reads::search(&selection, &page);
                assert_goes_through(&connection, &sql, index);
            }
        }
    }

    fn assert_goes_through(connection: &Connection, sql: &str, index: &str) {
        let mut plan = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .unwrap();
        let nulls = vec![rusqlite::types::Null; plan.parameter_count()];
        let steps: Vec<String> = plan
            .query_map(rusqlite::params_from_iter(nulls), |row| row.get(3))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert!(
            steps.iter().any(|step| step.contains(index)),
            "{sql}: {steps:?}"
        );
        // Within a message its few deliveries may be.
        let sorted = steps
            .iter()
            .any(|step| step.contains("TEMP B-TREE") && !step.contains("LAST TERM"));
        assert!(!sorted, "{sql}: {steps:?}");
    }
}
