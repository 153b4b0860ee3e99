//! The types of `eventhub:redis/commands@0.1.0`, as wasmtime lifts and lowers them.
//! `wit/deps/redis/redis.wit` documents them.

use wasmtime::component::{ComponentType, Lift, Lower};

/// A command's name and arguments.
pub type Command = Vec<Vec<u8>>;

/// What Redis answered.
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(variant)]
pub enum Reply {
    #[component(name = "nil")]
    Nil,
    #[component(name = "int")]
    Int(i64),
    /// A simple string, such as OK.
    #[component(name = "status")]
    Status(String),
    #[component(name = "bulk")]
    Bulk(Vec<u8>),
    #[component(name = "array")]
    Array(Vec<Item>),
}

#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(variant)]
pub enum Item {
    #[component(name = "nil")]
    Nil,
    #[component(name = "int")]
    Int(i64),
    #[component(name = "bulk")]
    Bulk(Vec<u8>),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, ComponentType, Lift, Lower)]
#[component(variant)]
pub enum Error {
    /// Redis says no, in its words.
    #[error("{0}")]
    #[component(name = "refused")]
    Refused(String),
    /// The caller's mistake.
    #[error("{0}")]
    #[component(name = "invalid")]
    Invalid(String),
    /// Redis's or the network's fault. Whether a write took effect is unknown.
    #[error("{0}")]
    #[component(name = "unavailable")]
    Unavailable(String),
}
