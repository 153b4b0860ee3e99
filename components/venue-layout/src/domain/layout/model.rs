//! The types of a layout and their JSON. The order of members is the contract's; every member is
//! written, so that readers need no defaults.

use std::collections::BTreeSet;

use serde::{Serialize, Serializer};

#[derive(Serialize, Clone, PartialEq, Debug, Default)]
pub struct Layout {
    pub sections: Vec<Section>,
    pub areas: Vec<Area>,
    pub shapes: Vec<Shape>,
}

#[derive(Serialize, Clone, PartialEq, Debug)]
pub struct Section {
    pub id: LocalId,
    pub name: String,
    pub category: String,
    pub rows: Vec<Row>,
    pub tables: Vec<Table>,
}

#[derive(Serialize, Clone, PartialEq, Debug)]
pub struct Row {
    pub id: LocalId,
    pub seats: Vec<Seat>,
}

#[derive(Serialize, Clone, PartialEq, Debug)]
pub struct Table {
    pub id: LocalId,
    #[serde(flatten)]
    pub at: Point,
    pub seats: Vec<Seat>,
}

#[derive(Serialize, Clone, PartialEq, Debug)]
pub struct Seat {
    pub id: LocalId,
    #[serde(flatten)]
    pub at: Point,
    pub flags: Flags,
}

/// Where people have no seats of their own.
#[derive(Serialize, Clone, PartialEq, Debug)]
pub struct Area {
    pub id: LocalId,
    pub name: String,
    pub category: String,
    pub capacity: u32,
    #[serde(serialize_with = "write_pairs")]
    pub polygon: Vec<Point>,
}

/// What is drawn and not sold.
#[derive(Serialize, Clone, PartialEq, Debug)]
pub struct Shape {
    pub kind: ShapeKind,
    #[serde(serialize_with = "write_pairs")]
    pub points: Vec<Point>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// In text as the API has it: `stage`.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug, strum::EnumString)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum ShapeKind {
    Stage,
    Text,
    Line,
}

impl ShapeKind {
    /// Fewest points that can be drawn.
    pub const fn min_points(self) -> usize {
        match self {
            Self::Stage => 2,
            Self::Text => 1,
            Self::Line => 2,
        }
    }
}

/// 1–8 of `A-Z a-z 0-9 .`, padded with zero bytes: a layout has many, and eight bytes need no
/// allocation.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LocalId([u8; 8]);

impl LocalId {
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
        if text.is_empty() || text.len() > 8 || !allowed {
            return None;
        }
        let mut bytes = [0; 8];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Some(Self(bytes))
    }

    /// For constants: an id that is none does not compile.
    pub const fn literal(text: &'static str) -> Self {
        let from = text.as_bytes();
        assert!(!from.is_empty() && from.len() <= 8);
        let mut bytes = [0; 8];
        let mut at = 0;
        while at < from.len() {
            assert!(from[at].is_ascii_alphanumeric() || from[at] == b'.');
            bytes[at] = from[at];
            at += 1;
        }
        Self(bytes)
    }

    /// The number in decimal; its last eight digits where it has more.
    pub fn number(number: u32) -> Self {
        let text = (number % 100_000_000).to_string();
        let mut bytes = [0; 8];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Self(bytes)
    }

    pub fn as_str(&self) -> &str {
        let length = self.0.iter().position(|byte| *byte == 0).unwrap_or(8);
        std::str::from_utf8(&self.0[..length]).unwrap_or_default()
    }
}

impl std::fmt::Debug for LocalId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for LocalId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Centimetres; x to the right, y away from the stage.
#[derive(Serialize, Clone, Copy, PartialEq, Debug)]
pub struct Point {
    #[serde(serialize_with = "write_coordinate")]
    pub x: f64,
    #[serde(serialize_with = "write_coordinate")]
    pub y: f64,
}

/// A whole number is written as one: `0`, not `0.0`.
fn write_coordinate<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.fract() == 0.0 && value.abs() <= super::MAX_COORDINATE {
        serializer.serialize_i64(*value as i64)
    } else {
        serializer.serialize_f64(*value)
    }
}

fn write_pairs<S: Serializer>(points: &[Point], serializer: S) -> Result<S::Ok, S::Error> {
    struct Coordinate(f64);
    impl Serialize for Coordinate {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            write_coordinate(&self.0, serializer)
        }
    }
    serializer.collect_seq(
        points
            .iter()
            .map(|point| (Coordinate(point.x), Coordinate(point.y))),
    )
}

/// The set of a seat's flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flags(u8);

impl Flags {
    pub const NAMES: [&str; 4] = ["accessible", "companion", "restricted_view", "aisle"];
    pub const NONE: Flags = Flags(0);
    pub const ACCESSIBLE: Flags = Flags(1);
    pub const COMPANION: Flags = Flags(2);
    pub const RESTRICTED_VIEW: Flags = Flags(4);
    pub const AISLE: Flags = Flags(8);

    pub fn parse(name: &str) -> Option<Self> {
        let bit = Self::NAMES.iter().position(|known| *known == name)?;
        Some(Self(1 << bit))
    }

    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Serialize for Flags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let set = Self::NAMES
            .iter()
            .enumerate()
            .filter(|(bit, _)| self.0 & (1 << bit) != 0);
        serializer.collect_seq(set.map(|(_, name)| name))
    }
}

/// What other services ask of a layout without reading all of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Summary {
    pub seat_count: u32,
    /// Seats and the capacities of the areas together.
    pub capacity: u32,
    /// Distinct, sorted.
    pub categories: Vec<String>,
}

impl Layout {
    pub fn seats(&self) -> impl Iterator<Item = &Seat> {
        self.sections.iter().flat_map(|section| {
            let rows = section.rows.iter().flat_map(|row| &row.seats);
            rows.chain(section.tables.iter().flat_map(|table| &table.seats))
        })
    }

    pub fn summary(&self) -> Summary {
        let seat_count = self.seats().count() as u32;
        let standing: u32 = self.areas.iter().map(|area| area.capacity).sum();
        let named = self
            .sections
            .iter()
            .map(|section| &section.category)
            .chain(self.areas.iter().map(|area| &area.category));
        let categories: BTreeSet<_> = named.cloned().collect();
        Summary {
            seat_count,
            capacity: seat_count.saturating_add(standing),
            categories: categories.into_iter().collect(),
        }
    }
}
