//! The other services that this one calls: roles in an organizer, layouts, the sale of seats.

use std::collections::HashMap;

use eventhub_guest::ids::{EventId, LayoutId, OrganizerId, SessionId, UserId, VenueId};

use crate::bindings::eventhub::identity::organizers;
use crate::bindings::eventhub::seat_inventory::sales;
use crate::bindings::eventhub::venue_layout::{layouts, venues};
use crate::domain::access::Role;
use crate::domain::event::{Event, LayoutRef, Tally};
use crate::domain::reference::Layout;

/// A service does not answer just now. The text is for the log.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unavailable {
    #[error("roles are unavailable: {0}")]
    Roles(String),
    #[error("layouts are unavailable: {0}")]
    Layouts(String),
    #[error("the registry of venues is unavailable: {0}")]
    Venues(String),
    #[error("the sale of seats is unavailable: {0}")]
    Sales(String),
}

/// Why a call failed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The seats of an event cannot be put on sale, for the reason given.
    #[error("the seats cannot be put on sale: {0}")]
    SaleRefused(String),
    /// The other service and this one do not understand each other: a bug.
    #[error("the answer of another service cannot be used: {0}")]
    Protocol(String),
}

/// What this service calls of others.
pub trait Ports {
    /// A user's role in an organizer; none where they are not a member.
    ///
    /// # Errors
    /// The identity service is unavailable.
    fn role_of(&self, organizer: OrganizerId, user: UserId) -> Result<Option<Role>, Unavailable>;

    /// A version of a layout, the newest where none is named; none where there is no such layout.
    ///
    /// # Errors
    /// The venue-layout service is unavailable.
    fn find_layout(&self, id: LayoutId, version: Option<u32>) -> Result<Option<Layout>, Error>;

    /// Records whose a venue is, so that it can have layouts. May be repeated.
    ///
    /// # Errors
    /// The venue-layout service is unavailable.
    fn register_venue(&self, venue: VenueId, organizer: OrganizerId) -> Result<(), Error>;

    /// Puts the sessions of an event on sale. May be repeated.
    ///
    /// # Errors
    /// The seats cannot be sold, or the seat-inventory service is unavailable.
    fn open_sale(&self, event: &Event) -> Result<(), Error>;

    /// Ends the sale of an event at once. The database has closed it already, and the
    /// seat-inventory service reads that within seconds: a failure does no harm.
    ///
    /// # Errors
    /// The seat-inventory service did not hear of it.
    fn close_sale(&self, event: EventId) -> Result<(), Error>;

    /// Free and all places of sessions that are or were on sale; the others are left out.
    ///
    /// # Errors
    /// The seat-inventory service is unavailable.
    fn count_places(&self, sessions: &[SessionId]) -> Result<HashMap<SessionId, Tally>, Error>;
}

/// The services that the component is linked with.
pub struct Linked;

impl Ports for Linked {
    fn role_of(&self, organizer: OrganizerId, user: UserId) -> Result<Option<Role>, Unavailable> {
        match organizers::role_of(&organizer.to_string(), &user.to_string()) {
            Ok(role) => Ok(role.map(Role::from)),
            Err(organizers::Error::Unavailable(cause)) => Err(Unavailable::Roles(cause)),
        }
    }

    fn find_layout(&self, id: LayoutId, version: Option<u32>) -> Result<Option<Layout>, Error> {
        match layouts::describe(&id.to_string(), version) {
            Ok(found) => {
                let venue_id = found.venue_id.parse();
                let venue_id =
                    venue_id.map_err(|_| Error::Protocol(format!("venue {}", found.venue_id)))?;
                Ok(Some(Layout {
                    venue_id,
                    version: LayoutRef {
                        id,
                        version: found.version,
                        capacity: found.capacity,
                    },
                    categories: found.categories,
                }))
            }
            Err(layouts::Error::NotFound) => Ok(None),
            Err(layouts::Error::Unavailable(cause)) => Err(Unavailable::Layouts(cause).into()),
        }
    }

    fn register_venue(&self, venue: VenueId, organizer: OrganizerId) -> Result<(), Error> {
        venues::register(&venue.to_string(), &organizer.to_string()).map_err(|error| match error {
            venues::Error::Unavailable(cause) => Unavailable::Venues(cause).into(),
            venues::Error::Invalid(cause) => Error::Protocol(cause),
        })
    }

    fn open_sale(&self, event: &Event) -> Result<(), Error> {
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
        Ok(sales::open(&sale)?)
    }

    fn close_sale(&self, event: EventId) -> Result<(), Error> {
        Ok(sales::close(&event.to_string())?)
    }

    fn count_places(&self, sessions: &[SessionId]) -> Result<HashMap<SessionId, Tally>, Error> {
        let ids: Vec<_> = sessions.iter().map(SessionId::to_string).collect();
        let tally = |tally: sales::Tally| {
            let places = Tally {
                total: tally.total,
                free: tally.free,
            };
            match tally.session_id.parse() {
                Ok(id) => Ok((id, places)),
                Err(_) => Err(Error::Protocol(format!("session {}", tally.session_id))),
            }
        };
        sales::counts(&ids)?.into_iter().map(tally).collect()
    }
}

impl From<organizers::Role> for Role {
    fn from(role: organizers::Role) -> Self {
        match role {
            organizers::Role::Viewer => Role::Viewer,
            organizers::Role::Editor => Role::Editor,
            organizers::Role::Owner => Role::Owner,
        }
    }
}

impl From<sales::Error> for Error {
    fn from(error: sales::Error) -> Self {
        match error {
            sales::Error::Unavailable(cause) => Unavailable::Sales(cause).into(),
            sales::Error::NotFound(cause) | sales::Error::Invalid(cause) => {
                Error::SaleRefused(cause)
            }
        }
    }
}
