//! The limits of sockets and topics.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// For all sockets of the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many sockets may be open at once.
    pub max_sockets: usize,
    /// How many of them one address may have, or one /64 of IPv6; 0: all.
    pub max_sockets_per_address: usize,
    /// How often an open socket is pinged; after two pings without an answer it is dropped.
    /// Seconds.
    pub ping_seconds: u64,
    /// Frames waiting for one slow reader; over it the socket is closed with 1013.
    pub max_pending_frames: usize,
    /// The shortest time between two reads of a topic. Milliseconds.
    pub read_interval_ms: u64,
    /// The longest time between two reads of a topic with listeners. Milliseconds.
    pub poll_interval_ms: u64,
    /// The longest that a read may take. Milliseconds.
    pub read_timeout_ms: u64,
    /// Recent frames kept per topic, for sockets that join while frames arrive.
    pub recent_frames: usize,
    /// The largest message that a client may send, in bytes; its messages are ignored. A larger
    /// one ends with 1009.
    pub max_client_message_bytes: usize,
    /// More messages of a client than this between two pings end with 1008.
    pub max_client_messages: u32,
    /// How long a socket that is being closed may take to read what is left and to answer the
    /// close. Milliseconds.
    pub close_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_sockets: 20_000,
            max_sockets_per_address: 1_000,
            ping_seconds: 20,
            max_pending_frames: 64,
            read_interval_ms: 50,
            poll_interval_ms: 1_000,
            read_timeout_ms: 5_000,
            recent_frames: 128,
            max_client_message_bytes: 4_096,
            max_client_messages: 100,
            close_ms: 5_000,
        }
    }
}

impl Config {
    pub(crate) fn ping(&self) -> Duration {
        Duration::from_secs(self.ping_seconds.max(1))
    }

    pub(crate) fn close(&self) -> Duration {
        Duration::from_millis(self.close_ms)
    }
}
