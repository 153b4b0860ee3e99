//! Tickets, read for their owners.

use eventhub_guest::ids::{BookingId, TicketId, UserId};
use eventhub_guest::sql::{Error, Row, sql};

use super::{DB, parse_column};
use crate::domain::ticket::{Place, Ticket};

fn read_ticket(row: &Row) -> Result<Ticket, Error> {
    let place = match (
        row.get::<Option<String>>("seat")?,
        row.get::<Option<String>>("area")?,
    ) {
        (Some(seat), _) => Place::Seat(seat),
        (None, Some(area)) => Place::Area(area),
        (None, None) => return Err(Error::Invalid("a ticket without a place".into())),
    };
    Ok(Ticket {
        id: row.get("id")?,
        booking_id: row.get("booking_id")?,
        session_id: row.get("session_id")?,
        place,
        serial: row.get("serial")?,
        status: parse_column(row, "status")?,
        attendee_name: row.get("attendee_name")?,
    })
}

/// The tickets of a user's booking in the order of issue, those after a serial; none where the user
/// has no such booking.
pub fn list_of_booking(
    user: UserId,
    booking: BookingId,
    after: Option<i64>,
    limit: usize,
) -> Result<Option<Vec<Ticket>>, Error> {
    let statement = sql(
        "SELECT t.id, b.id AS booking_id, b.session_id, t.seat, t.area, t.serial, t.status, \
         t.attendee_name FROM bookings b \
         LEFT JOIN tickets t ON t.booking_id = b.id AND ($3::bigint IS NULL OR t.serial > $3) \
         WHERE b.id = $1 AND b.user_id = $2 ORDER BY t.serial LIMIT $4",
    );
    let rows = DB.query(
        statement
            .bind(booking)
            .bind(user)
            .bind(after)
            .bind(limit as i64),
    )?;
    if rows.is_empty() {
        return Ok(None);
    }
    let mut tickets = vec![];
    for row in &rows {
        if row.get::<Option<TicketId>>("id")?.is_some() {
            tickets.push(read_ticket(row)?);
        }
    }
    Ok(Some(tickets))
}

/// A ticket of the user; another user's is none.
pub fn find_own_ticket(user: UserId, ticket: TicketId) -> Result<Option<Ticket>, Error> {
    let statement = sql(
        "SELECT t.id, t.booking_id, t.session_id, t.seat, t.area, t.serial, t.status, \
         t.attendee_name FROM tickets t JOIN bookings b ON b.id = t.booking_id \
         WHERE t.id = $1 AND b.user_id = $2",
    );
    DB.optional(statement.bind(ticket).bind(user))?
        .as_ref()
        .map(read_ticket)
        .transpose()
}
