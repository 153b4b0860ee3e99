//! The typed interfaces that other components and the host call: from the types of the WIT to those
//! of the service and back.

use std::str::FromStr;

use eventhub_guest::bindings::eventhub::websocket::types::{Frame, Page, Refusal, Subscription};
use eventhub_guest::http::Query;
use eventhub_guest::ids::SessionId;
use eventhub_guest::{Money, Request, Timestamp};

use crate::bindings::exports::eventhub::seat_inventory::{holds, live, sales};
use crate::domain::claims::{Places, SeatPlace};
use crate::domain::hold::Hold;
use crate::domain::sale::{Category, Sale};
use crate::error::Error;
use crate::usecases::{NewSale, NewSession, SessionTally};
use crate::{Component, with_context};

impl holds::Guest for Component {
    fn bind(
        hold_id: String,
        user_id: String,
        booking_id: String,
        until: i64,
        seats: Vec<String>,
    ) -> Result<holds::Hold, holds::Error> {
        let (hold, user) = (parse_id(&hold_id)?, parse_id(&user_id)?);
        let booking = parse_id(&booking_id)?;
        let until = Timestamp::from_micros(until);
        let (hold, sale) =
            with_context(|inventory| inventory.bind_hold(hold, user, booking, until, &seats))?;
        Ok(hold_to_wit(hold, &sale))
    }

    fn reserve(
        booking_id: String,
        hold_id: String,
        places: holds::Places,
        fence: i64,
    ) -> Result<(), holds::Error> {
        let (booking, hold) = (parse_id(&booking_id)?, parse_id(&hold_id)?);
        let session = parse_id(&places.session_id)?;
        let places = places_from_wit(places);
        Ok(with_context(|inventory| {
            inventory.reserve(booking, hold, session, &places, fence)
        })?)
    }

    fn confirm(booking_id: String, places: holds::Places) -> Result<(), holds::Error> {
        let booking = parse_id(&booking_id)?;
        let session = parse_id(&places.session_id)?;
        let places = places_from_wit(places);
        Ok(with_context(|inventory| {
            inventory.confirm(booking, session, &places)
        })?)
    }

    fn release(
        booking_id: String,
        hold_id: String,
        places: holds::Places,
    ) -> Result<(), holds::Error> {
        // A malformed id is like an unknown one: there is nothing to give back.
        let (Ok(booking), Ok(hold), Ok(session)) = (
            booking_id.parse(),
            hold_id.parse(),
            places.session_id.parse(),
        ) else {
            return Ok(());
        };
        let places = places_from_wit(places);
        Ok(with_context(|inventory| {
            inventory.release(booking, hold, session, &places)
        })?)
    }
}

fn parse_id<T: FromStr>(id: &str) -> Result<T, holds::Error> {
    id.parse().map_err(|_| holds::Error::NotFound)
}

fn places_from_wit(places: holds::Places) -> Places {
    let seats = places.seats.into_iter().map(|place| SeatPlace {
        seat: place.seat,
        index: place.seat_index,
    });
    Places::new(seats.collect(), places.areas)
}

fn hold_to_wit(hold: Hold, sale: &Sale) -> holds::Hold {
    let currency = hold.places.currency;
    let total = hold.places.total().unwrap_or(Money::new(0, currency));
    let seats = hold.places.seats.into_iter().map(|seat| holds::HeldSeat {
        seat: seat.seat,
        seat_index: seat.index,
        category: seat.category,
        price: Money::new(seat.price, currency).to_wit(),
        flags: seat.flags.names().map(str::to_string).collect(),
    });
    let areas = hold.places.areas.into_iter().map(|area| holds::HeldArea {
        area: area.area,
        category: area.category,
        quantity: area.quantity,
        price: Money::new(area.price, currency).to_wit(),
    });
    holds::Hold {
        id: hold.id.to_string(),
        user_id: hold.user.to_string(),
        session_id: sale.session.to_string(),
        event_id: sale.event.to_string(),
        seats: seats.collect(),
        areas: areas.collect(),
        total: total.to_wit(),
        expires_at: hold.expires_at.micros(),
        fence: hold.fence,
    }
}

impl From<Error> for holds::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound(_) => holds::Error::NotFound,
            Error::Expired => holds::Error::Expired,
            Error::AlreadyBooked => holds::Error::AlreadyBooked,
            Error::NotInHold(seats) => holds::Error::NotInHold(seats),
            Error::NotOnSale(_) => holds::Error::Closed,
            // A place that the layout does not have can be given as little as a taken one.
            Error::Taken(places) | Error::Unknown(places) | Error::Duplicate(places) => {
                holds::Error::Taken(places)
            }
            other => holds::Error::Unavailable(log_error(&other)),
        }
    }
}

