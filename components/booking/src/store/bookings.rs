//! Bookings: reading, listing, and the one insert.

use std::collections::HashSet;

use eventhub_facts::BookingCreated;
use eventhub_guest::ids::{BookingId, EventId, HoldId, UserId};
use eventhub_guest::outbox::record_fact;
use eventhub_guest::sql::{Error, Json, Row, Statement, sql};
use eventhub_guest::{Money, Timestamp};

use super::{DB, parse_column};
use crate::domain::booking::{Area, Booking, Failure, Seat};
use crate::domain::new_booking::{Attendee, Contact};
use crate::domain::payment::Payment;
use crate::domain::saga::{State, Status};
use crate::domain::schedule::FIRST_ATTEMPT;

/// Every column that [`read_booking`] reads. A macro, because statements are constant texts.
macro_rules! columns {
    () => {
        "id, user_id, event_id, session_id, hold_id, status, saga_places, saga_money, \
         free_of_charge, version, fence, seats, areas, total, currency, provider, payment, \
         failure_code, failure_detail, contact, attendees, idempotency_key, expires_at, attempts, \
         traceparent, created_at, updated_at"
    };
}
pub(super) use columns;

/// A row with all columns of a booking.
pub(super) fn read_booking(row: &Row) -> Result<Booking, Error> {
    let failure = match (
        row.get::<Option<String>>("failure_code")?,
        row.get::<Option<String>>("failure_detail")?,
    ) {
        (Some(code), detail) => Some(Failure {
            code,
            detail: detail.unwrap_or_default(),
        }),
        (None, _) => None,
    };
    Ok(Booking {
        id: row.get("id")?,
        user_id: row.get("user_id")?,
        event_id: row.get("event_id")?,
        session_id: row.get("session_id")?,
        hold_id: row.get("hold_id")?,
        state: State {
            status: parse_column(row, "status")?,
            places: parse_column(row, "saga_places")?,
            money: parse_column(row, "saga_money")?,
            free_of_charge: row.get("free_of_charge")?,
        },
        version: row.get("version")?,
        fence: row.get("fence")?,
        seats: row.get::<Json<Vec<Seat>>>("seats")?.0,
        areas: row.get::<Json<Vec<Area>>>("areas")?.0,
        total: Money::new(row.get("total")?, row.get("currency")?),
        provider: row.get("provider")?,
        payment: row
            .get::<Option<Json<Payment>>>("payment")?
            .map(|json| json.0),
        failure,
        contact: row
            .get::<Option<Json<Contact>>>("contact")?
            .map(|json| json.0),
        attendees: row.get::<Json<Vec<Attendee>>>("attendees")?.0,
        idempotency_key: row.get("idempotency_key")?,
        expires_at: row.get("expires_at")?,
        attempts: row.get("attempts")?,
        traceparent: row.get("traceparent")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

/// Stores a new booking with the fact of it, in one transaction.
///
/// # Errors
/// Violations of `bookings_pkey` and `bookings_hold_key` (the hold is booked) and of
/// `bookings_idempotency_key`.
pub fn insert_booking(booking: &Booking) -> Result<(), Error> {
    let fact = record_fact(
        &BookingCreated::from(booking.details()),
        &booking.traceparent,
    );
    DB.transaction(&[insert_statement(booking), fact])
        .map(|_| ())
}

fn insert_statement(booking: &Booking) -> Statement {
    sql(
        "INSERT INTO bookings (id, user_id, event_id, session_id, hold_id, status, saga_places, \
         saga_money, free_of_charge, fence, seats, areas, total, currency, provider, contact, \
         attendees, idempotency_key, expires_at, traceparent, created_at, updated_at, \
         next_attempt_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, \
         $19, $20, $21, $21, now() + make_interval(secs => $22))",
    )
    .bind(booking.id)
    .bind(booking.user_id)
    .bind(booking.event_id)
    .bind(booking.session_id)
    .bind(booking.hold_id)
    .bind(booking.state.status.into_str())
    .bind(booking.state.places.into_str())
    .bind(booking.state.money.into_str())
    .bind(booking.state.free_of_charge)
    .bind(booking.fence)
    .bind(Json(&booking.seats))
    .bind(Json(&booking.areas))
    .bind(booking.total.amount)
    .bind(booking.total.currency)
    .bind(booking.provider.as_str())
    .bind(booking.contact.as_ref().map(Json))
    .bind(Json(&booking.attendees))
    .bind(booking.idempotency_key.as_str())
    .bind(booking.expires_at)
    .bind(booking.traceparent.as_str())
    .bind(booking.created_at)
    .bind(FIRST_ATTEMPT)
    .expect(1)
}

/// A booking, whoever owns it.
pub fn find_booking(id: BookingId) -> Result<Option<Booking>, Error> {
    DB.optional(
        sql(concat!(
            "SELECT ",
            columns!(),
            " FROM bookings WHERE id = $1"
        ))
        .bind(id),
    )?
    .as_ref()
    .map(read_booking)
    .transpose()
}

/// A booking of the user; another user's is none.
pub fn find_own_booking(user: UserId, id: BookingId) -> Result<Option<Booking>, Error> {
    Ok(find_booking(id)?.filter(|booking| booking.user_id == user))
}

/// The user's booking of a hold.
pub fn find_by_hold(user: UserId, hold: HoldId) -> Result<Option<Booking>, Error> {
    let found = DB.optional(
        sql(concat!(
            "SELECT ",
            columns!(),
            " FROM bookings WHERE hold_id = $1 AND user_id = $2"
        ))
        .bind(hold)
        .bind(user),
    )?;
    found.as_ref().map(read_booking).transpose()
}

/// Position in the list: creation time and id. A client may send any; the type allows only times
/// that the database can hold.
pub type Position = (Timestamp, BookingId);

/// The user's bookings, the latest first.
pub fn list_bookings(
    user: UserId,
    status: Option<Status>,
    after: Option<Position>,
    limit: usize,
) -> Result<Vec<Booking>, Error> {
    let statement = sql(concat!(
        "SELECT ",
        columns!(),
        " FROM bookings WHERE user_id = $1 AND ($2::text IS NULL OR status = $2) \
         AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid)) \
         ORDER BY created_at DESC, id DESC LIMIT $5"
    ))
    .bind(user)
    .bind(status.map(|status| status.into_str()))
    .bind(after.map(|(at, _)| at))
    .bind(after.map(|(_, id)| id))
    .bind(limit as i64);
    DB.query(statement)?.iter().map(read_booking).collect()
}

/// What a batch of facts needs.
pub struct Batch {
    pub bookings: Vec<Booking>,
    /// The ids of those facts that were handled before.
    pub handled: HashSet<u128>,
}

/// Reads the bookings of a batch of facts, and which of the facts were handled before. One
/// statement, because it is half of what a step reads.
pub fn read_batch(bookings: Vec<BookingId>, facts: Vec<u128>) -> Result<Batch, Error> {
    let facts: Vec<EventId> = facts.into_iter().map(EventId::from_u128).collect();
    let statement = sql(concat!(
        "SELECT ",
        columns!(),
        ", handled FROM (SELECT ARRAY(SELECT event_id FROM inbox WHERE event_id = ANY($2)) \
         AS handled) AS facts LEFT JOIN bookings ON id = ANY($1)"
    ));
    let rows = DB.query(statement.bind(bookings).bind(facts))?;
    let handled: Vec<EventId> = rows
        .first()
        .map(|row| row.get("handled"))
        .transpose()?
        .unwrap_or_default();
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        // Where none of the bookings exists, one row has the facts alone.
        if row.get::<Option<BookingId>>("id")?.is_some() {
            found.push(read_booking(row)?);
        }
    }
    Ok(Batch {
        bookings: found,
        handled: handled.into_iter().map(EventId::as_u128).collect(),
    })
}

/// Bookings that the cancellation of an event ends.
pub fn list_live_of_event(event: EventId, limit: i64) -> Result<Vec<Booking>, Error> {
    let statement = sql(concat!(
        "SELECT ",
        columns!(),
        " FROM bookings WHERE event_id = $1 \
         AND status IN ('pending', 'awaiting_payment', 'confirmed') LIMIT $2"
    ));
    DB.query(statement.bind(event).bind(limit))?
        .iter()
        .map(read_booking)
        .collect()
}
