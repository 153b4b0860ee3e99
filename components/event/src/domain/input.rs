//! The bodies of `POST /events` and `PATCH /events/{id}`, and the rules that each of their members
//! keeps.

use std::collections::HashSet;
use std::time::Duration;

use eventhub_guest::ids::{EventId, LayoutId, OrganizerId, SessionId, VenueId};
use eventhub_guest::validate::check_line;
use eventhub_guest::{Check, Currency, Timestamp};
use serde::Deserialize;

use super::event::{Category, Event, LayoutRef, Session, Status, VenueSummary};

/// Seats that one booking may have where the organizer says nothing.
const DEFAULT_MAX_SEATS: u32 = 10;
const MAX_PRICE: i64 = 1_000_000_000;
const MAX_CATEGORIES: usize = 50;
const MAX_SESSIONS: usize = 100;
const MAX_TAGS: usize = 20;
const LONGEST_SESSION: Duration = Duration::from_secs(31 * 24 * 60 * 60);

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct NewEvent {
    pub organizer_id: OrganizerId,
    pub venue_id: VenueId,
    pub layout_id: LayoutId,
    pub title: String,
    /// None: empty.
    pub description: Option<String>,
    pub currency: Currency,
    pub categories: Vec<Category>,
    pub sessions: Vec<NewSession>,
    /// None: [`DEFAULT_MAX_SEATS`].
    pub max_seats_per_booking: Option<u32>,
    /// None: no tags.
    pub tags: Option<Vec<String>>,
}

#[derive(Deserialize, Debug, Clone)]
#[serde(deny_unknown_fields)]
pub struct NewSession {
    /// Only in a PATCH: the session that keeps its id.
    pub id: Option<SessionId>,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    pub sales_start_at: Option<Timestamp>,
    pub sales_end_at: Option<Timestamp>,
}

/// Members that are absent stay as they are.
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
pub struct EventPatch {
    pub venue_id: Option<VenueId>,
    pub layout_id: Option<LayoutId>,
    pub title: Option<String>,
    pub description: Option<String>,
    pub currency: Option<Currency>,
    pub categories: Option<Vec<Category>>,
    pub sessions: Option<Vec<NewSession>>,
    pub max_seats_per_booking: Option<u32>,
    pub tags: Option<Vec<String>>,
}

impl NewEvent {
    /// All faults of the body.
    #[must_use]
    pub fn check(&self) -> Check {
        let mut check = Check::new();
        check_title(&mut check, &self.title);
        if let Some(description) = &self.description {
            check_description(&mut check, description);
        }
        check_categories(&mut check, &self.categories);
        check_sessions(&mut check, &self.sessions, &[]);
        if let Some(number) = self.max_seats_per_booking {
            check_max_seats(&mut check, number);
        }
        if let Some(tags) = &self.tags {
            check_tags(&mut check, tags);
        }
        check
    }

    /// The draft of a checked body, at the venue and with the layout that it names.
    #[must_use]
    pub fn into_event(
        self,
        id: EventId,
        venue: VenueSummary,
        layout: LayoutRef,
        now: Timestamp,
    ) -> Event {
        Event {
            id,
            organizer_id: self.organizer_id,
            venue,
            layout,
            title: self.title,
            description: self.description.unwrap_or_default(),
            status: Status::Draft,
            currency: self.currency,
            categories: self.categories,
            sessions: sessions_from(self.sessions),
            max_seats_per_booking: self.max_seats_per_booking.unwrap_or(DEFAULT_MAX_SEATS),
            tags: self.tags.map(lowercase_tags).unwrap_or_default(),
            version: 1,
            created_at: now,
            updated_at: now,
            published_at: None,
            cancelled_at: None,
            cancellation_reason: None,
        }
    }
}

impl EventPatch {
    /// All faults of the body; `existing` are the sessions that the event has.
    #[must_use]
    pub fn check(&self, existing: &[Session]) -> Check {
        let mut check = Check::new();
        if let Some(title) = &self.title {
            check_title(&mut check, title);
        }
        if let Some(description) = &self.description {
            check_description(&mut check, description);
        }
        if let Some(categories) = &self.categories {
            check_categories(&mut check, categories);
        }
        if let Some(sessions) = &self.sessions {
            check_sessions(&mut check, sessions, existing);
        }
        if let Some(number) = self.max_seats_per_booking {
            check_max_seats(&mut check, number);
        }
        if let Some(tags) = &self.tags {
            check_tags(&mut check, tags);
        }
        check
    }

