//! The availability of a session.

use eventhub_guest::Response;
use eventhub_guest::ids::SessionId;
use eventhub_guest::router::Answer;

use super::Call;
use crate::domain::hold::time_from_millis;
use crate::domain::occupancy::Counts;

/// `GET sessions/{id}/seats`: what is taken. Public.
pub fn get(call: &Call) -> Answer {
    let session: SessionId = call.id("id", "session")?;
    let seats = call.context.seats(session)?;
    let names = call.context.seat_names(&seats.sale, &seats.layout)?;
    let Counts { free, held, sold } = seats.occupancy.counts(seats.layout.seat_count);
    let area = |(id, capacity, free): &(String, u32, u32)| {
        format!(
            r#"{}:{{"capacity":{capacity},"free":{free}}}"#,
            serde_json::Value::from(id.as_str())
        )
    };
    let areas: Vec<_> = seats.occupancy.areas.iter().map(area).collect();
    // Thousands of keys are written as text at once, hence no serde here.
    let body = format!(
        r#"{{"session_id":"{session}","layout_id":"{}","layout_version":{},"seq":{},"counts":{{"free":{free},"held":{held},"sold":{sold},"blocked":0}},{},"areas":{{{}}},"as_of":"{}"}}"#,
        seats.sale.layout,
        seats.sale.layout_version,
        seats.seq,
        seats.occupancy.lists(names),
        areas.join(","),
        time_from_millis(seats.as_of_ms),
    );
    Ok(Response {
        status: 200,
        headers: vec![("content-type".into(), "application/json".into())],
        body: body.into_bytes(),
    })
}
