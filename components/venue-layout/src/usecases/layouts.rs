//! Makes layouts and their next versions.

use eventhub_guest::Timestamp;
use eventhub_guest::creation::{Creation, Key};
use eventhub_guest::ids::{LayoutId, VenueId};

use crate::domain::layout::Layout;
use crate::error::Error;
use crate::store::layouts::{self, Document, StoredLayout};

/// Stores a layout that the user may make, or finds the one that the same request made before.
///
/// # Errors
/// The key belongs to another request, or the database is unavailable.
pub fn create_layout(
    venue_id: VenueId,
    name: String,
    layout: &Layout,
    key: Option<&Key>,
) -> Result<StoredLayout, Error> {
    let stored = StoredLayout {
        id: LayoutId::new(),
        venue_id,
        version: 1,
        name,
        summary: layout.summary(),
        document: serde_json::to_string(layout)?,
        created_at: Timestamp::now(),
    };
    match layouts::create_layout(&stored, key)? {
        Creation::New => Ok(stored),
        Creation::Existing(id) => find_layout(id, None, Document::Whole),
        Creation::KeyReused => Err(Error::KeyReused),
    }
}

/// Stores the version after `newest`.
///
/// # Errors
/// Somebody else has stored one, or the database is unavailable.
pub fn replace_layout(
    newest: StoredLayout,
    name: String,
    layout: &Layout,
) -> Result<StoredLayout, Error> {
    let next = StoredLayout {
        version: newest.version + 1,
        name,
        summary: layout.summary(),
        document: serde_json::to_string(layout)?,
        created_at: Timestamp::now(),
        ..newest
    };
    match layouts::add_version(&next) {
        Ok(()) => Ok(next),
        Err(error) if error.is_conflict() => Err(Error::Stale),
        Err(error) => Err(error.into()),
    }
}

/// A version, the newest where none is named.
///
/// # Errors
/// There is none.
pub fn find_layout(
    id: LayoutId,
    version: Option<u32>,
    document: Document,
) -> Result<StoredLayout, Error> {
    layouts::find_layout(id, version, document)?.ok_or(Error::NotFound("layout"))
}
