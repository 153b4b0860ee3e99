//! Sales of sessions: opened when an event is published, closed when it is cancelled, counted for
//! listings.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use eventhub_guest::ids::{EventId, LayoutId, SessionId};
use eventhub_guest::{Currency, Timestamp, sql};

use super::Inventory;
use crate::domain::sale::{Category, Sale};
use crate::error::Error;
use crate::leases;
use crate::leases::tallies::{Tally, read_tallies};
use crate::store;

/// What an event puts on sale.
pub struct NewSale {
    pub event: EventId,
    pub layout: LayoutId,
    pub layout_version: u32,
    pub currency: Currency,
    pub categories: Vec<Category>,
    /// Most places of one booking.
    pub max_seats: u32,
    pub sessions: Vec<NewSession>,
}

/// One session of it.
pub struct NewSession {
    pub id: SessionId,
    pub starts_at: Timestamp,
    pub sales_start_at: Option<Timestamp>,
    pub sales_end_at: Option<Timestamp>,
}

/// The places of a session, seats and areas together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionTally {
    pub session: SessionId,
    pub total: u32,
    pub free: u32,
}

/// Bounds the sum of prices, so that it does not overflow.
const MAX_PRICE: i64 = 1_000_000_000_000;
/// Bounds a hold, so that it is not too large for a script.
const MAX_SEATS: u32 = 1000;
/// How long closed sales are reported to Redis. Where Redis hangs, the caller must not wait once for
/// each session.
const CLOSE_DEADLINE: Duration = Duration::from_secs(3);

impl NewSale {
    /// Checks prices and limits.
    fn check(&self) -> Result<(), Error> {
        let mut categories = self.categories.iter();
        if let Some(wrong) = categories.find(|one| !(0..=MAX_PRICE).contains(&one.price)) {
            return Err(Error::Invalid(format!(
                "the price of category {} is not between 0 and {MAX_PRICE}",
                wrong.id
            )));
        }
        if !(1..=MAX_SEATS).contains(&self.max_seats) {
            return Err(Error::Invalid(format!(
                "not 1 to {MAX_SEATS} seats per booking"
            )));
        }
        Ok(())
    }

    fn has_price(&self, category: &str) -> bool {
        self.categories.iter().any(|known| known.id == category)
    }

    fn sales(&self) -> Vec<Sale> {
        let sale = |session: &NewSession| Sale {
            session: session.id,
            number: 0,
            event: self.event,
            layout: self.layout,
            layout_version: self.layout_version,
            currency: self.currency,
            categories: self.categories.clone(),
            max_seats: self.max_seats,
            starts_at: session.starts_at,
            sales_start_at: session.sales_start_at,
            sales_end_at: session.sales_end_at,
            closed: false,
        };
        self.sessions.iter().map(sale).collect()
    }
}

impl Inventory {
    /// Puts sessions on sale, or changes their prices and times: all or none. A closed sale stays
    /// closed.
    pub fn open_sales(&self, new: &NewSale) -> Result<(), Error> {
        new.check()?;
        let (info, layout) = self.read_layout(new.layout, new.layout_version)?;
        let missing: Vec<_> = layout
            .categories
            .iter()
            .filter(|category| !new.has_price(category))
            .cloned()
            .collect();
        if !missing.is_empty() {
            return Err(Error::Invalid(format!(
                "the layout has categories without a price: {}",
                missing.join(", ")
            )));
        }
        let opened =
            store::sales::open_sales(&new.sales(), info.seat_count, layout.capacity, &info.areas);
        for session in &new.sessions {
            self.forget_sale(session.id);
        }
        match opened {
            Ok(()) => Ok(()),
            Err(sql::Error::Conflict { .. }) => Err(Error::Invalid(
                "a session's sale was closed, or has another event, layout, layout version or currency".into(),
            )),
            Err(other) => Err(other.into()),
        }
    }

    /// Ends the sale of an event's sessions: no hold, no binding and no reservation succeeds after
    /// it. Where Redis does not answer in time, an instance that knows a session as on sale
    /// notices within two seconds; reservations end at once all the same.
    pub fn close_sales(&self, event: EventId) -> Result<(), Error> {
        let closed = store::sales::close_sales(event)?;
        let began = Instant::now();
        for (session, number) in closed {
            self.forget_sale(session);
            if began.elapsed() < CLOSE_DEADLINE
                && let Err(error) = leases::close_sale(number).run()
            {
                tracing::warn!(error.cause = %error, session.id = %session, "redis did not take over that the sale is closed, it will load it");
            }
        }
        Ok(())
    }

    /// Counts all and free places of sessions; unknown sessions are left out.
    pub fn count_free(&self, sessions: Vec<SessionId>) -> Result<Vec<SessionTally>, Error> {
        if sessions.is_empty() {
            return Ok(vec![]);
        }
        let capacities = store::sales::read_capacities(sessions.clone())?;
        let numbers: Vec<u32> = capacities.iter().map(|capacity| capacity.number).collect();
        let tallies = read_tallies(&numbers, Timestamp::now().millis()).unwrap_or_else(|error| {
            tracing::warn!(error.cause = %error, "redis does not say what is held, only claims are counted");
            numbers.iter().map(|_| Tally::default()).collect()
        });
        // Where Redis does not know what is claimed, PostgreSQL does.
        let claims = match tallies.iter().all(|tally| tally.claimed.is_some()) {
            true => HashMap::new(),
            false => store::sales::count_claims(sessions)?,
        };
        let tally = |(capacity, tally): (&store::sales::Capacity, &Tally)| {
            let claimed = claims.get(&capacity.session).copied();
            let claimed = tally.claimed.or(claimed).unwrap_or(0);
            SessionTally {
                session: capacity.session,
                total: capacity.places,
                free: capacity.places.saturating_sub(claimed + tally.held),
            }
        };
        Ok(capacities.iter().zip(&tallies).map(tally).collect())
    }
}
