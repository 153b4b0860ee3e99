//! The latest events: as many as fit, the oldest forgotten first (Stripe keeps them for 30 days).

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::table::{Row, cut};
use crate::call::Page;
use crate::error::{ApiError, Result};
use crate::objects::{Charge, Event, Intent, Refund};

/// A bounded log of events.
#[derive(Debug)]
pub struct EventLog {
    events: VecDeque<Arc<Event>>,
    by_id: HashMap<String, Arc<Event>>,
    most: usize,
}

impl EventLog {
    pub(super) fn new(most: usize) -> Self {
        Self {
            events: VecDeque::new(),
            by_id: HashMap::new(),
            most,
        }
    }

    /// Adds one.
    pub fn push(&mut self, event: Arc<Event>) {
        self.by_id.insert(event.id.clone(), event.clone());
        self.events.push_back(event);
        if self.events.len() > self.most
            && let Some(oldest) = self.events.pop_front()
        {
            self.by_id.remove(&oldest.id);
        }
    }

    /// One of them.
    ///
    /// # Errors
    /// 404 `resource_missing`.
    pub fn get(&self, id: &str) -> Result<&Arc<Event>> {
        self.by_id
            .get(id)
            .ok_or_else(|| ApiError::missing("event", id, "id"))
    }

    /// Oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Event>> {
        self.events.iter()
    }

    pub(super) fn page(&self, page: &Page, kinds: &[String]) -> Result<(Vec<Arc<Event>>, bool)> {
        let matches = |event: &Arc<Event>, pattern: &String| match pattern.strip_suffix('*') {
            Some(start) => event.kind.starts_with(start),
            None => event.kind == *pattern,
        };
        let place = |id: &Option<String>| match id {
            None => Ok(None),
            Some(id) => self
                .get(id)
                .map(|wanted| self.events.iter().position(|event| event.id == wanted.id)),
        };
        let end = place(&page.starting_after)?.unwrap_or(self.events.len());
        let start = place(&page.ending_before)?.map_or(0, |place| place + 1);
        let rows: Vec<_> = self
            .events
            .range(start..end.max(start))
            .filter(|event| (page.from..=page.to).contains(&event.created))
            .filter(|event| kinds.is_empty() || kinds.iter().any(|kind| matches(event, kind)))
            .cloned()
            .collect();
        Ok(cut(&rows, page))
    }
}

impl Row for Intent {
    const NAME: &'static str = "payment_intent";
    fn id(&self) -> &str {
        &self.id
    }
    fn created(&self) -> i64 {
        self.created
    }
}

impl Row for Charge {
    const NAME: &'static str = "charge";
    fn id(&self) -> &str {
        &self.id
    }
    fn created(&self) -> i64 {
        self.created
    }
}

impl Row for Refund {
    const NAME: &'static str = "refund";
    fn id(&self) -> &str {
        &self.id
    }
    fn created(&self) -> i64 {
        self.created
    }
}
