//! A message or a delivery with all that belongs to it.

use super::super::{
    rows,
    session::{Fault, Session},
};
use crate::{
    ids::{DeliveryId, MessageId},
    store::{Attempt, Delivery, MessageView},
};
use std::collections::HashMap;

/// The deliveries of message `$3`, whose ids are between `$1` and `$2`, but for those of an early version.
const OF_MESSAGE: &str = "SELECT deliveries.*, event_type, workspace FROM deliveries JOIN messages ON messages.id = message_id
    WHERE deliveries.id IN (SELECT id FROM deliveries WHERE id BETWEEN $1 AND $2
        UNION ALL SELECT delivery_id FROM deliveries_apart WHERE message_id = $3)
    ORDER BY deliveries.id";

pub(in super::super) async fn message(
    session: &Session,
    message: &MessageId,
) -> Result<Option<MessageView>, Fault> {
    let sql = "SELECT * FROM messages WHERE id = $1";
    let Some(row) = session.row(sql, &[&message.as_str()]).await? else {
        return Ok(None);
    };
    let (low, high) = DeliveryId::span(message);
    let found = session
        .rows(
            OF_MESSAGE,
            &[&low.as_str(), &high.as_str(), &message.as_str()],
        )
        .await?;
    let deliveries: Vec<Delivery> = found.iter().map(rows::delivery).collect::<Result<_, _>>()?;
    let ids: Vec<&str> = deliveries
        .iter()
        .map(|delivery| delivery.id.as_str())
        .collect();
    let mut attempts = attempts(session, &ids).await?;
    let with_attempts = |delivery: Delivery| {
        let of_it = attempts.remove(&delivery.id).unwrap_or_default();
        (delivery, of_it)
    };
    Ok(Some(MessageView {
        message: rows::message(&row)?,
        deliveries: deliveries.into_iter().map(with_attempts).collect(),
    }))
}

pub(in super::super) async fn delivery(
    session: &Session,
    delivery: &DeliveryId,
) -> Result<Option<(Delivery, Vec<Attempt>)>, Fault> {
    let sql = "SELECT deliveries.*, event_type, workspace FROM deliveries JOIN messages ON messages.id = message_id
        WHERE deliveries.id = $1";
    let Some(row) = session.row(sql, &[&delivery.as_str()]).await? else {
        return Ok(None);
    };
    let mut attempts = attempts(session, &[delivery.as_str()]).await?;
    let of_it = attempts.remove(delivery).unwrap_or_default();
    Ok(Some((rows::delivery(&row)?, of_it)))
}

/// The attempts of these deliveries, each in their order.
async fn attempts(
    session: &Session,
    deliveries: &[&str],
) -> Result<HashMap<DeliveryId, Vec<Attempt>>, Fault> {
    let sql = "SELECT * FROM attempts WHERE delivery_id = ANY($1) ORDER BY delivery_id, number";
    let mut attempts: HashMap<DeliveryId, Vec<Attempt>> = HashMap::new();
    for row in session.rows(sql, &[&deliveries]).await? {
        let of_it = attempts.entry(rows::id(&row, "delivery_id")?).or_default();
        of_it.push(rows::attempt(&row)?);
    }
    Ok(attempts)
}
