//! Makes venues.

use eventhub_guest::Timestamp;
use eventhub_guest::creation::{Creation, Key};
use eventhub_guest::ids::{UserId, VenueId};

use super::access;
use crate::domain::venue::{NewVenue, Venue};
use crate::error::Error;
use crate::ports::Ports;
use crate::store;

/// Makes the venue of a checked body, or finds the one that the same request made before.
///
/// The venue is registered for layouts first: its id is new, so a registration without a venue harms
/// nobody, while a venue without a registration could never have a layout.
///
/// # Errors
/// The user may not, the key belongs to another request, or a service is unavailable.
pub fn create_venue(
    ports: &dyn Ports,
    user: UserId,
    body: NewVenue,
    key: Option<&Key>,
) -> Result<Venue, Error> {
    access::check_creation(ports, body.organizer_id, user)?;
    let venue = body.into_venue(VenueId::new(), Timestamp::now());
    ports.register_venue(venue.id, venue.organizer_id)?;
    match store::venues::insert(&venue, key)? {
        Creation::New => Ok(venue),
        Creation::Existing(id) => find_venue(id),
        Creation::KeyReused => Err(Error::KeyReused),
    }
}

/// The venue.
///
/// # Errors
/// There is none.
pub fn find_venue(id: VenueId) -> Result<Venue, Error> {
    store::venues::find(id)?.ok_or(Error::NotFound("venue"))
}
