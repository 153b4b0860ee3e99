//! A theatre: curved rows of stalls before a stage, and a balcony behind them.

use super::geometry::{label, point, rectangle, row, stage};
use super::{Parameter, Template, TooManySeats, Values};
use crate::domain::layout::model::{Flags, Layout, LocalId, Point, Section};

pub const TEMPLATE: Template = Template {
    name: "theatre",
    title: "Theatre with curved rows",
    description: "Rows of stalls on arcs before a stage, with an aisle in the middle, and a balcony behind them. \
        The ends of the first row are places for wheelchairs with a companion's seat beside each.",
    parameters: &[
        Parameter::integer("stalls_rows", 1, 60, 20, "Rows of the stalls."),
        Parameter::integer(
            "stalls_seats",
            4,
            100,
            20,
            "Seats of the first row of the stalls.",
        ),
        Parameter::integer(
            "balcony_rows",
            0,
            30,
            6,
            "Rows of the balcony; 0 leaves it out.",
        ),
        Parameter::integer(
            "balcony_seats",
            4,
            200,
            40,
            "Seats of the first row of the balcony.",
        ),
        Parameter::integer(
            "seats_added_per_row",
            0,
            4,
            1,
            "Each row has so many seats more than the one before it.",
        ),
        Parameter::integer(
            "seat_spacing",
            45,
            90,
            55,
            "From seat to seat, centimetres.",
        ),
        Parameter::integer("row_spacing", 70, 150, 95, "From row to row, centimetres."),
        Parameter::integer(
            "radius",
            5,
            200,
            20,
            "Radius of the first row's arc, metres: the smaller, the more curved. Larger where a row would not fit.",
        ),
        Parameter::boolean(
            "centre_aisle",
            true,
            "Whether an aisle of 120 cm divides the rows in the middle.",
        ),
        Parameter::boolean(
            "accessible_places",
            true,
            "Whether the ends of the first row are places for wheelchairs.",
        ),
        Parameter::category("stalls_category", "stalls", "Price category of the stalls."),
        Parameter::category(
            "balcony_category",
            "balcony",
            "Price category of the balcony.",
        ),
    ],
    build,
};

const AISLE: f64 = 120.0;
const STAGE_TO_FIRST_ROW: f64 = 300.0;
const STALLS_TO_BALCONY: f64 = 400.0;
/// No arc is longer than this angle, radians: people look towards the stage.
const WIDEST: f64 = 2.6;
/// From here outwards, radians, the view of the stage is restricted.
const RESTRICTED: f64 = 1.1;

struct Arcs {
    seat_spacing: f64,
    row_spacing: f64,
    added: usize,
    aisle: f64,
}

impl Arcs {
    fn length(&self, seats: usize) -> f64 {
        seats as f64 * self.seat_spacing + self.aisle
    }

    /// Where the seats of a row on that radius stand, left to right as the stage sees them; and
    /// whether the view is restricted.
    fn places(&self, seats: usize, radius: f64, to_y: f64) -> Vec<(Point, bool)> {
        let half = seats / 2;
        let places = (0..seats).map(|index| {
            let beyond_aisle = if index >= half {
                self.aisle / 2.0
            } else {
                -self.aisle / 2.0
            };
            let along =
                (index as f64 - (seats as f64 - 1.0) / 2.0) * self.seat_spacing + beyond_aisle;
            let angle = along / radius;
            (
                point(radius * angle.sin(), radius * angle.cos() + to_y),
                angle.abs() > RESTRICTED,
            )
        });
        places.collect()
    }
}

