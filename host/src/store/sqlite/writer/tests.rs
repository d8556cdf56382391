use super::*;

fn limits(queue_max: u32) -> QueueLimits {
    QueueLimits {
        queue_max,
        queue_bytes_max: 64 * 1024,
        batch_max: 8,
    }
}

fn writer(queue_max: u32) -> (Writer, tempfile::TempDir) {
    writer_with_reserve(queue_max, 0)
}

fn writer_with_reserve(queue_max: u32, reserve_bytes: u64) -> (Writer, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let connection = Connection::open(folder.path().join("a.db")).unwrap();
    connection
        .execute_batch("CREATE TABLE t (n INTEGER UNIQUE)")
        .unwrap();
    let room = Room::new(&folder.path().join("a.db"), reserve_bytes);
    (
        Writer::start(connection, None, limits(queue_max), room).unwrap(),
        folder,
    )
}

fn insert(writer: &Writer, n: i64) -> Later<()> {
    writer.submit(Caller::Host, "testing", move |connection| {
        connection.execute("INSERT INTO t VALUES (?)", [n])?;
        // Fails when it is there already, after another row was written.
        connection.execute("INSERT INTO t VALUES (?)", [n + 1])?;
        Ok(())
    })
}

fn count(writer: &Writer) -> Later<i64> {
    writer.submit(Caller::Host, "testing", |connection| {
        connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0))
    })
}

#[tokio::test]
async fn a_write_that_fails_leaves_nothing_and_its_neighbours_stay() {
    let (writer, _folder) = writer(8);
    // Queued together, so that they share a transaction.
    let writes = [insert(&writer, 1), insert(&writer, 0), insert(&writer, 5)];
    let panics: Later<()> = writer.submit(Caller::Host, "testing", |_| panic!("on purpose"));
    let [one, two, three] = writes;
    assert!(one.await.is_ok());
    assert!(two.await.is_err());
    assert!(three.await.is_ok());
    assert!(panics.await.is_err());
    assert_eq!(count(&writer).await.unwrap(), 4);
}

#[tokio::test]
async fn clients_are_refused_when_too_many_wait_and_the_host_is_not() {
    let (writer, _folder) = writer(1);
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let first = writer.submit(Caller::Client, "testing", move |_| {
        let _ = held.recv();
        Ok(())
    });
    let second = writer.submit(Caller::Client, "testing", |_| Ok(()));
    assert!(matches!(second.await, Err(StoreError::Busy)));
    let host = writer.submit(Caller::Host, "testing", |_| Ok(()));
    hold.send(()).unwrap();
    first.await.unwrap();
    host.await.unwrap();
    let third = writer.submit(Caller::Client, "testing", |_| Ok(()));
    third.await.unwrap();
}

#[tokio::test]
async fn publishers_are_refused_when_too_many_bytes_wait() {
    let (writer, _folder) = writer(8);
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let publish = |kib: usize| Caller::Publisher { bytes: kib * 1024 };
    let first = writer.submit(publish(40), "testing", move |_| {
        let _ = held.recv();
        Ok(())
    });
    let second = writer.submit(publish(30), "testing", |_| Ok(()));
    assert!(matches!(second.await, Err(StoreError::Busy)));
    let small = writer.submit(publish(20), "testing", |_| Ok(()));
    let client = writer.submit(Caller::Client, "testing", |_| Ok(()));
    hold.send(()).unwrap();
    for queued in [first, small, client] {
        queued.await.unwrap();
    }
    let again = writer.submit(publish(60), "testing", |_| Ok(()));
    again.await.unwrap();
}

#[tokio::test]
async fn a_disk_that_is_short_of_room_takes_outcomes_and_nothing_new() {
    let (writer, _folder) = writer_with_reserve(8, u64::MAX);
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let first = writer.submit(Caller::Client, "testing", move |_| {
        let _ = held.recv();
        Ok(())
    });
    // They share a transaction; only one of them adds data.
    let outcome = insert(&writer, 1);
    let publish = Caller::Publisher { bytes: 1 };
    let new = writer.submit(publish, "testing", |connection| {
        connection.execute("INSERT INTO t VALUES (9)", [])?;
        Ok(())
    });
    hold.send(()).unwrap();
    first.await.unwrap();
    outcome.await.unwrap();
    assert!(matches!(new.await, Err(StoreError::Full)));
    assert_eq!(count(&writer).await.unwrap(), 2);
}

#[tokio::test]
async fn a_transaction_that_is_lost_in_the_middle_takes_nobody_with_it() {
    let (writer, _folder) = writer(8);
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let first = writer.submit(Caller::Host, "testing", move |connection| {
        let _ = held.recv();
        connection.execute("INSERT INTO t VALUES (7)", [])?;
        // What SQLite does by itself when the disk is full.
        connection.execute_batch("ROLLBACK")
    });
    let second = insert(&writer, 1);
    hold.send(()).unwrap();
    // It runs a second time, and does not wait then.
    drop(hold);
    assert!(first.await.is_err());
    second.await.unwrap();
    assert_eq!(count(&writer).await.unwrap(), 2);
}

#[tokio::test]
async fn without_a_transaction_nothing_is_written() {
    let connection = Connection::open_in_memory().unwrap();
    // A transaction is open already, so that the writer cannot begin its own.
    connection
        .execute_batch("CREATE TABLE t (n UNIQUE); BEGIN")
        .unwrap();
    let room = Room::new(std::path::Path::new("a.db"), 0);
    let writer = Writer::start(connection, None, limits(8), room).unwrap();
    let (ran, has_run) = std::sync::mpsc::channel();
    let first = writer.submit(Caller::Host, "testing", move |_| {
        let _ = ran.send(());
        Ok(())
    });
    assert!(matches!(first.await, Err(StoreError::Failed { .. })));
    assert!(
        has_run.recv().is_err(),
        "it ran, and its release would have kept it"
    );
    assert_eq!(count(&writer).await.unwrap(), 0);
}

#[tokio::test]
async fn a_closed_writer_has_done_what_was_queued_and_takes_nothing_more() {
    let (writer, _folder) = writer(8);
    let queued = insert(&writer, 1);
    writer.close().await.unwrap();
    queued.await.unwrap();
    assert!(matches!(count(&writer).await, Err(StoreError::Closed)));
    writer.close().await.unwrap();
}
