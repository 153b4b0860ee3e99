//! The metrics of one component. Handles are looked up once, so that a call formats no labels. The
//! number of instances is not a metric here: see [`crate::ComponentStats`].

use metrics::{Counter, Histogram, counter, histogram};

/// `eventhub_component_*{component}`.
pub(crate) struct Meters {
    pub ok: Counter,
    failed: Vec<(&'static str, Counter)>,
    /// The caller dropped the call before it was answered.
    pub cancelled: Counter,
    pub seconds: Histogram,
    pub started: Counter,
    pub recycled: Counter,
    pub dropped: Counter,
}

const KINDS: [&str; 6] = [
    "trap",
    "deadline",
    "memory",
    "overloaded",
    "start",
    "not_exported",
];

impl Meters {
    pub fn new(component: &str) -> Self {
        let labels = [("component", component.to_owned())];
        let calls = |outcome: &'static str| counter!("eventhub_component_calls_total", "component" => component.to_owned(), "outcome" => outcome);
        let ended = |why: &'static str| counter!("eventhub_component_instances_ended_total", "component" => component.to_owned(), "why" => why);
        Self {
            ok: calls("ok"),
            failed: KINDS.iter().map(|kind| (*kind, calls(kind))).collect(),
            cancelled: calls("cancelled"),
            seconds: histogram!("eventhub_component_seconds", &labels),
            started: counter!("eventhub_component_instances_started_total", &labels),
            recycled: ended("recycled"),
            dropped: ended("dropped"),
        }
    }

    pub fn failed(&self, kind: &str) {
        if let Some((_, counter)) = self.failed.iter().find(|(known, _)| *known == kind) {
            counter.increment(1);
        }
    }
}
