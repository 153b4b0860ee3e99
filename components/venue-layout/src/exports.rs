//! What other services call: layouts to read, venues to register.

use eventhub_guest::ids::{OrganizerId, VenueId};
use eventhub_guest::sql;

use crate::Component;
use crate::bindings::exports::eventhub::venue_layout::{layouts, venues};
use crate::store::layouts::{Document, find_layout};
use crate::store::venues::register_venue;

impl layouts::Guest for Component {
    fn get(layout_id: String, version: Option<u32>) -> Result<layouts::Layout, layouts::Error> {
        crate::with_context(|_| read_layout(&layout_id, version, Document::Whole))
    }

    fn describe(
        layout_id: String,
        version: Option<u32>,
    ) -> Result<layouts::Layout, layouts::Error> {
        crate::with_context(|_| read_layout(&layout_id, version, Document::Without))
    }
}

impl venues::Guest for Component {
    fn register(venue_id: String, organizer_id: String) -> Result<(), venues::Error> {
        crate::with_context(|_| write_venue(&venue_id, &organizer_id))
    }
}

fn read_layout(
    layout_id: &str,
    version: Option<u32>,
    document: Document,
) -> Result<layouts::Layout, layouts::Error> {
    let id = layout_id.parse().map_err(|_| layouts::Error::NotFound)?;
    let layout = find_layout(id, version, document).map_err(|error| {
        log_failure(&error, "a layout cannot be read");
        layouts::Error::Unavailable(error.to_string())
    })?;
    let layout = layout.ok_or(layouts::Error::NotFound)?;
    Ok(layouts::Layout {
        id: layout.id.to_string(),
        version: layout.version,
        venue_id: layout.venue_id.to_string(),
        seat_count: layout.summary.seat_count,
        capacity: layout.summary.capacity,
        categories: layout.summary.categories,
        document: layout.document,
    })
}

fn write_venue(venue_id: &str, organizer_id: &str) -> Result<(), venues::Error> {
    let invalid = |text: &str| venues::Error::Invalid(format!("{text} is not an id"));
    let venue: VenueId = venue_id.parse().map_err(|_| invalid(venue_id))?;
    let organizer: OrganizerId = organizer_id.parse().map_err(|_| invalid(organizer_id))?;
    register_venue(venue, organizer).map_err(|error| {
        if error.is_conflict() {
            return venues::Error::Invalid(format!("{venue} belongs to another organizer"));
        }
        log_failure(&error, "a venue cannot be registered");
        venues::Error::Unavailable(error.to_string())
    })
}

/// To the caller a bug is as unavailable as a database that is down; the log tells them apart.
fn log_failure(error: &sql::Error, what: &str) {
    match error {
        sql::Error::Unavailable(_) | sql::Error::Serialization(_) => {
            tracing::warn!(error.cause = %error, "{what}");
        }
        _ => tracing::error!(error.cause = %error, "{what}: internal error"),
    }
}
