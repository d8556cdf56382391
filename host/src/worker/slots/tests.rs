use super::*;
use crate::{
    chance::SystemChance,
    ids::{DeliveryId, MessageId},
};
use bytes::Bytes;
use countersign_guest::{EndpointSettings, RateLimit};

fn limits() -> Limits {
    Limits {
        total_max: 16,
        endpoint_max: 6,
        slow_max: 8,
        body_bytes_max: 1_000,
    }
}

fn slots() -> Slots {
    Slots::new(limits())
}

fn endpoints<const N: usize>() -> [EndpointId; N] {
    std::array::from_fn(|place| EndpointId::new(place as u64, &SystemChance))
}

fn places(pick: Pick) -> Vec<(EndpointId, u32)> {
    match pick {
        Pick::Claim(claims, _) => claims
            .into_iter()
            .map(|claim| (claim.endpoint_id, claim.places))
            .collect(),
        other => panic!("{other:?}"),
    }
}

/// Requests have ended and are recorded. Whether the loop has something to do.
fn end(
    slots: &mut Slots,
    endpoint: &EndpointId,
    places: u32,
    body_bytes: u64,
    pace: Pace,
    now_ms: u64,
) -> bool {
    slots.answered(endpoint, pace, now_ms);
    slots.release(endpoint, places, body_bytes)
}

/// As if so many attempts had been accepted at once.
fn trust(slots: &mut Slots, endpoint: &EndpointId, times: u32) {
    for _ in 0..times {
        assert!(slots.reserve_probe(endpoint, 0));
        end(slots, endpoint, 1, 0, Pace::Accepted, 0);
    }
}

#[test]
fn what_is_due_is_claimed_in_order_and_within_the_limits() {
    let (mut slots, [a, b, c]) = (slots(), endpoints());
    slots.lower(&a, 30);
    slots.lower(&b, 20);
    slots.lower(&c, 99);
    assert_eq!(slots.pick(10), Pick::Wait(Some(20)));
    // Nothing is known of them, so each begins with four.
    assert_eq!(places(slots.pick(30)), [(b.clone(), 4), (a.clone(), 4)]);
    // The share of endpoints that are not known is used up; one place is there for each all the same.
    assert_eq!(places(slots.pick(99)), [(c.clone(), 1)]);
    assert_eq!(slots.pick(99), Pick::Wait(None));
    assert_eq!(slots.in_flight(), 9);
}

#[test]
fn an_endpoint_that_hangs_does_not_keep_the_others_waiting() {
    let (mut slots, [hanging, healthy]) = (slots(), endpoints());
    slots.lower(&hanging, 1);
    assert_eq!(places(slots.pick(1)), [(hanging.clone(), 4)]);
    slots.lower(&hanging, 1);
    assert_eq!(slots.pick(1), Pick::Wait(None));
    assert!(!slots.reserve(&hanging, 1));
    assert!(slots.reserve(&healthy, 1));
    // Its backlog is taken up when a place is free again, and there are fewer for it now.
    assert!(end(&mut slots, &hanging, 3, 0, Pace::TimedOut, 2));
    assert_eq!(places(slots.pick(2)), [(hanging.clone(), 1)]);
}

#[test]
fn any_number_of_hanging_endpoints_leaves_places_for_trusted_ones() {
    let (mut slots, [healthy]) = (slots(), endpoints());
    trust(&mut slots, &healthy, 12);
    let hanging: [EndpointId; 40] = endpoints();
    for endpoint in &hanging {
        slots.lower(endpoint, 1);
    }
    while let Pick::Claim(..) = slots.pick(1) {}
    assert_eq!(slots.in_flight(), 14);
    assert!(slots.reserve(&healthy, 2));
    assert!(slots.reserve(&healthy, 2));
    assert!(!slots.reserve(&healthy, 2));
    end(&mut slots, &healthy, 1, 0, Pace::Accepted, 3);
    assert!(slots.reserve(&healthy, 3));
    // The next in the line comes when one of the others gives up its place.
    let first = hanging[0].clone();
    assert!(end(&mut slots, &first, 3, 0, Pace::TimedOut, 9));
    let next = places(slots.pick(9));
    assert_eq!(next.len(), 1);
    assert!(!hanging[..3].contains(&next[0].0), "{next:?}");
}

