//! The metrics of all sockets.

use metrics::{Counter, Gauge, counter, gauge};

pub(crate) struct Meters {
    pub sockets: Gauge,
    pub topics: Gauge,
    pub frames: Counter,
    pub refused: Counter,
    pub slow: Counter,
    pub dead: Counter,
    pub reads: Counter,
    pub failed_reads: Counter,
}

impl Meters {
    pub fn new() -> Self {
        let closed = |cause: &'static str| counter!("eventhub_websocket_dropped_total", "cause" => cause);
        let read = |outcome: &'static str| counter!("eventhub_websocket_reads_total", "outcome" => outcome);
        Self {
            sockets: gauge!("eventhub_websocket_sockets"),
            topics: gauge!("eventhub_websocket_topics"),
            frames: counter!("eventhub_websocket_frames_total"),
            refused: closed("full"),
            slow: closed("slow"),
            dead: closed("dead"),
            reads: read("ok"),
            failed_reads: read("failed"),
        }
    }
}
