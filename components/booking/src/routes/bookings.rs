//! Bookings: make, list, read, cancel.

use eventhub_guest::http::{WithHeader, header};
use eventhub_guest::ids::{BookingId, UserId};
use eventhub_guest::page::List;
use eventhub_guest::{Answer, Problem, Request, Timestamp, etag, json};
use serde_json::Value;
use strum::VariantArray;

use super::Call;
use crate::config::CONFIG;
use crate::domain::booking::Booking;
use crate::domain::fact::Fact;
use crate::domain::new_booking::CreateBooking;
use crate::domain::saga::{Event, Status};
use crate::error::Error;
use crate::store::bookings::{Position, find_own_booking, list_bookings};
use crate::usecases::advance::{Driver, Run};
use crate::usecases::create_booking::{Caller, create_booking};

/// `POST /bookings`
pub fn create(call: &Call) -> Answer {
    let user = call.user()?;
    let idempotency_key = parse_idempotency_key(call.request)?;
    let body: CreateBooking = call.body()?;
    let caller = Caller {
        user,
        idempotency_key,
        traceparent: &call.request.traceparent,
    };
    let booking = CONFIG.with(|config| {
        let new = body.parse(&config.providers)?;
        create_booking(call.context, config, &caller, new, Timestamp::now())
    })?;
    let answer = json::response(202, &booking.view())?;
    Ok(answer.with_header("location", format!("/api/v1/bookings/{}", booking.id)))
}

/// Required here too: if the gateway loses its record, the same request must not book twice.
fn parse_idempotency_key(request: &Request) -> Result<&str, Error> {
    let pointer = "/headers/idempotency-key";
    let key = header(request, "idempotency-key")
        .ok_or_else(|| Error::invalid(pointer, "required", "is missing"))?;
    let is_visible =
        (1..=255).contains(&key.len()) && key.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    if is_visible {
        Ok(key)
    } else {
        Err(Error::invalid(
            pointer,
            "invalid",
            "must be 1 to 255 visible ASCII characters",
        ))
    }
}

/// `GET /bookings/{id}`
pub fn get(call: &Call) -> Answer {
    let booking = find_booking(call, call.user()?)?;
    Ok(etag::apply(
        call.request,
        booking.version,
        json::response(200, &booking.view())?,
    ))
}

fn find_booking(call: &Call, user: UserId) -> Result<Booking, Problem> {
    let id: BookingId = call.id("id", "booking")?;
    let booking = find_own_booking(user, id)?;
    Ok(booking.ok_or(Error::NotFound("booking"))?)
}

/// `GET /bookings`
pub fn list(call: &Call) -> Answer {
    let user = call.user()?;
    let page = call.page::<Position>()?;
    let status = call.query().get("status").map(parse_status).transpose()?;
    let bookings = list_bookings(user, status, page.after, page.limit + 1)?;
    let List { items, next_cursor } =
        page.list(bookings, |booking| (booking.created_at, booking.id))?;
    let items: Vec<Value> = items.iter().map(Booking::view).collect();
    json::response(200, &List { items, next_cursor })
}

fn parse_status(text: &str) -> Result<Status, Error> {
    text.parse().map_err(|_| {
        let known: Vec<_> = Status::VARIANTS
            .iter()
            .map(|status| status.into_str())
            .collect();
        Error::invalid(
            "/query/status",
            "invalid",
            format!("must be one of: {}", known.join(", ")),
        )
    })
}

/// `POST /bookings/{id}/cancel`
pub fn cancel(call: &Call) -> Answer {
    let user = call.user()?;
    call.no_body()?;
    let booking = find_booking(call, user)?;
    let run = Run::with_facts(vec![Fact::new(Event::CancelRequested)]);
    let booking = Driver::new(call.context)
        .advance(booking, run)
        .map_err(Error::from)?;
    json::response(200, &booking.view())
}
