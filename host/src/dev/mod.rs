//! `eventhub up`: private, real servers in one folder, migrated and seeded, and the platform that
//! runs the components on them. Every process that it starts ends with it, also when it is killed.

mod folder;
mod kafka;
mod platform;
mod postgres;
mod process;
mod redis;
mod seed;
mod state;
mod up;

pub use up::{Options, up};
