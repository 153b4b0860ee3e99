//! What a route or a tick does where it does more than read or write.

pub mod accounts;
pub mod rotation;
pub mod signing_keys;
pub mod tokens;
