//! The SQL of identity_db. Time is an argument everywhere, so that rules and rows see the same
//! clock.

pub mod keys;
pub mod organizers;
pub mod refresh;
pub mod users;

use eventhub_guest::sql::Database;

/// The database of this service.
pub const DB: Database = Database("identity_db");
