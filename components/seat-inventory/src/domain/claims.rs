//! Claims: what bookings have of a session.

/// The places of a booking, sorted, so that all transactions lock rows in one order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// By key.
    pub seats: Vec<SeatPlace>,
    /// Area ids and quantities, by id.
    pub areas: Vec<(String, u32)>,
}

/// A seat of a booking.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeatPlace {
    /// The seat key.
    pub seat: String,
    /// Its index in the layout; none where the booking does not know it.
    pub index: Option<u32>,
}

impl Places {
    /// Sorts what a booking names.
    pub fn new(mut seats: Vec<SeatPlace>, mut areas: Vec<(String, u32)>) -> Self {
        seats.sort();
        areas.sort();
        Self { seats, areas }
    }

    /// Seat keys.
    pub fn keys(&self) -> Vec<String> {
        self.seats.iter().map(|place| place.seat.clone()).collect()
    }

    pub fn area_ids(&self) -> Vec<String> {
        self.areas.iter().map(|(area, _)| area.clone()).collect()
    }

    /// Seat keys and area ids.
    pub fn names(&self) -> Vec<String> {
        let mut names = self.keys();
        names.extend(self.area_ids());
        names
    }
}

/// How many places of an area the database has claimed, as of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AreaClaim {
    pub area: String,
    pub claimed: u32,
    pub version: i64,
}

/// What the database says is claimed of a session.
#[derive(Debug, Default)]
pub struct Claims {
    /// Whether the sale is closed.
    pub closed: bool,
    /// Bits of the seats that are reserved or sold.
    pub claimed: Vec<u8>,
    /// Bits of the seats that are sold.
    pub sold: Vec<u8>,
    pub areas: Vec<AreaClaim>,
}
