//! Who may do what with layouts: editors of the venue's organizer change them. A layout itself is
//! public, for buyers draw the seats by it.

use eventhub_guest::Problem;
use eventhub_guest::ids::{OrganizerId, UserId, VenueId};

use crate::bindings::eventhub::identity::organizers::{self, Role};
use crate::store;

const VIEWER: &str = "Viewers of an organizer change nothing; ask an owner for the role editor.";

fn role(organizer: OrganizerId, user: UserId) -> Result<Option<Role>, Problem> {
    organizers::role_of(&organizer.to_string(), &user.to_string()).map_err(
        |organizers::Error::Unavailable(cause)| {
            tracing::warn!(error.cause = cause, "role cannot be looked up");
            Problem::unavailable(
                "Who may do this cannot be looked up just now; try again in a moment.",
            )
        },
    )
}

fn role_in_venue(venue: VenueId, user: UserId) -> Result<Option<Role>, Problem> {
    match store::organizer_of(venue)? {
        Some(organizer) => role(organizer, user),
        None => Ok(None),
    }
}

/// # Errors
/// 422 where the venue does not exist or belongs to others, 403 for a viewer.
pub fn may_create(venue: VenueId, user: UserId) -> Result<(), Problem> {
    match role_in_venue(venue, user)? {
        None => Err(Problem::invalid(
            "/venue_id",
            "unknown",
            "names no venue of yours",
        )),
        Some(Role::Viewer) => Err(Problem::forbidden(VIEWER)),
        Some(Role::Editor | Role::Owner) => Ok(()),
    }
}

/// # Errors
/// 403: a layout may be seen by all.
pub fn may_change(venue: VenueId, user: UserId) -> Result<(), Problem> {
    match role_in_venue(venue, user)? {
        None => Err(Problem::forbidden(
            "Only editors of the venue's organizer change its layouts.",
        )),
        Some(Role::Viewer) => Err(Problem::forbidden(VIEWER)),
        Some(Role::Editor | Role::Owner) => Ok(()),
    }
}

/// # Errors
/// 404 where the venue does not exist or belongs to others.
pub fn may_list(venue: VenueId, user: UserId) -> Result<(), Problem> {
    role_in_venue(venue, user)?
        .map(|_| ())
        .ok_or_else(|| Problem::not_found("venue"))
}
