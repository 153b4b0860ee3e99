//! Facts about events. Published by the event service.

use eventhub_guest::ids::{EventId, OrganizerId, SessionId};
use serde::{Deserialize, Serialize};

/// An event can be found, and its seats are on sale.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct EventPublished {
    pub event_id: EventId,
    pub organizer_id: OrganizerId,
    pub title: String,
    pub session_ids: Vec<SessionId>,
}

/// A published event does not take place.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct EventCancelled {
    pub event_id: EventId,
    pub session_ids: Vec<SessionId>,
    pub reason: String,
}

facts! {
    "event";
    /// An event can be found, and its seats are on sale.
    EventPublished keyed by event_id;
    /// A published event does not take place.
    EventCancelled keyed by event_id;
}

example!(EventPublished {
    event_id: EventId::from_u128(3),
    organizer_id: OrganizerId::from_u128(7),
    title: "Opening Night".into(),
    session_ids: vec![SessionId::from_u128(4)],
});

example!(EventCancelled {
    event_id: EventId::from_u128(3),
    session_ids: vec![SessionId::from_u128(4)],
    reason: "rain".into(),
});
