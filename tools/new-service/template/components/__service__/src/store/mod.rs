//! SQL of this service: its own tables in __service___db.

pub mod __service__;

use eventhub_guest::sql::Database;

pub const DB: Database = Database("__service___db");
