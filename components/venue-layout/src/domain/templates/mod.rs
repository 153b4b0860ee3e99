//! Templates: layouts made from a few parameters. To add one, write a file with its table of
//! parameters and a `build` function, and name it in [`ALL`]; the tests here then try it at its
//! bounds.

mod arena;
mod club;
mod geometry;
mod parameters;
#[cfg(test)]
mod tests;
mod theatre;

#[cfg(test)]
pub use parameters::Kind;
pub use parameters::{Parameter, Values};

use crate::domain::layout::{Layout, MAX_SEATS};

/// More seats than a layout may have: the number.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("make {0} seats, more than the {MAX_SEATS} that a layout may have")]
pub struct TooManySeats(pub u64);

impl TooManySeats {
    /// # Errors
    /// A layout may not have so many seats. Called before any is made.
    fn check(seats: u64) -> Result<(), Self> {
        if seats > MAX_SEATS as u64 {
            Err(Self(seats))
        } else {
            Ok(())
        }
    }
}

/// A way to make layouts.
pub struct Template {
    /// In the path: `theatre`.
    pub name: &'static str,
    pub title: &'static str,
    pub description: &'static str,
    /// The one source of the checks, the defaults and the JSON Schema.
    pub parameters: &'static [Parameter],
    /// From values within their bounds to a layout without faults.
    pub build: fn(&Values) -> Result<Layout, TooManySeats>,
}

/// All templates, as they are listed.
pub const ALL: [Template; 3] = [theatre::TEMPLATE, arena::TEMPLATE, club::TEMPLATE];
