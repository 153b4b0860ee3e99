//! Dead letters: the unchanged message, with the history of its failure in its headers, in
//! `<topic>.dlq`.

use super::ledger::Dead;
use crate::{Client, Record, Undelivered};

/// The longest cause that is stored, in bytes.
const MAX_CAUSE: usize = 4_096;

/// Publishes one message to the dead letter topic of its topic and waits for the acknowledgement.
///
/// Adds these headers to the message's own: `dlq-cause`, `dlq-topic`, `dlq-partition`,
/// `dlq-offset`, `dlq-timestamp` (milliseconds), `dlq-attempts`, `dlq-group`.
pub(super) async fn publish(
    client: &Client,
    group: &str,
    suffix: &str,
    dead: &Dead,
) -> Result<(), Undelivered> {
    let Dead { delivery, cause } = dead;
    let message = &delivery.message;
    let topic = format!("{}{suffix}", message.topic);
    let (partition, offset) = (delivery.partition.to_string(), delivery.offset.to_string());
    let (timestamp, attempts) = (delivery.timestamp.to_string(), delivery.attempt.to_string());
    let mut headers: Vec<(&str, &str)> = message
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    headers.extend([
        ("dlq-cause", &cause[..cause.floor_char_boundary(MAX_CAUSE)]),
        ("dlq-topic", &message.topic),
        ("dlq-partition", &partition),
        ("dlq-offset", &offset),
        ("dlq-timestamp", &timestamp),
        ("dlq-attempts", &attempts),
        ("dlq-group", group),
    ]);
    let record = Record {
        topic: &topic,
        key: message.key.as_deref(),
        value: Some(&message.value),
        headers: &headers,
        timestamp: None,
    };
    let mut publication = client.publication();
    publication.push(record).await?;
    publication.finish().await
}
