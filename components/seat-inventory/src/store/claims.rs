//! Claims of bookings on seats and places of areas. Each change is one transaction; an expectation
//! that is not met says what stands in the way. Rows are locked in one order: the booking's, then
//! seats by key, then areas by id.
//!
//! A seat is claimed by its key: the primary key is (session, seat). Its index in the layout is only
//! stored with the claim, for Redis. So a wrong index from a caller can neither free nor sell a seat
//! of somebody else: once the row exists, its own index is what Redis hears. The index of a caller
//! counts only where it creates the row; a wrong one makes another seat look taken in Redis, or free
//! until Redis loads the claims again, and a booking of that seat is still decided by its key.
//!
//! What changes claimed seats is a statement for each seat, by the whole primary key. With an array
//! of them PostgreSQL may read all claims of the session instead, and does as long as it has no
//! statistics: on the evening of a sale.

use eventhub_guest::ids::{BookingId, HoldId, SessionId};
use eventhub_guest::sql::{Error, Row, Statement, sql};

use super::DB;
use crate::domain::bits::set_bit;
use crate::domain::claims::{AreaClaim, Claims, Places};
use crate::unprotected::Protection;

/// One row where the session is on sale and the booking was not released. A reservation that runs
/// while the sale is being closed counts as an earlier one.
const RESERVE_BOOKING: &str = "INSERT INTO booking_claims AS b (booking_id, session_id, hold_id, status) \
    SELECT $2, s.session_id, $3, 'reserved' FROM sale_sessions s WHERE s.session_id = $1 AND s.status = 'on_sale' \
    ON CONFLICT (booking_id) DO UPDATE SET updated_at = now() WHERE b.session_id = excluded.session_id AND b.status <> 'released'";

/// The index of each seat that is now the booking's: it was free and had no younger claim, or was
/// the booking's already.
pub const RESERVE_SEATS: &str = "INSERT INTO seat_claims AS c (session_id, seat, seat_index, status, booking_id, fence) \
    SELECT $1, u.seat, u.seat_index, 'reserved', $2, $5 \
    FROM unnest($3::text[], $4::bigint[]) AS u(seat, seat_index) ORDER BY u.seat \
    ON CONFLICT (session_id, seat) DO UPDATE SET \
        status = CASE WHEN c.booking_id = excluded.booking_id THEN c.status ELSE 'reserved' END, \
        booking_id = excluded.booking_id, fence = greatest(c.fence, excluded.fence), updated_at = now() \
    WHERE (c.status = 'free' AND c.fence < excluded.fence) OR c.booking_id = excluded.booking_id \
    RETURNING seat_index";

/// The index of the seat where it is now sold to the booking.
pub const CONFIRM_SEAT: &str = "UPDATE seat_claims SET status = 'sold', updated_at = now() WHERE session_id = $1 AND seat = $2 AND booking_id = $3 RETURNING seat_index";

/// The index of the seat, and whether it is free from here on, also where an earlier call has freed
/// it; no row where nobody has ever claimed the seat.
const RELEASE_SEAT: &str = "WITH freed AS ( \
        UPDATE seat_claims SET status = 'free', booking_id = NULL, updated_at = now() \
        WHERE session_id = $1 AND seat = $2 AND booking_id = $3 RETURNING seat_index) \
    SELECT seat_index, true AS free FROM freed \
    UNION ALL \
    SELECT seat_index, status = 'free' FROM seat_claims \
    WHERE session_id = $1 AND seat = $2 AND NOT EXISTS (SELECT 1 FROM freed)";

/// With the rows locked beforehand, statements that follow see what others have committed.
const LOCK_AREAS: &str = "SELECT area FROM session_areas WHERE session_id = $1 AND area = ANY($2) ORDER BY area FOR UPDATE";