#[test]
fn an_endpoint_of_which_nothing_is_heard_counts_as_slow() {
    let (mut slots, [was_fine, other]) = (slots(), endpoints());
    trust(&mut slots, &was_fine, 9);
    slots.configure(&was_fine, &fast());
    slots.lower(&was_fine, 1);
    assert_eq!(places(slots.pick(1)), [(was_fine.clone(), 6)]);
    slots.lower(&other, 1);
    assert_eq!(places(slots.pick(1)), [(other.clone(), 4)]);
    end(&mut slots, &other, 4, 0, Pace::Slow, 2);
    // A second later the six places count to the share of slow ones.
    slots.lower(&other, 1_500);
    assert_eq!(places(slots.pick(1_500)), [(other.clone(), 2)]);
    // An answer that came at once makes up for it.
    end(&mut slots, &was_fine, 1, 0, Pace::Accepted, 1_600);
    slots.lower(&other, 1_600);
    assert_eq!(places(slots.pick(1_600)), [(other.clone(), 2)]);
}

#[test]
fn a_new_delivery_does_not_overtake_a_due_one() {
    let (mut slots, [a, b]) = (slots(), endpoints());
    trust(&mut slots, &b, 9);
    slots.lower(&a, 5);
    assert!(slots.reserve(&a, 4));
    assert!(!slots.reserve(&a, 5));
    // Those of other endpoints may go first as long as there are enough places for both.
    for _ in 0..7 {
        assert!(slots.reserve(&b, 5));
    }
    assert!(!slots.reserve(&b, 5));
    assert_eq!(places(slots.pick(5)), [(a, 3)]);
}

fn lease(endpoint: &EndpointId, number: u64) -> Lease {
    let message = MessageId::new(number, &SystemChance);
    Lease {
        delivery_id: DeliveryId::of(&message, 0),
        message_id: message,
        endpoint_id: endpoint.clone(),
        attempts_total: 0,
        attempts_in_round: 0,
        first_started_at_ms: None,
        body: Bytes::new(),
        order_key: None,
        probe: false,
        fence: None,
    }
}

/// An endpoint with as many deliveries taken up as it may have, two of them more than requests may be under way.
fn with_two_ahead(slots: &mut Slots) -> (EndpointId, [Lease; 2]) {
    let [endpoint] = endpoints();
    trust(slots, &endpoint, 9);
    slots.lower(&endpoint, 1);
    assert_eq!(places(slots.pick(1)), [(endpoint.clone(), 14)]);
    for number in 0..6 {
        assert!(slots.start(lease(&endpoint, number)).is_some());
    }
    let ahead = [7, 8].map(|number| lease(&endpoint, number));
    for lease in &ahead {
        assert_eq!(slots.start(lease.clone()), None);
    }
    (endpoint, ahead)
}

#[test]
fn what_is_taken_up_ahead_begins_when_a_request_has_ended() {
    let mut slots = slots();
    let (endpoint, [first, second]) = with_two_ahead(&mut slots);
    assert_eq!(slots.next(&endpoint), None);
    slots.answered(&endpoint, Pace::Accepted, 2);
    // Although the outcome of the one before is not recorded yet.
    assert_eq!(slots.next(&endpoint), Some(first));
    assert_eq!(slots.next(&endpoint), None);
    slots.answered(&endpoint, Pace::Accepted, 3);
    assert_eq!(slots.next(&endpoint), Some(second));
    assert!(slots.strays().is_empty());
    // The store is asked for more when half of what was ahead is used up.
    slots.lower(&endpoint, 4);
    assert_eq!(slots.pick(4), Pick::Wait(None));
    assert!(!slots.release(&endpoint, 7, 0));
    assert!(slots.release(&endpoint, 1, 0));
    assert_eq!(places(slots.pick(4)), [(endpoint, 2)]);
}