fn build(values: &Values) -> Result<Layout, TooManySeats> {
    let count = |name: &str| values.integer(name) as usize;
    let arcs = Arcs {
        seat_spacing: values.integer("seat_spacing") as f64,
        row_spacing: values.integer("row_spacing") as f64,
        added: count("seats_added_per_row"),
        aisle: if values.boolean("centre_aisle") {
            AISLE
        } else {
            0.0
        },
    };
    let stalls = Block {
        rows: count("stalls_rows"),
        first: count("stalls_seats"),
        offset: 0.0,
    };
    let balcony = Block {
        rows: count("balcony_rows"),
        first: count("balcony_seats"),
        offset: stalls.rows as f64 * arcs.row_spacing + STALLS_TO_BALCONY,
    };
    TooManySeats::check(stalls.seats(&arcs) + balcony.seats(&arcs))?;

    let radius = (values.integer("radius") as f64 * 100.0)
        .max(stalls.least_radius(&arcs))
        .max(balcony.least_radius(&arcs));
    let accessible = values.boolean("accessible_places");
    let mut sections = vec![stalls.section(
        &arcs,
        radius,
        LocalId::literal("ST"),
        "Stalls",
        values.category("stalls_category"),
        accessible,
    )];
    if balcony.rows > 0 {
        sections.push(balcony.section(
            &arcs,
            radius,
            LocalId::literal("BA"),
            "Balcony",
            values.category("balcony_category"),
            false,
        ));
    }
    let half = (arcs.length(stalls.first) / 2.0).clamp(300.0, 1500.0);
    let shapes = vec![
        stage(rectangle((-half, -600.0), (half, 0.0))),
        label(0.0, -300.0, "Stage"),
    ];
    Ok(Layout {
        sections,
        areas: vec![],
        shapes,
    })
}

struct Block {
    rows: usize,
    /// Seats of the first row.
    first: usize,
    /// How far its first row is behind the first row of all, centimetres.
    offset: f64,
}

impl Block {
    fn in_row(&self, arcs: &Arcs, row: usize) -> usize {
        self.first + row * arcs.added
    }

    fn seats(&self, arcs: &Arcs) -> u64 {
        (0..self.rows)
            .map(|row| self.in_row(arcs, row) as u64)
            .sum()
    }

    fn behind(&self, arcs: &Arcs, row: usize) -> f64 {
        self.offset + row as f64 * arcs.row_spacing
    }

    /// Least radius of the first row of all, so that none of these rows spans more than [`WIDEST`].
    fn least_radius(&self, arcs: &Arcs) -> f64 {
        let needs = (0..self.rows)
            .map(|row| arcs.length(self.in_row(arcs, row)) / WIDEST - self.behind(arcs, row));
        needs.fold(0.0, f64::max)
    }

    fn section(
        &self,
        arcs: &Arcs,
        radius: f64,
        id: LocalId,
        name: &str,
        category: String,
        accessible: bool,
    ) -> Section {
        // The arcs' centre is before the stage: the middle of the first row stands at its distance
        // from the stage.
        let to_y = STAGE_TO_FIRST_ROW - radius;
        let rows = (0..self.rows).map(|number| {
            let seats = self.in_row(arcs, number);
            let places = arcs.places(seats, radius + self.behind(arcs, number), to_y);
            let flags = |index: usize| {
                let from_end = index.min(seats - 1 - index);
                let by_aisle = arcs.aisle > 0.0 && (index + 1 == seats / 2 || index == seats / 2);
                let mut flags = Flags::NONE;
                if from_end == 0 || by_aisle {
                    flags = flags.and(Flags::AISLE);
                }
                if accessible && number == 0 && from_end < 2 {
                    flags = flags.and(if from_end == 0 {
                        Flags::ACCESSIBLE
                    } else {
                        Flags::COMPANION
                    });
                }
                if places.get(index).is_some_and(|(_, restricted)| *restricted) {
                    flags = flags.and(Flags::RESTRICTED_VIEW);
                }
                flags
            };
            row(number + 1, places.iter().map(|(at, _)| *at), flags)
        });
        let rows = rows.collect();
        Section {
            id,
            name: name.into(),
            category,
            rows,
            tables: vec![],
        }
    }
}
