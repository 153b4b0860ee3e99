//! The SQL of booking_db. `bookings` reads and inserts, `record` writes what a step of the saga
//! leads to, `due` is the timer's, `tickets` reads tickets.

pub mod bookings;
pub mod due;
pub mod record;
pub mod tickets;

use eventhub_guest::sql::Database;

pub const DB: Database = Database("booking_db");
