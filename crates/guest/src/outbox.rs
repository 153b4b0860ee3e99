//! Facts for other services: each is a row of the table `outbox`, written in the transaction of the
//! change that it reports. The host's reader publishes it to topic `outbox.event.<aggregate>` (the
//! contract of Debezium's outbox event router). `inbox` is the consumer's side.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::sql::{Json, Statement, sql};

/// The prefix of all topics of facts.
pub const TOPIC_PREFIX: &str = "outbox.event.";

/// A fact for other services. `crates/facts` has a type for each.
///
/// Debezium can only pass a payload on unchanged that a Kafka Connect schema can be made of: it is
/// an object; its lists are not empty (leave the member out), are of one type, and the objects in
/// them have the same members, none of them null; whole numbers have 64 bits. Null members elsewhere
/// never arrive.
pub trait Fact: Serialize + DeserializeOwned {
    /// The header `eventType`: `BookingConfirmed`.
    const NAME: &'static str;
    /// What the fact is about; names the topic: `booking`.
    const AGGREGATE: &'static str;

    /// The key of the message, which orders facts about the same thing.
    fn key(&self) -> String;
}

/// The topic of a fact: `outbox.event.booking`.
pub fn topic_of<F: Fact>() -> String {
    format!("{TOPIC_PREFIX}{}", F::AGGREGATE)
}

/// The statement that records a fact. `traceparent` is that of the request which caused it; empty
/// where there was none.
pub fn record_fact<F: Fact>(fact: &F, traceparent: &str) -> Statement {
    let context = (!traceparent.is_empty()).then(|| format!("traceparent={traceparent}"));
    sql(
        "INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, tracingspancontext) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(crate::ids::EventId::new())
    .bind(F::AGGREGATE)
    .bind(fact.key())
    .bind(F::NAME)
    .bind(Json(fact))
    .bind(context)
    .expect(1)
}
