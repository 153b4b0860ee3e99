//! What is taken: read from Redis, into which the claims are loaded from PostgreSQL when Redis has
//! none or old ones.

use std::rc::Rc;

use eventhub_guest::ids::SessionId;

use super::{Inventory, LayoutInfo};
use crate::domain::occupancy::Occupancy;
use crate::domain::sale::Sale;
use crate::error::Error;
use crate::leases::{self, State};
use crate::store;

/// A session's seats at one moment.
pub struct Seats {
    pub sale: Rc<Sale>,
    pub layout: Rc<LayoutInfo>,
    pub occupancy: Occupancy,
    pub seq: u64,
    pub as_of_ms: i64,
}

/// A load may come too late, or Redis may be emptied in between. More often than this is no
/// accident.
const LOADS: usize = 3;

impl Inventory {
    /// The seats of a session that is or was on sale.
    pub fn seats(&self, session: SessionId) -> Result<Seats, Error> {
        let sale = self.sale(session)?;
        self.seats_from(sale, 0)
    }

    pub(super) fn seats_from(&self, sale: Rc<Sale>, least_seq: u64) -> Result<Seats, Error> {
        let layout = self.layout(&sale)?;
        let state = self.state(&sale, least_seq)?;
        let occupancy = Occupancy::new(&state.taken, &layout.areas);
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
            match leases::read_state(sale.number, least_seq).run()? {
                Ok(state) => {
                    self.refresh_claims(sale, state.refresh, state.now_ms);
                    return Ok(state);
                }
                Err(now_ms) => self.load_claims(sale, now_ms)?,
            }
        }
        Err(load_timeout())
    }

    /// Loads the claims into Redis. `now_ms` is Redis' clock before PostgreSQL is read.
    pub(super) fn load_claims(&self, sale: &Sale, now_ms: i64) -> Result<(), Error> {
        let claims = store::claims::read_claims(sale.session)?;
        if !leases::load_claims(sale.number, now_ms, &claims).run()? {
            tracing::warn!(session.id = %sale.session, "reading the claims took too long, they are read again");
        }
        Ok(())
    }

    /// Loads the claims before they are too old, where the script has chosen this caller to do it.
    /// A failure does no harm.
    pub(super) fn refresh_claims(&self, sale: &Sale, chosen: bool, now_ms: i64) {
        if chosen && let Err(error) = self.load_claims(sale, now_ms) {
            tracing::warn!(error.cause = %error, session.id = %sale.session, "the claims could not be loaded again");
        }
    }
}

pub(super) fn load_timeout() -> Error {
    Error::Unavailable("the claims could not be loaded in time".into())
}
