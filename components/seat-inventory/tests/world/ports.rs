//! The ports of a test: one layout, and seat-lock as a library.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use eventhub_guest::ids::LayoutId;
use seat_inventory::domain::flags::Flags;
use seat_inventory::domain::selection::{NewHold, SelectedArea, SelectedSeat, Selection};
use seat_inventory::ports::{self, Error, LoadedLayout, Ports};
use seat_lock::bits::Bits;
use seat_lock::layout::Layout;
use seat_lock::select;

pub struct TestPorts {
    document: Arc<String>,
    calls: Arc<AtomicUsize>,
    layouts: RefCell<HashMap<String, Rc<Layout>>>,
}

impl TestPorts {
    pub fn new(document: Arc<String>, calls: Arc<AtomicUsize>) -> Self {
        Self {
            document,
            calls,
            layouts: RefCell::default(),
        }
    }

    fn count_call(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    fn loaded(&self, key: &str) -> Result<Rc<Layout>, Error> {
        self.count_call();
        let layouts = self.layouts.borrow();
        layouts.get(key).cloned().ok_or(Error::NotLoaded)
    }
}

impl Ports for TestPorts {
    fn layout(&self, _: LayoutId, _: u32) -> Result<ports::Layout, Error> {
        self.count_call();
        let layout = Layout::parse(&self.document).unwrap();
        let standing: u32 = layout.areas().iter().map(|area| area.capacity).sum();
        Ok(ports::Layout {
            capacity: layout.seats().len() as u32 + standing,
            categories: vec!["stalls".into(), "standing".into()],
            document: self.document.to_string(),
        })
    }

    fn load_layout(&self, key: &str, document: &str) -> Result<LoadedLayout, Error> {
        self.count_call();
        let layout = Layout::parse(document).unwrap();
        let areas = layout.areas().iter();
        let areas = areas.map(|area| (layout.text(area.id).to_string(), area.capacity));
        let loaded = LoadedLayout {
            seat_count: layout.seats().len() as u32,
            areas: areas.collect(),
        };
        self.layouts
            .borrow_mut()
            .insert(key.into(), Rc::new(layout));
        Ok(loaded)
    }

    fn select_places(
        &self,
        key: &str,
        wanted: &NewHold,
        occupied: &[u8],
        limit: u32,
    ) -> Result<Selection, Error> {
        let layout = self.loaded(key)?;
        let best = wanted.best_available.as_ref().map(|best| select::Best {
            quantity: best.quantity,
            category: best.category.clone(),
        });
        let request = select::Request {
            seats: wanted.seats.clone(),
            areas: wanted.areas.clone(),
            best,
        };
        let selection = select::select_places(&layout, &request, Bits(occupied), limit);
        let selection = selection.map_err(error_from_lock)?;
        let seats = selection.seats.iter().map(|&index| SelectedSeat {
            index,
            seat: layout.key(index).to_string(),
            category: layout.category_of(index).to_string(),
            flags: Flags::from_names(layout.flags_of(index)),
        });
        let areas = selection.areas.iter().map(|&(at, quantity)| {
            let area = &layout.areas()[at];
            SelectedArea {
                area: layout.text(area.id).to_string(),
                category: layout.category_name(area.category).to_string(),
                quantity,
            }
        });
        Ok(Selection {
            seats: seats.collect(),
            areas: areas.collect(),
        })
    }

    fn seat_indexes(&self, key: &str, seats: &[String]) -> Result<Vec<u32>, Error> {
        let layout = self.loaded(key)?;
        select::find_indexes(&layout, seats).map_err(error_from_lock)
    }

    fn seat_keys(&self, key: &str, bits: &[u8]) -> Result<Vec<String>, Error> {
        let layout = self.loaded(key)?;
        let seats = layout.seats().len() as u32;
        let indexes = Bits(bits).ones().filter(|&index| index < seats);
        Ok(indexes.map(|index| layout.key(index).to_string()).collect())
    }
}

fn error_from_lock(error: select::Error) -> Error {
    match error {
        select::Error::Unknown(names) => Error::Unknown(names),
        select::Error::Duplicate(names) => Error::Duplicate(names),
        select::Error::Empty => Error::Empty,
        select::Error::LimitExceeded(most) => Error::LimitExceeded(most),
        select::Error::NoneLeft => Error::NoneLeft,
    }
}
