//! The rules of accounts and organizers, without I/O: time is an argument, randomness too.

pub mod key_schedule;
pub mod organizer;
pub mod password;
pub mod profile;
pub mod refresh;
pub mod signing_key;
pub mod user;
