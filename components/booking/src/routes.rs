//! The HTTP routes. Bookings and tickets are their owner's only; anybody may read the keys that
//! verify tickets.

use std::sync::LazyLock;

use eventhub_guest::http::{Query, WithHeader, header};
use eventhub_guest::ids::{BookingId, TicketId, UserId};
use eventhub_guest::page::{List, PARAMETERS, Page};
use eventhub_guest::router::Answer;
use eventhub_guest::{
    Code, Params, Problem, Request, Response, Router, Timestamp, auth, etag, json,
};
use serde_json::Value;

use crate::bindings::eventhub::saga::machine;
use crate::bindings::eventhub::seat_inventory::holds;
use crate::config::CONFIG;
use crate::domain::booking::{self, Booking, Held};
use crate::domain::fact::Fact;
use crate::domain::request::{CreateBooking, Wish};
use crate::domain::saga::{Event, Status};
use crate::domain::ticket::{self, Keys, Ticket};
use crate::driver::{Error, Run, advance};
use crate::services::Services;
use crate::store;

thread_local! {
    pub static ROUTER: Router = Router::new()
        .post("/api/v1/bookings", create)
        .get("/api/v1/bookings", list)
        .get("/api/v1/bookings/{id}", read)
        .post("/api/v1/bookings/{id}/cancel", cancel)
        .get("/api/v1/bookings/{id}/tickets", tickets)
        .get("/api/v1/tickets/{id}/qr.svg", picture)
        .get("/.well-known/ticket-keys.json", keys);
}

fn create(request: &Request, _: &Params) -> Answer {
    let user = auth::user(request)?;
    Query::parse(request, &[])?;
    let key = idempotency_key(request)?;
    let wish = json::body::<CreateBooking>(request)?.parse(&CONFIG.providers)?;
    let id = booking::id_for(wish.hold_id);
    let now = Timestamp::now();
    let expires_at = now.plus(CONFIG.payment_window);
    let until = expires_at.plus(CONFIG.grace).micros();
    let hold = match holds::claim(
        &wish.hold_id.to_string(),
        &user.to_string(),
        &id.to_string(),
        until,
        &wish.seats(),
    ) {
        Ok(hold) => hold,
        Err(holds::Error::Unavailable(text)) => return Err(unavailable(&text)),
        Err(holds::Error::NotInHold(seats)) => return Err(wish.not_in_hold(&seats)),
        // The hold of a booking that has ended is gone; a repeated request still gets its booking.
        Err(error) => {
            return store::bookings::of_hold(user, wish.hold_id)?
                .map_or_else(|| Err(refused(error)), |found| again(&found, key));
        }
    };
    let held = Held::parse(&hold).map_err(Problem::internal)?;
    let booking = draft(
        user,
        key,
        wish,
        held,
        &hold,
        now,
        expires_at,
        &request.traceparent,
    );
    match store::bookings::insert(&booking) {
        Ok(()) => accepted(&booking),
        Err(error) if error.violates("bookings_pkey") || error.violates("bookings_hold_key") => {
            let found = store::bookings::of_hold(user, booking.hold_id)?;
            found.map_or_else(
                || Err(refused(holds::Error::AlreadyBooked)),
                |found| again(&found, key),
            )
        }
        // Here and below the hold stays claimed: a corrected or repeated request finds it, and so
        // does one that runs just now.
        Err(error) if error.violates("bookings_idempotency_key") => Err(Problem::new(
            Code::IdempotencyKeyReused,
            "This Idempotency-Key was used for a booking of another hold.",
        )),
        Err(error) => Err(error.into()),
    }
}

#[allow(
    clippy::too_many_arguments,
    reason = "each is a part of the one thing that it makes"
)]
fn draft(
    user: UserId,
    key: &str,
    wish: Wish,
    held: Held,
    hold: &holds::Hold,
    now: Timestamp,
    expires_at: Timestamp,
    traceparent: &str,
) -> Booking {
    Booking {
        id: booking::id_for(wish.hold_id),
        user_id: user,
        event_id: held.event_id,
        session_id: held.session_id,
        hold_id: wish.hold_id,
        state: machine::start(held.total.amount == 0),
        version: 1,
        fence: hold.fence,
        seats: held.seats,
        areas: held.areas,
        total: held.total,
        provider: wish.provider,
        payment: None,
        failure: None,
        contact: wish.contact,
        attendees: wish.attendees,
        idempotency_key: key.to_string(),
        expires_at,
        attempts: 0,
        traceparent: traceparent.to_string(),
        created_at: now,
        updated_at: now,
    }
}

/// Required here too: a lost record of the gateway must not book twice.
fn idempotency_key(request: &Request) -> Result<&str, Problem> {
    let pointer = "/headers/idempotency-key";
    let key = header(request, "idempotency-key")
        .ok_or_else(|| Problem::invalid(pointer, "required", "is missing"))?;
    let visible =
        (1..=255).contains(&key.len()) && key.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    if visible {
        Ok(key)
    } else {
        Err(Problem::invalid(
            pointer,
            "invalid",
            "must be 1 to 255 visible ASCII characters",
        ))
    }
}

fn accepted(booking: &Booking) -> Answer {
    let answer = json::response(202, &booking.view())?;
    Ok(answer.with_header("location", format!("/api/v1/bookings/{}", booking.id)))
}

/// The booking that a repeated request made, if it is the same request.
fn again(found: &Booking, key: &str) -> Answer {
    if found.idempotency_key == key {
        accepted(found)
    } else {
        Err(refused(holds::Error::AlreadyBooked))
    }
}

