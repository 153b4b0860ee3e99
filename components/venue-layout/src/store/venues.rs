//! Whose a venue is, as the event service registered it.

use eventhub_guest::ids::{OrganizerId, VenueId};
use eventhub_guest::sql::{Error, sql};

use super::DB;

/// Records the organizer of a venue. May be repeated.
///
/// # Errors
/// [`Error::Conflict`] where the venue is another organizer's.
pub fn register_venue(venue: VenueId, organizer: OrganizerId) -> Result<(), Error> {
    // The update changes nothing; without a row of the same organizer it touches none.
    const REGISTER: &str = "INSERT INTO layout_venues (venue_id, organizer_id) VALUES ($1, $2) \
        ON CONFLICT (venue_id) DO UPDATE SET organizer_id = excluded.organizer_id \
        WHERE layout_venues.organizer_id = excluded.organizer_id";
    let register = sql(REGISTER).bind(venue).bind(organizer).expect(1);
    DB.execute(register).map(|_| ())
}

/// The organizer of a venue; none where the venue is not registered.
pub fn find_organizer(venue: VenueId) -> Result<Option<OrganizerId>, Error> {
    const FIND: &str = "SELECT organizer_id FROM layout_venues WHERE venue_id = $1";
    let row = DB.optional(sql(FIND).bind(venue))?;
    row.map(|row| row.get("organizer_id")).transpose()
}
