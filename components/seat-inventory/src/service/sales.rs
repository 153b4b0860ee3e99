//! Sales of sessions: opened when an event is published, closed when it is cancelled, counted for
//! listings.

use std::time::{Duration, Instant};

use eventhub_guest::ids::{EventId, LayoutId, SessionId};
use eventhub_guest::redis::{Item, Reply};
use eventhub_guest::{Currency, Timestamp, sql};

use super::{Error, Inventory};
use crate::domain::sale::{Category, Sale};
use crate::leases::{self, State};
use crate::ports::{Ports, Rows};
use crate::store;

/// What an event puts on sale.
pub struct Opened {
    pub event: EventId,
    pub layout: LayoutId,
    pub layout_version: u32,
    pub currency: Currency,
    pub categories: Vec<Category>,
    pub max_seats: u32,
    /// Session, start, start and end of its sale.
    pub sessions: Vec<(SessionId, Timestamp, Option<Timestamp>, Option<Timestamp>)>,
}

/// So that no sum of prices overflows, and no hold is too large for a script.
const MOST_PRICE: i64 = 1_000_000_000_000;
const MOST_SEATS: u32 = 1000;
/// So long Redis is told of closed sales; the caller does not wait for a Redis that hangs, once for
/// each session.
const TELLING: Duration = Duration::from_secs(3);

impl<P: Ports> Inventory<P> {
    /// Puts sessions on sale, or changes their prices and times: all or none. A closed sale stays
    /// closed.
    pub fn open(&self, opened: Opened) -> Result<(), Error> {
        if let Some(wrong) = opened
            .categories
            .iter()
            .find(|category| !(0..=MOST_PRICE).contains(&category.price))
        {
            return Err(Error::Invalid(format!(
                "the price of category {} is not between 0 and {MOST_PRICE}",
                wrong.id
            )));
        }
        if !(1..=MOST_SEATS).contains(&opened.max_seats) {
            return Err(Error::Invalid(format!(
                "not 1 to {MOST_SEATS} seats per booking"
            )));
        }
        let (info, layout) = self.read_layout(opened.layout, opened.layout_version)?;
        let priced = |name: &String| {
            opened
                .categories
                .iter()
                .any(|category| category.id == *name)
        };
        let missing: Vec<_> = layout
            .categories
            .iter()
            .filter(|name| !priced(name))
            .cloned()
            .collect();
        if !missing.is_empty() {
            return Err(Error::Invalid(format!(
                "the layout has categories without a price: {}",
                missing.join(", ")
            )));
        }
        let mut statements = vec![];
        for (session, starts_at, sales_start_at, sales_end_at) in &opened.sessions {
            let sale = Sale {
                session: *session,
                number: 0,
                event: opened.event,
                layout: opened.layout,
                layout_version: opened.layout_version,
                currency: opened.currency,
                categories: opened.categories.clone(),
                max_seats: opened.max_seats,
                starts_at: *starts_at,
                sales_start_at: *sales_start_at,
                sales_end_at: *sales_end_at,
                closed: false,
            };
            statements.push(store::sales::open(
                &sale,
                layout.seat_count,
                layout.capacity,
            ));
            if !info.areas.is_empty() {
                statements.push(store::sales::open_areas(*session, &info.areas));
            }
        }
        let done = self.ports.transaction(&statements);
        for (session, ..) in &opened.sessions {
            self.forget(*session);
        }
        match done {
            Ok(_) => Ok(()),
            Err(sql::Error::Conflict { .. }) => {
                Err(Error::Invalid("a session's sale was closed, or has another event, layout, layout version or currency".into()))
            }
            Err(other) => Err(other.into()),
        }
    }

    /// Ends the sale of an event's sessions: no hold, no claim and no reservation succeeds after
    /// it. Where Redis cannot be told, or not in time, instances that know a session as on sale
    /// notice within two seconds; reservations at once all the same.
    pub fn close(&self, event: EventId) -> Result<(), Error> {
        let rows = self.ports.query(store::sales::close(event))?;
        let began = Instant::now();
        for row in 0..rows.len() {
            let session = rows.get(row, "session_id")?;
            self.forget(session);
            if began.elapsed() < TELLING
                && let Err(error) = self.ports.script(&leases::close(rows.get(row, "number")?))
            {
                tracing::warn!(error.cause = %error, session.id = %session, "redis was not told that the sale is closed, it will read it");
            }
        }
        Ok(())
    }

