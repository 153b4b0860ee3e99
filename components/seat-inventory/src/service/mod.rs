//! What the service does: one file per concern, all on [`Inventory`]. Rules are in `domain`, Redis'
//! part in `leases`, SQL in `store`.

mod bookings;
mod catalog;
mod error;
mod holds;
mod live;
mod occupancy;
mod sales;

use catalog::Catalog;
pub use catalog::LayoutInfo;
pub use error::Error;
use eventhub_guest::redis::Reply;
pub use holds::Name;
pub use live::{Opening, Page};
pub use occupancy::Seats;
pub use sales::Opened;

use crate::config::Config;
use crate::leases;
use crate::ports::{Call, Ports};

/// The service in one instance: the world, the configuration, and what was read before.
pub struct Inventory<P> {
    ports: P,
    config: Config,
    catalog: Catalog,
}

impl<P: Ports> Inventory<P> {
    pub fn new(ports: P, config: Config) -> Self {
        Self {
            ports,
            config,
            catalog: Catalog::default(),
        }
    }

    fn run<T>(
        &self,
        call: &Call,
        answer: fn(&Reply) -> Result<T, leases::Unexpected>,
    ) -> Result<T, Error> {
        Ok(answer(&self.ports.script(call)?)?)
    }
}
