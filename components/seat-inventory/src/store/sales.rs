//! Sessions on sale.

use std::collections::HashMap;

use eventhub_guest::ids::{EventId, SessionId};
use eventhub_guest::sql::{Error, Json, Row, Statement, sql};

use super::DB;
use crate::domain::sale::{Category, Sale};

/// Puts sessions on sale, or changes their prices and times: all or none. `capacity`: seats and
/// places of areas; `areas`: ids and capacities.
///
/// # Errors
/// [`Error::Conflict`] where a sale was closed, or is of another event, layout or currency. Seats
/// are numbered by the layout, so it never changes under a sale.
pub fn open_sales(
    sales: &[Sale],
    seat_count: u32,
    capacity: u32,
    areas: &[(String, u32)],
) -> Result<(), Error> {
    let mut statements = vec![];
    for sale in sales {
        statements.push(upsert_sale(sale, seat_count, capacity));
        if !areas.is_empty() {
            statements.push(insert_areas(sale.session, areas));
        }
    }
    DB.transaction(&statements).map(drop)
}

fn upsert_sale(sale: &Sale, seat_count: u32, capacity: u32) -> Statement {
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

fn insert_areas(session: SessionId, areas: &[(String, u32)]) -> Statement {
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

/// Ends the sale of all sessions of an event. Answers ids and numbers, also of the sessions that
/// were closed before.
///
/// # Errors
/// Those of the database.
pub fn close_sales(event: EventId) -> Result<Vec<(SessionId, u32)>, Error> {
    let statement = sql(
        "UPDATE sale_sessions SET status = 'closed', updated_at = now() WHERE event_id = $1 \
         RETURNING session_id, number",
    );
    let rows = DB.query(statement.bind(event))?;
    rows.iter()
        .map(|row| Ok((row.get("session_id")?, row.get("number")?)))
        .collect()
}

const COLUMNS: &str = "SELECT session_id, number, event_id, layout_id, layout_version, currency, categories, max_seats, starts_at, \
    sales_start_at, sales_end_at, status = 'closed' AS closed FROM sale_sessions";

/// The sale of a session.
///
/// # Errors
/// Those of the database.
pub fn find_by_session(session: SessionId) -> Result<Option<Sale>, Error> {
    let statement = sql(&format!("{COLUMNS} WHERE session_id = $1"));
    let row = DB.optional(statement.bind(session))?;
    row.as_ref().map(read_sale).transpose()
}

/// The sale with that number.
///
/// # Errors
/// Those of the database.
pub fn find_by_number(number: u32) -> Result<Option<Sale>, Error> {
    let statement = sql(&format!("{COLUMNS} WHERE number = $1"));
    let row = DB.optional(statement.bind(number))?;
    row.as_ref().map(read_sale).transpose()
}

fn read_sale(row: &Row) -> Result<Sale, Error> {
    let Json(categories): Json<Vec<Category>> = row.get("categories")?;
    Ok(Sale {
        session: row.get("session_id")?,
        number: row.get("number")?,
        event: row.get("event_id")?,
        layout: row.get("layout_id")?,
        layout_version: row.get("layout_version")?,
        currency: row.get("currency")?,
        categories,
        max_seats: row.get("max_seats")?,
        starts_at: row.get("starts_at")?,
        sales_start_at: row.get("sales_start_at")?,
        sales_end_at: row.get("sales_end_at")?,
        closed: row.get("closed")?,
    })
}

/// How many places a session has, seats and areas together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    pub session: SessionId,
    pub number: u32,
    pub places: u32,
}

/// Reads the capacities of sessions; unknown ones are left out.
///
/// # Errors
/// Those of the database.
pub fn read_capacities(sessions: Vec<SessionId>) -> Result<Vec<Capacity>, Error> {
    let statement = sql(
        "SELECT session_id, number, capacity::bigint AS capacity FROM sale_sessions \
         WHERE session_id = ANY($1)",
    );
    let rows = DB.query(statement.bind(sessions))?;
    let capacity = |row: &Row| {
        Ok(Capacity {
            session: row.get("session_id")?,
            number: row.get("number")?,
            places: row.get("capacity")?,
        })
    };
    rows.iter().map(capacity).collect()
}

/// Counts the claimed places of sessions, seats and areas together.
///
/// # Errors
/// Those of the database.
pub fn count_claims(sessions: Vec<SessionId>) -> Result<HashMap<SessionId, u32>, Error> {
    let statement = sql("SELECT s.session_id, \
             (SELECT count(*) FROM seat_claims c WHERE c.session_id = s.session_id AND c.status <> 'free') \
             + (SELECT coalesce(sum(a.claimed), 0) FROM session_areas a WHERE a.session_id = s.session_id) AS claimed \
         FROM sale_sessions s WHERE s.session_id = ANY($1)");
    let rows = DB.query(statement.bind(sessions))?;
    rows.iter()
        .map(|row| Ok((row.get("session_id")?, row.get("claimed")?)))
        .collect()
}