/// Logs an error that is not the caller's, and answers its text.
fn log_error(error: &Error) -> String {
    let text = error.to_string();
    match error {
        Error::Unavailable(_) => {
            tracing::warn!(error.cause = text, "seat-inventory cannot answer just now")
        }
        _ => tracing::error!(error.cause = text, "seat-inventory met an internal error"),
    }
    text
}

impl sales::Guest for Component {
    fn open(event: sales::Event) -> Result<(), sales::Error> {
        let sale = sale_from_wit(event)?;
        Ok(with_context(|inventory| inventory.open_sales(&sale))?)
    }

    fn close(event_id: String) -> Result<(), sales::Error> {
        // A malformed id is like an unknown one: it has nothing on sale.
        let Ok(event) = event_id.parse() else {
            return Ok(());
        };
        Ok(with_context(|inventory| inventory.close_sales(event))?)
    }

    fn counts(session_ids: Vec<String>) -> Result<Vec<sales::Tally>, sales::Error> {
        let sessions = session_ids.iter().filter_map(|id| id.parse().ok());
        let sessions: Vec<SessionId> = sessions.collect();
        let tallies = with_context(|inventory| inventory.count_free(sessions))?;
        let tally = |tally: SessionTally| sales::Tally {
            session_id: tally.session.to_string(),
            total: tally.total,
            free: tally.free,
        };
        Ok(tallies.into_iter().map(tally).collect())
    }
}

fn sale_from_wit(event: sales::Event) -> Result<NewSale, sales::Error> {
    let malformed = |what: &str| sales::Error::Invalid(format!("{what} is malformed"));
    let time = Timestamp::from_micros;
    let session = |session: &sales::Session| {
        Ok(NewSession {
            id: session
                .id
                .parse()
                .map_err(|_| malformed("a session's id"))?,
            starts_at: time(session.starts_at),
            sales_start_at: session.sales_start_at.map(time),
            sales_end_at: session.sales_end_at.map(time),
        })
    };
    let category = |category: sales::Category| Category {
        id: category.id,
        name: category.name,
        price: category.price,
    };
    let sessions = event.sessions.iter().map(session);
    Ok(NewSale {
        event: event.id.parse().map_err(|_| malformed("the event's id"))?,
        layout: event
            .layout_id
            .parse()
            .map_err(|_| sales::Error::NotFound("layout".into()))?,
        layout_version: event.layout_version,
        currency: event
            .currency
            .parse()
            .map_err(|_| malformed("the currency"))?,
        max_seats: event.max_seats_per_booking,
        sessions: sessions.collect::<Result<_, sales::Error>>()?,
        categories: event.categories.into_iter().map(category).collect(),
    })
}

impl From<Error> for sales::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound(what) => sales::Error::NotFound(what.into()),
            Error::Invalid(text) => sales::Error::Invalid(text),
            other => sales::Error::Unavailable(log_error(&other)),
        }
    }
}

/// The upgrade succeeds and the socket is closed with these: browsers show no HTTP status.
const NO_SUCH_SESSION: (u16, &str) = (4404, "no such session");
const POLICY: (u16, &str) = (1008, "since must be a number");
const TRY_AGAIN: (u16, &str) = (1013, "try again later");

fn close_with((code, reason): (u16, &str)) -> Refusal {
    Refusal::Close((code, reason.into()))
}

fn frames_to_wit(frames: Vec<(u64, String)>) -> Vec<Frame> {
    let frames = frames.into_iter();
    frames.map(|(seq, text)| Frame { seq, text }).collect()
}

impl live::Guest for Component {
    fn open(request: Request) -> Result<Subscription, Refusal> {
        let session = request
            .path
            .strip_prefix("/api/v1/sessions/")
            .and_then(|rest| rest.strip_suffix("/live"));
        let session: SessionId = session
            .and_then(|id| id.parse().ok())
            .ok_or_else(|| close_with(NO_SUCH_SESSION))?;
        let since = Query::parse(&request, &["since"])
            .and_then(|query| query.parsed::<u64>("since"))
            .map_err(|_| close_with(POLICY))?;
        let opening = with_context(|inventory| inventory.listen(session, since)).map_err(
            |error| match error {
                Error::NotFound(_) => close_with(NO_SUCH_SESSION),
                other => {
                    log_error(&other);
                    close_with(TRY_AGAIN)
                }
            },
        )?;
        Ok(Subscription {
            topic: opening.topic,
            frames: frames_to_wit(opening.frames),
            seq: opening.seq,
        })
    }

    fn read(topic: String, seq: u64) -> Result<Page, String> {
        let page = with_context(|inventory| inventory.read_frames(&topic, seq))
            .map_err(|error| error.to_string())?;
        Ok(Page {
            frames: frames_to_wit(page.frames),
            reset: page.reset,
        })
    }
}
