//! The exports of the component: from the types of the WIT to those of the service and back.

use std::str::FromStr;

use eventhub_guest::bindings::eventhub::websocket::types::{Frame, Page, Refusal, Subscription};
use eventhub_guest::http::Query;
use eventhub_guest::ids::{BookingId, HoldId, SessionId, UserId};
use eventhub_guest::{Money, Request, Response, Router, Timestamp};

use crate::bindings::exports::eventhub::seat_inventory::{holds, live, routes as http, sales};
use crate::capabilities::Capabilities;
use crate::config::Config;
use crate::domain::hold::Hold;
use crate::domain::sale::{Category, Sale};
use crate::service::{Error, Inventory, Opened};
use crate::{Component, routes};

thread_local! {
    static INVENTORY: Inventory<Capabilities> = {
        eventhub_guest::log::init();
        Inventory::new(Capabilities, Config::from_environment())
    };
    static ROUTER: Router = Router::default()
        .get("/api/v1/sessions/{id}/seats", |request, params| with(|inventory| routes::seats(inventory, request, params)))
        .post("/api/v1/sessions/{id}/holds", |request, params| with(|inventory| routes::create(inventory, request, params)))
        .get("/api/v1/holds/{id}", |request, params| with(|inventory| routes::get(inventory, request, params)))
        .delete("/api/v1/holds/{id}", |request, params| with(|inventory| routes::release(inventory, request, params)))
        .post("/api/v1/holds/{id}/extend", |request, params| with(|inventory| routes::extend(inventory, request, params)));
}

fn with<T>(run: impl FnOnce(&Inventory<Capabilities>) -> T) -> T {
    INVENTORY.with(run)
}

impl http::Guest for Component {
    fn handle(request: Request) -> Response {
        ROUTER.with(|router| router.handle(&request))
    }
}

impl holds::Guest for Component {
    fn claim(
        hold_id: String,
        user_id: String,
        booking_id: String,
        until: i64,
        seats: Vec<String>,
    ) -> Result<holds::Hold, holds::Error> {
        let (hold, user, booking) = (
            parse::<HoldId>(&hold_id)?,
            parse::<UserId>(&user_id)?,
            parse::<BookingId>(&booking_id)?,
        );
        if !seats.is_empty() {
            let held = with(|inventory| inventory.find_hold(hold, user))?.0;
            let others: Vec<String> = seats
                .into_iter()
                .filter(|seat| !held.body.has_seat(seat))
                .collect();
            if !others.is_empty() {
                return Err(holds::Error::NotInHold(others));
            }
        }
        let (hold, sale) =
            with(|inventory| inventory.claim(hold, user, booking, Timestamp::from_micros(until)))?;
        Ok(hold_to_wit(hold, &sale))
    }

    fn reserve(
        booking_id: String,
        hold_id: String,
        places: holds::Places,
        fence: i64,
    ) -> Result<(), holds::Error> {
        let (booking, hold, session) = (
            parse(&booking_id)?,
            parse(&hold_id)?,
            parse(&places.session_id)?,
        );
        with(|inventory| {
            let places = inventory.places(session, places.seats, places.areas)?;
            Ok(inventory.reserve(booking, hold, session, places, fence)?)
        })
    }

    fn confirm(booking_id: String, places: holds::Places) -> Result<(), holds::Error> {
        let (booking, session) = (parse(&booking_id)?, parse(&places.session_id)?);
        with(|inventory| {
            let places = inventory.places(session, places.seats, places.areas)?;
            Ok(inventory.confirm(booking, session, places)?)
        })
    }

    fn release(
        booking_id: String,
        hold_id: String,
        places: holds::Places,
    ) -> Result<(), holds::Error> {
        // What is no id has nothing to give back.
        let (Ok(booking), Ok(hold), Ok(session)) = (
            booking_id.parse(),
            hold_id.parse(),
            places.session_id.parse(),
        ) else {
            return Ok(());
        };
        with(
            |inventory| match inventory.places(session, places.seats, places.areas) {
                Err(Error::NotFound(_)) => Ok(()),
                places => Ok(inventory.release(booking, hold, session, places?)?),
            },
        )
    }
}

fn parse<T: FromStr>(id: &str) -> Result<T, holds::Error> {
    id.parse().map_err(|_| holds::Error::NotFound)
}

fn hold_to_wit(hold: Hold, sale: &Sale) -> holds::Hold {
    let currency = hold.body.currency;
    let total = hold
        .body
        .total()
        .unwrap_or(Money::new(0, currency))
        .to_wit();
    let seats = hold.body.seats.into_iter().map(|seat| holds::HeldSeat {
        flags: seat.flags().into_iter().map(str::to_string).collect(),
        seat: seat.0,
        category: seat.1,
        price: Money::new(seat.2, currency).to_wit(),
    });
    let areas = hold.body.areas.into_iter().map(|area| holds::HeldArea {
        area: area.0,
        category: area.1,
        quantity: area.2,
        price: Money::new(area.3, currency).to_wit(),
    });
    holds::Hold {
        id: hold.id.to_string(),
        user_id: hold.user.to_string(),
        session_id: sale.session.to_string(),
        event_id: sale.event.to_string(),
        seats: seats.collect(),
        areas: areas.collect(),
        total,
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
            Error::NotOnSale(_) => holds::Error::Closed,
            // A place that the layout does not have can no more be given than a taken one.
            Error::Taken(places) | Error::Unknown(places) | Error::Duplicate(places) => {
                holds::Error::Taken(places)
            }
            other => holds::Error::Unavailable(logged(other)),
        }
    }
}

