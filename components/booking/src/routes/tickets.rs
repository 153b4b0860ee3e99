//! Tickets, their QR codes, and the keys that verify them.

use eventhub_guest::http::WithHeader;
use eventhub_guest::ids::{BookingId, TicketId};
use eventhub_guest::page::List;
use eventhub_guest::{Answer, Response, json};
use serde_json::Value;

use super::Call;
use crate::config::CONFIG;
use crate::domain::ticket::{KeyError, Keys, Ticket, TicketStatus, render_qr_svg};
use crate::error::Error;
use crate::store::tickets::{find_own_ticket, list_of_booking};

thread_local! {
    static KEYS: Result<Keys, KeyError> = CONFIG.with(|config| {
        Keys::parse(config.signing_key.as_deref(), &config.retired_keys)
    });
}

fn with_keys<T>(run: impl FnOnce(&Keys) -> Result<T, Error>) -> Result<T, Error> {
    KEYS.with(|keys| match keys {
        Ok(keys) => run(keys),
        Err(error) => Err(error.clone().into()),
    })
}

/// The QR payload of a ticket; none where it is void.
fn sign_ticket(ticket: &Ticket) -> Result<Option<String>, Error> {
    if ticket.status == TicketStatus::Void {
        return Ok(None);
    }
    with_keys(|keys| Ok(Some(keys.payload(ticket)?)))
}

/// `GET /bookings/{id}/tickets`
pub fn list(call: &Call) -> Answer {
    let user = call.user()?;
    let page = call.page::<i64>()?;
    let booking: BookingId = call.id("id", "booking")?;
    let tickets = list_of_booking(user, booking, page.after, page.limit + 1)?
        .ok_or(Error::NotFound("booking"))?;
    let List { items, next_cursor } = page.list(tickets, |ticket| ticket.serial)?;
    let items = items
        .iter()
        .map(|ticket| Ok(ticket.view(sign_ticket(ticket)?)))
        .collect::<Result<Vec<Value>, Error>>()?;
    json::response(200, &List { items, next_cursor })
}

/// `GET /tickets/{id}/qr.svg`
pub fn qr_svg(call: &Call) -> Answer {
    let user = call.user()?;
    let id: TicketId = call.id("id", "ticket")?;
    let ticket = find_own_ticket(user, id)?.ok_or(Error::NotFound("ticket"))?;
    let payload = sign_ticket(&ticket)?.ok_or(Error::NotFound("valid ticket"))?;
    let svg = render_qr_svg(&payload).map_err(|error| Error::QrCode(error.to_string()))?;
    Ok(Response {
        status: 200,
        headers: vec![
            ("content-type".into(), "image/svg+xml".into()),
            ("cache-control".into(), "private, max-age=300".into()),
        ],
        body: svg.into_bytes(),
    })
}

/// `GET /.well-known/ticket-keys.json`
pub fn keys(_: &Call) -> Answer {
    let keys = with_keys(|keys| Ok(keys.to_jwks()))?;
    Ok(json::response(200, &keys)?.with_header("cache-control", "public, max-age=300"))
}
