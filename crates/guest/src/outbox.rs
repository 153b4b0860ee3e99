//! Facts that others must hear of: a row in `outbox`, written in the transaction of the change it
//! tells. The host's reader publishes it to topic `outbox.event.<aggregate>` (the contract of
//! Debezium's outbox event router).

use serde::Serialize;

use crate::sql::{Json, Statement, sql};

/// The statement that records a fact. `kind` is its type, such as `BookingConfirmed`; `key` orders
/// facts about the same thing.
///
/// Debezium can only pass a payload on unchanged that a Kafka Connect schema can be made of: it is
/// an object; its lists are not empty (leave the member out), are of one type, and the objects in
/// them have the same members, none of them null; whole numbers have 64 bits. Null members
/// elsewhere never arrive.
pub fn record(
    aggregate: &str,
    key: &str,
    kind: &str,
    payload: impl Serialize,
    traceparent: &str,
) -> Statement {
    let context = (!traceparent.is_empty()).then(|| format!("traceparent={traceparent}"));
    sql("INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, tracingspancontext) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(crate::ids::EventId::new())
        .bind(aggregate)
        .bind(key)
        .bind(kind)
        .bind(Json(payload))
        .bind(context)
        .expect(1)
}
