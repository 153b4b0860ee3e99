//! A layout document in compact form: texts in one string, seats in one list in document order,
//! rows as ranges of it. Lenient, since venue-layout has validated the document: members that are not
//! needed here are ignored.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;

use crate::key_table::KeyTable;

/// A part of the layout's text.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    start: u32,
    len: u16,
}

/// One seat.
#[derive(Clone, Copy, Debug)]
pub struct Seat {
    key: Span,
    pub row: u32,
    flags: u8,
    /// Centimetres.
    pub x: f32,
    pub y: f32,
}

/// The seats of a row or table: consecutive in the list of seats.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub first: u32,
    pub len: u32,
    pub section: u32,
    pub table: bool,
    pub category: u16,
    /// The least distance of its seats.
    pub nearest: u32,
}

impl Row {
    pub fn seats(&self) -> std::ops::Range<u32> {
        self.first..self.first + self.len
    }
}

/// A standing area.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    pub id: Span,
    pub category: u16,
    pub capacity: u32,
}

/// A category and its rows, the nearest to the stage first.
#[derive(Debug)]
pub struct Category {
    name: Span,
    pub rows: Vec<u32>,
    /// In all its rows.
    pub seats: u32,
}

/// What a venue looks like.
#[derive(Debug, Default)]
pub struct Layout {
    text: String,
    seats: Vec<Seat>,
    /// Of each seat to the centre of the nearest stage, or to the origin where there is none.
    /// Centimetres. Apart from the seats, since the search for the best goes through these
    /// alone.
    distances: Vec<u32>,
    rows: Vec<Row>,
    areas: Vec<Area>,
    categories: Vec<Category>,
    by_key: KeyTable,
}

/// The document is not a layout; the layout service's fault, since it keeps only valid ones.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("not a layout document: {0}")]
    Document(#[from] serde_json::Error),
    #[error("seat {0} comes twice")]
    Twice(String),
    #[error("an id is longer than 65535 bytes")]
    TooLong,
}

/// As the contract names them; bit i of a seat's flags is flag i.
const FLAGS: [&str; 4] = ["accessible", "companion", "restricted_view", "aisle"];

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow, default)]
    sections: Vec<SectionPart<'a>>,
    #[serde(borrow, default)]
    areas: Vec<AreaPart<'a>>,
    #[serde(borrow, default)]
    shapes: Vec<ShapePart<'a>>,
}

#[derive(Deserialize)]
struct SectionPart<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    category: Cow<'a, str>,
    #[serde(borrow, default)]
    rows: Vec<RowPart<'a>>,
    #[serde(borrow, default)]
    tables: Vec<RowPart<'a>>,
}

#[derive(Deserialize)]
struct RowPart<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    seats: Vec<SeatPart<'a>>,
}

#[derive(Deserialize)]
struct SeatPart<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(default)]
    x: f64,
    #[serde(default)]
    y: f64,
    #[serde(borrow, default)]
    flags: Vec<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct AreaPart<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    category: Cow<'a, str>,
    capacity: u32,
}

#[derive(Deserialize)]
struct ShapePart<'a> {
    #[serde(borrow, default)]
    kind: Cow<'a, str>,
    #[serde(default)]
    points: Vec<(f64, f64)>,
}

impl Layout {
    /// Reads a document of the contract's shape: sections with rows and tables, areas, shapes.
    pub fn parse(document: &str) -> Result<Self, Error> {
        let document: Document = serde_json::from_str(document)?;
        let stages = stage_centres(&document.shapes);
        let mut layout = Layout::default();
        let mut names = HashMap::new();
        for (number, section) in document.sections.iter().enumerate() {
            let category = layout.category_number(&mut names, &section.category)?;
            let rows = section.rows.iter().map(|row| (row, false));
            for (row, table) in rows.chain(section.tables.iter().map(|table| (table, true))) {
                layout.add_row(section, number as u32, row, table, category, &stages)?;
            }
        }
        for area in &document.areas {
            let category = layout.category_number(&mut names, &area.category)?;
            let id = layout.add_text(&area.id)?;
            layout.areas.push(Area {
                id,
                category,
                capacity: area.capacity,
            });
        }
        layout.finish()
    }

