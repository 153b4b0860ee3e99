//! A layout: what it is (`model`), and how a client's JSON becomes one, with all faults reported at
//! once (`parse` on `reader`).

mod body;
pub mod model;
mod parse;
mod reader;
#[cfg(test)]
mod tests;

pub use body::{Body, read_new_layout, read_next_version};
pub use model::Layout;

/// The JSON Schema of a layout, served at `/api/v1/layouts/schema`. JSON Schema cannot
/// say that ids are unique among siblings, nor limit the seats of all sections together.
pub const SCHEMA: &str = include_str!("../../../layout.schema.json");

/// Most seats of a layout.
pub const MAX_SEATS: usize = 100_000;
/// Largest body, bytes.
pub const MAX_BYTES: usize = 20_000_000;
/// Farthest from the origin on either axis, centimetres.
pub const MAX_COORDINATE: f64 = 1_000_000.0;
/// Largest capacity of one area.
pub const MAX_AREA_CAPACITY: u32 = 100_000;
/// Most faults that are reported at once.
pub const MAX_FAULTS: usize = 100;
/// Most sections, areas, shapes; rows or tables of a section; seats of a row or table; points of an
/// area or shape.
pub const MAX_ITEMS: usize = 2_000;
