//! The Rust client against a running host: from a workspace to a replay.

use countersign_client::{
    Client, Error, calls,
    types::{
        CreateEndpoint, CreateKey, CreateReplay, CreateWorkspace, DeadLetterFilter, DeliveryQuery,
        DeliveryStatus, EndpointSettings, MessageQuery, PublishEvent, Raw, ReplayAnswer, Role,
        Schedule, SelectionFilter,
    },
};
use countersign_tests::{
    host::{Host, HostHome},
    receiver::Receiver,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(20);

fn event(payload: &Value) -> PublishEvent {
    PublishEvent {
        provider: "platform".to_owned(),
        payload: Raw::from_json(serde_json::value::to_raw_value(payload).unwrap()),
        client_id: None,
        bot: None,
        event_id: None,
    }
}

/// Asks until the answer is there.
async fn wait_for<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(
            started.elapsed() < LIMIT,
            "it did not happen within {LIMIT:?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn a_client_makes_a_workspace_a_key_and_an_endpoint_publishes_lists_and_replays() {
    let receiver = Receiver::start();
    let home = HostHome::new("time_scale = 100000").unwrap();
    let host = home.start().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(whole_way(&receiver, host)).unwrap();
}

async fn whole_way(receiver: &Receiver, host: Host) -> Result<(), Error> {
    let root = Client::new(host.url(), "")?;
    assert_eq!(
        root.send(calls::show_version()).await?.version,
        env!("CARGO_PKG_VERSION")
    );

    let workspace = CreateWorkspace {
        id: "acme".to_owned(),
        name: None,
    };
    root.send(calls::create_workspace(&workspace)?).await?;
    let key = CreateKey {
        role: Role::Manage,
        workspace: Some("acme".to_owned()),
        name: None,
        expires_at: None,
    };
    let key = root.send(calls::create_key(&key)?).await?;
    assert!(!format!("{:?}", Client::new(host.url(), &key.key)?).contains(&key.key));
    let client = Client::new(host.url(), &key.key)?;

    let settings = EndpointSettings {
        schedule: Some(Schedule::Delays {
            delays_ms: vec![1_000],
        }),
        ..EndpointSettings::default()
    };
    // Refused twice, and so given up; accepted afterwards.
    let endpoint = CreateEndpoint {
        provider: "platform".to_owned(),
        url: receiver.url("/fails/2/late"),
        secret: Some("s3cret".to_owned()),
        settings: Some(Raw::new(&settings)?),
        ..CreateEndpoint::default()
    };
    let made = client.send(calls::create_endpoint(&endpoint)?).await?;
    assert_eq!((&*made.endpoint.workspace, made.secret), ("acme", None));
    assert_eq!(made.endpoint.settings, settings);

    let payload = json!({"type": "open", "email_id": "m"});
    let publish =
        || Ok::<_, Error>(calls::publish_event(&event(&payload))?.with_idempotency_key("once"));
    let accepted = client.send(publish()?).await?;
    assert!(client.send(publish()?).await?.duplicate);
    let dead = wait_for(async || {
        let query = DeliveryQuery {
            status: Some(DeliveryStatus::DeadLettered),
            ..DeliveryQuery::default()
        };
        let page = client
            .send(calls::list_deliveries(&query).unwrap())
            .await
            .unwrap();
        page.deliveries.into_iter().next()
    })
    .await;
    assert_eq!(
        (dead.message_id, dead.attempt_count),
        (accepted.message_id.clone(), 2)
    );

    let filter = SelectionFilter::DeadLettered(DeadLetterFilter {
        endpoint_id: Some(made.endpoint.id.clone()),
        ..DeadLetterFilter::default()
    });
    let replay = CreateReplay {
        filter: Some(Raw::new(&filter)?),
        per_second: Some(100),
        ..CreateReplay::default()
    };
    let dry = CreateReplay {
        dry_run: Some(true),
        ..replay.clone()
    };
    match client.send(calls::create_replay(&dry)?).await? {
        ReplayAnswer::DryRun(preview) => {
            assert_eq!((preview.count, preview.sample), (1, vec![dead.id.clone()]))
        }
        ReplayAnswer::Begun(replay) => panic!("{replay:?}"),
    }
    let ReplayAnswer::Begun(begun) = client.send(calls::create_replay(&replay)?).await? else {
        panic!("it did not begin");
    };
    assert_eq!(begun.matched, 1);
    let delivered = wait_for(async || {
        let shown = client.send(calls::show_delivery(&dead.id)).await.unwrap();
        (shown.delivery.status == DeliveryStatus::Delivered).then_some(shown)
    })
    .await;
    assert_eq!(delivered.attempts.len(), 3);
    let payload = client
        .send(calls::message_payload(&accepted.message_id))
        .await?;
    assert_eq!(serde_json::from_slice::<Value>(&payload)?["email_id"], "m");

    // Entry by entry, over several pages.
    for id in ["a", "b", "c"] {
        let payload = json!({"type": "open", "email_id": id});
        client.send(calls::publish_event(&event(&payload))?).await?;
    }
    let mut messages = client.entries(|after| {
        calls::list_messages(&MessageQuery {
            limit: Some(2),
            after,
            ..MessageQuery::default()
        })
    });
    let mut count = 0;
    while let Some(message) = messages.next().await? {
        assert_eq!(message.workspace, "acme");
        count += 1;
    }
    assert_eq!(count, 4);

    let missing = client
        .send(calls::show_endpoint("ep_none"))
        .await
        .unwrap_err();
    assert_eq!(missing.code(), Some("not_found"));
    let forbidden = client
        .in_workspace("default")?
        .send(calls::list_keys(&Default::default())?)
        .await;
    assert_eq!(forbidden.unwrap_err().code(), Some("workspace_forbidden"));
    client
        .send(calls::delete_endpoint(&made.endpoint.id))
        .await?;
    drop(host);
    assert!(matches!(
        client.send(calls::show_version()).await,
        Err(Error::Transport(_))
    ));
    Ok(())
}
