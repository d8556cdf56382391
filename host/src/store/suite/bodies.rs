//! Messages read with their bodies.

use super::*;
use crate::store::{Bodies, BodyPage, Prune};

fn asked(before: Option<MessageId>, limit: u32, bytes_max: u64) -> Bodies {
    Bodies {
        workspace: WorkspaceId::default(),
        provider: "cleanmails".to_owned(),
        before,
        limit,
        bytes_max,
    }
}

async fn read(fixture: &Fixture, bodies: Bodies) -> BodyPage {
    fixture.store.bodies(bodies).await.unwrap()
}

fn ids(page: &BodyPage) -> Vec<MessageId> {
    let found = page.found.iter();
    found.map(|(message, _)| message.id.clone()).collect()
}

async fn messages_of_a_provider_come_newest_first_and_in_steps(fixture: Fixture) {
    let endpoint = fixture.endpoint().await;
    let mut own = Vec::new();
    for at_ms in 1..=5 {
        let message = message(&endpoint, DeliveryState::Pending, at_ms);
        own.push(fixture.publish(message).await);
        let other = NewMessage {
            provider: "platform".to_owned(),
            deliveries: Vec::new(),
            ..super::message(&endpoint, DeliveryState::Pending, at_ms)
        };
        fixture.publish(other).await;
    }
    own.reverse();
    let own_ids: Vec<_> = own.iter().map(|message| message.id.clone()).collect();

    let all = read(&fixture, asked(None, 100, u64::MAX)).await;
    assert_eq!(ids(&all), own_ids);
    assert_eq!(all.next, None);
    for ((_, body), message) in all.found.iter().zip(&own) {
        assert_eq!(body.as_ref(), Some(&message.body));
    }

    // By number, and by bytes: one body is read in any case.
    for (limit, bytes_max) in [(2, u64::MAX), (100, 1)] {
        let (mut found, mut before) = (Vec::new(), None);
        loop {
            let page = read(&fixture, asked(before, limit, bytes_max)).await;
            found.extend(ids(&page));
            before = page.next;
            if before.is_none() {
                break;
            }
            assert!(page.found.len() <= 2);
        }
        assert_eq!(found, own_ids);
    }
}

async fn a_message_whose_body_is_no_longer_kept_says_so(fixture: Fixture) {
    let endpoint = fixture.endpoint().await;
    let old = message(&endpoint, DeliveryState::Pending, 10);
    let old = NewMessage {
        deliveries: Vec::new(),
        ..old
    };
    fixture.publish(old).await;
    let prune = Prune {
        what: Prunable::Bodies,
        before_ms: 1_000,
        dead_before_ms: None,
        after: None,
        rows_max: 100,
    };
    fixture.store.prune(prune).await.unwrap();
    let page = read(&fixture, asked(None, 100, u64::MAX)).await;
    assert_eq!(page.found.len(), 1);
    assert_eq!(page.found[0].1, None);
}

contract!(
    messages_of_a_provider_come_newest_first_and_in_steps,
    a_message_whose_body_is_no_longer_kept_says_so,
);
