//! What is taken: read from Redis, which is filled from Postgres when it has nothing or what it has
//! grows old.

use std::rc::Rc;

use eventhub_guest::ids::SessionId;

use super::{Error, Inventory, LayoutInfo};
use crate::domain::occupancy::Occupancy;
use crate::domain::sale::Sale;
use crate::leases::{self, State};
use crate::ports::Ports;
use crate::store;

/// A session's seats at one moment.
pub struct Seats {
    pub sale: Rc<Sale>,
    pub layout: Rc<LayoutInfo>,
    pub occupancy: Occupancy,
    pub seq: u64,
    pub as_of_ms: i64,
}

/// A load may come too late, or Redis may be emptied in between; more often than this it is not bad
/// luck.
const LOADS: usize = 3;

impl<P: Ports> Inventory<P> {
    /// The seats of a session that is or was on sale.
    pub fn seats(&self, session: SessionId) -> Result<Seats, Error> {
        let sale = self.sale(session)?;
        self.seats_from(sale, 0)
    }

    pub(super) fn seats_from(&self, sale: Rc<Sale>, least_seq: u64) -> Result<Seats, Error> {
        let layout = self.layout(&sale)?;
        let state = self.state(&sale, least_seq)?;
        let occupancy = Occupancy::new(&state, &layout.areas);
        Ok(Seats {
            sale,
            layout,
            occupancy,
            seq: state.seq,
            as_of_ms: state.now_ms,
        })
    }

    pub(super) fn state(&self, sale: &Sale, least_seq: u64) -> Result<State, Error> {
        for _ in 0..LOADS {
            match self.run(&leases::state(sale.number, least_seq), leases::state_answer)? {
                Ok(state) => {
                    self.refresh(sale, state.refresh, state.now_ms);
                    return Ok(state);
                }
                Err(now_ms) => self.load(sale, now_ms)?,
            }
        }
        Err(not_loaded())
    }

    /// Fills Redis from Postgres. `now_ms` is Redis' clock before Postgres is read.
    pub(super) fn load(&self, sale: &Sale, now_ms: i64) -> Result<(), Error> {
        let rows = self.ports.transaction(&store::claims::all(sale.session))?;
        let [seats, areas, closed] = &rows[..] else {
            return Err(Error::Internal(
                "three statements have not three results".into(),
            ));
        };
        let claims = store::claims::all_of(seats, areas, closed)?;
        if !self.run(
            &leases::load(sale.number, now_ms, &claims),
            leases::load_answer,
        )? {
            tracing::warn!(session.id = %sale.session, "reading the claims took too long, they are read again");
        }
        Ok(())
    }

    /// Loads again what is still good, where the script has chosen this caller to do it. Failing is
    /// no harm.
    pub(super) fn refresh(&self, sale: &Sale, chosen: bool, now_ms: i64) {
        if chosen && let Err(error) = self.load(sale, now_ms) {
            tracing::warn!(error.cause = %error, session.id = %sale.session, "claims could not be read again");
        }
    }
}

pub(super) fn not_loaded() -> Error {
    Error::Unavailable("the claims could not be loaded in time".into())
}
