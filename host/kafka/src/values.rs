//! The types of `eventhub:kafka@0.1.0`, as Rust values that go in and out of components.

use wasmtime::component::{ComponentType, Lift, Lower};

/// A message to publish, or the message of a [`Delivery`].
#[derive(Debug, Clone, PartialEq, Eq, Default, ComponentType, Lift, Lower)]
#[component(record)]
pub struct Message {
    /// The topic's name.
    pub topic: String,
    /// Messages of one key keep their order.
    pub key: Option<Vec<u8>>,
    /// `id` is what consumers de-duplicate on; values that are not UTF-8 arrive with replacement
    /// characters.
    pub headers: Vec<(String, String)>,
    /// Empty for a tombstone.
    pub value: Vec<u8>,
}

/// A consumed message.
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(record)]
pub struct Delivery {
    /// What was published.
    pub message: Message,
    /// Where it was read.
    pub partition: i32,
    /// Its number in the partition.
    pub offset: i64,
    /// Milliseconds since the Unix epoch; 0 when the message has none.
    pub timestamp: i64,
    /// 1 the first time.
    pub attempt: u32,
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(variant)]
pub enum Outcome {
    /// Handled; never to be seen again.
    #[component(name = "done")]
    Done,
    /// To be tried again with back-off, with this cause; later messages of the key wait.
    #[component(name = "retry")]
    Retry(String),
    /// As `retry`, for as long as it takes: it is not the message that is at fault.
    #[component(name = "unavailable")]
    Unavailable(String),
    /// To the dead letter topic, with this cause.
    #[component(name = "dead-letter")]
    DeadLetter(String),
}

/// Why `publish` failed. Some of the messages may have been published all the same.
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lift, Lower, thiserror::Error)]
#[component(variant)]
pub enum PublishError {
    /// The caller's fault: too large, unknown topic, malformed.
    #[component(name = "invalid")]
    #[error("{0}")]
    Invalid(String),
    /// Kafka's fault: not acknowledged by all in-sync replicas in time.
    #[component(name = "unavailable")]
    #[error("{0}")]
    Unavailable(String),
}
