//! Between rows and events.

use eventhub_guest::Timestamp;
use eventhub_guest::ids::SessionId;
use eventhub_guest::sql::{Error, Json, Row};
use serde::Deserialize;
use serde_json::json;

use super::venues;
use crate::domain::event::{Event, LayoutRef, Session, VenueSummary};

/// The select list of an event `e` at its venue `v`, its sessions as one JSON column in their
/// order.
macro_rules! columns {
    () => {
        "e.id, e.organizer_id, e.venue_id, e.layout_id, e.layout_version, e.layout_capacity, e.title, e.description, e.status, \
        e.currency, e.categories, e.tags, e.max_seats_per_booking, e.version, e.created_at, e.updated_at, e.published_at, \
        e.cancelled_at, e.cancellation_reason, v.name AS venue_name, v.city, v.country, v.time_zone, v.latitude, v.longitude, \
        (SELECT coalesce(jsonb_agg(jsonb_build_object('id', s.id, \
            'starts_at', (extract(epoch FROM s.starts_at) * 1000000)::bigint, 'ends_at', (extract(epoch FROM s.ends_at) * 1000000)::bigint, \
            'sales_start_at', (extract(epoch FROM s.sales_start_at) * 1000000)::bigint, \
            'sales_end_at', (extract(epoch FROM s.sales_end_at) * 1000000)::bigint) ORDER BY s.starts_at, s.id), '[]') \
         FROM sessions s WHERE s.event_id = e.id) AS sessions"
    };
}
pub(super) use columns;

/// A session as the database reads it: a uuid in hexadecimal, times in RFC 3339.
pub fn session_to_json(session: &Session) -> serde_json::Value {
    json!({
        "id": format!("{:032x}", session.id.as_u128()),
        "starts_at": session.starts_at,
        "ends_at": session.ends_at,
        "sales_start_at": session.sales_start_at,
        "sales_end_at": session.sales_end_at,
    })
}

/// A session as the database writes it: times in microseconds.
#[derive(Deserialize)]
struct SessionRow {
    id: String,
    starts_at: i64,
    ends_at: i64,
    sales_start_at: Option<i64>,
    sales_end_at: Option<i64>,
}

impl SessionRow {
    fn to_session(&self) -> Result<Session, Error> {
        let id = u128::from_str_radix(&self.id.replace('-', ""), 16)
            .map_err(|error| Error::Invalid(error.to_string()))?;
        Ok(Session {
            id: SessionId::from_u128(id),
            starts_at: Timestamp::from_micros(self.starts_at),
            ends_at: Timestamp::from_micros(self.ends_at),
            sales_start_at: self.sales_start_at.map(Timestamp::from_micros),
            sales_end_at: self.sales_end_at.map(Timestamp::from_micros),
        })
    }
}

/// The event of a row.
pub fn read_event(row: &Row) -> Result<Event, Error> {
    let status: String = row.get("status")?;
    let Json(sessions): Json<Vec<SessionRow>> = row.get("sessions")?;
    let Json(categories) = row.get("categories")?;
    Ok(Event {
        id: row.get("id")?,
        organizer_id: row.get("organizer_id")?,
        venue: VenueSummary {
            id: row.get("venue_id")?,
            name: row.get("venue_name")?,
            city: row.get("city")?,
            country: row.get("country")?,
            time_zone: row.get("time_zone")?,
            location: venues::read_location(row)?,
        },
        layout: LayoutRef {
            id: row.get("layout_id")?,
            version: row.get("layout_version")?,
            capacity: row.get("layout_capacity")?,
        },
        title: row.get("title")?,
        description: row.get("description")?,
        status: status
            .parse()
            .map_err(|_| Error::Invalid(format!("status {status}")))?,
        currency: row.get("currency")?,
        categories,
        sessions: sessions
            .iter()
            .map(SessionRow::to_session)
            .collect::<Result<_, _>>()?,
        max_seats_per_booking: row.get("max_seats_per_booking")?,
        tags: row.get("tags")?,
        version: row.get("version")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        published_at: row.get("published_at")?,
        cancelled_at: row.get("cancelled_at")?,
        cancellation_reason: row.get("cancellation_reason")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_passes_through_the_database_unchanged() {
        let written = json!({
            "id": "01970000-0000-7000-8000-000000000001", "starts_at": 1_900_000_000_123_456_i64, "ends_at": 1_900_000_001_000_000_i64,
            "sales_start_at": null, "sales_end_at": 5,
        });
        let session = serde_json::from_value::<SessionRow>(written)
            .unwrap()
            .to_session()
            .unwrap();
        let read = session_to_json(&session);
        assert_eq!(read["id"], "01970000000070008000000000000001");
        assert_eq!(read["starts_at"], "2030-03-17T17:46:40.123456Z");
        assert_eq!(
            (&read["sales_start_at"], &read["sales_end_at"]),
            (&json!(null), &json!("1970-01-01T00:00:00.000005Z"))
        );
    }
}
