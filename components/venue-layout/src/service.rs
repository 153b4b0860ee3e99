//! The typed interface for other services: `eventhub:venue-layout/layouts`.

use eventhub_guest::sql;

use crate::Component;
use crate::bindings::exports::eventhub::venue_layout::layouts::{Error, Guest, Layout};
use crate::store::{self, Document};

impl Guest for Component {
    fn get(layout_id: String, version: Option<u32>) -> Result<Layout, Error> {
        find(&layout_id, version, Document::Whole)
    }

    fn describe(layout_id: String, version: Option<u32>) -> Result<Layout, Error> {
        find(&layout_id, version, Document::Without)
    }
}

fn find(layout_id: &str, version: Option<u32>, document: Document) -> Result<Layout, Error> {
    eventhub_guest::log::init();
    let id = layout_id.parse().map_err(|_| Error::NotFound)?;
    let found = store::find(id, version, document).map_err(|error| {
        // A bug of ours is as unavailable to the caller as a database that is down; the log has the
        // difference.
        match &error {
            sql::Error::Unavailable(_) | sql::Error::Serialization(_) => {
                tracing::warn!(error.cause = %error, "layout cannot be read")
            }
            _ => tracing::error!(error.cause = %error, "layout cannot be read by a fault of ours"),
        }
        Error::Unavailable(error.to_string())
    })?;
    let found = found.ok_or(Error::NotFound)?;
    Ok(Layout {
        id: found.id.to_string(),
        version: found.version,
        venue_id: found.venue_id.to_string(),
        seat_count: found.summary.seat_count,
        capacity: found.summary.capacity,
        categories: found.summary.categories,
        document: found.document,
    })
}
