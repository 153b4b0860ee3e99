//! A place as Redis names it: a seat by its index in the layout, or an area.

/// A seat or an area.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Seat(u32),
    Area(String),
}

impl Place {
    /// `12`, or `a:floor`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("a:") {
            Some(area) => Some(Place::Area(area.to_string())),
            None => text.parse().ok().map(Place::Seat),
        }
    }
}