    /// Members that a published event cannot change: what people buy stays what they bought.
    pub fn fixed_once_published(&self) -> Vec<&'static str> {
        let fixed = [
            ("venue_id", self.venue_id.is_some()),
            ("layout_id", self.layout_id.is_some()),
            ("currency", self.currency.is_some()),
            ("categories", self.categories.is_some()),
            ("sessions", self.sessions.is_some()),
            (
                "max_seats_per_booking",
                self.max_seats_per_booking.is_some(),
            ),
        ];
        fixed
            .into_iter()
            .filter(|(_, given)| *given)
            .map(|(name, _)| name)
            .collect()
    }

    pub fn is_empty(&self) -> bool {
        self.fixed_once_published().is_empty()
            && self.title.is_none()
            && self.description.is_none()
            && self.tags.is_none()
    }
}

/// Sessions of a checked body, by start; those without an id get a new one.
pub fn sessions_from(given: Vec<NewSession>) -> Vec<Session> {
    let mut sessions: Vec<_> = given
        .into_iter()
        .map(|one| Session {
            id: one.id.unwrap_or_default(),
            starts_at: one.starts_at,
            ends_at: one.ends_at,
            sales_start_at: one.sales_start_at,
            sales_end_at: one.sales_end_at,
        })
        .collect();
    sessions.sort_by_key(|session| (session.starts_at, session.id));
    sessions
}

/// Tags are compared in lower case, so they are stored in lower case.
pub fn lowercase_tags(tags: Vec<String>) -> Vec<String> {
    tags.iter().map(|tag| tag.to_lowercase()).collect()
}

fn check_title(check: &mut Check, text: &str) {
    check_line(check, "/title", text, 1, 200);
}

fn check_description(check: &mut Check, text: &str) {
    check.text("/description", text, 0, 20_000);
}

fn check_max_seats(check: &mut Check, number: u32) {
    check.that(
        (1..=100).contains(&number),
        "/max_seats_per_booking",
        "out_of_range",
        "must be 1 to 100",
    );
}

fn check_categories(check: &mut Check, all: &[Category]) {
    check.that(
        !all.is_empty(),
        "/categories",
        "too_few",
        "must have at least one",
    );
    check.that(
        all.len() <= MAX_CATEGORIES,
        "/categories",
        "too_many",
        format!("must have at most {MAX_CATEGORIES}"),
    );
    let mut seen = HashSet::new();
    for (index, category) in all.iter().take(MAX_CATEGORIES).enumerate() {
        let at = |member: &str| format!("/categories/{index}/{member}");
        check_line(check, &at("id"), &category.id, 1, 64);
        check.that(
            seen.insert(&category.id),
            at("id"),
            "duplicate",
            "is the id of another category here",
        );
        check_line(check, &at("name"), &category.name, 1, 200);
        check.that(
            (0..=MAX_PRICE).contains(&category.price),
            at("price"),
            "out_of_range",
            format!("must be 0 to {MAX_PRICE} minor units"),
        );
    }
}

fn check_sessions(check: &mut Check, all: &[NewSession], existing: &[Session]) {
    check.that(
        !all.is_empty(),
        "/sessions",
        "too_few",
        "must have at least one",
    );
    check.that(
        all.len() <= MAX_SESSIONS,
        "/sessions",
        "too_many",
        format!("must have at most {MAX_SESSIONS}"),
    );
    let mut seen = HashSet::new();
    for (index, session) in all.iter().take(MAX_SESSIONS).enumerate() {
        let at = |member: &str| format!("/sessions/{index}/{member}");
        if let Some(id) = session.id {
            check.that(
                existing.iter().any(|known| known.id == id),
                at("id"),
                "unknown",
                "names no session of this event",
            );
            check.that(
                seen.insert(id),
                at("id"),
                "duplicate",
                "is the id of another session here",
            );
        }
        let (starts, ends) = (session.starts_at, session.ends_at);
        check.that(
            ends > starts,
            at("ends_at"),
            "out_of_order",
            "must be after starts_at",
        );
        check.that(
            ends <= starts.plus(LONGEST_SESSION),
            at("ends_at"),
            "out_of_range",
            "must be within 31 days of starts_at",
        );
        let sales_end = session.sales_end_at.unwrap_or(starts);
        let begins_before = session.sales_start_at.is_none_or(|start| start < sales_end);
        check.that(
            begins_before,
            at("sales_start_at"),
            "out_of_order",
            "must be before sales_end_at, or before starts_at where that is absent",
        );
        check.that(
            sales_end <= ends,
            at("sales_end_at"),
            "out_of_order",
            "must not be after ends_at",
        );
    }
}

fn check_tags(check: &mut Check, all: &[String]) {
    check.that(
        all.len() <= MAX_TAGS,
        "/tags",
        "too_many",
        format!("must have at most {MAX_TAGS}"),
    );
    let mut seen = HashSet::new();
    for (index, tag) in all.iter().take(MAX_TAGS).enumerate() {
        let at = format!("/tags/{index}");
        check_line(check, &at, tag, 1, 40);
        check.that(
            seen.insert(tag.to_lowercase()),
            at,
            "duplicate",
            "comes twice",
        );
    }
}

#[cfg(test)]
mod tests;
