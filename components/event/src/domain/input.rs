//! The bodies of `POST /events` and `PATCH /events/{id}`, and the rules that each of their members
//! keeps.

use std::collections::HashSet;
use std::time::Duration;

use eventhub_guest::ids::{LayoutId, OrganizerId, SessionId, VenueId};
use eventhub_guest::{Check, Currency, Problem, Timestamp};
use serde::Deserialize;

use super::event::{Category, Session};
use super::venue::line;
use crate::object;

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
    #[serde(default)]
    pub description: String,
    pub currency: Currency,
    #[serde(deserialize_with = "object::list")]
    pub categories: Vec<Category>,
    #[serde(deserialize_with = "object::list")]
    pub sessions: Vec<NewSession>,
    #[serde(default = "default_max_seats")]
    pub max_seats_per_booking: u32,
    #[serde(default)]
    pub tags: Vec<String>,
}

const fn default_max_seats() -> u32 {
    10
}

#[derive(Deserialize, Debug, Clone)]
#[serde(deny_unknown_fields)]
pub struct NewSession {
    /// Only in a PATCH: the session that keeps its id.
    #[serde(default, deserialize_with = "object::present")]
    pub id: Option<SessionId>,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    #[serde(default)]
    pub sales_start_at: Option<Timestamp>,
    #[serde(default)]
    pub sales_end_at: Option<Timestamp>,
}

/// Members that are absent stay as they are.
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
pub struct EventPatch {
    #[serde(default, deserialize_with = "object::present")]
    pub venue_id: Option<VenueId>,
    #[serde(default, deserialize_with = "object::present")]
    pub layout_id: Option<LayoutId>,
    #[serde(default, deserialize_with = "object::present")]
    pub title: Option<String>,
    #[serde(default, deserialize_with = "object::present")]
    pub description: Option<String>,
    #[serde(default, deserialize_with = "object::present")]
    pub currency: Option<Currency>,
    #[serde(default, deserialize_with = "object::present_list")]
    pub categories: Option<Vec<Category>>,
    #[serde(default, deserialize_with = "object::present_list")]
    pub sessions: Option<Vec<NewSession>>,
    #[serde(default, deserialize_with = "object::present")]
    pub max_seats_per_booking: Option<u32>,
    #[serde(default, deserialize_with = "object::present")]
    pub tags: Option<Vec<String>>,
}

impl NewEvent {
    /// # Errors
    /// 422 with all faults.
    pub fn check(&mut self) -> Result<(), Problem> {
        let mut check = Check::new();
        title(&mut check, &self.title);
        description(&mut check, &self.description);
        categories(&mut check, &self.categories);
        sessions(&mut check, &self.sessions, &[]);
        max_seats(&mut check, self.max_seats_per_booking);
        tags(&mut check, &mut self.tags);
        check.finish()
    }
}

impl EventPatch {
    /// # Errors
    /// 422 with all faults.
    pub fn check(&mut self, existing: &[Session]) -> Result<(), Problem> {
        let mut check = Check::new();
        self.title.iter().for_each(|given| title(&mut check, given));
        self.description
            .iter()
            .for_each(|given| description(&mut check, given));
        self.categories
            .iter()
            .for_each(|given| categories(&mut check, given));
        self.sessions
            .iter()
            .for_each(|given| sessions(&mut check, given, existing));
        self.max_seats_per_booking
            .iter()
            .for_each(|given| max_seats(&mut check, *given));
        self.tags
            .iter_mut()
            .for_each(|given| tags(&mut check, given));
        check.finish()
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

/// Sessions from a checked body, by start; those without an id get a new one.
pub fn made(given: Vec<NewSession>) -> Vec<Session> {
    let mut made: Vec<_> = given
        .into_iter()
        .map(|one| Session {
            id: one.id.unwrap_or_default(),
            starts_at: one.starts_at,
            ends_at: one.ends_at,
            sales_start_at: one.sales_start_at,
            sales_end_at: one.sales_end_at,
        })
        .collect();
    made.sort_by_key(|session| (session.starts_at, session.id));
    made
}

fn title(check: &mut Check, text: &str) {
    line(check, "/title", text, 1, 200);
}

fn description(check: &mut Check, text: &str) {
    check.text("/description", text, 0, 20_000);
}

fn max_seats(check: &mut Check, number: u32) {
    check.that(
        (1..=100).contains(&number),
        "/max_seats_per_booking",
        "out_of_range",
        "must be 1 to 100",
    );
}

fn categories(check: &mut Check, all: &[Category]) {
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
        line(check, &at("id"), &category.id, 1, 64);
        check.that(
            seen.insert(&category.id),
            at("id"),
            "duplicate",
            "is the id of another category here",
        );
        line(check, &at("name"), &category.name, 1, 200);
        check.that(
            (0..=MAX_PRICE).contains(&category.price),
            at("price"),
            "out_of_range",
            format!("must be 0 to {MAX_PRICE} minor units"),
        );
    }
}

fn sessions(check: &mut Check, all: &[NewSession], existing: &[Session]) {
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

/// Tags are compared in lower case, so they are kept so.
fn tags(check: &mut Check, all: &mut [String]) {
    check.that(
        all.len() <= MAX_TAGS,
        "/tags",
        "too_many",
        format!("must have at most {MAX_TAGS}"),
    );
    let mut seen = HashSet::new();
    for (index, tag) in all.iter_mut().take(MAX_TAGS).enumerate() {
        let at = format!("/tags/{index}");
        line(check, &at, tag, 1, 40);
        *tag = tag.to_lowercase();
        check.that(seen.insert(tag.clone()), at, "duplicate", "comes twice");
    }
}

#[cfg(test)]
mod tests;
