//! Events with their sessions. Every change names the version that it was decided on.

use eventhub_guest::Timestamp;
use eventhub_guest::creation::{self, Creation, Key};
use eventhub_guest::ids::{self as kinds, EventId};
use eventhub_guest::sql::{Error, Json, Statement, sql};

use super::DB;
use super::rows::{self, columns};
use crate::domain::event::{Event, Status};
use crate::domain::slug;

const FIND: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM events e JOIN venues v ON v.id = e.venue_id WHERE e.id = $1"
);

const INSERT: &str = "INSERT INTO events (id, layout_id, layout_version, layout_capacity, venue_id, title, slug, description, currency, \
    categories, tags, max_seats_per_booking, first_starts_at, last_starts_at, search_words, updated_at, organizer_id, status, created_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 'draft', $16)";

const UPDATE: &str = "UPDATE events SET layout_id = $2, layout_version = $3, layout_capacity = $4, venue_id = $5, title = $6, slug = $7, \
    description = $8, currency = $9, categories = $10, tags = $11, max_seats_per_booking = $12, first_starts_at = $13, last_starts_at = $14, \
    search_words = $15, updated_at = $16, version = version + 1 WHERE id = $1 AND version = $17";

/// Deletes the sessions that the event does not have any more.
const DELETE_SESSIONS: &str = "DELETE FROM sessions WHERE event_id = $1 AND id <> ALL ($2)";

const UPSERT_SESSIONS: &str = "INSERT INTO sessions (id, event_id, starts_at, ends_at, sales_start_at, sales_end_at) \
    SELECT s.id, $1, s.starts_at, s.ends_at, s.sales_start_at, s.sales_end_at FROM jsonb_to_recordset($2::jsonb) \
        AS s (id uuid, starts_at timestamptz, ends_at timestamptz, sales_start_at timestamptz, sales_end_at timestamptz) \
    ON CONFLICT (id) DO UPDATE SET starts_at = excluded.starts_at, ends_at = excluded.ends_at, \
        sales_start_at = excluded.sales_start_at, sales_end_at = excluded.sales_end_at WHERE sessions.event_id = excluded.event_id";

const PUBLISH: &str = "UPDATE events SET status = 'published', published_at = $3, updated_at = $3, version = version + 1 \
    WHERE id = $1 AND version = $2 AND status = 'draft'";

const CANCEL: &str = "UPDATE events SET status = 'cancelled', cancelled_at = $3, cancellation_reason = $4, updated_at = $3, version = version + 1 \
    WHERE id = $1 AND version = $2 AND status <> 'cancelled'";

/// An event.
pub fn find(id: EventId) -> Result<Option<Event>, Error> {
    DB.optional(sql(FIND).bind(id))?
        .as_ref()
        .map(rows::read_event)
        .transpose()
}

/// Binds the parameters 1 to 16, which insert and update share.
fn bind_content(text: &str, event: &Event) -> Statement {
    let starts = event.sessions.iter().map(|session| session.starts_at);
    let first = starts.clone().min().unwrap_or(event.updated_at);
    let last = starts.max().unwrap_or(event.updated_at);
    sql(text)
        .bind(event.id)
        .bind(event.layout.id)
        .bind(event.layout.version)
        .bind(event.layout.capacity)
        .bind(event.venue.id)
        .bind(event.title.as_str())
        .bind(slug::make_slug(&event.title))
        .bind(event.description.as_str())
        .bind(event.currency)
        .bind(Json(&event.categories))
        .bind(event.tags.clone())
        .bind(event.max_seats_per_booking)
        .bind(first)
        .bind(last)
        .bind(event.search_words())
        .bind(event.updated_at)
}

fn upsert_sessions(event: &Event) -> Statement {
    let rows: Vec<_> = event.sessions.iter().map(rows::session_to_json).collect();
    sql(UPSERT_SESSIONS)
        .bind(event.id)
        .bind(Json(rows))
        .expect(event.sessions.len() as u32)
}

/// Inserts a draft, once for a key.
pub fn insert(event: &Event, key: Option<&Key>) -> Result<Creation<kinds::Event>, Error> {
    let insert = bind_content(INSERT, event)
        .bind(event.organizer_id)
        .expect(1);
    creation::create(DB, key, event.id, vec![insert, upsert_sessions(event)])
}

/// Replaces the content of the event of version `event.version`, sessions included; its status
/// stays.
///
/// # Errors
/// [`Error::Conflict`] where it has another version by now.
pub fn update(event: &Event) -> Result<(), Error> {
    let ids: Vec<_> = event.sessions.iter().map(|session| session.id).collect();
    let update = bind_content(UPDATE, event).bind(event.version).expect(1);
    let delete = sql(DELETE_SESSIONS).bind(event.id).bind(ids);
    DB.transaction(&[update, delete, upsert_sessions(event)])
        .map(|_| ())
}

/// Draft to published, together with the fact.
///
/// # Errors
/// [`Error::Conflict`] where it has another version by now, or is not a draft any more.
pub fn publish(event: &Event, now: Timestamp, fact: Statement) -> Result<(), Error> {
    let publish = sql(PUBLISH)
        .bind(event.id)
        .bind(event.version)
        .bind(now)
        .expect(1);
    DB.transaction(&[publish, fact]).map(|_| ())
}

/// To cancelled, which closes its sales; `fact` goes with it where the event was published.
///
/// # Errors
/// As [`publish`].
pub fn cancel(event: &Event, now: Timestamp, reason: &str, fact: Statement) -> Result<(), Error> {
    let cancel = sql(CANCEL)
        .bind(event.id)
        .bind(event.version)
        .bind(now)
        .bind(reason)
        .expect(1);
    let mut statements = vec![cancel];
    if event.status == Status::Published {
        statements.push(fact);
    }
    DB.transaction(&statements).map(|_| ())
}
