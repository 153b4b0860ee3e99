//! SQL of event_db: layouts with their versions, and the venues that may have layouts.

pub mod layouts;
pub mod venues;

use eventhub_guest::sql::Database;

/// The database of this service.
pub const DB: Database = Database("event_db");
