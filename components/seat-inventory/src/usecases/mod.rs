//! What the service does: one file for each concern, all on [`Inventory`]. Rules are in `domain`,
//! leases in `leases`, SQL in `store`.

mod bookings;
mod catalog;
mod holds;
mod live;
mod occupancy;
mod sales;

use catalog::Catalog;
pub use catalog::LayoutInfo;
pub use holds::RequestKey;
pub use live::{Opening, Page};
pub use occupancy::Seats;
pub use sales::{NewSale, NewSession, SessionTally};

use crate::config::Config;
use crate::ports::Ports;

/// The service in one instance: other components, the configuration, and what was read before.
pub struct Inventory {
    ports: Box<dyn Ports>,
    config: Config,
    catalog: Catalog,
}

impl Inventory {
    pub fn new(ports: impl Ports + 'static, config: Config) -> Self {
        Self {
            ports: Box::new(ports),
            config,
            catalog: Catalog::default(),
        }
    }
}
