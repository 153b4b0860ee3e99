//! The rules of seat selection, pure: which seats a request means, and which are best. No I/O, no
//! clock; occupancy is an argument. This file only joins the rules to the WIT; natively the modules
//! are used as they are, by tests and benchmarks.

pub mod best;
pub mod bits;
pub mod cache;
mod key_table;
pub mod layout;
pub mod select;

#[allow(missing_docs)]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "seat-lock",
        generate_all,
    });
}

use std::cell::RefCell;
use std::rc::Rc;

use bindings::exports::eventhub::seat_lock::lock as wit;
use bits::Bits;
use layout::Layout;

thread_local! {
    static CACHE: RefCell<cache::Cache> = RefCell::new(cache::Cache::default());
}

fn cached(key: &str) -> Result<Rc<Layout>, wit::Error> {
    CACHE
        .with_borrow_mut(|cache| cache.get(key))
        .ok_or(wit::Error::UnknownLayout)
}

/// What the component exports.
pub struct Component;

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
        let layout = cached(&key)?;
        let best = request.best_available.map(|best| select::Best {
            quantity: best.quantity,
            category: best.category,
        });
        let request = select::Request {
            seats: request.seats,
            areas: request.areas,
            best,
        };
        let selection = select::select(&layout, &request, Bits(&occupied), limit)?;
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
        Ok(select::indexes(&*cached(&key)?, &seats)?)
    }

    fn keys(key: String, indexes: Vec<u32>) -> Result<Vec<String>, wit::Error> {
        Ok(select::keys(&*cached(&key)?, &indexes)?)
    }

    fn keys_of(key: String, bits: Vec<u8>) -> Result<Vec<String>, wit::Error> {
        let layout = cached(&key)?;
        let set = Bits(&bits)
            .ones()
            .take_while(|&index| (index as usize) < layout.seats().len());
        Ok(set.map(|index| layout.key(index).to_string()).collect())
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

// Only a component has exports; a native library cannot have names such as these.
#[cfg(target_arch = "wasm32")]
bindings::export!(Component with_types_in bindings);
