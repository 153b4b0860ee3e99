//! The rules of each part of a layout. Reading goes on after a fault, so that all are reported.

use serde::de::{MapAccess, SeqAccess};

use super::model::{
    Area, Flags, Layout, LocalId, Point, Row, Seat, Section, Shape, ShapeKind, Table,
};
use super::reader::{Element, Elements, Level, List, Members, Object, Reader, Scalar};
use super::{MAX_AREA_CAPACITY, MAX_COORDINATE, MAX_ITEMS, MAX_SEATS};

const MAX_NAME: usize = 200;
const MAX_CATEGORY: usize = 64;
const MAX_TEXT: usize = 200;

fn read_coordinate<'de, A: MapAccess<'de>>(
    reader: &mut Reader,
    map: &mut A,
) -> Result<Option<f64>, A::Error> {
    let value = map.next_value::<Scalar>()?;
    Ok(reader.read_number(&value, -MAX_COORDINATE, MAX_COORDINATE))
}

fn read_id<'de, A: MapAccess<'de>>(
    reader: &mut Reader,
    map: &mut A,
    level: Level,
) -> Result<Option<LocalId>, A::Error> {
    let value = map.next_value::<Scalar>()?;
    Ok(reader.read_id(&value, level))
}

fn read_line<'de, A: MapAccess<'de>>(
    reader: &mut Reader,
    map: &mut A,
    max: usize,
) -> Result<Option<String>, A::Error> {
    let value = map.next_value::<Scalar>()?;
    Ok(reader.read_line(&value, max))
}

#[derive(Default)]
pub struct LayoutMembers {
    sections: Elements<Section>,
    areas: Elements<Area>,
    shapes: Elements<Shape>,
}

impl<'de> Members<'de> for LayoutMembers {
    type Output = Layout;
    const KNOWN: &'static [(&'static str, bool)] =
        &[("sections", false), ("areas", false), ("shapes", false)];

    fn begin(reader: &mut Reader) -> Self {
        reader.begin(Level::Top);
        Self::default()
    }

    fn member<A: MapAccess<'de>>(
        &mut self,
        index: usize,
        reader: &mut Reader,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match index {
            0 => {
                self.sections =
                    map.next_value_seed(List::<SectionMembers>::new(reader, 0, MAX_ITEMS))?
            }
            1 => {
                self.areas = map.next_value_seed(List::<AreaMembers>::new(reader, 0, MAX_ITEMS))?
            }
            _ => {
                self.shapes =
                    map.next_value_seed(List::<ShapeMembers>::new(reader, 0, MAX_ITEMS))?
            }
        }
        Ok(())
    }

    fn finish(self, reader: &mut Reader) -> Option<Layout> {
        if reader.seats > MAX_SEATS {
            reader.fault(
                "too_many_seats",
                format!(
                    "has {} seats; at most {MAX_SEATS} are allowed",
                    reader.seats
                ),
            );
        }
        if self.sections.shorter_than(1) && self.areas.shorter_than(1) {
            reader.fault("empty", "must have at least one section or area");
        }
        Some(Layout {
            sections: self.sections.items,
            areas: self.areas.items,
            shapes: self.shapes.items,
        })
    }
}

#[derive(Default)]
pub struct SectionMembers {
    id: Option<LocalId>,
    name: Option<String>,
    category: Option<String>,
    rows: Elements<Row>,
    tables: Elements<Table>,
}

impl<'de> Members<'de> for SectionMembers {
    type Output = Section;
    const KNOWN: &'static [(&'static str, bool)] = &[
        ("id", true),
        ("name", true),
        ("category", true),
        ("rows", false),
        ("tables", false),
    ];

    fn begin(reader: &mut Reader) -> Self {
        reader.begin(Level::Group);
        Self::default()
    }

    fn member<A: MapAccess<'de>>(
        &mut self,
        index: usize,
        reader: &mut Reader,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match index {
            0 => self.id = read_id(reader, map, Level::Top)?,
            1 => self.name = read_line(reader, map, MAX_NAME)?,
            2 => self.category = read_line(reader, map, MAX_CATEGORY)?,
            3 => self.rows = map.next_value_seed(List::<RowMembers>::new(reader, 0, MAX_ITEMS))?,
            _ => {
                self.tables =
                    map.next_value_seed(List::<TableMembers>::new(reader, 0, MAX_ITEMS))?
            }
        }
        Ok(())
    }

    fn finish(self, reader: &mut Reader) -> Option<Section> {
        if self.rows.shorter_than(1) && self.tables.shorter_than(1) {
            reader.fault("empty", "must have at least one row or table");
        }
        Some(Section {
            id: self.id?,
            name: self.name?,
            category: self.category?,
            rows: self.rows.items,
            tables: self.tables.items,
        })
    }
}

