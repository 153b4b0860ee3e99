//! Claims of bookings on seats and places. Each function returns the statements of one transaction,
//! in order; an expectation that is not met says what stands in the way. Rows are locked in one
//! order: the booking's, then seats by key, then areas by id.
//!
//! What changes claimed seats is a statement a seat, by the whole primary key. With an array of
//! them PostgreSQL may read all claims of the session instead, and does as long as it has no
//! statistics: on the evening of a sale.

use eventhub_guest::ids::{BookingId, HoldId, SessionId};
use eventhub_guest::sql::{Error, Statement, sql};

use crate::domain::seat_names::set;
use crate::leases::{AreaClaim, Claims};
use crate::ports::Rows;
use crate::unprotected::Protection;

/// The places of a booking: keys with indexes, sorted by key; areas with quantities, sorted by id.
#[derive(Debug, Clone, Default)]
pub struct Places {
    pub seats: Vec<(String, u32)>,
    pub areas: Vec<(String, u32)>,
}

impl Places {
    pub fn new(mut seats: Vec<(String, u32)>, mut areas: Vec<(String, u32)>) -> Self {
        seats.sort();
        areas.sort();
        Self { seats, areas }
    }

    fn keys(&self) -> Vec<String> {
        self.seats.iter().map(|(key, _)| key.clone()).collect()
    }

    fn area_ids(&self) -> Vec<String> {
        self.areas.iter().map(|(area, _)| area.clone()).collect()
    }

    fn quantities(&self) -> Vec<i64> {
        self.areas
            .iter()
            .map(|(_, quantity)| i64::from(*quantity))
            .collect()
    }

    pub fn indexes(&self) -> Vec<u32> {
        self.seats.iter().map(|(_, index)| *index).collect()
    }
}

/// One row where the session is on sale and the booking was not released. A reservation that runs
/// while the sale is being closed counts as one before.
const RESERVE_BOOKING: &str = "INSERT INTO booking_claims AS b (booking_id, session_id, hold_id, status) \
    SELECT $2, s.session_id, $3, 'reserved' FROM sale_sessions s WHERE s.session_id = $1 AND s.status = 'on_sale' \
    ON CONFLICT (booking_id) DO UPDATE SET updated_at = now() WHERE b.session_id = excluded.session_id AND b.status <> 'released'";

/// One row for each seat that is now the booking's: it was free and had no younger claim, or was
/// the booking's already.
pub const RESERVE_SEATS: &str = "INSERT INTO seat_claims AS c (session_id, seat, seat_index, status, booking_id, fence) \
    SELECT $1, u.seat, u.seat_index, 'reserved', $2, $5 \
    FROM unnest($3::text[], $4::bigint[]) AS u(seat, seat_index) ORDER BY u.seat \
    ON CONFLICT (session_id, seat) DO UPDATE SET \
        status = CASE WHEN c.booking_id = excluded.booking_id THEN c.status ELSE 'reserved' END, \
        booking_id = excluded.booking_id, fence = greatest(c.fence, excluded.fence), updated_at = now() \
    WHERE (c.status = 'free' AND c.fence < excluded.fence) OR c.booking_id = excluded.booking_id";

/// One row where the seat is now sold to the booking.
pub const CONFIRM_SEAT: &str = "UPDATE seat_claims SET status = 'sold', updated_at = now() WHERE session_id = $1 AND seat = $2 AND booking_id = $3";

/// One row: whether the seat is free from here on, be it that a call before has freed it.
const RELEASE_SEAT: &str = "WITH freed AS ( \
        UPDATE seat_claims SET status = 'free', booking_id = NULL, updated_at = now() \
        WHERE session_id = $1 AND seat = $2 AND booking_id = $3 RETURNING seat) \
    SELECT EXISTS (SELECT 1 FROM freed) \
        OR NOT EXISTS (SELECT 1 FROM seat_claims WHERE session_id = $1 AND seat = $2 AND status <> 'free') AS free";

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

