//! The SQL of event_db, as statements; the ports run them.

pub mod claims;
pub mod sales;