/// One row: the counter, raised where the booking had nothing of the area yet. Beyond the capacity
/// a constraint refuses.
const RESERVE_AREA: &str = "WITH added AS ( \
        INSERT INTO area_claims (session_id, area, booking_id, quantity, status) VALUES ($1, $2, $3, $4, 'reserved') \
        ON CONFLICT (session_id, area, booking_id) DO NOTHING RETURNING quantity), \
    raised AS ( \
        UPDATE session_areas SET claimed = claimed + (SELECT quantity FROM added), version = version + 1 \
        WHERE session_id = $1 AND area = $2 AND EXISTS (SELECT 1 FROM added) RETURNING area, claimed, version) \
    SELECT area, claimed, version FROM raised UNION ALL \
    SELECT s.area, s.claimed, s.version FROM session_areas s \
    WHERE s.session_id = $1 AND s.area = $2 AND NOT EXISTS (SELECT 1 FROM added) AND EXISTS ( \
        SELECT 1 FROM area_claims c WHERE c.session_id = $1 AND c.area = $2 AND c.booking_id = $3 AND c.status <> 'free')";

/// One row: the counter, lowered where the booking had places of the area.
const RELEASE_AREA: &str = "WITH freed AS ( \
        UPDATE area_claims SET status = 'free', updated_at = now() \
        WHERE session_id = $1 AND area = $2 AND booking_id = $3 AND status <> 'free' RETURNING quantity), \
    lowered AS ( \
        UPDATE session_areas SET claimed = claimed - (SELECT quantity FROM freed), version = version + 1 \
        WHERE session_id = $1 AND area = $2 AND EXISTS (SELECT 1 FROM freed) RETURNING area, claimed, version) \
    SELECT area, claimed, version FROM lowered UNION ALL \
    SELECT area, claimed, version FROM session_areas WHERE session_id = $1 AND area = $2 AND NOT EXISTS (SELECT 1 FROM freed)";

/// What a reservation or a sale has changed, for Redis.
#[derive(Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The indexes of all its seats.
    pub seats: Vec<u32>,
    /// The areas whose counters have changed.
    pub areas: Vec<AreaClaim>,
}

/// Claims all places of a booking, or none. `indexes`: those of its seats, in order.
///
/// # Errors
/// [`Error::Conflict`] in statement 0 where the sale is closed or the booking was released; in a
/// later one, or [`Error::Violation`], where places are taken.
pub fn reserve_places(
    session: SessionId,
    booking: BookingId,
    hold: HoldId,
    fence: i64,
    places: &Places,
    indexes: &[u32],
    protection: Protection,
) -> Result<Claimed, Error> {
    let mut statements = vec![
        sql(RESERVE_BOOKING)
            .bind(session)
            .bind(booking)
            .bind(hold)
            .expect(1),
    ];
    if !places.seats.is_empty() {
        let indexes: Vec<i64> = indexes.iter().copied().map(i64::from).collect();
        let seats = sql(protection.reserve_seats())
            .bind(session)
            .bind(booking)
            .bind(places.keys())
            .bind(indexes)
            .bind(fence);
        statements.push(seats.expect(places.seats.len() as u32));
    }
    if !places.areas.is_empty() {
        statements.push(lock_areas(session, places).expect(places.areas.len() as u32));
    }
    for (area, quantity) in &places.areas {
        statements.push(
            sql(RESERVE_AREA)
                .bind(session)
                .bind(area.as_str())
                .bind(booking)
                .bind(*quantity)
                .expect(1),
        );
    }
    let results = DB.transaction(&statements)?;
    let seats = match places.seats.is_empty() {
        true => vec![],
        false => read_indexes(results.get(1))?,
    };
    Ok(Claimed {
        seats,
        areas: read_area_claims(&results, places)?,
    })
}

fn lock_areas(session: SessionId, places: &Places) -> Statement {
    sql(LOCK_AREAS).bind(session).bind(places.area_ids())
}

fn read_indexes(rows: Option<&Vec<Row>>) -> Result<Vec<u32>, Error> {
    let rows = rows.into_iter().flatten();
    rows.map(|row| row.get("seat_index")).collect()
}

/// The counters, which the last statements answer: one for each area.
fn read_area_claims(results: &[Vec<Row>], places: &Places) -> Result<Vec<AreaClaim>, Error> {
    let first = results.len().saturating_sub(places.areas.len());
    let rows = results[first..].iter().flatten();
    rows.map(|row| {
        Ok(AreaClaim {
            area: row.get("area")?,
            claimed: row.get("claimed")?,
            version: row.get("version")?,
        })
    })
    .collect()
}

