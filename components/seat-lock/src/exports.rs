//! The interface `lock`: from the types of the WIT to those of the rules and back.

use std::cell::RefCell;
use std::rc::Rc;

use crate::bindings::exports::eventhub::seat_lock::lock as wit;
use crate::bits::Bits;
use crate::cache::Cache;
use crate::layout::{self, Layout};
use crate::{Component, select};

thread_local! {
    static CACHE: RefCell<Cache> = RefCell::new(Cache::default());
}

fn find_layout(key: &str) -> Result<Rc<Layout>, wit::Error> {
    CACHE
        .with_borrow_mut(|cache| cache.get(key))
        .ok_or(wit::Error::UnknownLayout)
}

impl wit::Guest for Component {
    fn load(key: String, document: String) -> Result<wit::Loaded, wit::Error> {
        let layout = Rc::new(Layout::parse(&document)?);
        let areas = layout
            .areas()
            .iter()
            .map(|area| (layout.text(area.id).to_string(), area.capacity));
        let loaded = wit::Loaded {
            seat_count: layout.seats().len() as u32,
            areas: areas.collect(),
        };
        CACHE.with_borrow_mut(|cache| cache.put(key, layout));
        Ok(loaded)
    }

    fn select(
        key: String,
        request: wit::Request,
        occupied: Vec<u8>,
        limit: u32,
    ) -> Result<wit::Selection, wit::Error> {
        let layout = find_layout(&key)?;
        let best = request.best_available.map(|best| select::Best {
            quantity: best.quantity,
            category: best.category,
        });
        let request = select::Request {
            seats: request.seats,
            areas: request.areas,
            best,
        };
        let selection = select::select_places(&layout, &request, Bits(&occupied), limit)?;
        let seats = selection.seats.iter().map(|&index| wit::Place {
            index,
            seat: layout.key(index).to_string(),
            category: layout.category_of(index).to_string(),
            flags: layout.flags_of(index).map(str::to_string).collect(),
        });
        let areas = selection.areas.iter().map(|&(at, quantity)| {
            let area = &layout.areas()[at];
            wit::AreaPlace {
                area: layout.text(area.id).to_string(),
                category: layout.category_name(area.category).to_string(),
                quantity,
            }
        });
        Ok(wit::Selection {
            seats: seats.collect(),
            areas: areas.collect(),
        })
    }

    fn indexes(key: String, seats: Vec<String>) -> Result<Vec<u32>, wit::Error> {
        let layout = find_layout(&key)?;
        Ok(select::find_indexes(&layout, &seats)?)
    }

    fn keys_of(key: String, bits: Vec<u8>) -> Result<Vec<String>, wit::Error> {
        let layout = find_layout(&key)?;
        let seats = Bits(&bits)
            .ones()
            .take_while(|&index| (index as usize) < layout.seats().len());
        Ok(seats.map(|index| layout.key(index).to_string()).collect())
    }
}

impl From<layout::Error> for wit::Error {
    fn from(error: layout::Error) -> Self {
        wit::Error::InvalidLayout(error.to_string())
    }
}

impl From<select::Error> for wit::Error {
    fn from(error: select::Error) -> Self {
        match error {
            select::Error::Unknown(names) => wit::Error::Unknown(names),
            select::Error::Duplicate(names) => wit::Error::Duplicate(names),
            select::Error::Empty => wit::Error::Empty,
            select::Error::LimitExceeded(limit) => wit::Error::LimitExceeded(limit),
            select::Error::NoneLeft => wit::Error::NoneLeft,
        }
    }
}
