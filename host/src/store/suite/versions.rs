//! Schemas of hosts that start together and of versions that follow each other: only of a store for many hosts.

use super::{
    postgres::{open, try_open},
    *,
};

#[tokio::test]
async fn hosts_that_start_together_make_the_schema_once() {
    let Some(database) = countersign_cluster::database() else {
        return;
    };
    let opened = tokio::join!(
        try_open(&database),
        try_open(&database),
        try_open(&database),
        try_open(&database)
    );
    for opened in [opened.0, opened.1, opened.2, opened.3] {
        opened.unwrap().close().await.unwrap();
    }
    let versions = database
        .query("SELECT version FROM schema_version")
        .unwrap();
    assert_eq!(versions, [Some("1".to_owned())]);
}

#[tokio::test]
async fn a_host_works_with_a_schema_that_is_one_version_newer_and_refuses_a_later_one() {
    let Some(database) = countersign_cluster::database() else {
        return;
    };
    open(&database).await.close().await.unwrap();
    // What the next version may do: add what this one does not know.
    database
        .run(
            "ALTER TABLE deliveries ADD COLUMN later TEXT; ALTER TABLE messages ADD COLUMN later BIGINT DEFAULT 7;
             UPDATE schema_version SET version = 2",
        )
        .unwrap();
    let store = open(&database).await;
    store.recover(1).await.unwrap();
    let endpoint = create_endpoint(&store).await;
    let message = message(&endpoint, DeliveryState::Sending, 10);
    let delivery = message.deliveries[0].id.clone();
    store.publish(message).await.unwrap();
    let ended = ended(&endpoint, &delivery, DeliveryState::Delivered);
    store.record(ended).await.unwrap();
    let (found, _) = store.delivery(delivery).await.unwrap().unwrap();
    assert_eq!(found.state, DeliveryState::Delivered);
    store.close().await.unwrap();
    let versions = database
        .query("SELECT version FROM schema_version")
        .unwrap();
    assert_eq!(versions, [Some("2".to_owned())], "and leaves it as it is");

    database
        .run("UPDATE schema_version SET version = 3")
        .unwrap();
    let refused = try_open(&database).await.err().unwrap().to_string();
    assert!(refused.contains("version 3"), "{refused}");
    assert!(refused.contains("newer version"), "{refused}");
}