/// Sells the places of a booking to it. Answers its hold, and the indexes of its seats.
///
/// # Errors
/// [`Error::Conflict`] where a claim is gone.
pub fn sell_places(
    session: SessionId,
    booking: BookingId,
    places: &Places,
    protection: Protection,
) -> Result<(HoldId, Vec<u32>), Error> {
    let claim = sql(
        "UPDATE booking_claims SET status = 'sold', updated_at = now() \
         WHERE booking_id = $1 AND session_id = $2 AND status IN ('reserved', 'sold') RETURNING hold_id",
    );
    let mut statements = vec![claim.bind(booking).bind(session).expect(1)];
    let seat = |key: String| {
        sql(protection.confirm_seat())
            .bind(session)
            .bind(key)
            .bind(booking)
            .expect(1)
    };
    statements.extend(places.keys().into_iter().map(seat));
    if !places.areas.is_empty() {
        let areas = sql(
            "UPDATE area_claims SET status = 'sold', updated_at = now() \
             WHERE session_id = $1 AND area = ANY($2) AND booking_id = $3 AND status <> 'free'",
        );
        statements.push(
            areas
                .bind(session)
                .bind(places.area_ids())
                .bind(booking)
                .expect(places.areas.len() as u32),
        );
    }
    let results = DB.transaction(&statements)?;
    let mut results = results.iter();
    let claim = results.next().and_then(|rows| rows.first());
    let claim = claim.ok_or_else(|| Error::Invalid("a sold booking has no claim".into()))?;
    let seats = results
        .take(places.seats.len())
        .map(|rows| read_indexes(Some(rows)));
    let seats: Vec<Vec<u32>> = seats.collect::<Result<_, _>>()?;
    Ok((claim.get("hold_id")?, seats.concat()))
}

/// What a release has done.
#[derive(Debug, PartialEq, Eq)]
pub struct Released {
    /// The indexes of the booking's seats that are free now; not those that others have claimed
    /// since.
    pub free: Vec<u32>,
    /// The positions, among the booking's seats, of those that nobody has ever claimed.
    pub unclaimed: Vec<usize>,
    pub areas: Vec<AreaClaim>,
}

/// Frees the places of a booking, for good. It answers the same where the booking was released
/// before: the host that did it may have died before it could say so to Redis.
///
/// # Errors
/// Only those of the database.
pub fn release_places(
    session: SessionId,
    booking: BookingId,
    hold: HoldId,
    places: &Places,
) -> Result<Released, Error> {
    let claim = sql(
        "INSERT INTO booking_claims (booking_id, session_id, hold_id, status) \
         SELECT $2, s.session_id, $3, 'released' FROM sale_sessions s WHERE s.session_id = $1 \
         ON CONFLICT (booking_id) DO UPDATE SET status = 'released', updated_at = now()",
    );
    let mut statements = vec![claim.bind(session).bind(booking).bind(hold)];
    let seat = |key: String| sql(RELEASE_SEAT).bind(session).bind(key).bind(booking);
    statements.extend(places.keys().into_iter().map(seat));
    if !places.areas.is_empty() {
        statements.push(lock_areas(session, places));
    }
    for (area, _) in &places.areas {
        statements.push(
            sql(RELEASE_AREA)
                .bind(session)
                .bind(area.as_str())
                .bind(booking),
        );
    }
    let results = DB.transaction(&statements)?;
    let mut released = Released {
        free: vec![],
        unclaimed: vec![],
        areas: read_area_claims(&results, places)?,
    };
    for (at, rows) in results.iter().skip(1).take(places.seats.len()).enumerate() {
        match rows.first() {
            None => released.unclaimed.push(at),
            Some(row) if row.get("free")? => released.free.push(row.get("seat_index")?),
            Some(_) => {}
        }
    }
    Ok(released)
}

/// Where a booking and its session stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The session was never on sale.
    NoSession,
    /// The booking has no claim.
    NoClaim,
    /// It has reserved or bought.
    Claimed,
    /// It was released.
    Released,
}

/// Reads where a booking stands.
///
/// # Errors
/// Those of the database.
pub fn find_standing(session: SessionId, booking: BookingId) -> Result<Standing, Error> {
    let statement = sql("SELECT b.status FROM sale_sessions s \
         LEFT JOIN booking_claims b ON b.booking_id = $2 AND b.session_id = s.session_id \
         WHERE s.session_id = $1")
    .bind(session)
    .bind(booking);
    let Some(row) = DB.optional(statement)? else {
        return Ok(Standing::NoSession);
    };
    Ok(match row.get::<Option<String>>("status")?.as_deref() {
        None => Standing::NoClaim,
        Some("reserved" | "sold") => Standing::Claimed,
        Some(_) => Standing::Released,
    })
}

