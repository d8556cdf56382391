//! When writes take effect.

use super::*;

async fn writes_take_effect_in_the_order_of_the_calls_whoever_waits_first_and_if_nobody_does(
    fixture: Fixture,
) {
    let endpoint = fixture.endpoint().await;
    let changed = |version: u64| Endpoint {
        name: Some(version.to_string()),
        version,
        ..endpoint.clone()
    };
    let update = |version| fixture.store.update_endpoint(changed(version), None, 2);
    let (second, third, fourth) = (update(2), update(3), update(4));
    drop(third);
    fourth.await.unwrap();
    second.await.unwrap();
    assert_eq!(fixture.store.endpoints().await.unwrap(), [changed(4)]);
}

contract!(writes_take_effect_in_the_order_of_the_calls_whoever_waits_first_and_if_nobody_does,);
