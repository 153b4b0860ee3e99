//! What this service calls of other components: layouts of venue-layout, and the rules of seat
//! selection, which are composed into it (seat-lock).

use eventhub_guest::ids::LayoutId;

use crate::bindings::eventhub::seat_lock::lock;
use crate::bindings::eventhub::venue_layout::layouts;
use crate::domain::flags::Flags;
use crate::domain::selection::{NewHold, SelectedArea, SelectedSeat, Selection};

/// A version of a layout.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    /// Seats, and the capacities of areas.
    pub capacity: u32,
    /// The ids of all categories that its sections and areas name.
    pub categories: Vec<String>,
    /// The document, for [`Ports::load_layout`].
    pub document: String,
}

/// What seat-lock knows of a layout that it has loaded.
#[derive(Debug, Clone, Default)]
pub struct LoadedLayout {
    pub seat_count: u32,
    /// Ids and capacities, in document order.
    pub areas: Vec<(String, u32)>,
}

/// Why another component refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// venue-layout has no such layout or version.
    #[error("there is no such layout")]
    NoSuchLayout,
    /// venue-layout does not answer just now.
    #[error("venue-layout: {0}")]
    LayoutsUnavailable(String),
    /// seat-lock does not have the layout, or no longer: load it.
    #[error("seat-lock has not loaded the layout")]
    NotLoaded,
    /// seat-lock cannot read the document.
    #[error("the layout cannot be used: {0}")]
    InvalidLayout(String),
    /// Seat keys, area ids or a category that the layout does not have.
    #[error("the layout does not have: {}", .0.join(", "))]
    Unknown(Vec<String>),
    /// Seat keys or area ids that come twice.
    #[error("named twice: {}", .0.join(", "))]
    Duplicate(Vec<String>),
    /// Nothing is asked for, or a quantity is zero.
    #[error("nothing is asked for")]
    Empty,
    /// More places than so many.
    #[error("more than {0} places")]
    LimitExceeded(u32),
    /// The category has fewer free seats.
    #[error("the category has not so many free seats")]
    NoneLeft,
}

/// The calls. A layout is known to seat-lock by its key, `lay_…@3`.
pub trait Ports {
    /// A version of a layout, with its document.
    ///
    /// # Errors
    /// [`Error::NoSuchLayout`], [`Error::LayoutsUnavailable`].
    fn layout(&self, id: LayoutId, version: u32) -> Result<Layout, Error>;

    /// Has seat-lock read a layout and keep it for this instance.
    ///
    /// # Errors
    /// [`Error::InvalidLayout`].
    fn load_layout(&self, key: &str, document: &str) -> Result<LoadedLayout, Error>;

    /// The places that a new hold asks for. `occupied` has a bit for each seat, set where the seat
    /// cannot be had; only the choice of the best reads it.
    ///
    /// # Errors
    /// All errors but those of venue-layout.
    fn select_places(
        &self,
        key: &str,
        wanted: &NewHold,
        occupied: &[u8],
        limit: u32,
    ) -> Result<Selection, Error>;

    /// The indexes of seat keys, in order.
    ///
    /// # Errors
    /// [`Error::NotLoaded`], [`Error::Unknown`].
    fn seat_indexes(&self, key: &str, seats: &[String]) -> Result<Vec<u32>, Error>;

    /// The keys of the seats whose bit is set.
    ///
    /// # Errors
    /// [`Error::NotLoaded`].
    fn seat_keys(&self, key: &str, bits: &[u8]) -> Result<Vec<String>, Error>;
}

/// The component's imports.
pub struct Linked;

impl Ports for Linked {
    fn layout(&self, id: LayoutId, version: u32) -> Result<Layout, Error> {
        let layout = layouts::get(&id.to_string(), Some(version))?;
        Ok(Layout {
            capacity: layout.capacity,
            categories: layout.categories,
            document: layout.document,
        })
    }

    fn load_layout(&self, key: &str, document: &str) -> Result<LoadedLayout, Error> {
        let loaded = lock::load(key, document)?;
        Ok(LoadedLayout {
            seat_count: loaded.seat_count,
            areas: loaded.areas,
        })
    }

    fn select_places(
        &self,
        key: &str,
        wanted: &NewHold,
        occupied: &[u8],
        limit: u32,
    ) -> Result<Selection, Error> {
        let best_available = wanted.best_available.as_ref();
        let request = lock::Request {
            seats: wanted.seats.clone(),
            areas: wanted.areas.clone(),
            best_available: best_available.map(|best| lock::BestAvailable {
                quantity: best.quantity,
                category: best.category.clone(),
            }),
        };
        let selection = lock::select(key, &request, occupied, limit)?;
        let seat = |place: lock::Place| SelectedSeat {
            index: place.index,
            seat: place.seat,
            category: place.category,
            flags: Flags::from_names(place.flags.iter().map(String::as_str)),
        };
        let area = |place: lock::AreaPlace| SelectedArea {
            area: place.area,
            category: place.category,
            quantity: place.quantity,
        };
        Ok(Selection {
            seats: selection.seats.into_iter().map(seat).collect(),
            areas: selection.areas.into_iter().map(area).collect(),
        })
    }

    fn seat_indexes(&self, key: &str, seats: &[String]) -> Result<Vec<u32>, Error> {
        Ok(lock::indexes(key, seats)?)
    }

    fn seat_keys(&self, key: &str, bits: &[u8]) -> Result<Vec<String>, Error> {
        Ok(lock::keys_of(key, bits)?)
    }
}

impl From<layouts::Error> for Error {
    fn from(error: layouts::Error) -> Self {
        match error {
            layouts::Error::NotFound => Error::NoSuchLayout,
            layouts::Error::Unavailable(text) => Error::LayoutsUnavailable(text),
        }
    }
}

impl From<lock::Error> for Error {
    fn from(error: lock::Error) -> Self {
        match error {
            lock::Error::UnknownLayout => Error::NotLoaded,
            lock::Error::InvalidLayout(text) => Error::InvalidLayout(text),
            lock::Error::Unknown(names) => Error::Unknown(names),
            lock::Error::Duplicate(names) => Error::Duplicate(names),
            lock::Error::Empty => Error::Empty,
            lock::Error::LimitExceeded(most) => Error::LimitExceeded(most),
            lock::Error::NoneLeft => Error::NoneLeft,
        }
    }
}