#[derive(Default)]
pub struct RowMembers {
    id: Option<LocalId>,
    seats: Elements<Seat>,
}

impl<'de> Members<'de> for RowMembers {
    type Output = Row;
    const KNOWN: &'static [(&'static str, bool)] = &[("id", true), ("seats", true)];

    fn begin(reader: &mut Reader) -> Self {
        reader.begin(Level::Seat);
        Self::default()
    }

    fn member<A: MapAccess<'de>>(
        &mut self,
        index: usize,
        reader: &mut Reader,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match index {
            0 => self.id = read_id(reader, map, Level::Group)?,
            _ => {
                self.seats = map.next_value_seed(List::<SeatMembers>::new(reader, 1, MAX_ITEMS))?
            }
        }
        Ok(())
    }

    fn finish(self, _: &mut Reader) -> Option<Row> {
        Some(Row {
            id: self.id?,
            seats: self.seats.items,
        })
    }
}

#[derive(Default)]
pub struct TableMembers {
    id: Option<LocalId>,
    x: Option<f64>,
    y: Option<f64>,
    seats: Elements<Seat>,
}

impl<'de> Members<'de> for TableMembers {
    type Output = Table;
    const KNOWN: &'static [(&'static str, bool)] =
        &[("id", true), ("x", true), ("y", true), ("seats", true)];

    fn begin(reader: &mut Reader) -> Self {
        reader.begin(Level::Seat);
        Self::default()
    }

    fn member<A: MapAccess<'de>>(
        &mut self,
        index: usize,
        reader: &mut Reader,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match index {
            0 => self.id = read_id(reader, map, Level::Group)?,
            1 => self.x = read_coordinate(reader, map)?,
            2 => self.y = read_coordinate(reader, map)?,
            _ => {
                self.seats = map.next_value_seed(List::<SeatMembers>::new(reader, 1, MAX_ITEMS))?
            }
        }
        Ok(())
    }

    fn finish(self, _: &mut Reader) -> Option<Table> {
        Some(Table {
            id: self.id?,
            at: Point {
                x: self.x?,
                y: self.y?,
            },
            seats: self.seats.items,
        })
    }
}

#[derive(Default)]
pub struct SeatMembers {
    id: Option<LocalId>,
    x: Option<f64>,
    y: Option<f64>,
    flags: Flags,
}

impl<'de> Members<'de> for SeatMembers {
    type Output = Seat;
    const KNOWN: &'static [(&'static str, bool)] =
        &[("id", true), ("x", true), ("y", true), ("flags", false)];

    fn begin(_: &mut Reader) -> Self {
        Self::default()
    }

    fn member<A: MapAccess<'de>>(
        &mut self,
        index: usize,
        reader: &mut Reader,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match index {
            0 => self.id = read_id(reader, map, Level::Seat)?,
            1 => self.x = read_coordinate(reader, map)?,
            2 => self.y = read_coordinate(reader, map)?,
            _ => {
                let all =
                    map.next_value_seed(List::<FlagElement>::new(reader, 0, Flags::NAMES.len()))?;
                self.flags = all.items.into_iter().fold(Flags::NONE, Flags::and);
            }
        }
        Ok(())
    }

    fn finish(self, reader: &mut Reader) -> Option<Seat> {
        reader.seats += 1;
        // Beyond the limit they are only counted.
        (reader.seats <= MAX_SEATS).then_some(())?;
        Some(Seat {
            id: self.id?,
            at: Point {
                x: self.x?,
                y: self.y?,
            },
            flags: self.flags,
        })
    }
}

struct FlagElement;

impl<'de> Element<'de> for FlagElement {
    type Output = Flags;
    fn next<A: SeqAccess<'de>>(
        reader: &mut Reader,
        list: &mut A,
    ) -> Result<Option<Option<Flags>>, A::Error> {
        let Some(value) = list.next_element::<Scalar>()? else {
            return Ok(None);
        };
        let flag = reader.expect_text(&value).map(Flags::parse);
        if flag == Some(None) {
            reader.fault(
                "unknown_flag",
                format!("must be one of {}", Flags::NAMES.join(", ")),
            );
        }
        Ok(Some(flag.flatten()))
    }
}

/// `[x, y]`.
struct PointElement;

