//! What a step of the saga leads to, in one transaction: the booking under its version, its
//! tickets, the fact for others, the id of the fact that was handled.

use eventhub_facts::{
    BookingCancelled, BookingConfirmed, BookingExpired, BookingFailed, BookingRefunded,
};
use eventhub_guest::Timestamp;
use eventhub_guest::ids::TicketId;
use eventhub_guest::inbox::record_handled;
use eventhub_guest::outbox::record_fact;
use eventhub_guest::sql::{Error, Json, Statement, sql};

use super::DB;
use crate::domain::booking::Booking;
use crate::domain::saga::Status;
use crate::error::Unavailable;

/// What one transaction records.
pub struct Record<'a> {
    /// With the version that was read.
    pub booking: &'a Booking,
    /// Whether anything of the booking itself changes.
    pub changed: bool,
    /// The status as it was read.
    pub from: Status,
    /// The id of the fact that is hereby handled.
    pub inbox: Option<u128>,
    /// How often the timer has polled the booking since its status changed.
    pub attempts: i32,
    /// Seconds until the timer's next poll; none where nothing is left to do.
    pub next_attempt_in: Option<f64>,
}

/// Why a record was not written.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SaveError {
    /// Another worker was quicker: read again.
    #[error("the booking has changed meanwhile")]
    Conflict,
    /// Another worker has handled this very fact.
    #[error("the fact has been handled")]
    AlreadyHandled,
    /// A live ticket for one of the seats exists, and the database allows one only.
    #[error("a seat has a live ticket of another booking")]
    SeatSold,
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Writes one record. The answer is the time of the change.
///
/// # Errors
/// [`SaveError`]; nothing is written then.
pub fn save_record(record: &Record) -> Result<Timestamp, SaveError> {
    let statements = record_statements(record);
    let results = DB
        .transaction(&statements)
        .map_err(|error| save_error_from(record, error))?;
    let Booking { id, state, .. } = record.booking;
    tracing::debug!(booking.id = %id, saga.from = record.from.into_str(), saga.to = state.status.into_str(), "saga.step");
    let changed_at = results
        .first()
        .and_then(|rows| rows.first())
        .filter(|_| record.changed);
    changed_at.map_or(Ok(record.booking.updated_at), |row| {
        row.get("updated_at")
            .map_err(|error| save_error_from(record, error))
    })
}

/// Writes several records, all or none.
///
/// # Errors
/// [`SaveError`]; nothing is written then.
pub fn save_records(records: &[Record]) -> Result<(), SaveError> {
    let all: Vec<Statement> = records.iter().flat_map(record_statements).collect();
    DB.transaction(&all)
        .map(|_| ())
        .map_err(|error| match records.first() {
            Some(record) => save_error_from(record, error),
            None => Unavailable(error.to_string()).into(),
        })
}

fn save_error_from(record: &Record, error: Error) -> SaveError {
    match error {
        Error::Conflict { .. } => SaveError::Conflict,
        error if error.violates("inbox_pkey") => SaveError::AlreadyHandled,
        error if error.violates("tickets_one_live_per_seat") => SaveError::SeatSold,
        Error::Unavailable(text) | Error::Serialization(text) => Unavailable(text).into(),
        error => {
            tracing::error!(booking.id = %record.booking.id, error.cause = %error, "internal error: a step of the saga cannot be recorded");
            Unavailable(error.to_string()).into()
        }
    }
}

fn record_statements(record: &Record) -> Vec<Statement> {
    let booking = record.booking;
    let status = booking.state.status;
    let mut statements = vec![];
    if record.changed {
        statements.push(update_booking(record));
        if status != record.from {
            if status == Status::Confirmed {
                statements.push(issue_tickets(booking));
            }
            if record.from == Status::Confirmed {
                statements.push(void_tickets(booking));
            }
            statements.extend(record_status(booking));
        }
    }
    statements.extend(record.inbox.map(record_handled));
    statements
}

/// The statement that publishes the status of a booking; none where the status is not published.
pub fn record_status(booking: &Booking) -> Option<Statement> {
    let details = booking.details();
    let traceparent = booking.traceparent.as_str();
    Some(match booking.state.status {
        Status::Confirmed => record_fact(&BookingConfirmed::from(details), traceparent),
        Status::Cancelled => record_fact(&BookingCancelled::from(details), traceparent),
        Status::Expired => record_fact(&BookingExpired::from(details), traceparent),
        Status::Failed => record_fact(&BookingFailed::from(details), traceparent),
        Status::Refunded => record_fact(&BookingRefunded::from(details), traceparent),
        Status::Pending | Status::AwaitingPayment | Status::Refunding => return None,
    })
}

fn update_booking(record: &Record) -> Statement {
    let booking = record.booking;
    sql(
        "UPDATE bookings SET status = $3, saga_places = $4, saga_money = $5, payment = $6, \
         failure_code = $7, failure_detail = $8, attempts = $9, \
         next_attempt_at = now() + make_interval(secs => $10), version = version + 1, \
         updated_at = now() WHERE id = $1 AND version = $2 RETURNING updated_at",
    )
    .bind(booking.id)
    .bind(booking.version)
    .bind(booking.state.status.into_str())
    .bind(booking.state.places.into_str())
    .bind(booking.state.money.into_str())
    .bind(booking.payment.as_ref().map(Json))
    .bind(
        booking
            .failure
            .as_ref()
            .map(|failure| failure.code.as_str()),
    )
    .bind(
        booking
            .failure
            .as_ref()
            .map(|failure| failure.detail.as_str()),
    )
    .bind(record.attempts)
    .bind(record.next_attempt_in)
    .expect(1)
}

fn void_tickets(booking: &Booking) -> Statement {
    sql("UPDATE tickets SET status = 'void' WHERE booking_id = $1 AND status <> 'void'")
        .bind(booking.id)
}

/// One ticket for each seat and each place of an area. Arrays have no nulls here: an empty text
/// stands for none.
fn issue_tickets(booking: &Booking) -> Statement {
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
    sql(
        "INSERT INTO tickets (id, booking_id, session_id, seat, area, attendee_name) \
         SELECT place.id, $1, $2, nullif(place.seat, ''), nullif(place.area, ''), \
         nullif(place.name, '') \
         FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[]) \
         AS place (id, seat, area, name)",
    )
    .bind(booking.id)
    .bind(booking.session_id)
    .bind(ids)
    .bind(seats)
    .bind(areas)
    .bind(names)
    .expect(count)
}
