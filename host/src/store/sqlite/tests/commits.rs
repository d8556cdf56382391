//! When writes take effect, and how many share a commit.

use super::*;
use crate::store::Stored;

/// Transactions in the log of writes: the last frame of each says how long the file is then (see "WAL File Format" in SQLite's
/// documentation).
fn commits(path: &Path) -> usize {
    const HEADER_BYTES: usize = 32;
    const FRAME_HEADER_BYTES: usize = 24;
    let log = std::fs::read(path.with_extension("db-wal")).unwrap();
    let word = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().unwrap());
    let (page_bytes, salt) = (word(8) as usize, word(16));
    let frames = (HEADER_BYTES..log.len()).step_by(FRAME_HEADER_BYTES + page_bytes);
    // What an earlier round left behind has another salt.
    let frames = frames.take_while(|at| word(at + 8) == salt);
    frames.filter(|at| word(at + 4) > 0).count()
}

#[tokio::test]
async fn writes_that_wait_together_share_a_commit_and_none_is_answered_before_it() {
    let fixture = Fixture::new();
    let endpoint = fixture.endpoint().await;
    let before = commits(&fixture.path());
    // Another program keeps the disk busy, so that they meet.
    let other = Connection::open(fixture.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let messages: Vec<_> = (0..20)
        .map(|at_ms| message(&endpoint, DeliveryState::Pending, at_ms))
        .collect();
    let mut published: Vec<_> = messages
        .iter()
        .map(|message| fixture.store.publish(message.clone()))
        .collect();
    let first = published.remove(0);
    let clock = crate::clock::SystemClock::new();
    let early = crate::clock::within(&clock, Duration::from_millis(50), first).await;
    assert!(early.is_none(), "answered before anything was written");
    other.execute_batch("ROLLBACK").unwrap();
    for answer in published {
        assert_eq!(answer.await.unwrap(), Published::Stored(Stored::default()));
    }
    // At most sixteen share one, says `OPTIONS`.
    assert_eq!(commits(&fixture.path()) - before, 2);
    // The one that nobody waited for is there as well.
    let after = fixture.after_a_crash().await;
    for message in &messages {
        assert_eq!(
            after.state(&message.deliveries[0].id).await,
            DeliveryState::Pending
        );
    }
}
