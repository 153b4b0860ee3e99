//! The search for events: one statement for every combination of filters, since one whose parameter
//! is null falls away when PostgreSQL plans it.

use eventhub_guest::Timestamp;
use eventhub_guest::sql::{Error, Row, sql};

use super::DB;
use super::rows::{self, columns};
use crate::domain::event::Event;
use crate::domain::search::{Position, Search, Sort};

/// Distances are great circles on a sphere (haversine), after a box that an index knows. The table of
/// sessions is read only where the first and the last start do not decide.
const SEARCH: &str = concat!(
    "WITH matching AS (\
        SELECT e.id, e.first_starts_at AS starts_at, \
            CASE WHEN $1::text IS NULL OR NOT $4 THEN 0 \
                 ELSE (ts_rank(e.search, CASE WHEN $2::text IS NULL THEN websearch_to_tsquery('simple', $1) \
                    ELSE websearch_to_tsquery('simple', $1) || to_tsquery('simple', $2) END) * 1000000)::bigint END AS rank \
        FROM events e JOIN venues v ON v.id = e.venue_id \
        WHERE (e.status = 'published' OR $3) \
            AND ($1::text IS NULL OR e.search @@ (CASE WHEN $2::text IS NULL THEN websearch_to_tsquery('simple', $1) \
                    ELSE websearch_to_tsquery('simple', $1) || to_tsquery('simple', $2) END)) \
            AND ($5::timestamptz IS NULL OR e.last_starts_at >= $5) \
            AND ($6::timestamptz IS NULL OR e.first_starts_at < $6) \
            AND ($5::timestamptz IS NULL OR $6::timestamptz IS NULL OR e.first_starts_at >= $5 OR e.last_starts_at < $6 \
                OR EXISTS (SELECT FROM sessions s WHERE s.event_id = e.id AND s.starts_at >= $5 AND s.starts_at < $6)) \
            AND ($7::text IS NULL OR e.tags @> ARRAY[$7::text]) \
            AND ($8::uuid IS NULL OR e.organizer_id = $8) \
            AND ($9::float8 IS NULL OR (v.latitude BETWEEN $12::float8 AND $13::float8 AND v.longitude BETWEEN $14::float8 AND $15::float8 \
                AND 2 * 6371.0088 * asin(least(1, sqrt(power(sin(radians(v.latitude - $9) / 2), 2) \
                    + cos(radians($9)) * cos(radians(v.latitude)) * power(sin(radians(v.longitude - $10::float8) / 2), 2)))) <= $11::float8))\
    ), found AS (\
        SELECT id, rank, starts_at FROM matching \
        WHERE $16::bigint IS NULL OR (-rank, starts_at, id) > (-$16, $17::timestamptz, $18::uuid) \
        ORDER BY -rank, starts_at, id LIMIT $19\
    ) \
    SELECT f.rank, f.starts_at, ",
    columns!(),
    " FROM found f JOIN events e ON e.id = f.id JOIN venues v ON v.id = e.venue_id ORDER BY -f.rank, f.starts_at, f.id"
);

/// An event and where it stands in the order of this search.
pub struct Found {
    pub event: Event,
    pub position: Position,
}

/// Up to `limit` events after a position. `all` finds drafts and cancelled ones as well: only for
/// the organizer's members.
pub fn search_events(
    search: &Search,
    all: bool,
    after: Option<Position>,
    limit: usize,
) -> Result<Vec<Found>, Error> {
    let words = search.words.as_ref();
    let bounds = search.near.map(|circle| circle.bounds());
    let statement = sql(SEARCH)
        .bind(words.map(|words| words.text.clone()))
        .bind(words.and_then(|words| words.prefix.clone()))
        .bind(all)
        .bind(search.sort == Sort::Relevance)
        .bind(search.from)
        .bind(search.to)
        .bind(search.tag.clone())
        .bind(search.organizer)
        .bind(search.near.map(|circle| circle.latitude))
        .bind(search.near.map(|circle| circle.longitude))
        .bind(search.near.map(|circle| circle.radius_km))
        .bind(bounds.map(|bounds| bounds.latitude.0))
        .bind(bounds.map(|bounds| bounds.latitude.1))
        .bind(bounds.map(|bounds| bounds.longitude.0))
        .bind(bounds.map(|bounds| bounds.longitude.1))
        .bind(after.map(|position| position.rank))
        .bind(after.map(|position| Timestamp::from_micros(position.starts_at)))
        .bind(after.map(|position| position.id))
        .bind(limit as i64);
    DB.query(statement)?
        .iter()
        .map(|row| read_found(row, search.sort))
        .collect()
}

fn read_found(row: &Row, sort: Sort) -> Result<Found, Error> {
    let starts_at: Timestamp = row.get("starts_at")?;
    let event = rows::read_event(row)?;
    let position = Position {
        sort,
        rank: row.get("rank")?,
        starts_at: starts_at.micros(),
        id: event.id,
    };
    Ok(Found { event, position })
}