    fn add_row(
        &mut self,
        section: &SectionPart,
        number: u32,
        row: &RowPart,
        table: bool,
        category: u16,
        stages: &[(f64, f64)],
    ) -> Result<(), Error> {
        let first = self.seats.len() as u32;
        let mut nearest = u32::MAX;
        for seat in &row.seats {
            let start = self.text.len();
            for part in [&*section.id, "-", &*row.id, "-", &*seat.id] {
                self.text.push_str(part);
            }
            let key = self.span_from(start)?;
            let known = |flag: &str| FLAGS.iter().position(|known| *known == flag);
            let flags = seat
                .flags
                .iter()
                .filter_map(|flag| known(flag))
                .fold(0, |flags, bit| flags | 1 << bit);
            let to_stage = |(x, y): &(f64, f64)| (seat.x - x).hypot(seat.y - y);
            // Casting saturates, and NaN becomes 0.
            let distance = stages
                .iter()
                .map(to_stage)
                .fold(f64::INFINITY, f64::min)
                .round() as u32;
            nearest = nearest.min(distance);
            let row = self.rows.len() as u32;
            self.seats.push(Seat {
                key,
                row,
                flags,
                x: seat.x as f32,
                y: seat.y as f32,
            });
            self.distances.push(distance);
        }
        let len = row.seats.len() as u32;
        self.rows.push(Row {
            first,
            len,
            section: number,
            table,
            category,
            nearest,
        });
        Ok(())
    }

    fn finish(mut self) -> Result<Self, Error> {
        for (number, row) in self.rows.iter().enumerate() {
            let category = &mut self.categories[row.category as usize];
            category.rows.push(number as u32);
            category.seats += row.len;
        }
        for category in &mut self.categories {
            category
                .rows
                .sort_by_key(|&row| self.rows[row as usize].nearest);
        }
        let mut by_key = KeyTable::with_room_for(self.seats.len());
        for index in 0..self.seats.len() as u32 {
            if !by_key.add(self.key_bytes(index), index, |known| self.key_bytes(known)) {
                return Err(Error::Twice(self.key(index).to_string()));
            }
        }
        self.by_key = by_key;
        self.text.shrink_to_fit();
        Ok(self)
    }

    fn category_number(
        &mut self,
        names: &mut HashMap<String, u16>,
        name: &str,
    ) -> Result<u16, Error> {
        if let Some(&known) = names.get(name) {
            return Ok(known);
        }
        let number = u16::try_from(self.categories.len()).map_err(|_| Error::TooLong)?;
        let span = self.add_text(name)?;
        self.categories.push(Category {
            name: span,
            rows: vec![],
            seats: 0,
        });
        names.insert(name.to_string(), number);
        Ok(number)
    }

    fn add_text(&mut self, text: &str) -> Result<Span, Error> {
        let start = self.text.len();
        self.text.push_str(text);
        self.span_from(start)
    }

    fn span_from(&self, start: usize) -> Result<Span, Error> {
        let len = u16::try_from(self.text.len() - start).map_err(|_| Error::TooLong)?;
        Ok(Span {
            start: u32::try_from(start).map_err(|_| Error::TooLong)?,
            len,
        })
    }

    pub fn text(&self, span: Span) -> &str {
        let start = span.start as usize;
        &self.text[start..start + span.len as usize]
    }

    pub fn seats(&self) -> &[Seat] {
        &self.seats
    }

    /// Of each seat to the stage, in centimetres.
    pub fn distances(&self) -> &[u32] {
        &self.distances
    }

    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub fn areas(&self) -> &[Area] {
        &self.areas
    }

    pub fn category(&self, number: u16) -> &Category {
        &self.categories[number as usize]
    }

    pub fn category_name(&self, number: u16) -> &str {
        self.text(self.category(number).name)
    }

    /// The category of that name.
    pub fn find_category(&self, name: &str) -> Option<u16> {
        self.categories
            .iter()
            .position(|category| self.text(category.name) == name)
            .map(|at| at as u16)
    }

    /// The index of a seat key.
    pub fn find_seat(&self, key: &str) -> Option<u32> {
        self.by_key
            .find(key.as_bytes(), |index| self.key_bytes(index))
    }

    /// The place of an area's id in `areas`.
    pub fn find_area(&self, id: &str) -> Option<usize> {
        self.areas.iter().position(|area| self.text(area.id) == id)
    }

    /// The key of a seat: `A-1-14`. The index must be one of this layout.
    pub fn key(&self, index: u32) -> &str {
        self.text(self.seats[index as usize].key)
    }

