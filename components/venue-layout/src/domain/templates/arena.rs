//! An arena: blocks of straight rows in tiers around a floor, with a stage at one end or in the
//! middle, and people standing.

use std::f64::consts::{PI, TAU};

use super::geometry::{circle, label, point, rectangle, row, stage};
use super::{Parameter, Template, TooManySeats, Values};
use crate::domain::layout::model::{Area, Flags, Layout, LocalId, Section};

pub const TEMPLATE: Template = Template {
    name: "arena",
    title: "Arena with blocks around a floor",
    description: "Blocks of straight rows in one to three tiers around a round floor; the stage stands at one end or in the middle, \
        people stand before it. Blocks behind a stage at the end have a restricted view. Block 203 is the third of the second tier.",
    parameters: &[
        Parameter::integer("blocks", 4, 60, 16, "Blocks of each tier."),
        Parameter::integer(
            "lower_rows",
            1,
            60,
            12,
            "Rows of each block of the lower tier.",
        ),
        Parameter::integer(
            "middle_rows",
            0,
            60,
            0,
            "Rows of each block of the middle tier; 0 leaves it out.",
        ),
        Parameter::integer(
            "upper_rows",
            0,
            60,
            10,
            "Rows of each block of the upper tier; 0 leaves it out.",
        ),
        Parameter::integer("seats_per_row", 2, 60, 16, "Seats of each row of a block."),
        Parameter::integer(
            "seat_spacing",
            45,
            90,
            50,
            "From seat to seat, centimetres.",
        ),
        Parameter::integer("row_spacing", 70, 150, 85, "From row to row, centimetres."),
        Parameter::integer(
            "floor_radius",
            5,
            100,
            20,
            "Radius of the floor, metres. Larger where the blocks would not fit around it.",
        ),
        Parameter::integer(
            "floor_capacity",
            0,
            100_000,
            1500,
            "How many may stand on the floor; 0 leaves the standing area out.",
        ),
        Parameter::boolean(
            "stage_in_the_middle",
            false,
            "Whether the stage stands in the middle instead of at one end.",
        ),
        Parameter::category(
            "lower_category",
            "lower",
            "Price category of the lower tier.",
        ),
        Parameter::category(
            "middle_category",
            "middle",
            "Price category of the middle tier.",
        ),
        Parameter::category(
            "upper_category",
            "upper",
            "Price category of the upper tier.",
        ),
        Parameter::category(
            "floor_category",
            "standing",
            "Price category of the standing area.",
        ),
    ],
    build,
};

/// Free way between neighbouring blocks, and between tiers, centimetres.
const STAIRS: f64 = 140.0;
const BETWEEN_TIERS: f64 = 250.0;
const FLOOR_TO_FIRST_ROW: f64 = 150.0;

fn build(values: &Values) -> Result<Layout, TooManySeats> {
    let blocks = values.integer("blocks") as usize;
    let seats = values.integer("seats_per_row") as usize;
    let seat_spacing = values.integer("seat_spacing") as f64;
    let row_spacing = values.integer("row_spacing") as f64;
    let tiers = ["lower", "middle", "upper"]
        .map(|tier| (tier, values.integer(&format!("{tier}_rows")) as usize));
    TooManySeats::check(
        tiers
            .iter()
            .map(|(_, rows)| (blocks * rows * seats) as u64)
            .sum(),
    )?;

    // A block keeps to its own wedge: its first row, with the stairs, is as wide as the wedge there
    // at most.
    let width = (seats as f64 - 1.0) * seat_spacing + STAIRS;
    let first_row = (values.integer("floor_radius") as f64 * 100.0 + FLOOR_TO_FIRST_ROW)
        .max(width / (2.0 * (PI / blocks as f64).tan()));
    let floor_radius = first_row - FLOOR_TO_FIRST_ROW;
    let in_the_middle = values.boolean("stage_in_the_middle");

    let mut sections = vec![];
    let mut radius = first_row;
    for (number, (tier, rows)) in tiers.iter().enumerate().filter(|(_, (_, rows))| *rows > 0) {
        let category = values.category(&format!("{tier}_category"));
        for block in 0..blocks {
            // Block 1 is opposite to a stage at the end, then on clockwise.
            let angle = TAU * block as f64 / blocks as f64;
            let behind_stage = !in_the_middle && angle.cos() < -0.85;
            let rows = (0..*rows).map(|index| {
                let distance = radius + index as f64 * row_spacing;
                let places = (0..seats).map(|seat| {
                    let along = (seat as f64 - (seats as f64 - 1.0) / 2.0) * seat_spacing;
                    point(
                        distance * angle.sin() + along * angle.cos(),
                        distance * angle.cos() - along * angle.sin(),
                    )
                });
                row(index + 1, places, |seat| {
                    flags(seat, seats, number == 0 && index == 0, behind_stage)
                })
            });
            let name = format!("Block {}{:02}", number + 1, block + 1);
            let rows = rows.collect();
            sections.push(Section {
                id: LocalId::number(((number + 1) * 100 + block + 1) as u32),
                name,
                category: category.clone(),
                rows,
                tables: vec![],
            });
        }
        radius += *rows as f64 * row_spacing + BETWEEN_TIERS;
    }

    let mut areas = vec![];
    let capacity = values.integer("floor_capacity") as u32;
    if capacity > 0 {
        let id = LocalId::literal("floor");
        areas.push(Area {
            id,
            name: "Standing".into(),
            category: values.category("floor_category"),
            capacity,
            polygon: circle(floor_radius),
        });
    }
    let half = (floor_radius * 0.35).min(1000.0);
    let middle = if in_the_middle {
        0.0
    } else {
        half - floor_radius * 0.9
    };
    let shapes = vec![
        stage(rectangle((-half, middle - half), (half, middle + half))),
        label(0.0, middle, "Stage"),
    ];
    Ok(Layout {
        sections,
        areas,
        shapes,
    })
}

fn flags(seat: usize, seats: usize, first_row: bool, behind_stage: bool) -> Flags {
    let from_end = seat.min(seats - 1 - seat);
    let mut flags = if from_end == 0 {
        Flags::AISLE
    } else {
        Flags::NONE
    };
    // One wheelchair place at the left end of each first row, the companion beside it.
    if first_row && seat < 2 {
        flags = flags.and(if seat == 0 {
            Flags::ACCESSIBLE
        } else {
            Flags::COMPANION
        });
    }
    if behind_stage {
        flags.and(Flags::RESTRICTED_VIEW)
    } else {
        flags
    }
}
