//! An event with its sessions and prices, and what its state says to clients.

use eventhub_guest::ids::{EventId, LayoutId, OrganizerId, SessionId, VenueId};
use eventhub_guest::{Currency, Timestamp};
use serde::{Deserialize, Serialize};

use super::input::{EventPatch, lowercase_tags, sessions_from};
use super::slug;
use super::venue::{Location, Venue};

#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    pub id: EventId,
    pub organizer_id: OrganizerId,
    pub venue: VenueSummary,
    pub layout: LayoutRef,
    pub title: String,
    pub description: String,
    pub status: Status,
    pub currency: Currency,
    pub categories: Vec<Category>,
    /// By start.
    pub sessions: Vec<Session>,
    pub max_seats_per_booking: u32,
    /// Lower case, in the order given.
    pub tags: Vec<String>,
    /// The ETag.
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub published_at: Option<Timestamp>,
    pub cancelled_at: Option<Timestamp>,
    pub cancellation_reason: Option<String>,
}

/// What each event shows of its venue.
#[derive(Serialize, Clone, PartialEq, Debug)]
pub struct VenueSummary {
    pub id: VenueId,
    pub name: String,
    pub city: String,
    pub country: String,
    pub time_zone: String,
    pub location: Option<Location>,
}

/// The version of a layout that an event sells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LayoutRef {
    pub id: LayoutId,
    pub version: u32,
    /// Seats and areas together: what one session can sell.
    pub capacity: u32,
}

impl From<Venue> for VenueSummary {
    fn from(venue: Venue) -> Self {
        Self {
            id: venue.id,
            name: venue.name,
            city: venue.address.city,
            country: venue.address.country,
            time_zone: venue.time_zone,
            location: venue.location,
        }
    }
}

/// In text as the API and the database have it: `draft`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, strum::Display, strum::EnumString)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Status {
    Draft,
    Published,
    Cancelled,
}

/// A price category. The price is in minor units of the event's currency.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
#[serde(deny_unknown_fields)]
pub struct Category {
    pub id: String,
    pub name: String,
    pub price: i64,
}

/// One dated performance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    pub id: SessionId,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    /// None: as soon as the event is published.
    pub sales_start_at: Option<Timestamp>,
    /// None: when the session starts.
    pub sales_end_at: Option<Timestamp>,
}

/// Places of a session: seats and the capacities of the areas together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tally {
    pub total: u32,
    pub free: u32,
}

/// What a buyer may expect of a session now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    /// The event is not published yet.
    Draft,
    /// Sales have not begun.
    Scheduled,
    OnSale,
    /// Sales are over, the session is not.
    SalesEnded,
    Ended,
    Cancelled,
}

impl Session {
    pub fn status(&self, event: Status, now: Timestamp) -> SessionStatus {
        match event {
            Status::Draft => SessionStatus::Draft,
            Status::Cancelled => SessionStatus::Cancelled,
            Status::Published if now >= self.ends_at => SessionStatus::Ended,
            Status::Published if now >= self.sales_end_at.unwrap_or(self.starts_at) => {
                SessionStatus::SalesEnded
            }
            Status::Published if self.sales_start_at.is_some_and(|start| now < start) => {
                SessionStatus::Scheduled
            }
            Status::Published => SessionStatus::OnSale,
        }
    }
}

impl Event {
    /// Whether anybody may see it. Once published it stays visible, so that buyers of a cancelled
    /// event find out why.
    pub const fn is_public(&self) -> bool {
        self.published_at.is_some()
    }

    /// The ids of its sessions, by start.
    pub fn session_ids(&self) -> Vec<SessionId> {
        self.sessions.iter().map(|session| session.id).collect()
    }

    /// The event after a checked change, at another venue or with another layout where one is
    /// given. Its version is still the one that the change is based on.
    #[must_use]
    pub fn revise(
        &self,
        patch: EventPatch,
        venue: Option<VenueSummary>,
        layout: Option<LayoutRef>,
        now: Timestamp,
    ) -> Event {
        let mut event = Event {
            updated_at: now,
            ..self.clone()
        };
        event.venue = venue.unwrap_or(event.venue);
        event.layout = layout.unwrap_or(event.layout);
        event.title = patch.title.unwrap_or(event.title);
        event.description = patch.description.unwrap_or(event.description);
        event.currency = patch.currency.unwrap_or(event.currency);
        event.categories = patch.categories.unwrap_or(event.categories);
        event.max_seats_per_booking = patch
            .max_seats_per_booking
            .unwrap_or(event.max_seats_per_booking);
        event.tags = patch.tags.map_or(event.tags, lowercase_tags);
        event.sessions = patch.sessions.map_or(event.sessions, sessions_from);
        if event.layout != self.layout || event.currency != self.currency {
            // A sale has one layout and currency for good, and a publication that did not come to
            // its end may have opened one: other seats or other money are other sessions.
            for session in &mut event.sessions {
                session.id = SessionId::new();
            }
        }
        event
    }

    /// The event after its publication, of the next version.
    #[must_use]
    pub fn publish(self, now: Timestamp) -> Event {
        Event {
            status: Status::Published,
            published_at: Some(now),
            updated_at: now,
            version: self.version + 1,
            ..self
        }
    }

    /// The event after its cancellation, of the next version.
    #[must_use]
    pub fn cancel(self, now: Timestamp, reason: &str) -> Event {
        Event {
            status: Status::Cancelled,
            cancelled_at: Some(now),
            cancellation_reason: Some(reason.into()),
            updated_at: now,
            version: self.version + 1,
            ..self
        }
    }

    /// Words by which it is found beside title and description; the slug has the title without
    /// accents.
    pub fn search_words(&self) -> String {
        let slug = slug::make_slug(&self.title).replace('-', " ");
        [
            slug,
            self.tags.join(" "),
            self.venue.name.clone(),
            self.venue.city.clone(),
        ]
        .join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000)
    }

    #[test]
    fn a_session_goes_through_its_statuses_on_the_second() {
        let session = Session {
            id: SessionId::from_u128(1),
            starts_at: at(100),
            ends_at: at(200),
            sales_start_at: Some(at(10)),
            sales_end_at: Some(at(90)),
        };
        let status = |second| session.status(Status::Published, at(second));
        assert_eq!(status(9), SessionStatus::Scheduled);
        assert_eq!(status(10), SessionStatus::OnSale);
        assert_eq!(status(90), SessionStatus::SalesEnded);
        assert_eq!(status(200), SessionStatus::Ended);
        assert_eq!(session.status(Status::Draft, at(50)), SessionStatus::Draft);
        assert_eq!(
            session.status(Status::Cancelled, at(50)),
            SessionStatus::Cancelled
        );
        let open = Session {
            sales_start_at: None,
            sales_end_at: None,
            ..session
        };
        assert_eq!(open.status(Status::Published, at(0)), SessionStatus::OnSale);
        assert_eq!(
            open.status(Status::Published, at(100)),
            SessionStatus::SalesEnded
        );
    }
}