    /// The same where characters do not matter.
    fn key_bytes(&self, index: u32) -> &[u8] {
        let Span { start, len } = self.seats[index as usize].key;
        &self.text.as_bytes()[start as usize..][..len as usize]
    }

    pub fn row_of(&self, index: u32) -> &Row {
        &self.rows[self.seats[index as usize].row as usize]
    }

    pub fn category_of(&self, index: u32) -> &str {
        self.category_name(self.row_of(index).category)
    }

    pub fn flags_of(&self, index: u32) -> impl Iterator<Item = &'static str> + use<> {
        let flags = self.seats[index as usize].flags;
        FLAGS
            .into_iter()
            .enumerate()
            .filter(move |(bit, _)| flags >> bit & 1 == 1)
            .map(|(_, flag)| flag)
    }
}

/// The centres of the stages; the origin where there is none.
fn stage_centres(shapes: &[ShapePart]) -> Vec<(f64, f64)> {
    let stages = shapes
        .iter()
        .filter(|shape| shape.kind == "stage" && !shape.points.is_empty());
    let centre = |shape: &ShapePart| {
        let middle = |of: fn(&(f64, f64)) -> f64| {
            let values = shape.points.iter().map(of);
            let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
                (low.min(v), high.max(v))
            });
            (low + high) / 2.0
        };
        (middle(|point| point.0), middle(|point| point.1))
    };
    let centres: Vec<_> = stages.map(centre).collect();
    if centres.is_empty() {
        vec![(0.0, 0.0)]
    } else {
        centres
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALL: &str = r#"{"sections":[
        {"id":"A","name":"Stalls","category":"stalls",
         "rows":[{"id":"1","seats":[{"id":"1","x":0,"y":300,"flags":["aisle","accessible"]},{"id":"2","x":50,"y":300}]}],
         "tables":[{"id":"T1","x":0,"y":0,"seats":[{"id":"1","x":0,"y":900,"flags":[]}]}]},
        {"id":"B","category":"balcony","rows":[{"id":"1","seats":[{"id":"1","x":0,"y":2000,"label":"ignored"}]}]}],
      "areas":[{"id":"floor","name":"Standing","category":"standing","capacity":300,"polygon":[[0,0],[1,0],[1,1]]}],
      "shapes":[{"kind":"text","points":[[9,9]],"text":"exit"},{"kind":"stage","points":[[-100,0],[100,0],[100,200],[-100,200]]}]}"#;

    #[test]
    fn seats_are_numbered_in_document_order_rows_before_tables() {
        let layout = Layout::parse(HALL).unwrap();
        let keys: Vec<_> = (0..4).map(|index| layout.key(index)).collect();
        assert_eq!(keys, ["A-1-1", "A-1-2", "A-T1-1", "B-1-1"]);
        for (index, key) in keys.iter().enumerate() {
            assert_eq!(layout.find_seat(key), Some(index as u32));
        }
        assert_eq!(layout.find_seat("A-1-3"), None);
        assert_eq!(layout.category_of(3), "balcony");
        assert_eq!(
            layout.flags_of(0).collect::<Vec<_>>(),
            ["accessible", "aisle"]
        );
    }

    #[test]
    fn distance_is_to_the_centre_of_the_stage() {
        let layout = Layout::parse(HALL).unwrap();
        assert_eq!(layout.distances()[0], 200);
        assert_eq!(layout.distances()[3], 1900);
        let without = Layout::parse(
            r#"{"sections":[{"id":"A","category":"c","rows":[{"id":"1","seats":[{"id":"1","x":30,"y":40}]}]}]}"#,
        );
        assert_eq!(without.unwrap().distances()[0], 50);
    }

    #[test]
    fn a_document_that_is_no_layout_is_an_error() {
        for text in [
            "",
            "[1]",
            "{\"sections\":1}",
            "{\"sections\":[{\"id\":\"A\"}]}",
            "null",
        ] {
            assert!(Layout::parse(text).is_err(), "{text}");
        }
        let twice = r#"{"sections":[{"id":"A","category":"c","rows":[{"id":"1","seats":[{"id":"1"},{"id":"1"}]}]}]}"#;
        assert!(matches!(Layout::parse(twice), Err(Error::Twice(key)) if key == "A-1-1"));
        assert_eq!(Layout::parse("{}").unwrap().seats().len(), 0);
    }
}
