//! `eventhub up`: private, real servers in one folder, migrated and seeded, and the host that
//! serves on them. Everything that it starts ends with it, also when it is killed.

mod folder;
mod kafka;
mod place;
mod postgres;
mod process;
mod redis;
mod seed;
mod state;
mod up;

pub use up::{Options, up};
