//! What a client asks for, and the places of the layout that this means.

use super::flags::Flags;

/// The places that a client wants to hold: named seats and places of areas, or the best seats that
/// are free.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewHold {
    /// Seat keys.
    pub seats: Vec<String>,
    /// Area ids and quantities.
    pub areas: Vec<(String, u32)>,
    pub best_available: Option<BestAvailable>,
}

/// So many seats of a category, the best that are free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BestAvailable {
    pub quantity: u32,
    pub category: String,
}

/// The places of a layout that a new hold names or gets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    pub seats: Vec<SelectedSeat>,
    pub areas: Vec<SelectedArea>,
}

/// One seat of a selection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectedSeat {
    /// In the layout.
    pub index: u32,
    /// Its key.
    pub seat: String,
    pub category: String,
    pub flags: Flags,
}

/// Places of one area of a selection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectedArea {
    pub area: String,
    pub category: String,
    pub quantity: u32,
}
