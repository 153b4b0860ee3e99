//! Layouts and their versions.

use eventhub_guest::Timestamp;
use eventhub_guest::creation::{self, Creation, Key};
use eventhub_guest::ids::{self as kinds, LayoutId, VenueId};
use eventhub_guest::sql::{Error, Row, Statement, sql};

use super::DB;
use crate::domain::layout::model::Summary;

/// One version of a layout.
#[derive(Debug, Clone)]
pub struct StoredLayout {
    pub id: LayoutId,
    pub venue_id: VenueId,
    pub version: u32,
    pub name: String,
    pub summary: Summary,
    /// JSON; empty where it was read with [`Document::Without`].
    pub document: String,
    /// Of this version.
    pub created_at: Timestamp,
}

/// Whether the document, megabytes at times, is read as well.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Document {
    Whole,
    Without,
}

/// A version, the newest where none is named.
pub fn find_layout(
    id: LayoutId,
    version: Option<u32>,
    document: Document,
) -> Result<Option<StoredLayout>, Error> {
    const FIND: &str = "SELECT l.id, l.venue_id, v.version, v.name, v.seat_count, v.capacity, v.categories, v.created_at, \
        CASE WHEN $3 THEN v.document ELSE '' END AS document \
        FROM layouts l JOIN layout_versions v ON v.layout_id = l.id AND v.version = coalesce($2::bigint, l.version) \
        WHERE l.id = $1";
    let row = DB.optional(
        sql(FIND)
            .bind(id)
            .bind(version)
            .bind(document == Document::Whole),
    )?;
    row.as_ref().map(read_layout).transpose()
}

/// The newest versions of a venue's layouts, newest layout first, without documents.
pub fn list_layouts(
    venue: VenueId,
    before: Option<LayoutId>,
    limit: usize,
) -> Result<Vec<StoredLayout>, Error> {
    const LIST: &str = "SELECT l.id, l.venue_id, v.version, v.name, v.seat_count, v.capacity, v.categories, v.created_at, '' AS document \
        FROM layouts l JOIN layout_versions v ON v.layout_id = l.id AND v.version = l.version \
        WHERE l.venue_id = $1 AND ($2::uuid IS NULL OR l.id < $2) ORDER BY l.id DESC LIMIT $3";
    let rows = DB.query(sql(LIST).bind(venue).bind(before).bind(limit as i64))?;
    rows.iter().map(read_layout).collect()
}

const INSERT_VERSION: &str = "INSERT INTO layout_versions (layout_id, version, name, document, seat_count, capacity, categories, created_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

fn insert_version(layout: &StoredLayout) -> Statement {
    sql(INSERT_VERSION)
        .bind(layout.id)
        .bind(layout.version)
        .bind(layout.name.as_str())
        .bind(layout.document.as_str())
        .bind(layout.summary.seat_count)
        .bind(layout.summary.capacity)
        .bind(layout.summary.categories.clone())
        .bind(layout.created_at)
        .expect(1)
}

/// A new layout with its first version, once for a key.
pub fn create_layout(
    layout: &StoredLayout,
    key: Option<&Key>,
) -> Result<Creation<kinds::Layout>, Error> {
    const INSERT: &str =
        "INSERT INTO layouts (id, venue_id, version, created_at) VALUES ($1, $2, $3, $4)";
    let insert = sql(INSERT)
        .bind(layout.id)
        .bind(layout.venue_id)
        .bind(layout.version)
        .bind(layout.created_at)
        .expect(1);
    creation::create(DB, key, layout.id, vec![insert, insert_version(layout)])
}

/// Adds the version after the newest.
///
/// # Errors
/// [`Error::Conflict`] where another version has become the newest.
pub fn add_version(layout: &StoredLayout) -> Result<(), Error> {
    const UPDATE: &str = "UPDATE layouts SET version = $2 WHERE id = $1 AND version = $2 - 1";
    let update = sql(UPDATE).bind(layout.id).bind(layout.version).expect(1);
    DB.transaction(&[update, insert_version(layout)])
        .map(|_| ())
}

fn read_layout(row: &Row) -> Result<StoredLayout, Error> {
    Ok(StoredLayout {
        id: row.get("id")?,
        venue_id: row.get("venue_id")?,
        version: row.get("version")?,
        name: row.get("name")?,
        summary: Summary {
            seat_count: row.get("seat_count")?,
            capacity: row.get("capacity")?,
            categories: row.get("categories")?,
        },
        document: row.get("document")?,
        created_at: row.get("created_at")?,
    })
}
