//! Lists and counts of workspaces.

use super::*;

fn workspace(name: &str) -> WorkspaceId {
    WorkspaceId::parse(name).unwrap()
}

/// Messages of two workspaces in turn, of which every third goes to nobody. The newest first.
async fn published(fixture: &Fixture, count: u64) -> (Endpoint, [Vec<NewMessage>; 2]) {
    let endpoint = fixture.endpoint().await;
    let mut all = [Vec::new(), Vec::new()];
    for at_ms in 1..=count {
        let place = (at_ms % 2) as usize;
        let mut new = message(&endpoint, DeliveryState::Pending, at_ms * 1_000);
        new.workspace = workspace(["acme", "default"][place]);
        new.event_type = ["a", "b"][(at_ms % 4 / 2) as usize].to_owned();
        if at_ms.is_multiple_of(3) {
            new.deliveries.clear();
        }
        all[place].insert(0, fixture.publish(new).await);
    }
    (endpoint, all)
}

async fn pages(fixture: &Fixture, filter: Filter) -> Vec<DeliveryId> {
    let mut all = Vec::new();
    let mut after = filter.after.clone();
    loop {
        let page = Filter {
            after: after.clone(),
            ..filter.clone()
        };
        let selected = fixture.store.deliveries(page).await.unwrap();
        assert!(selected.found.len() <= filter.limit as usize);
        assert!(
            selected
                .found
                .iter()
                .all(|one| one.workspace == filter.workspace)
        );
        all.extend(selected.found.into_iter().map(|one| one.id));
        match selected.next {
            None => return all,
            Some(next) => after = Some(next),
        }
    }
}

async fn a_workspace_lists_its_own_newest_first_whatever_the_pages_are(fixture: Fixture) {
    let (endpoint, published) = published(&fixture, 30).await;
    for (name, messages) in ["acme", "default"].into_iter().zip(&published) {
        let deliveries: Vec<_> = messages
            .iter()
            .flat_map(|message| message.deliveries.iter().map(|one| one.id.clone()))
            .collect();
        assert_eq!((messages.len(), deliveries.len()), (15, 10));
        for limit in [1, 3, 50] {
            let all = Filter {
                workspace: workspace(name),
                limit,
                ..Filter::default()
            };
            assert_eq!(
                pages(&fixture, all.clone()).await,
                deliveries,
                "{name} {limit}"
            );
            let between = Filter {
                created_since_ms: Some(11_000),
                created_until_ms: Some(21_000),
                ..all.clone()
            };
            let expected = messages
                .iter()
                .filter(|one| (11_000..21_000).contains(&one.created_at_ms));
            let expected: Vec<_> = expected
                .flat_map(|message| message.deliveries.iter().map(|one| one.id.clone()))
                .collect();
            assert_eq!(pages(&fixture, between).await, expected, "{name} {limit}");
            let of_type = Filter {
                event_type: Some("b".to_owned()),
                endpoint_id: Some(endpoint.id.clone()),
                ..all.clone()
            };
            let expected = messages.iter().filter(|one| one.event_type == "b");
            let expected: Vec<_> = expected
                .flat_map(|message| message.deliveries.iter().map(|one| one.id.clone()))
                .collect();
            assert_eq!(pages(&fixture, of_type).await, expected, "{name} {limit}");
            let mut after = None;
            let mut listed = Vec::new();
            loop {
                let filter = MessageFilter {
                    workspace: workspace(name),
                    after,
                    limit,
                    ..MessageFilter::default()
                };
                let selected = fixture.store.messages(filter).await.unwrap();
                listed.extend(selected.found.into_iter().map(|one| one.id));
                after = selected.next;
                if after.is_none() {
                    break;
                }
            }
            let ids: Vec<_> = messages.iter().map(|one| one.id.clone()).collect();
            assert_eq!(listed, ids, "{name} {limit}");
        }
        let tally = fixture.store.tally(TallyOf {
            workspace: workspace(name),
            endpoint: None,
            since_ms: 11_000,
        });
        let recent = messages.iter().filter(|one| one.created_at_ms >= 11_000);
        let count = recent.clone().map(|one| one.deliveries.len() as u64).sum();
        assert_eq!(
            tally.await.unwrap(),
            Tally {
                messages: recent.count() as u64,
                deliveries: vec![(DeliveryState::Pending, count)],
                attempts: 0,
                at_least: false,
            },
            "{name}"
        );
    }
    let empty = Filter {
        workspace: workspace("nobody"),
        limit: 5,
        ..Filter::default()
    };
    assert!(pages(&fixture, empty).await.is_empty());
}

async fn an_endpoint_s_open_deliveries_are_counted_by_state(fixture: Fixture) {
    let (one, two) = (fixture.endpoint().await, fixture.endpoint().await);
    for (endpoint, state) in [
        (&one, DeliveryState::Pending),
        (&one, DeliveryState::Sending),
        (&one, DeliveryState::Held),
        (&two, DeliveryState::Pending),
    ] {
        fixture.publish(message(endpoint, state, 5)).await;
    }
    let open = fixture.store.open(one.id.clone()).await.unwrap();
    for (state, count) in [
        (DeliveryState::Pending, 1),
        (DeliveryState::Sending, 1),
        (DeliveryState::Held, 1),
        (DeliveryState::Waiting, 0),
        (DeliveryState::DeadLettered, 0),
    ] {
        let counted = Counted {
            count,
            at_least: false,
        };
        assert!(open.contains(&(state, counted)), "{state:?} {open:?}");
    }
}

async fn a_body_is_what_was_published_and_may_be_forgotten(fixture: Fixture) {
    let endpoint = fixture.endpoint().await;
    let new = fixture
        .publish(message(&endpoint, DeliveryState::Pending, 5))
        .await;
    let (message, body) = fixture.store.body(new.id.clone()).await.unwrap().unwrap();
    assert_eq!((message.id, body), (new.id, Some(new.body)));
    let other = MessageId::new(1, &SystemChance);
    assert_eq!(fixture.store.body(other).await.unwrap(), None);
}

contract!(
    a_workspace_lists_its_own_newest_first_whatever_the_pages_are,
    an_endpoint_s_open_deliveries_are_counted_by_state,
    a_body_is_what_was_published_and_may_be_forgotten,
);
