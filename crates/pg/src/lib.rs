//! What every provider of `eventhub:postgres` has in common, whatever it reaches the server with:
//! the binary forms of values, what is a decimal, and which statements are not for components.
//! Pure.

pub mod binary;
pub mod numeric;
pub mod session;