/// The seat keys and area ids that a booking cannot reserve.
///
/// # Errors
/// Those of the database.
pub fn find_obstacles(
    session: SessionId,
    booking: BookingId,
    fence: i64,
    places: &Places,
) -> Result<Vec<String>, Error> {
    let quantities: Vec<i64> = places
        .areas
        .iter()
        .map(|(_, quantity)| i64::from(*quantity))
        .collect();
    let statement = sql("SELECT seat AS place FROM seat_claims WHERE session_id = $1 AND seat = ANY($2) \
             AND booking_id IS DISTINCT FROM $3 AND NOT (status = 'free' AND fence < $4) \
         UNION ALL \
         SELECT u.area FROM unnest($5::text[], $6::bigint[]) AS u(area, quantity) \
             LEFT JOIN session_areas a ON a.session_id = $1 AND a.area = u.area \
         WHERE coalesce(a.claimed, 0) + u.quantity > coalesce(a.capacity, 0) AND NOT EXISTS ( \
             SELECT 1 FROM area_claims c WHERE c.session_id = $1 AND c.area = u.area AND c.booking_id = $3 AND c.status <> 'free') \
         ORDER BY place")
    .bind(session)
    .bind(places.keys())
    .bind(booking)
    .bind(fence)
    .bind(places.area_ids())
    .bind(quantities);
    read_places(&DB.query(statement)?)
}

/// The seat keys and area ids whose claim a booking no longer has.
///
/// # Errors
/// Those of the database.
pub fn find_lost(
    session: SessionId,
    booking: BookingId,
    places: &Places,
) -> Result<Vec<String>, Error> {
    let statement = sql("SELECT u.place FROM unnest($2::text[]) AS u(place) WHERE NOT EXISTS ( \
             SELECT 1 FROM seat_claims c WHERE c.session_id = $1 AND c.seat = u.place AND c.booking_id = $3) \
         UNION ALL \
         SELECT u.place FROM unnest($4::text[]) AS u(place) WHERE NOT EXISTS ( \
             SELECT 1 FROM area_claims c WHERE c.session_id = $1 AND c.area = u.place AND c.booking_id = $3 AND c.status <> 'free')")
    .bind(session)
    .bind(places.keys())
    .bind(booking)
    .bind(places.area_ids());
    read_places(&DB.query(statement)?)
}

fn read_places(rows: &[Row]) -> Result<Vec<String>, Error> {
    rows.iter().map(|row| row.get("place")).collect()
}

/// Everything that is claimed of a session and whether its sale is closed, for the cache in Redis.
///
/// # Errors
/// Those of the database.
pub fn read_claims(session: SessionId) -> Result<Claims, Error> {
    let seats = "SELECT status, array_agg(seat_index::bigint) AS seats FROM seat_claims WHERE session_id = $1 AND status <> 'free' GROUP BY status";
    let areas = "SELECT area, claimed, version FROM session_areas WHERE session_id = $1";
    let closed = "SELECT status = 'closed' AS closed FROM sale_sessions WHERE session_id = $1";
    let statements = [seats, areas, closed].map(|text| sql(text).bind(session));
    let results = DB.transaction(&statements)?;
    let [seats, areas, closed] = &results[..] else {
        return Err(Error::Invalid(
            "three statements have not three results".into(),
        ));
    };
    let mut claims = Claims::default();
    if let Some(row) = closed.first() {
        claims.closed = row.get("closed")?;
    }
    for row in seats {
        let is_sold = row.get::<String>("status")? == "sold";
        for seat in row.get::<Vec<i64>>("seats")? {
            set_bit(&mut claims.claimed, seat as u32);
            if is_sold {
                set_bit(&mut claims.sold, seat as u32);
            }
        }
    }
    for row in areas {
        claims.areas.push(AreaClaim {
            area: row.get("area")?,
            claimed: row.get("claimed")?,
            version: row.get("version")?,
        });
    }
    Ok(claims)
}
