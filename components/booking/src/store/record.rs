//! What a step of the saga leads to, in one transaction: the booking under its version, its
//! tickets, the event for others, the event that was handled.

use eventhub_guest::ids::TicketId;
use eventhub_guest::sql::{Error, Json, Statement, Value, sql};
use eventhub_guest::{Timestamp, outbox};

use super::DB;
use crate::domain::booking::Booking;
use crate::domain::saga::Status;
use crate::driver::{Record, SaveError, Trouble};

/// # Errors
/// As [`crate::driver::World::save`].
pub fn save(record: &Record) -> Result<Timestamp, SaveError> {
    let statements = statements(record);
    let results = DB
        .transaction(&statements)
        .map_err(|error| refusal(record, error))?;
    let Booking { id, state, .. } = record.booking;
    tracing::debug!(booking.id = %id, saga.from = record.from.as_str(), saga.to = state.status.as_str(), "saga.step");
    let changed_at = results
        .first()
        .and_then(|rows| rows.first())
        .filter(|_| record.changed);
    changed_at.map_or(Ok(record.booking.updated_at), |row| {
        row.get("updated_at")
            .map_err(|error| refusal(record, error))
    })
}

/// Several records, all or none.
pub fn save_all(records: &[Record]) -> Result<(), SaveError> {
    let all: Vec<Statement> = records.iter().flat_map(statements).collect();
    DB.transaction(&all)
        .map(|_| ())
        .map_err(|error| match records.first() {
            Some(record) => refusal(record, error),
            None => SaveError::Trouble(Trouble(error.to_string())),
        })
}

fn refusal(record: &Record, error: Error) -> SaveError {
    match error {
        Error::Conflict { .. } => SaveError::Conflict,
        error if error.violates("inbox_pkey") => SaveError::Seen,
        error if error.violates("tickets_one_live_per_seat") => SaveError::SeatSold,
        Error::Unavailable(text) | Error::Serialization(text) => SaveError::Trouble(Trouble(text)),
        error => {
            tracing::error!(booking.id = %record.booking.id, error.cause = %error, "a step of the saga cannot be recorded by a fault of ours");
            SaveError::Trouble(Trouble(error.to_string()))
        }
    }
}

fn statements(record: &Record) -> Vec<Statement> {
    let booking = record.booking;
    let status = booking.state.status;
    let mut statements = vec![];
    if record.changed {
        statements.push(update(record));
        if status != record.from {
            if status == Status::Confirmed {
                statements.push(issue(booking));
            }
            if record.from == Status::Confirmed {
                statements.push(sql("UPDATE tickets SET status = 'void' WHERE booking_id = $1 AND status <> 'void'").bind(booking.id));
            }
            if let Some(kind) = status.announcement() {
                statements.push(outbox::record(
                    "booking",
                    &booking.id.to_string(),
                    kind,
                    booking.announcement(),
                    &booking.traceparent,
                ));
            }
        }
    }
    if let Some(event) = record.inbox {
        statements.push(handled(event));
    }
    statements
}

/// Marks an event as handled; another worker that did the same violates `inbox_pkey`.
pub fn handled(event: u128) -> Statement {
    sql("INSERT INTO inbox (event_id) VALUES ($1)")
        .bind(Value::Uuid(((event >> 64) as u64, event as u64)))
        .expect(1)
}

fn update(record: &Record) -> Statement {
    let booking = record.booking;
    sql("UPDATE bookings SET status = $3, saga_places = $4, saga_money = $5, payment = $6, failure_code = $7, failure_detail = $8, attempts = $9, \
         next_attempt_at = now() + make_interval(secs => $10), version = version + 1, updated_at = now() \
         WHERE id = $1 AND version = $2 RETURNING updated_at")
    .bind(booking.id)
    .bind(booking.version)
    .bind(booking.state.status.as_str())
    .bind(booking.state.places.as_str())
    .bind(booking.state.money.as_str())
    .bind(booking.payment.as_ref().map(Json))
    .bind(booking.failure.as_ref().map(|failure| failure.code.as_str()))
    .bind(booking.failure.as_ref().map(|failure| failure.detail.as_str()))
    .bind(record.attempts)
    .bind(record.next_look)
    .expect(1)
}

/// One ticket for each seat and each place of an area. Arrays have no nulls here: an empty text
/// stands for none.
fn issue(booking: &Booking) -> Statement {
    let (mut ids, mut seats, mut areas, mut names) = (vec![], vec![], vec![], vec![]);
    for seat in &booking.seats {
        let attendee = booking
            .attendees
            .iter()
            .find(|attendee| attendee.seat == seat.seat);
        ids.push(TicketId::new());
        seats.push(seat.seat.clone());
        areas.push(String::new());
        names.push(
            attendee
                .map(|attendee| attendee.name.clone())
                .unwrap_or_default(),
        );
    }
    for area in &booking.areas {
        for _ in 0..area.quantity {
            ids.push(TicketId::new());
            seats.push(String::new());
            areas.push(area.area.clone());
            names.push(String::new());
        }
    }
    let count = ids.len() as u32;
    sql("INSERT INTO tickets (id, booking_id, session_id, seat, area, attendee_name) \
         SELECT place.id, $1, $2, nullif(place.seat, ''), nullif(place.area, ''), nullif(place.name, '') \
         FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[]) AS place (id, seat, area, name)")
    .bind(booking.id)
    .bind(booking.session_id)
    .bind(ids)
    .bind(Value::TextArray(seats))
    .bind(Value::TextArray(areas))
    .bind(Value::TextArray(names))
    .expect(count)
}