impl<'de> Element<'de> for PointElement {
    type Output = Point;
    fn next<A: SeqAccess<'de>>(
        reader: &mut Reader,
        list: &mut A,
    ) -> Result<Option<Option<Point>>, A::Error> {
        let Some(pair) = list.next_element_seed(List::<CoordinateElement>::new(reader, 2, 2))?
        else {
            return Ok(None);
        };
        let [x, y] = pair.items[..] else {
            return Ok(Some(None));
        };
        Ok(Some(Some(Point { x, y })))
    }
}

struct CoordinateElement;

impl<'de> Element<'de> for CoordinateElement {
    type Output = f64;
    fn next<A: SeqAccess<'de>>(
        reader: &mut Reader,
        list: &mut A,
    ) -> Result<Option<Option<f64>>, A::Error> {
        let Some(value) = list.next_element::<Scalar>()? else {
            return Ok(None);
        };
        Ok(Some(reader.read_number(
            &value,
            -MAX_COORDINATE,
            MAX_COORDINATE,
        )))
    }
}

#[derive(Default)]
pub struct AreaMembers {
    id: Option<LocalId>,
    name: Option<String>,
    category: Option<String>,
    capacity: Option<u32>,
    polygon: Elements<Point>,
}

impl<'de> Members<'de> for AreaMembers {
    type Output = Area;
    const KNOWN: &'static [(&'static str, bool)] = &[
        ("id", true),
        ("name", true),
        ("category", true),
        ("capacity", true),
        ("polygon", true),
    ];

    fn begin(_: &mut Reader) -> Self {
        Self::default()
    }

    fn member<A: MapAccess<'de>>(
        &mut self,
        index: usize,
        reader: &mut Reader,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match index {
            0 => self.id = read_id(reader, map, Level::Top)?,
            1 => self.name = read_line(reader, map, MAX_NAME)?,
            2 => self.category = read_line(reader, map, MAX_CATEGORY)?,
            3 => {
                let value = map.next_value::<Scalar>()?;
                let number = reader.read_number(&value, 1.0, f64::from(MAX_AREA_CAPACITY));
                if number.is_some_and(|number| number.fract() != 0.0) {
                    reader.fault("wrong_type", "must be a whole number");
                }
                self.capacity = number.map(|number| number as u32);
            }
            _ => {
                self.polygon =
                    map.next_value_seed(List::<PointElement>::new(reader, 3, MAX_ITEMS))?
            }
        }
        Ok(())
    }

    fn finish(self, _: &mut Reader) -> Option<Area> {
        Some(Area {
            id: self.id?,
            name: self.name?,
            category: self.category?,
            capacity: self.capacity?,
            polygon: self.polygon.items,
        })
    }
}

#[derive(Default)]
pub struct ShapeMembers {
    kind: Option<ShapeKind>,
    points: Elements<Point>,
    text: Option<String>,
    has_text: bool,
}

impl<'de> Members<'de> for ShapeMembers {
    type Output = Shape;
    const KNOWN: &'static [(&'static str, bool)] =
        &[("kind", true), ("points", true), ("text", false)];

    fn begin(_: &mut Reader) -> Self {
        Self::default()
    }

    fn member<A: MapAccess<'de>>(
        &mut self,
        index: usize,
        reader: &mut Reader,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match index {
            0 => {
                let value = map.next_value::<Scalar>()?;
                let kind = reader
                    .expect_text(&value)
                    .map(|text| text.parse::<ShapeKind>().ok());
                if kind == Some(None) {
                    reader.fault("unknown_kind", "must be one of stage, text, line");
                }
                self.kind = kind.flatten();
            }
            1 => {
                self.points =
                    map.next_value_seed(List::<PointElement>::new(reader, 0, MAX_ITEMS))?
            }
            _ => {
                let value = map.next_value::<Scalar>()?;
                self.has_text = !matches!(value, Scalar::Null);
                if self.has_text {
                    self.text = reader.read_line(&value, MAX_TEXT);
                }
            }
        }
        Ok(())
    }

    fn finish(self, reader: &mut Reader) -> Option<Shape> {
        let kind = self.kind?;
        if kind == ShapeKind::Text && !self.has_text {
            reader.fault_at("text", "required", "is missing");
        }
        if self.points.shorter_than(kind.min_points()) {
            reader.fault_at(
                "points",
                "too_few",
                format!("must have at least {}", kind.min_points()),
            );
        }
        Some(Shape {
            kind,
            points: self.points.items,
            text: self.text,
        })
    }
}

/// The layout of a body's member.
pub fn read_layout<'de, A: MapAccess<'de>>(
    reader: &mut Reader,
    map: &mut A,
) -> Result<Option<Layout>, A::Error> {
    map.next_value_seed(Object::<LayoutMembers>::new(reader))
}
