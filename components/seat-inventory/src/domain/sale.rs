//! The sale of one session: what its places cost, how many one may have, and when they can be had.

use eventhub_guest::ids::{EventId, LayoutId, SessionId};
use eventhub_guest::{Currency, Timestamp};
use serde::{Deserialize, Serialize};

/// A price category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    pub id: String,
    pub name: String,
    /// Minor units.
    pub price: i64,
}

/// What is known of a session whose seats are or were on sale.
#[derive(Debug, Clone, PartialEq)]
pub struct Sale {
    pub session: SessionId,
    /// Its short name in Redis.
    pub number: u32,
    pub event: EventId,
    pub layout: LayoutId,
    pub layout_version: u32,
    pub currency: Currency,
    pub categories: Vec<Category>,
    pub max_seats: u32,
    pub starts_at: Timestamp,
    pub sales_start_at: Option<Timestamp>,
    pub sales_end_at: Option<Timestamp>,
    pub closed: bool,
}

/// Where a sale stands. Its text is the `from` of a problem: the words that an event has for the
/// status of its sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Phase {
    /// Not yet begun.
    Scheduled,
    OnSale,
    /// Over: at the end of the sale, or when the session begins if no end is set.
    #[strum(serialize = "sales_ended")]
    Ended,
    /// Ended by the organizer.
    #[strum(serialize = "cancelled")]
    Closed,
}

impl Sale {
    /// Where the sale stands at a time.
    pub fn phase(&self, now: Timestamp) -> Phase {
        let end = self.sales_end_at.unwrap_or(self.starts_at);
        if self.closed {
            Phase::Closed
        } else if now >= end {
            Phase::Ended
        } else if self.sales_start_at.is_some_and(|start| now < start) {
            Phase::Scheduled
        } else {
            Phase::OnSale
        }
    }

    /// Minor units; none for a category without a price, which opening a sale rules out.
    pub fn price(&self, category: &str) -> Option<i64> {
        self.categories
            .iter()
            .find(|known| known.id == category)
            .map(|known| known.price)
    }

    /// As seat-lock knows the layout.
    pub fn layout_key(&self) -> String {
        format_layout_key(self.layout, self.layout_version)
    }

    /// The topic of its live feed.
    pub fn topic(&self) -> String {
        format!("session:{}", self.session)
    }
}

/// `lay_…@3`, as seat-lock knows a layout.
pub fn format_layout_key(layout: LayoutId, version: u32) -> String {
    format!("{layout}@{version}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sale(starts: i64, from: Option<i64>, till: Option<i64>, closed: bool) -> Sale {
        Sale {
            session: SessionId::from_u128(1),
            number: 1,
            event: EventId::from_u128(1),
            layout: LayoutId::from_u128(1),
            layout_version: 1,
            currency: "EUR".parse().unwrap(),
            categories: vec![],
            max_seats: 10,
            starts_at: Timestamp::from_micros(starts),
            sales_start_at: from.map(Timestamp::from_micros),
            sales_end_at: till.map(Timestamp::from_micros),
            closed,
        }
    }

    #[test]
    fn a_sale_runs_from_its_start_to_its_end_or_the_session() {
        let phase = |sale: &Sale, now| sale.phase(Timestamp::from_micros(now));
        let bounded = sale(100, Some(10), Some(50), false);
        assert_eq!(
            [9, 10, 49, 50].map(|now| phase(&bounded, now)),
            [Phase::Scheduled, Phase::OnSale, Phase::OnSale, Phase::Ended]
        );
        let open = sale(100, None, None, false);
        assert_eq!(
            [0, 99, 100].map(|now| phase(&open, now)),
            [Phase::OnSale, Phase::OnSale, Phase::Ended]
        );
        let late = sale(100, None, Some(200), false);
        assert_eq!(
            [100, 199, 200].map(|now| phase(&late, now)),
            [Phase::OnSale, Phase::OnSale, Phase::Ended],
            "latecomers may buy where the organizer says so"
        );
        assert_eq!(phase(&sale(100, None, None, true), 50), Phase::Closed);
    }

    #[test]
    fn phases_have_the_words_of_the_contract() {
        use Phase::{Closed, Ended, OnSale, Scheduled};
        let words = [Scheduled, OnSale, Ended, Closed].map(|phase| phase.to_string());
        assert_eq!(words, ["scheduled", "on_sale", "sales_ended", "cancelled"]);
    }
}
