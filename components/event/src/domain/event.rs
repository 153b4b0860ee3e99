//! An event with its sessions and prices, and what its state says to clients.

use eventhub_guest::ids::{EventId, LayoutId, OrganizerId, SessionId, VenueId};
use eventhub_guest::{Currency, Timestamp};
use serde::{Deserialize, Serialize};

use super::venue::Location;

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

/// What of a venue is told with each of its events.
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

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Draft,
    Published,
    Cancelled,
}

impl Status {
    pub const fn as_str(self) -> &'static str {
        match self {
            Status::Draft => "draft",
            Status::Published => "published",
            Status::Cancelled => "cancelled",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Status::Draft, Status::Published, Status::Cancelled]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
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

    /// Categories of the layout that have no price here.
    pub fn without_price<'a>(categories: &[Category], of_layout: &'a [String]) -> Vec<&'a str> {
        let priced = |id: &str| categories.iter().any(|category| category.id == id);
        of_layout
            .iter()
            .map(String::as_str)
            .filter(|id| !priced(id))
            .collect()
    }

    /// Words by which it is found beside title and description; the slug has the title without
    /// accents.
    pub fn search_words(&self) -> String {
        let slug = super::slug::of(&self.title).replace('-', " ");
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

    #[test]
    fn every_category_of_the_layout_needs_a_price() {
        let category = Category {
            id: "stalls".into(),
            name: "Stalls".into(),
            price: 1,
        };
        let of_layout = ["box".to_string(), "stalls".to_string()];
        assert_eq!(Event::without_price(&[category], &of_layout), ["box"]);
    }
}