/// The text of an error that is not the caller's.
fn logged(error: Error) -> String {
    let text = error.to_string();
    match error {
        Error::Unavailable(_) => {
            tracing::warn!(error.cause = text, "seat inventory cannot answer just now")
        }
        _ => tracing::error!(
            error.cause = text,
            "seat inventory failed by a fault of ours"
        ),
    }
    text
}

impl sales::Guest for Component {
    fn open(event: sales::Event) -> Result<(), sales::Error> {
        let invalid = |what: &str| sales::Error::Invalid(format!("{what} is malformed"));
        let session = |session: &sales::Session| {
            let time = Timestamp::from_micros;
            let id = session.id.parse().map_err(|_| invalid("a session's id"))?;
            Ok((
                id,
                time(session.starts_at),
                session.sales_start_at.map(time),
                session.sales_end_at.map(time),
            ))
        };
        let category = |category: sales::Category| Category {
            id: category.id,
            name: category.name,
            price: category.price,
        };
        let opened = Opened {
            event: event.id.parse().map_err(|_| invalid("the event's id"))?,
            layout: event
                .layout_id
                .parse()
                .map_err(|_| sales::Error::NotFound("layout".into()))?,
            layout_version: event.layout_version,
            currency: event
                .currency
                .parse()
                .map_err(|_| invalid("the currency"))?,
            categories: event.categories.into_iter().map(category).collect(),
            max_seats: event.max_seats_per_booking,
            sessions: event
                .sessions
                .iter()
                .map(session)
                .collect::<Result<_, sales::Error>>()?,
        };
        Ok(with(|inventory| inventory.open(opened))?)
    }

    fn close(event_id: String) -> Result<(), sales::Error> {
        // What is no id has nothing on sale.
        let Ok(event) = event_id.parse() else {
            return Ok(());
        };
        Ok(with(|inventory| inventory.close(event))?)
    }

    fn counts(session_ids: Vec<String>) -> Result<Vec<sales::Tally>, sales::Error> {
        let sessions: Vec<SessionId> = session_ids
            .iter()
            .filter_map(|id| id.parse().ok())
            .collect();
        let counts = with(|inventory| inventory.counts(sessions))?;
        let tally = |(session, total, free): (SessionId, u32, u32)| sales::Tally {
            session_id: session.to_string(),
            total,
            free,
        };
        Ok(counts.into_iter().map(tally).collect())
    }
}

impl From<Error> for sales::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound(what) => sales::Error::NotFound(what.into()),
            Error::Invalid(text) => sales::Error::Invalid(text),
            other => sales::Error::Unavailable(logged(other)),
        }
    }
}

/// The upgrade succeeds and the socket is closed with these: browsers show no HTTP status.
const NO_SUCH_SESSION: (u16, &str) = (4404, "no such session");
const POLICY: (u16, &str) = (1008, "since must be a number");
const TRY_AGAIN: (u16, &str) = (1013, "try again later");

fn refuse((code, reason): (u16, &str)) -> Refusal {
    Refusal::Close((code, reason.into()))
}

fn frames(frames: Vec<(u64, String)>) -> Vec<Frame> {
    frames
        .into_iter()
        .map(|(seq, text)| Frame { seq, text })
        .collect()
}

impl live::Guest for Component {
    fn open(request: Request) -> Result<Subscription, Refusal> {
        let session = request
            .path
            .strip_prefix("/api/v1/sessions/")
            .and_then(|rest| rest.strip_suffix("/live"));
        let session: SessionId = session
            .and_then(|id| id.parse().ok())
            .ok_or_else(|| refuse(NO_SUCH_SESSION))?;
        let since = Query::parse(&request, &["since"])
            .and_then(|query| query.parsed::<u64>("since"))
            .map_err(|_| refuse(POLICY))?;
        let opening =
            with(|inventory| inventory.listen(session, since)).map_err(|error| match error {
                Error::NotFound(_) => refuse(NO_SUCH_SESSION),
                other => {
                    logged(other);
                    refuse(TRY_AGAIN)
                }
            })?;
        Ok(Subscription {
            topic: opening.topic,
            frames: frames(opening.frames),
            seq: opening.seq,
        })
    }

    fn read(topic: String, seq: u64) -> Result<Page, String> {
        let page =
            with(|inventory| inventory.read(&topic, seq)).map_err(|error| error.to_string())?;
        Ok(Page {
            frames: frames(page.frames),
            reset: page.reset,
        })
    }
}