#[test]
fn what_was_taken_up_ahead_strays_when_its_endpoint_hangs_is_deleted_or_all_stops() {
    let ends: [fn(&mut Slots, &EndpointId); 4] = [
        |slots, endpoint| slots.answered(endpoint, Pace::TimedOut, 2),
        // Nothing is heard for a second.
        |slots, _| assert_eq!(slots.pick(1_500), Pick::Wait(None)),
        |slots, endpoint| slots.forget(endpoint),
        |slots, _| slots.stop(),
    ];
    for end in ends {
        let mut slots = slots();
        let (endpoint, ahead) = with_two_ahead(&mut slots);
        end(&mut slots, &endpoint);
        assert_eq!(slots.next(&endpoint), None);
        assert_eq!(slots.strays(), ahead);
        assert!(slots.strays().is_empty());
    }
}

#[test]
fn a_rate_or_a_drain_leaves_nothing_to_be_taken_up_ahead() {
    let (mut slots, [a]) = (slots(), endpoints());
    trust(&mut slots, &a, 9);
    slots.configure(&a, &fast());
    slots.lower(&a, 1);
    assert_eq!(places(slots.pick(1)), [(a.clone(), 6)]);
}

/// A rate that holds up nobody here.
fn fast() -> EndpointSettings {
    EndpointSettings {
        rate_limit: Some(RateLimit {
            per_second: 10_000,
            burst: Some(10_000),
        }),
        ..EndpointSettings::default()
    }
}

#[test]
fn the_earliest_hint_counts() {
    let (mut slots, [a]) = (slots(), endpoints());
    slots.lower(&a, 9);
    slots.lower(&a, 7);
    slots.lower(&a, 8);
    assert_eq!(slots.pick(0), Pick::Wait(Some(7)));
    assert_eq!(places(slots.pick(7)), [(a, 4)]);
    assert_eq!(slots.pick(9), Pick::Wait(None));
}

/// Ten a second, two at once.
fn limited() -> EndpointSettings {
    EndpointSettings {
        rate_limit: Some(RateLimit {
            per_second: 10,
            burst: Some(2),
        }),
        ..EndpointSettings::default()
    }
}

#[test]
fn a_rate_lets_begin_so_many_and_unused_places_are_given_back() {
    let (mut slots, [a]) = (slots(), endpoints());
    slots.configure(&a, &limited());
    slots.lower(&a, 1_000);
    let Pick::Claim(claims, _) = slots.pick(1_000) else {
        panic!("no claim");
    };
    assert_eq!(claims[0].places, 2);
    let nothing = Claimed {
        endpoint_id: a.clone(),
        leases: Vec::new(),
        next_due_at_ms: Some(1_000),
        held: 0,
        held_left: false,
    };
    slots.claimed(&claims[0], &nothing, 1_000);
    assert_eq!(places(slots.pick(1_000)), [(a.clone(), 2)]);
    end(&mut slots, &a, 2, 0, Pace::Accepted, 1_000);
    assert!(!slots.reserve(&a, 1_000));
    slots.lower(&a, 1_000);
    assert_eq!(slots.pick(1_000), Pick::Wait(Some(1_100)));
    assert_eq!(places(slots.pick(1_100)), [(a, 1)]);
}

#[test]
fn an_endpoint_that_another_host_had_begins_without_anything_of_its_rate() {
    let (mut slots, [a]) = (slots(), endpoints());
    slots.adopt(&a, &limited(), 1_000);
    slots.lower(&a, 1_000);
    assert_eq!(slots.pick(1_000), Pick::Wait(Some(1_100)));
    // Whoever changes something else of it gives it nothing.
    slots.configure(&a, &limited());
    assert_eq!(slots.pick(1_000), Pick::Wait(Some(1_100)));
    assert_eq!(places(slots.pick(1_100)), [(a, 1)]);
}

