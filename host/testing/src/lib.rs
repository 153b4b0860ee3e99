//! Private, real servers for tests: each on a free port, with its data in a new temporary folder.
//!
//! A server and its folder go when the value is dropped, and also when the test's process ends in
//! any other way, `kill -9` included: a `static` holding a server leaks nothing. One file per
//! server; a new one needs a [`Folder`], a [`free_port`] and a [`Process`].

mod folder;
mod kafka;
mod postgres;
mod process;
mod redis;

pub use folder::{Folder, free_port};
pub use kafka::Kafka;
pub use postgres::Postgres;
pub use process::{Process, Signal, wait_until};
pub use redis::Redis;
