//! What the gateway asks of the world: services, Redis, the clock. A trait, so that tests can
//! answer instead.

use eventhub_guest::redis::{Error, Reply};
use eventhub_guest::{Request, Response, Timestamp};

use crate::bindings::eventhub as linked;
use crate::table::Service;

pub trait Outside {
    fn call(&self, service: Service, request: &Request) -> Response;
    /// Runs a Lua script; see `eventhub:redis/commands`.
    fn script(&self, source: &str, keys: &[Vec<u8>], args: &[Vec<u8>]) -> Result<Reply, Error>;
    fn now(&self) -> Timestamp;
}

/// The component's own imports.
pub struct Linked;

impl Outside for Linked {
    fn call(&self, service: Service, request: &Request) -> Response {
        match service {
            Service::Identity => linked::identity::routes::handle(request),
            Service::Event => linked::event::routes::handle(request),
            Service::VenueLayout => linked::venue_layout::routes::handle(request),
            Service::SeatInventory => linked::seat_inventory::routes::handle(request),
            Service::Booking => linked::booking::routes::handle(request),
            Service::Payment => linked::payment::routes::handle(request),
        }
    }

    fn script(&self, source: &str, keys: &[Vec<u8>], args: &[Vec<u8>]) -> Result<Reply, Error> {
        eventhub_guest::bindings::eventhub::redis::commands::script(source, keys, args)
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