#[test]
fn held_deliveries_go_out_at_their_rate_and_begin_with_one() {
    let (mut slots, [a]) = (slots(), endpoints());
    trust(&mut slots, &a, 9);
    let settings = EndpointSettings {
        drain_per_second: Some(5),
        ..EndpointSettings::default()
    };
    slots.configure(&a, &settings);
    slots.drain(&a, 1_000, true);
    let Pick::Claim(claims, _) = slots.pick(1_000) else {
        panic!("no claim");
    };
    assert_eq!((claims[0].places, claims[0].held_max), (1, 1));
    // New ones are claimed in their turn, not sent from memory.
    assert!(!slots.reserve(&a, 1_000));
    let one = Claimed {
        endpoint_id: a.clone(),
        leases: Vec::new(),
        next_due_at_ms: None,
        held: 1,
        held_left: true,
    };
    slots.claimed(&claims[0], &one, 1_000);
    assert_eq!(slots.pick(1_000), Pick::Wait(Some(1_200)));
    // A retry in between is claimed alone, and the held ones are not forgotten.
    end(&mut slots, &a, 1, 0, Pace::Accepted, 1_050);
    slots.lower(&a, 1_100);
    let Pick::Claim(claims, _) = slots.pick(1_100) else {
        panic!("no claim");
    };
    assert_eq!((claims[0].places, claims[0].held_max), (2, 0));
    let none = Claimed {
        held: 0,
        held_left: false,
        ..one.clone()
    };
    slots.claimed(&claims[0], &none, 1_100);
    assert_eq!(slots.pick(1_100), Pick::Wait(Some(1_200)));
    let Pick::Claim(claims, _) = slots.pick(1_200) else {
        panic!("no claim");
    };
    assert_eq!(claims[0].held_max, 1);
    let last = Claimed {
        held_left: false,
        ..one
    };
    slots.claimed(&claims[0], &last, 1_200);
    assert_eq!(slots.pick(9_000), Pick::Wait(None));
    assert!(slots.reserve(&a, 9_000));
}

#[test]
fn long_bodies_take_the_places_of_others() {
    let (mut slots, [a, b]) = (slots(), endpoints());
    assert!(slots.reserve(&a, 1));
    slots.hold(1_000);
    assert!(!slots.reserve(&b, 1));
    slots.lower(&b, 1);
    assert_eq!(slots.pick(1), Pick::Wait(None));
    assert!(end(&mut slots, &a, 1, 1_000, Pace::Accepted, 1));
    assert!(matches!(slots.pick(1), Pick::Claim(_, 1_000)));
}

#[test]
fn nothing_begins_after_a_stop_and_nothing_is_kept_of_the_deleted() {
    let (mut slots, [a, b]) = (slots(), endpoints());
    assert!(slots.reserve(&b, 1));
    slots.lower(&b, 7);
    slots.forget(&b);
    assert_eq!(slots.pick(9), Pick::Wait(None));
    end(&mut slots, &b, 1, 0, Pace::Accepted, 9);
    assert!(slots.lanes.is_empty());
    slots.lower(&a, 1);
    slots.stop();
    assert_eq!(slots.pick(5), Pick::Stop);
    assert!(!slots.reserve(&a, 0));
}

#[test]
fn other_limits_hold_from_then_on_except_where_an_endpoint_has_its_own() {
    let (mut slots, [a, b]) = (slots(), endpoints());
    let own = EndpointSettings {
        concurrency: Some(3),
        ..EndpointSettings::default()
    };
    slots.configure(&b, &own);
    slots.limit(Limits {
        endpoint_max: 2,
        ..limits()
    });
    slots.lower(&a, 1);
    slots.lower(&b, 2);
    assert_eq!(places(slots.pick(2)), [(a.clone(), 2), (b.clone(), 3)]);
    slots.lower(&a, 3);
    assert_eq!(slots.pick(3), Pick::Wait(None));
    // What waits for a place is looked at again.
    slots.limit(limits());
    assert_eq!(places(slots.pick(3)), [(a, 2)]);
}
