//! SQL of event_db: venues, events with their sessions, and the search for events.

pub mod events;
mod rows;
pub mod search;
pub mod venues;

use eventhub_guest::sql::Database;

/// The database of this service.
pub const DB: Database = Database("event_db");
