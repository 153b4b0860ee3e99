//! The metrics of all sockets.

use metrics::{Counter, Gauge, counter, gauge};

pub(crate) struct Meters {
    pub sockets: Gauge,
    pub topics: Gauge,
    pub frames: Counter,
    pub full: Counter,
    pub address_full: Counter,
    pub slow: Counter,
    pub dead: Counter,
    pub reads: Counter,
    pub failed_reads: Counter,
}

impl Meters {
    pub fn new() -> Self {
        let closed =
            |cause: &'static str| counter!("eventhub_websocket_dropped_total", "cause" => cause);
        let read = |outcome: &'static str| counter!("eventhub_websocket_reads_total", "outcome" => outcome);
        Self {
            sockets: gauge!("eventhub_websocket_sockets"),
            topics: gauge!("eventhub_websocket_topics"),
            frames: counter!("eventhub_websocket_frames_total"),
            full: closed("full"),
            address_full: closed("address"),
            slow: closed("slow"),
            dead: closed("dead"),
            reads: read("ok"),
            failed_reads: read("failed"),
        }
    }
}
