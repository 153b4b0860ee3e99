//! Looks up who somebody is to a venue's organizer, and lets the rules of [`crate::domain::access`]
//! decide.

use eventhub_guest::ids::{UserId, VenueId};

use crate::domain::access::{self, Role};
use crate::error::Error;
use crate::ports::Ports;
use crate::store;

/// Whether the user may make a layout for the venue.
///
/// # Errors
/// They may not, or a service is unavailable.
pub fn check_creation(ports: &dyn Ports, venue: VenueId, user: UserId) -> Result<(), Error> {
    Ok(access::check_creation(find_role(ports, venue, user)?)?)
}

/// Whether the user may change a layout of the venue.
///
/// # Errors
/// They may not, or a service is unavailable.
pub fn check_change(ports: &dyn Ports, venue: VenueId, user: UserId) -> Result<(), Error> {
    Ok(access::check_change(find_role(ports, venue, user)?)?)
}

/// Whether the user may list the layouts of the venue.
///
/// # Errors
/// They may not, or a service is unavailable.
pub fn check_list(ports: &dyn Ports, venue: VenueId, user: UserId) -> Result<(), Error> {
    Ok(access::check_list(find_role(ports, venue, user)?)?)
}

fn find_role(ports: &dyn Ports, venue: VenueId, user: UserId) -> Result<Option<Role>, Error> {
    match store::venues::find_organizer(venue)? {
        Some(organizer) => Ok(ports.role_of(organizer, user)?),
        None => Ok(None),
    }
}
