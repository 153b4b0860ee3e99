//! What the timer looks at. A claimed row is nobody else's until its next look, so two nodes do not
//! do the same.

use eventhub_guest::sql::{Error, Statement, sql};

use super::DB;
use super::bookings::{columns, read};
use crate::domain::booking::Booking;

macro_rules! claim {
    ($change:literal, $which:literal) => {
        // An array is made once; a sub-select of IN might be run again for each row.
        concat!(
            "UPDATE bookings SET ",
            $change,
            " WHERE id = ANY (ARRAY(SELECT id FROM bookings WHERE ",
            $which,
            " LIMIT $1 FOR UPDATE SKIP LOCKED)) RETURNING ",
            columns!()
        )
    };
}

/// The seconds until the next look are those of `domain::schedule::back_off`, by one attempt more.
const WORK: &str = claim!(
    "attempts = attempts + 1, next_attempt_at = now() + CASE WHEN attempts < 3 THEN make_interval(secs => power(2, attempts + 1)) \
     WHEN attempts >= 30 AND status = 'refunding' THEN interval '10 min' ELSE interval '15 s' END",
    "next_attempt_at <= now() AND NOT (status = 'awaiting_payment' AND saga_money = 'requested') ORDER BY next_attempt_at"
);

const DEADLINES: &str = claim!(
    "next_attempt_at = now() + interval '5 s'",
    "status = 'awaiting_payment' AND saga_money = 'requested' AND expires_at <= now() AND next_attempt_at <= now() ORDER BY expires_at"
);

const POLLS: &str = claim!(
    "next_attempt_at = now() + least(interval '15 s', greatest(expires_at - now(), interval '1 s'))",
    "status = 'awaiting_payment' AND saga_money = 'requested' AND expires_at > now() AND next_attempt_at <= now() ORDER BY next_attempt_at"
);

/// Takes up to so many of each kind that are due: passed deadlines, buyers whose payment may have
/// gone unnoticed, and what has work to do. Each kind has its share: thousands of refunds must not
/// keep seats of others from coming free.
pub fn take(portion: i64) -> Result<Vec<Vec<Booking>>, Error> {
    let statements: [Statement; 3] = [DEADLINES, POLLS, WORK].map(|text| sql(text).bind(portion));
    DB.transaction(&statements)?
        .iter()
        .map(|rows| rows.iter().map(read).collect())
        .collect()
}

/// Nothing is left to do with the booking, unless it changed meanwhile.
pub fn rest(booking: &Booking) -> Result<(), Error> {
    let statement =
        sql("UPDATE bookings SET next_attempt_at = NULL WHERE id = $1 AND version = $2");
    DB.execute(statement.bind(booking.id).bind(booking.version))
        .map(|_| ())
}

/// Forgets handled events that Kafka no longer has. The outbox is the log reader's to prune: it
/// knows what was published.
pub fn forget() -> Result<(), Error> {
    DB.execute(sql(
        "DELETE FROM inbox WHERE received_at < now() - interval '14 days'",
    ))
    .map(|_| ())
}
