//! The metrics of one link. Handles are looked up once, so that a call formats no labels.

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

/// `eventhub_link_*{from,to}`.
pub(crate) struct Meters {
    pub ok: Counter,
    pub failed: Counter,
    pub timeout: Counter,
    pub overloaded: Counter,
    pub refused: Counter,
    /// The caller dropped the call.
    pub cancelled: Counter,
    pub seconds: Histogram,
    /// 1 while the breaker is open or probing.
    pub open: Gauge,
    pub in_flight: Gauge,
    pub queued: Gauge,
}

impl Meters {
    pub fn new(from: &str, to: &str) -> Self {
        let labels = [("from", from.to_owned()), ("to", to.to_owned())];
        let calls = |outcome: &'static str| counter!("eventhub_link_calls_total", "from" => from.to_owned(), "to" => to.to_owned(), "outcome" => outcome);
        let meters = Self {
            ok: calls("ok"),
            failed: calls("failed"),
            timeout: calls("timeout"),
            overloaded: calls("overloaded"),
            refused: calls("open"),
            cancelled: calls("cancelled"),
            seconds: histogram!("eventhub_link_seconds", &labels),
            open: gauge!("eventhub_link_open", &labels),
            in_flight: gauge!("eventhub_link_in_flight", &labels),
            queued: gauge!("eventhub_link_queued", &labels),
        };
        // A gauge is exported only once it is set. Without it, dashboards could not tell "closed"
        // from "gone".
        meters.open.set(0.0);
        meters
    }
}