    /// Session, total and free places, seats and areas together; unknown sessions are left out.
    pub fn counts(&self, sessions: Vec<SessionId>) -> Result<Vec<(SessionId, u32, u32)>, Error> {
        if sessions.is_empty() {
            return Ok(vec![]);
        }
        let rows = self
            .ports
            .query(store::sales::capacities(sessions.clone()))?;
        let numbers = (0..rows.len())
            .map(|row| rows.get::<u32>(row, "number"))
            .collect::<Result<Vec<_>, _>>()?;
        let taken = self.taken(&numbers);
        // Where Redis does not know what is claimed, Postgres does.
        let claims = match taken.iter().all(|taken| {
            matches!(
                taken,
                Taken {
                    claimed: Some(_),
                    ..
                }
            )
        }) {
            true => None,
            false => Some(self.ports.query(store::sales::tallies(sessions))?),
        };
        (0..rows.len())
            .map(|row| {
                let session: SessionId = rows.get(row, "session_id")?;
                let total: u32 = rows.get(row, "capacity")?;
                let claimed = match (taken[row].claimed, &claims) {
                    (Some(claimed), _) => claimed,
                    (None, Some(claims)) => claimed_of(claims, session)?,
                    (None, None) => 0,
                };
                Ok((
                    session,
                    total,
                    total.saturating_sub(claimed + taken[row].held),
                ))
            })
            .collect()
    }

    /// What Redis knows of each of these sessions. Without Redis: nothing is held.
    fn taken(&self, numbers: &[u32]) -> Vec<Taken> {
        let word = |text: &str| text.as_bytes().to_vec();
        let of_session = |number: &u32| {
            let key = |name| leases::key(*number, name);
            [
                vec![word("BITCOUNT"), key("claimed")],
                vec![word("BITCOUNT"), key("heldbits")],
                vec![word("HGETALL"), key("areas")],
                vec![word("HGET"), key("main"), word("loaded")],
                vec![
                    word("ZRANGE"),
                    key("due"),
                    word("0"),
                    word("0"),
                    word("WITHSCORES"),
                ],
            ]
        };
        let commands: Vec<_> = numbers.iter().flat_map(of_session).collect();
        let replies = self.ports.pipeline(&commands).unwrap_or_else(|error| {
            tracing::warn!(error.cause = %error, "redis does not say what is held, only claims are counted");
            vec![]
        });
        let now_ms = Timestamp::now().millis();
        let read = |(at, number): (usize, &u32)| match replies.get(at * 5..at * 5 + 5) {
            Some([Ok(claimed), Ok(held), Ok(areas), Ok(loaded), Ok(due)]) => {
                let due = due
                    .items()
                    .get(1)
                    .and_then(Item::text)
                    .and_then(|score| score.parse::<f64>().ok());
                match due {
                    // A hold is over and nobody has looked since: looking ends it.
                    Some(due) if due <= now_ms as f64 => {
                        match self.run(&leases::state(*number, 0), leases::state_answer) {
                            Ok(Ok(state)) => Taken::from_state(&state),
                            _ => Taken::read(claimed, held, areas, loaded, now_ms),
                        }
                    }
                    _ => Taken::read(claimed, held, areas, loaded, now_ms),
                }
            }
            _ => Taken::default(),
        };
        numbers.iter().enumerate().map(read).collect()
    }
}

fn claimed_of(claims: &Rows, session: SessionId) -> Result<u32, Error> {
    for row in 0..claims.len() {
        if claims.get::<SessionId>(row, "session_id")? == session {
            return Ok(claims.get(row, "claimed")?);
        }
    }
    Ok(0)
}

/// Places of a session that cannot be had.
#[derive(Default)]
struct Taken {
    /// None where Redis has nothing fresh.
    claimed: Option<u32>,
    held: u32,
}

/// As in the scripts: how old what was loaded from Postgres may be.
const LOADED_MS: i64 = 30_000;

impl Taken {
    fn read(claimed: &Reply, held: &Reply, areas: &Reply, loaded: &Reply, now_ms: i64) -> Self {
        let seats = |reply: &Reply| reply.int().unwrap_or(0).max(0) as u32;
        let (mut claimed, mut held) = (seats(claimed), seats(held));
        for pair in areas.items().chunks(2) {
            let [field, value] = pair else { continue };
            let value = value
                .text()
                .and_then(|value| value.split(':').next())
                .and_then(|number| number.parse::<u32>().ok());
            match field.text().and_then(|field| field.get(..2)) {
                Some("c:") => claimed += value.unwrap_or(0),
                Some("h:") => held += value.unwrap_or(0),
                _ => {}
            }
        }
        let loaded = loaded
            .bytes()
            .and_then(|text| std::str::from_utf8(text).ok())
            .and_then(|text| text.parse::<i64>().ok());
        Self {
            claimed: loaded
                .filter(|loaded| now_ms - loaded <= LOADED_MS)
                .map(|_| claimed),
            held,
        }
    }

    fn from_state(state: &State) -> Self {
        let ones = |bits: &[u8]| bits.iter().map(|byte| byte.count_ones()).sum::<u32>();
        let areas: u32 = state.areas.iter().map(|(_, taken)| taken).sum();
        Self {
            claimed: Some(ones(&state.claimed)),
            held: ones(&state.held) + areas,
        }
    }
}