/// Statement 0 fails where the sale is closed or the booking was released, a later one where places
/// are taken.
pub fn reserve(
    session: SessionId,
    booking: BookingId,
    hold: HoldId,
    fence: i64,
    places: &Places,
    protection: Protection,
) -> Vec<Statement> {
    let mut statements = vec![
        sql(RESERVE_BOOKING)
            .bind(session)
            .bind(booking)
            .bind(hold)
            .expect(1),
    ];
    if !places.seats.is_empty() {
        let indexes: Vec<i64> = places
            .seats
            .iter()
            .map(|(_, index)| i64::from(*index))
            .collect();
        let seats = sql(protection.reserve_seats())
            .bind(session)
            .bind(booking)
            .bind(places.keys())
            .bind(indexes)
            .bind(fence);
        statements.push(seats.expect(places.seats.len() as u32));
    }
    if !places.areas.is_empty() {
        statements.push(
            sql(LOCK_AREAS)
                .bind(session)
                .bind(places.area_ids())
                .expect(places.areas.len() as u32),
        );
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
    statements
}

/// Any of them fails where the claim is gone. The first answers `hold_id`.
pub fn confirm(
    session: SessionId,
    booking: BookingId,
    places: &Places,
    protection: Protection,
) -> Vec<Statement> {
    let claim = sql(
        "UPDATE booking_claims SET status = 'sold', updated_at = now() \
         WHERE booking_id = $1 AND session_id = $2 AND status IN ('reserved', 'sold') RETURNING hold_id",
    );
    let mut statements = vec![claim.bind(booking).bind(session).expect(1)];
    let seat = |(key, _): &(String, u32)| {
        sql(protection.confirm_seat())
            .bind(session)
            .bind(key.as_str())
            .bind(booking)
            .expect(1)
    };
    statements.extend(places.seats.iter().map(seat));
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
    statements
}

/// Fails only with the database. [`free_seats`] reads what they answer, also when the booking was
/// released before: who did it may have died before it could tell anybody.
pub fn release(
    session: SessionId,
    booking: BookingId,
    hold: HoldId,
    places: &Places,
) -> Vec<Statement> {
    let claim = sql(
        "INSERT INTO booking_claims (booking_id, session_id, hold_id, status) \
         SELECT $2, s.session_id, $3, 'released' FROM sale_sessions s WHERE s.session_id = $1 \
         ON CONFLICT (booking_id) DO UPDATE SET status = 'released', updated_at = now()",
    );
    let mut statements = vec![claim.bind(session).bind(booking).bind(hold)];
    let seat = |(key, _): &(String, u32)| {
        sql(RELEASE_SEAT)
            .bind(session)
            .bind(key.as_str())
            .bind(booking)
    };
    statements.extend(places.seats.iter().map(seat));
    if !places.areas.is_empty() {
        statements.push(sql(LOCK_AREAS).bind(session).bind(places.area_ids()));
    }
    for (area, _) in &places.areas {
        statements.push(
            sql(RELEASE_AREA)
                .bind(session)
                .bind(area.as_str())
                .bind(booking),
        );
    }
    statements
}

/// The indexes of the booking's seats that are free after [`release`]; not those that others have
/// claimed since.
pub fn free_seats(results: &[Rows], places: &Places) -> Result<Vec<u32>, Error> {
    let mut free = vec![];
    for ((_, index), rows) in places.seats.iter().zip(results.iter().skip(1)) {
        if rows.get(0, "free")? {
            free.push(*index);
        }
    }
    Ok(free)
}

/// What the statements about areas answered.
pub fn area_claims(results: &[Rows]) -> Result<Vec<AreaClaim>, Error> {
    let of_areas = results
        .iter()
        .filter(|rows| !rows.is_empty() && rows.0.columns.iter().any(|column| column == "version"));
    of_areas
        .map(|rows| {
            Ok(AreaClaim {
                area: rows.get(0, "area")?,
                claimed: rows.get(0, "claimed")?,
                version: rows.get(0, "version")?,
            })
        })
        .collect()
}

/// Where a booking and its session stand: `booking` (null where it has no claim) and `session`; no
/// row for an unknown session.
pub fn standing(session: SessionId, booking: BookingId) -> Statement {
    sql("SELECT s.status AS session, b.status AS booking FROM sale_sessions s \
         LEFT JOIN booking_claims b ON b.booking_id = $2 AND b.session_id = s.session_id WHERE s.session_id = $1")
    .bind(session)
    .bind(booking)
}

/// The places that a booking cannot reserve, as `place`.
pub fn in_the_way(
    session: SessionId,
    booking: BookingId,
    fence: i64,
    places: &Places,
) -> Statement {
    sql("SELECT seat AS place FROM seat_claims WHERE session_id = $1 AND seat = ANY($2) \
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
    .bind(places.quantities())
}

/// The places whose claim a booking no longer has, as `place`.
pub fn gone(session: SessionId, booking: BookingId, places: &Places) -> Statement {
    sql("SELECT u.place FROM unnest($2::text[]) AS u(place) WHERE NOT EXISTS ( \
             SELECT 1 FROM seat_claims c WHERE c.session_id = $1 AND c.seat = u.place AND c.booking_id = $3) \
         UNION ALL \
         SELECT u.place FROM unnest($4::text[]) AS u(place) WHERE NOT EXISTS ( \
             SELECT 1 FROM area_claims c WHERE c.session_id = $1 AND c.area = u.place AND c.booking_id = $3 AND c.status <> 'free')")
    .bind(session)
    .bind(places.keys())
    .bind(booking)
    .bind(places.area_ids())
}

/// Column `place` of each row.
pub fn places_of(rows: &Rows) -> Result<Vec<String>, Error> {
    (0..rows.len()).map(|row| rows.get(row, "place")).collect()
}

/// Everything that is claimed of a session and whether its sale is closed, for the cache in Redis.
pub fn all(session: SessionId) -> [Statement; 3] {
    let seats = "SELECT status, array_agg(seat_index::bigint) AS seats FROM seat_claims WHERE session_id = $1 AND status <> 'free' GROUP BY status";
    let areas = "SELECT area, claimed, version FROM session_areas WHERE session_id = $1";
    let closed = "SELECT status = 'closed' AS closed FROM sale_sessions WHERE session_id = $1";
    [
        sql(seats).bind(session),
        sql(areas).bind(session),
        sql(closed).bind(session),
    ]
}

/// What [`all`] answered, as bits.
pub fn all_of(seats: &Rows, areas: &Rows, closed: &Rows) -> Result<Claims, Error> {
    let mut claims = Claims {
        closed: !closed.is_empty() && closed.get(0, "closed")?,
        ..Claims::default()
    };
    for row in 0..seats.len() {
        let sold = seats.get::<String>(row, "status")? == "sold";
        for seat in seats.get::<Vec<i64>>(row, "seats")? {
            set(&mut claims.claimed, seat as u32);
            if sold {
                set(&mut claims.sold, seat as u32);
            }
        }
    }
    for row in 0..areas.len() {
        claims.areas.push(AreaClaim {
            area: areas.get(row, "area")?,
            claimed: areas.get(row, "claimed")?,
            version: areas.get(row, "version")?,
        });
    }
    Ok(claims)
}
