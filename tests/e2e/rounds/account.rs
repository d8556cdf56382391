//! What the receiver and the database say.

use crate::fleet::at_ms;
use anyhow::Context;
use countersign_cluster::Cluster;
use countersign_tests::{
    history::{Kept, Received},
    receiver::Arrival,
};

pub(crate) fn received(arrivals: &[Arrival]) -> Vec<Received> {
    let one = |arrival: &Arrival| Received {
        message: arrival.message_id.clone(),
        endpoint: arrival.endpoint.clone(),
        accepted: arrival.is_accepted(),
        at_ms: at_ms(arrival.at),
    };
    arrivals.iter().map(one).collect()
}

/// Every delivery after this one, in the order of their ids.
pub(crate) fn kept(cluster: &Cluster, database: &str, after: &str) -> anyhow::Result<Vec<Kept>> {
    let sql = format!(
        "SELECT d.id || ' ' || d.state || ' ' || (SELECT count(*) FROM attempts a
             WHERE a.delivery_id = d.id AND a.status BETWEEN 200 AND 299)
         FROM deliveries d WHERE d.id > '{after}' ORDER BY d.id"
    );
    let read = |row: Option<String>| {
        let row = row.context("a row is NULL")?;
        let words: Vec<_> = row.split(' ').collect();
        let [delivery, state, count] = words[..] else {
            anyhow::bail!("{row}");
        };
        Ok(Kept {
            delivery: delivery.to_owned(),
            state: state.to_owned(),
            successes: count.parse()?,
        })
    };
    cluster
        .query(database, &sql)?
        .into_iter()
        .map(read)
        .collect()
}
