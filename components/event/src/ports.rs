//! The other services that this one calls: who may act for an organizer, layouts, the sale of
//! seats.

use std::collections::HashMap;

use eventhub_guest::ids::{EventId, LayoutId, OrganizerId, SessionId, UserId, VenueId};
use eventhub_guest::{Code, Problem};
pub use organizers::Role;

use crate::bindings::eventhub::identity::organizers;
use crate::bindings::eventhub::seat_inventory::sales;
use crate::bindings::eventhub::venue_layout::layouts;
use crate::domain::event::{Event, LayoutRef};

/// A user's role in an organizer; none where they are no member.
pub fn role(organizer: OrganizerId, user: UserId) -> Result<Option<Role>, Problem> {
    organizers::role_of(&organizer.to_string(), &user.to_string()).map_err(
        |organizers::Error::Unavailable(cause)| {
            tracing::warn!(error.cause = cause, "role cannot be looked up");
            Problem::unavailable(
                "Who may do this cannot be looked up just now; try again in a moment.",
            )
        },
    )
}

/// What an event needs to know of a layout.
pub struct Layout {
    pub venue_id: VenueId,
    pub version: LayoutRef,
    pub categories: Vec<String>,
}

/// A version of a layout, the newest where none is named; none where there is no such layout.
pub fn layout(id: LayoutId, version: Option<u32>) -> Result<Option<Layout>, Problem> {
    match layouts::describe(&id.to_string(), version) {
        Ok(found) => {
            let venue_id = found.venue_id.parse().map_err(Problem::internal)?;
            let version = LayoutRef {
                id,
                version: found.version,
                capacity: found.capacity,
            };
            Ok(Some(Layout {
                venue_id,
                version,
                categories: found.categories,
            }))
        }
        Err(layouts::Error::NotFound) => Ok(None),
        Err(layouts::Error::Unavailable(cause)) => {
            tracing::warn!(error.cause = cause, "layout cannot be looked up");
            Err(Problem::unavailable(
                "Layouts cannot be read just now; try again in a moment.",
            ))
        }
    }
}

/// Puts the sessions of an event on sale. Again: nothing more.
///
/// # Errors
/// 409 where the seats cannot be sold, 503.
pub fn open_sale(event: &Event) -> Result<(), Problem> {
    let sessions = event.sessions.iter().map(|session| sales::Session {
        id: session.id.to_string(),
        starts_at: session.starts_at.micros(),
        sales_start_at: session.sales_start_at.map(|at| at.micros()),
        sales_end_at: session.sales_end_at.map(|at| at.micros()),
    });
    let categories = event.categories.iter().map(|category| sales::Category {
        id: category.id.clone(),
        name: category.name.clone(),
        price: category.price,
    });
    let sale = sales::Event {
        id: event.id.to_string(),
        layout_id: event.layout.id.to_string(),
        layout_version: event.layout.version,
        currency: event.currency.to_string(),
        categories: categories.collect(),
        max_seats_per_booking: event.max_seats_per_booking,
        sessions: sessions.collect(),
    };
    sales::open(&sale).map_err(|error| match error {
        sales::Error::Unavailable(cause) => {
            tracing::warn!(event.id = %event.id, error.cause = cause, "sale cannot be opened");
            Problem::unavailable("The sale of seats does not answer just now; try again in a moment.")
        }
        sales::Error::NotFound(cause) | sales::Error::Invalid(cause) => {
            tracing::warn!(event.id = %event.id, error.cause = cause, "seats cannot be put on sale");
            Problem::new(Code::Conflict, format!("The seats cannot be put on sale: {cause}."))
        }
    })
}

/// Tells the sale of a cancelled event that it is over. The database has closed it already, and the
/// sale reads that within seconds: failing is no harm.
pub fn close_sale(event: EventId) {
    if let Err(error) = sales::close(&event.to_string()) {
        tracing::warn!(event.id = %event, error.cause = ?error, "the sale of a cancelled event was not told, it will read it");
    }
}

/// Places of a session.
#[derive(Clone, Copy)]
pub struct Tally {
    pub total: u32,
    pub free: u32,
}

/// How much is free, in one call for all sessions. Empty where the counts are not to be had: events
/// are read all the same.
pub fn tallies(sessions: &[SessionId]) -> HashMap<SessionId, Tally> {
    if sessions.is_empty() {
        return HashMap::new();
    }
    let ids: Vec<_> = sessions.iter().map(SessionId::to_string).collect();
    match sales::counts(&ids) {
        Ok(counts) => {
            let tallies = counts.iter().filter_map(|count| {
                Some((
                    count.session_id.parse().ok()?,
                    Tally {
                        total: count.total,
                        free: count.free,
                    },
                ))
            });
            tallies.collect()
        }
        Err(error) => {
            tracing::warn!(error.cause = ?error, "free seats cannot be counted, events are told without");
            HashMap::new()
        }
    }
}
