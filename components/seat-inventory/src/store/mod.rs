//! The SQL of event_db: rows become types of the domain here.

pub mod claims;
pub mod sales;

use eventhub_guest::sql::Database;

/// The database of events, with this service's tables.
pub const DB: Database = Database("event_db");
