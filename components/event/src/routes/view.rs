//! An event as clients see it: the contract's members first, then the further ones.

use std::collections::HashMap;

use eventhub_guest::http::WithHeader;
use eventhub_guest::ids::{EventId, LayoutId, OrganizerId, SessionId, VenueId};
use eventhub_guest::{Answer, Currency, Timestamp, etag, json};
use serde::Serialize;

use super::Call;
use crate::config::Config;
use crate::domain::event::{Category, Event, SessionStatus, Status, Tally, VenueSummary};
use crate::domain::slug::make_slug;
use crate::ports::Ports;

/// An event in an answer.
#[derive(Serialize)]
pub struct EventView<'a> {
    id: EventId,
    organizer_id: OrganizerId,
    venue_id: VenueId,
    layout_id: LayoutId,
    layout_version: u32,
    title: &'a str,
    slug: String,
    description: &'a str,
    status: Status,
    currency: Currency,
    categories: &'a [Category],
    sessions: Vec<SessionView>,
    max_seats_per_booking: u32,
    tags: &'a [String],
    venue: &'a VenueSummary,
    published_at: Option<Timestamp>,
    cancelled_at: Option<Timestamp>,
    cancellation_reason: Option<&'a str>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Serialize)]
struct SessionView {
    id: SessionId,
    starts_at: Timestamp,
    ends_at: Timestamp,
    sales_start_at: Option<Timestamp>,
    sales_end_at: Option<Timestamp>,
    status: SessionStatus,
    seats: Seats,
    live_url: String,
}

/// `free` is null while it cannot be counted: an event is shown even when the seat-inventory service
/// is away.
#[derive(Serialize)]
struct Seats {
    total: u32,
    free: Option<u32>,
}

impl Seats {
    fn new(event: &Event, tally: Option<&Tally>) -> Self {
        let total = event.layout.capacity;
        match event.status {
            Status::Draft => Self {
                total,
                free: Some(total),
            },
            Status::Cancelled => Self {
                total,
                free: Some(0),
            },
            Status::Published => tally.map_or(Self { total, free: None }, |tally| Self {
                total: tally.total,
                free: Some(tally.free),
            }),
        }
    }
}

/// Counts the places of all sessions of these events that are on sale, in one call. Empty where the
/// seat-inventory service is unavailable.
pub fn count_places<'a>(
    ports: &dyn Ports,
    events: impl Iterator<Item = &'a Event>,
) -> HashMap<SessionId, Tally> {
    let published = events.filter(|event| event.status == Status::Published);
    let sessions: Vec<_> = published.flat_map(Event::session_ids).collect();
    if sessions.is_empty() {
        return HashMap::new();
    }
    ports.count_places(&sessions).unwrap_or_else(|error| {
        tracing::warn!(
            error.cause = %error,
            "free seats cannot be counted; events are shown without"
        );
        HashMap::new()
    })
}

impl<'a> EventView<'a> {
    /// The view of an event at the time `now`.
    pub fn new(event: &'a Event, tallies: &HashMap<SessionId, Tally>, now: Timestamp) -> Self {
        let config = Config::current();
        let sessions = event.sessions.iter().map(|session| SessionView {
            id: session.id,
            starts_at: session.starts_at,
            ends_at: session.ends_at,
            sales_start_at: session.sales_start_at,
            sales_end_at: session.sales_end_at,
            status: session.status(event.status, now),
            seats: Seats::new(event, tallies.get(&session.id)),
            live_url: config.live_url(session.id),
        });
        Self {
            id: event.id,
            organizer_id: event.organizer_id,
            venue_id: event.venue.id,
            layout_id: event.layout.id,
            layout_version: event.layout.version,
            title: &event.title,
            slug: make_slug(&event.title),
            description: &event.description,
            status: event.status,
            currency: event.currency,
            categories: &event.categories,
            sessions: sessions.collect(),
            max_seats_per_booking: event.max_seats_per_booking,
            tags: &event.tags,
            venue: &event.venue,
            published_at: event.published_at,
            cancelled_at: event.cancelled_at,
            cancellation_reason: event.cancellation_reason.as_deref(),
            created_at: event.created_at,
            updated_at: event.updated_at,
        }
    }
}

/// Answers with one event. Its ETag is the version of what the organizer wrote, for If-Match; free
/// seats change under it, so If-None-Match is not answered with 304 here.
pub fn respond_with_event(call: &Call, status: u16, event: &Event) -> Answer {
    let tallies = count_places(call.context, std::iter::once(event));
    let view = EventView::new(event, &tallies, Timestamp::now());
    let response = json::response(status, &view)?;
    Ok(response.with_header("etag", etag::of(event.version)))
}
