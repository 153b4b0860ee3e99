//! Sessions and layouts that this instance has read before. They keep PostgreSQL off the path of a
//! hold.

use std::cell::{OnceCell, RefCell};
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::time::{Duration, Instant};

use eventhub_guest::ids::{LayoutId, SessionId};
use eventhub_guest::sql;
use lru::LruCache;

use super::Inventory;
use crate::domain::sale::{Sale, format_layout_key};
use crate::domain::seat_names::SeatNames;
use crate::error::Error;
use crate::ports::{self, Layout, Ports};
use crate::store;

/// A sale that is older than this is read again, so this is how soon a closed sale and new prices
/// are noticed.
const FRESH: Duration = Duration::from_secs(2);
/// How long a sale that was read before serves while PostgreSQL does not answer.
const USABLE: Duration = Duration::from_secs(30);

const SESSIONS: NonZeroUsize = NonZeroUsize::new(4096).unwrap();
const LAYOUTS: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// What this service needs of a layout besides seat-lock.
pub struct LayoutInfo {
    /// `lay_…@3`
    pub key: String,
    pub seat_count: u32,
    /// Read when they are first written out; holds and bookings do without them.
    names: OnceCell<SeatNames>,
    /// Ids and capacities.
    pub areas: Vec<(String, u32)>,
}

impl LayoutInfo {
    /// Zero where the layout has no such area.
    pub fn capacity_of(&self, area: &str) -> u32 {
        self.areas
            .iter()
            .find(|(id, _)| id == area)
            .map_or(0, |(_, capacity)| *capacity)
    }
}

/// The caches of an instance.
pub struct Catalog {
    sales: RefCell<LruCache<SessionId, (Rc<Sale>, Instant)>>,
    numbers: RefCell<LruCache<u32, SessionId>>,
    layouts: RefCell<LruCache<String, Rc<LayoutInfo>>>,
}

impl Default for Catalog {
    fn default() -> Self {
        Self {
            sales: RefCell::new(LruCache::new(SESSIONS)),
            numbers: RefCell::new(LruCache::new(SESSIONS)),
            layouts: RefCell::new(LruCache::new(LAYOUTS)),
        }
    }
}

impl Inventory {
    /// The sale of a session, at most two seconds old.
    pub(super) fn sale(&self, session: SessionId) -> Result<Rc<Sale>, Error> {
        let known = self.catalog.sales.borrow_mut().get(&session).cloned();
        if let Some((sale, read)) = &known
            && read.elapsed() < FRESH
        {
            return Ok(sale.clone());
        }
        match store::sales::find_by_session(session) {
            Ok(sale) => self.remember_sale(sale),
            Err(sql::Error::Unavailable(cause)) => match known {
                Some((sale, read)) if read.elapsed() < USABLE => {
                    tracing::warn!(error.cause = cause, session.id = %session, "the database does not answer, an older state of the sale serves");
                    Ok(sale)
                }
                _ => Err(Error::Unavailable(cause)),
            },
            Err(other) => Err(other.into()),
        }
    }

    /// The sale whose number a hold's id carries.
    pub(super) fn sale_by_number(&self, number: u32) -> Result<Rc<Sale>, Error> {
        let known = self.catalog.numbers.borrow_mut().get(&number).copied();
        match known {
            Some(session) => self.sale(session),
            None => self.remember_sale(store::sales::find_by_number(number)?),
        }
    }

    fn remember_sale(&self, sale: Option<Sale>) -> Result<Rc<Sale>, Error> {
        let sale = Rc::new(sale.ok_or(Error::NotFound("session"))?);
        self.catalog
            .numbers
            .borrow_mut()
            .put(sale.number, sale.session);
        self.catalog
            .sales
            .borrow_mut()
            .put(sale.session, (sale.clone(), Instant::now()));
        Ok(sale)
    }

    pub(super) fn forget_sale(&self, session: SessionId) {
        self.catalog.sales.borrow_mut().pop(&session);
    }

    /// The layout of a sale; read on its first use in this instance.
    pub(super) fn layout(&self, sale: &Sale) -> Result<Rc<LayoutInfo>, Error> {
        let known = self
            .catalog
            .layouts
            .borrow_mut()
            .get(&sale.layout_key())
            .cloned();
        match known {
            Some(layout) => Ok(layout),
            None => Ok(self.read_layout(sale.layout, sale.layout_version)?.0),
        }
    }

    /// Reads a layout and has seat-lock load it. Answers also the layout as venue-layout gave it,
    /// without the document.
    pub(super) fn read_layout(
        &self,
        id: LayoutId,
        version: u32,
    ) -> Result<(Rc<LayoutInfo>, Layout), Error> {
        let mut layout = self.ports.layout(id, version)?;
        let key = format_layout_key(id, version);
        let document = std::mem::take(&mut layout.document);
        let loaded = self.ports.load_layout(&key, &document)?;
        let info = Rc::new(LayoutInfo {
            key: key.clone(),
            seat_count: loaded.seat_count,
            names: OnceCell::new(),
            areas: loaded.areas,
        });
        self.catalog.layouts.borrow_mut().put(key, info.clone());
        Ok((info, layout))
    }

    /// The keys of all seats of a sale's layout.
    pub fn seat_names<'a>(
        &self,
        sale: &Sale,
        layout: &'a LayoutInfo,
    ) -> Result<&'a SeatNames, Error> {
        if let Some(names) = layout.names.get() {
            return Ok(names);
        }
        let all = vec![0xff; layout.seat_count.div_ceil(8) as usize];
        let keys = self.ask_lock(sale, |ports, key| ports.seat_keys(key, &all))?;
        let names = SeatNames::new(&keys).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(layout.names.get_or_init(|| names))
    }

    /// Asks seat-lock about the layout of a sale. seat-lock forgets layouts when it has too many;
    /// then the layout is loaded again.
    pub(super) fn ask_lock<T>(
        &self,
        sale: &Sale,
        ask: impl Fn(&dyn Ports, &str) -> Result<T, ports::Error>,
    ) -> Result<T, Error> {
        let layout = self.layout(sale)?;
        match ask(&*self.ports, &layout.key) {
            Err(ports::Error::NotLoaded) => {
                self.read_layout(sale.layout, sale.layout_version)?;
                Ok(ask(&*self.ports, &layout.key)?)
            }
            other => Ok(other?),
        }
    }
}
