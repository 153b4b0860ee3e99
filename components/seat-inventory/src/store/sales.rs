//! Sessions on sale.

use eventhub_guest::ids::{EventId, SessionId};
use eventhub_guest::sql::{Error, Json, Statement, sql};

use crate::domain::sale::{Category, Sale};
use crate::ports::Rows;

/// Puts a session on sale, or changes its prices and times. No row where it was closed, or is of
/// another event or layout: seats are numbered by the layout, so it never changes under a sale.
pub fn open(sale: &Sale, seat_count: u32, capacity: u32) -> Statement {
    sql("INSERT INTO sale_sessions AS s (session_id, event_id, layout_id, layout_version, currency, categories, max_seats, \
             starts_at, sales_start_at, sales_end_at, status, seat_count, capacity) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'on_sale', $11, $12) \
         ON CONFLICT (session_id) DO UPDATE SET categories = excluded.categories, max_seats = excluded.max_seats, \
             starts_at = excluded.starts_at, sales_start_at = excluded.sales_start_at, sales_end_at = excluded.sales_end_at, updated_at = now() \
         WHERE s.status = 'on_sale' AND s.event_id = excluded.event_id AND s.layout_id = excluded.layout_id \
             AND s.layout_version = excluded.layout_version AND s.currency = excluded.currency")
    .bind(sale.session)
    .bind(sale.event)
    .bind(sale.layout)
    .bind(sale.layout_version)
    .bind(sale.currency)
    .bind(Json(&sale.categories))
    .bind(sale.max_seats)
    .bind(sale.starts_at)
    .bind(sale.sales_start_at)
    .bind(sale.sales_end_at)
    .bind(seat_count)
    .bind(capacity)
    .expect(1)
}

pub fn open_areas(session: SessionId, areas: &[(String, u32)]) -> Statement {
    let (ids, capacities): (Vec<String>, Vec<i64>) = areas
        .iter()
        .map(|(id, capacity)| (id.clone(), i64::from(*capacity)))
        .unzip();
    sql("INSERT INTO session_areas (session_id, area, capacity) \
         SELECT $1, a.area, a.capacity FROM unnest($2::text[], $3::bigint[]) AS a(area, capacity) \
         ON CONFLICT (session_id, area) DO NOTHING")
    .bind(session)
    .bind(ids)
    .bind(capacities)
}

/// Answers `session_id` and `number` of all of the event's sessions, also of those that were closed
/// before.
pub fn close(event: EventId) -> Statement {
    sql("UPDATE sale_sessions SET status = 'closed', updated_at = now() WHERE event_id = $1 RETURNING session_id, number").bind(event)
}

const COLUMNS: &str = "SELECT session_id, number, event_id, layout_id, layout_version, currency, categories, max_seats, starts_at, \
    sales_start_at, sales_end_at, status = 'closed' AS closed FROM sale_sessions";

pub fn by_session(session: SessionId) -> Statement {
    sql(&format!("{COLUMNS} WHERE session_id = $1")).bind(session)
}

pub fn by_number(number: u32) -> Statement {
    sql(&format!("{COLUMNS} WHERE number = $1")).bind(number)
}

/// The sale in the first row, if there is one.
pub fn sale(rows: &Rows) -> Result<Option<Sale>, Error> {
    if rows.is_empty() {
        return Ok(None);
    }
    let Json(categories): Json<Vec<Category>> = rows.get(0, "categories")?;
    Ok(Some(Sale {
        session: rows.get(0, "session_id")?,
        number: rows.get(0, "number")?,
        event: rows.get(0, "event_id")?,
        layout: rows.get(0, "layout_id")?,
        layout_version: rows.get(0, "layout_version")?,
        currency: rows.get(0, "currency")?,
        categories,
        max_seats: rows.get(0, "max_seats")?,
        starts_at: rows.get(0, "starts_at")?,
        sales_start_at: rows.get(0, "sales_start_at")?,
        sales_end_at: rows.get(0, "sales_end_at")?,
        closed: rows.get(0, "closed")?,
    }))
}

/// `session_id`, `number`, `capacity`, and `claimed`: seats and places of areas together.
pub fn tallies(sessions: Vec<SessionId>) -> Statement {
    sql("SELECT s.session_id, s.number, s.capacity::bigint AS capacity, \
             (SELECT count(*) FROM seat_claims c WHERE c.session_id = s.session_id AND c.status <> 'free') \
             + (SELECT coalesce(sum(a.claimed), 0) FROM session_areas a WHERE a.session_id = s.session_id) AS claimed \
         FROM sale_sessions s WHERE s.session_id = ANY($1)")
    .bind(sessions)
}

/// `session_id`, `number`, `capacity` only.
pub fn capacities(sessions: Vec<SessionId>) -> Statement {
    sql("SELECT session_id, number, capacity::bigint AS capacity FROM sale_sessions WHERE session_id = ANY($1)").bind(sessions)
}
