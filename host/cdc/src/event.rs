//! A row of the outbox, and the message it becomes.

use eventhub_kafka::{Publication, Record, Undelivered};

use crate::payload;

/// The prefix of every topic; the row's `aggregatetype` follows.
pub const TOPIC_PREFIX: &str = "outbox.event.";

/// A row of the table `outbox`, borrowed from its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Event<'a> {
    pub id: &'a str,
    pub aggregate_type: &'a str,
    pub aggregate_id: &'a str,
    pub event_type: &'a str,
    pub payload: Option<&'a str>,
    /// Milliseconds since the Unix epoch.
    pub occurred_at_ms: Option<i64>,
    pub tracing_span_context: Option<&'a str>,
}

impl Event<'_> {
    /// Hands the message to the producer. `topic` is the topic of the row's aggregate type.
    pub async fn push(
        &self,
        topic: &str,
        publication: &mut Publication,
    ) -> Result<(), Undelivered> {
        let value = payload::value(self.payload);
        let headers = [
            ("id", self.id),
            ("eventType", self.event_type),
            (
                "tracingspancontext",
                self.tracing_span_context.unwrap_or_default(),
            ),
        ];
        let present = if self.tracing_span_context.is_some() {
            3
        } else {
            2
        };
        let record = Record {
            topic,
            key: Some(self.aggregate_id.as_bytes()),
            value: Some(&value),
            headers: &headers[..present],
            timestamp: self.occurred_at_ms,
        };
        publication.push(record).await
    }
}
