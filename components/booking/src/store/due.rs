//! Bookings that are due for the timer. Claiming a row moves its next attempt, so that two nodes do
//! not work on the same booking.

use eventhub_guest::sql::{Error, Statement, sql};

use super::DB;
use super::bookings::{columns, read_booking};
use crate::domain::booking::Booking;

macro_rules! claim {
    ($change:literal, $which:literal) => {
        // The array is computed once; a sub-select of IN might run again for each row.
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

/// The seconds until the next attempt are those of `domain::schedule::back_off`, after one attempt
/// more.
const WORK: &str = claim!(
    "attempts = attempts + 1, next_attempt_at = now() + CASE \
     WHEN attempts < 3 THEN make_interval(secs => power(2, attempts + 1)) \
     WHEN attempts >= 30 AND status = 'refunding' THEN interval '10 min' \
     ELSE interval '15 s' END",
    "next_attempt_at <= now() AND NOT (status = 'awaiting_payment' AND saga_money = 'requested') \
     ORDER BY next_attempt_at"
);

const DEADLINES: &str = claim!(
    "next_attempt_at = now() + interval '5 s'",
    "status = 'awaiting_payment' AND saga_money = 'requested' AND expires_at <= now() \
     AND next_attempt_at <= now() ORDER BY expires_at"
);

const POLLS: &str = claim!(
    "next_attempt_at = now() + \
     least(interval '15 s', greatest(expires_at - now(), interval '1 s'))",
    "status = 'awaiting_payment' AND saga_money = 'requested' AND expires_at > now() \
     AND next_attempt_at <= now() ORDER BY next_attempt_at"
);

/// Claims up to `batch` bookings of each kind that are due: passed deadlines, buyers whose payment
/// may have gone unnoticed, and states that demand a command. Each kind has its share, because
/// thousands of refunds must not keep the seats of expired bookings.
pub fn claim_next_due(batch: i64) -> Result<Vec<Vec<Booking>>, Error> {
    let statements: [Statement; 3] = [DEADLINES, POLLS, WORK].map(|text| sql(text).bind(batch));
    DB.transaction(&statements)?
        .iter()
        .map(|rows| rows.iter().map(read_booking).collect())
        .collect()
}

/// Ends the polling of a booking with which nothing is left to do, unless it has changed meanwhile.
pub fn mark_settled(booking: &Booking) -> Result<(), Error> {
    let statement =
        sql("UPDATE bookings SET next_attempt_at = NULL WHERE id = $1 AND version = $2");
    DB.execute(statement.bind(booking.id).bind(booking.version))
        .map(|_| ())
}

/// Deletes the ids of handled facts that Kafka no longer has. The relay prunes the outbox, because
/// it knows what was published.
pub fn prune_inbox() -> Result<(), Error> {
    DB.execute(sql(
        "DELETE FROM inbox WHERE received_at < now() - interval '14 days'",
    ))
    .map(|_| ())
}
