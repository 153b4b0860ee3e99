//! A layout by the contract: what it is (`model`), how a client's JSON becomes one with all faults
//! told at once (`parse` on `reader`). No I/O.

mod body;
pub mod model;
mod parse;
mod reader;
#[cfg(test)]
mod tests;

pub use body::{create, replace};
pub use model::Layout;

/// The JSON Schema of a layout, served at `/api/v1/layouts/schema`. It says what JSON Schema can
/// say; that ids are unique among siblings and the number of seats it cannot.
pub const SCHEMA: &str = include_str!("../../layout.schema.json");

/// Most seats of a layout.
pub const MAX_SEATS: usize = 100_000;
/// Largest body, bytes.
pub const MAX_BYTES: usize = 20_000_000;
/// Farthest from the origin on either axis, centimetres.
pub const MAX_COORDINATE: f64 = 1_000_000.0;
/// Largest capacity of one area.
pub const MAX_AREA_CAPACITY: u32 = 100_000;
/// Most faults that are told at once.
pub const MAX_FAULTS: usize = 100;
/// Most sections, areas, shapes; rows or tables of a section; seats of a row or table; points of an
/// area or shape.
pub const MAX_ITEMS: usize = 2_000;
