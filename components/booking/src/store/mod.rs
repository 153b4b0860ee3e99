//! The SQL of booking_db. `bookings` reads and inserts, `record` writes what a step of the saga
//! leads to, `due` is the timer's, `tickets` reads tickets.

pub mod bookings;
pub mod due;
pub mod record;
pub mod tickets;

use std::str::FromStr;

use eventhub_guest::Timestamp;
use eventhub_guest::ids::BookingId;
use eventhub_guest::sql::{Database, Error, Row};

use crate::domain::booking::Booking;
use crate::error::Unavailable;
use record::{Record, SaveError};

/// The database of this service.
pub const DB: Database = Database("booking_db");

/// What the steps of a booking read and write. A trait, so that a test can let each call fail.
pub trait Store {
    /// A booking as it is now.
    fn load(&self, id: BookingId) -> Result<Option<Booking>, Unavailable>;
    /// All or nothing, if the version is still the one that was read. The time of the change.
    fn save(&self, record: &Record) -> Result<Timestamp, SaveError>;
    /// Ends the polling of a booking with which nothing is left to do.
    fn mark_settled(&self, booking: &Booking) -> Result<(), Unavailable>;
}

/// The store in `booking_db`.
pub struct Postgres;

impl Store for Postgres {
    fn load(&self, id: BookingId) -> Result<Option<Booking>, Unavailable> {
        bookings::find_booking(id).map_err(|error| Unavailable(error.to_string()))
    }

    fn save(&self, record: &Record) -> Result<Timestamp, SaveError> {
        record::save_record(record)
    }

    fn mark_settled(&self, booking: &Booking) -> Result<(), Unavailable> {
        due::mark_settled(booking).map_err(|error| Unavailable(error.to_string()))
    }
}

/// A text column that holds a value of an enum.
fn parse_column<T: FromStr>(row: &Row, column: &str) -> Result<T, Error> {
    let text: String = row.get(column)?;
    text.parse()
        .map_err(|_| Error::Invalid(format!("column {column} is {text:?}")))
}
