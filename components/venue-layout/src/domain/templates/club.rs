//! A club: round tables in a grid, people standing between them and the stage, a bar at the back.

use std::f64::consts::{PI, TAU};

use super::geometry::{label, point, rectangle, stage};
use super::{Parameter, Template, TooManySeats, Values};
use crate::domain::layout::model::{
    Area, Flags, Layout, LocalId, Seat, Section, Shape, ShapeKind, Table,
};

pub const TEMPLATE: Template = Template {
    name: "club",
    title: "Club with tables and a standing area",
    description: "A standing area before the stage, round tables in a grid behind it, a bar at the back. Without tables it is a \
        standing hall, with a capacity of 0 a cabaret.",
    parameters: &[
        Parameter::integer("table_rows", 0, 30, 3, "Rows of tables; 0 for none."),
        Parameter::integer("tables_per_row", 1, 30, 5, "Tables of each row."),
        Parameter::integer("seats_per_table", 1, 12, 4, "Seats around each table."),
        Parameter::integer(
            "table_spacing",
            80,
            300,
            120,
            "Free way between the chairs of neighbouring tables, centimetres.",
        ),
        Parameter::integer(
            "standing_capacity",
            0,
            20_000,
            200,
            "How many may stand; 0 leaves the standing area out, unless there are no tables either: then it is 1.",
        ),
        Parameter::boolean("bar", true, "Whether a bar is drawn at the back."),
        Parameter::category("tables_category", "tables", "Price category of the tables."),
        Parameter::category(
            "standing_category",
            "standing",
            "Price category of the standing area.",
        ),
    ],
    build,
};

const STAGE_DEPTH: f64 = 300.0;
const STAGE_TO_AUDIENCE: f64 = 150.0;
/// Chairs of one table are at least this far from each other, centimetres, and from its middle.
const CHAIR: f64 = 55.0;
const LEAST_RADIUS: f64 = 60.0;

fn build(values: &Values) -> Result<Layout, TooManySeats> {
    let (rows, columns) = (
        values.integer("table_rows") as usize,
        values.integer("tables_per_row") as usize,
    );
    let seats = values.integer("seats_per_table") as usize;
    TooManySeats::check((rows * columns * seats) as u64)?;
    let mut capacity = values.integer("standing_capacity") as u32;
    if rows == 0 {
        capacity = capacity.max(1);
    }

    let radius = if seats > 1 {
        (CHAIR / (2.0 * (PI / seats as f64).sin())).max(LEAST_RADIUS)
    } else {
        LEAST_RADIUS
    };
    let pitch = 2.0 * radius + values.integer("table_spacing") as f64;
    let half = (columns as f64 * pitch / 2.0).max(400.0);
    // Three people stand on a square metre.
    let standing_depth = if capacity > 0 {
        (f64::from(capacity) / 3.0 * 10_000.0 / (2.0 * half))
            .max(200.0)
            .round()
    } else {
        0.0
    };
    let tables_from =
        STAGE_TO_AUDIENCE + standing_depth + if capacity > 0 { STAGE_TO_AUDIENCE } else { 0.0 };

    let tables = (0..rows * columns).map(|index| {
        let (line, column) = (index / columns, index % columns);
        let x = (column as f64 - (columns as f64 - 1.0) / 2.0) * pitch;
        let y = tables_from + radius + line as f64 * pitch;
        // The nearest to the aisle at the side is for wheelchairs: the outer tables' first chair.
        let accessible = column == 0 || column + 1 == columns;
        let chairs = (0..seats).map(|chair| {
            let angle = TAU * chair as f64 / seats as f64;
            let flags = if accessible && chair == 0 {
                Flags::ACCESSIBLE
            } else {
                Flags::NONE
            };
            Seat {
                id: LocalId::number(chair as u32 + 1),
                at: point(x + radius * angle.sin(), y + radius * angle.cos()),
                flags,
            }
        });
        Table {
            id: LocalId::number(index as u32 + 1),
            at: point(x, y),
            seats: chairs.collect(),
        }
    });
    let tables: Vec<_> = tables.collect();

    let mut layout = Layout::default();
    if !tables.is_empty() {
        let category = values.category("tables_category");
        layout.sections.push(Section {
            id: LocalId::literal("T"),
            name: "Tables".into(),
            category,
            rows: vec![],
            tables,
        });
    }
    if capacity > 0 {
        let polygon = rectangle(
            (-half, STAGE_TO_AUDIENCE),
            (half, STAGE_TO_AUDIENCE + standing_depth),
        );
        let id = LocalId::literal("floor");
        layout.areas.push(Area {
            id,
            name: "Standing".into(),
            category: values.category("standing_category"),
            capacity,
            polygon,
        });
    }
    let half_stage = half.min(600.0);
    layout.shapes = vec![
        stage(rectangle((-half_stage, -STAGE_DEPTH), (half_stage, 0.0))),
        label(0.0, -STAGE_DEPTH / 2.0, "Stage"),
    ];
    if values.boolean("bar") {
        let back = tables_from + rows as f64 * pitch + STAGE_TO_AUDIENCE;
        let points = vec![point(-half_stage, back), point(half_stage, back)];
        layout.shapes.push(Shape {
            kind: ShapeKind::Line,
            points,
            text: Some("Bar".into()),
        });
    }
    Ok(layout)
}