fn refused(error: holds::Error) -> Problem {
    match error {
        holds::Error::NotFound => Problem::not_found("hold"),
        holds::Error::Expired => Problem::new(
            Code::HoldExpired,
            "The hold has expired: hold the seats again.",
        ),
        holds::Error::AlreadyBooked => {
            Problem::new(Code::HoldAlreadyBooked, "This hold has been booked.")
        }
        holds::Error::Closed => Problem::invalid_transition(
            "cancelled",
            "booked",
            "The session is not on sale any more.",
        ),
        holds::Error::Taken(places) | holds::Error::NotInHold(places) => Problem::new(
            Code::SeatsUnavailable,
            "Some of the seats were taken by others.",
        )
        .with("unavailable", places),
        holds::Error::Unavailable(text) => unavailable(&text),
    }
}

fn unavailable(cause: &str) -> Problem {
    tracing::warn!(
        error.cause = cause,
        "a service that bookings need does not answer"
    );
    Problem::unavailable("Bookings cannot be made just now; try again in a moment.")
}

fn read(request: &Request, params: &Params) -> Answer {
    let user = auth::user(request)?;
    Query::parse(request, &[])?;
    let booking = find(user, params)?;
    Ok(etag::apply(
        request,
        booking.version,
        json::response(200, &booking.view())?,
    ))
}

fn find(user: UserId, params: &Params) -> Result<Booking, Problem> {
    let id: BookingId = params.id("id", "booking")?;
    store::bookings::find_of(user, id)?.ok_or_else(|| Problem::not_found("booking"))
}

fn list(request: &Request, _: &Params) -> Answer {
    let user = auth::user(request)?;
    let [limit, cursor] = PARAMETERS;
    let query = Query::parse(request, &["status", limit, cursor])?;
    let page = Page::<store::bookings::Position>::parse(&query)?;
    let status = match query.get("status") {
        None => None,
        Some(text) => Some(Status::parse(text).ok_or_else(|| {
            let known: Vec<_> = Status::ALL.iter().map(|status| status.as_str()).collect();
            Problem::invalid(
                "/query/status",
                "invalid",
                format!("must be one of: {}", known.join(", ")),
            )
        })?),
    };
    let bookings = store::bookings::list(user, status, page.after, page.limit + 1)?;
    let List { items, next_cursor } = page
        .list(bookings.iter().map(Shown).collect(), |Shown(booking)| {
            (booking.created_at, booking.id)
        })?;
    json::response(200, &List { items, next_cursor })
}

/// A booking in a list, shown as it is shown alone.
struct Shown<'a>(&'a Booking);

impl serde::Serialize for Shown<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.view().serialize(serializer)
    }
}

fn cancel(request: &Request, params: &Params) -> Answer {
    let user = auth::user(request)?;
    Query::parse(request, &[])?;
    json::nothing(request)?;
    let booking = find(user, params)?;
    let booking = advance(
        &Services,
        booking,
        Run::of(vec![Fact::of(Event::CancelRequested)]),
    )
    .map_err(|error| match error {
        Error::NotFound => Problem::not_found("booking"),
        Error::Refused(from, to) => Problem::invalid_transition(
            from.as_str(),
            to.as_str(),
            "A booking can be cancelled until it is paid.",
        ),
        Error::Trouble(trouble) => unavailable(&trouble.0),
    })?;
    json::response(200, &booking.view())
}

static KEYS: LazyLock<Result<Keys, ticket::KeyError>> =
    LazyLock::new(|| Keys::parse(CONFIG.signing_key.as_deref(), &CONFIG.retired_keys));

fn signing() -> Result<&'static Keys, Problem> {
    KEYS.as_ref().map_err(|error| {
        tracing::error!(error.cause = %error, "tickets cannot be signed");
        Problem::unavailable("Tickets cannot be shown just now; they are yours all the same.")
    })
}

fn payload(ticket: &Ticket) -> Result<Option<String>, Problem> {
    if ticket.status == "void" {
        Ok(None)
    } else {
        signing()?
            .payload(ticket)
            .map(Some)
            .map_err(Problem::internal)
    }
}

fn tickets(request: &Request, params: &Params) -> Answer {
    let user = auth::user(request)?;
    let page = Page::<i64>::parse(&Query::parse(request, &PARAMETERS)?)?;
    let tickets = store::tickets::of_booking(
        user,
        params.id("id", "booking")?,
        page.after,
        page.limit + 1,
    )?
    .ok_or_else(|| Problem::not_found("booking"))?;
    let List { items, next_cursor } = page.list(tickets, |ticket| ticket.serial)?;
    let items = items
        .iter()
        .map(|ticket| Ok(ticket.view(payload(ticket)?)))
        .collect::<Result<Vec<Value>, Problem>>()?;
    json::response(200, &List { items, next_cursor })
}

fn picture(request: &Request, params: &Params) -> Answer {
    let user = auth::user(request)?;
    Query::parse(request, &[])?;
    let id: TicketId = params.id("id", "ticket")?;
    let ticket = store::tickets::find_of(user, id)?.ok_or_else(|| Problem::not_found("ticket"))?;
    let payload = payload(&ticket)?.ok_or_else(|| Problem::not_found("valid ticket"))?;
    let svg = ticket::svg(&payload).map_err(Problem::internal)?;
    let headers = vec![
        ("content-type".into(), "image/svg+xml".into()),
        ("cache-control".into(), "private, max-age=300".into()),
    ];
    Ok(Response {
        status: 200,
        headers,
        body: svg.into_bytes(),
    })
}

fn keys(request: &Request, _: &Params) -> Answer {
    Query::parse(request, &[])?;
    Ok(json::response(200, &signing()?.published())?
        .with_header("cache-control", "public, max-age=300"))
}
