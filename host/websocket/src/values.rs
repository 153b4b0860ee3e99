//! The types of `eventhub:websocket@0.1.0`, as Rust values that come out of components.

use wasmtime::component::{ComponentType, Lift, Lower};

/// One frame of a topic.
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(record)]
pub struct Frame {
    /// Rises by one from frame to frame of a topic.
    pub seq: u64,
    /// The text frame.
    pub text: String,
}

/// What a client that may listen listens to.
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(record)]
pub struct Subscription {
    /// For example `session:ses_…`.
    pub topic: String,
    /// Sent first, in order. The last one's `seq` is where the topic goes on; empty: from `seq`
    /// below.
    pub frames: Vec<Frame>,
    /// See `frames`.
    pub seq: u64,
}

/// The frames of a topic after a number.
#[derive(Debug, Clone, PartialEq, Eq, Default, ComponentType, Lift, Lower)]
#[component(record)]
pub struct Page {
    /// In order, without a gap.
    pub frames: Vec<Frame>,
    /// The log does not reach back to the number asked for: `frames` begins with a snapshot.
    pub reset: bool,
}
