//! Small makers that the templates share. Centimetres; the stage is at y ≤ 0, the audience looks
//! towards it.

use std::f64::consts::TAU;

use crate::domain::layout::model::{Flags, LocalId, Point, Row, Seat, Shape, ShapeKind};

/// Whole centimetres.
pub fn point(x: f64, y: f64) -> Point {
    // Adding zero turns -0 into 0.
    Point {
        x: x.round() + 0.0,
        y: y.round() + 0.0,
    }
}

/// A row with the seats of these points numbered from 1, flagged by `flags(index)`.
pub fn row(
    number: usize,
    points: impl Iterator<Item = Point>,
    flags: impl Fn(usize) -> Flags,
) -> Row {
    let seats = points.enumerate().map(|(index, at)| Seat {
        id: LocalId::number(index as u32 + 1),
        at,
        flags: flags(index),
    });
    Row {
        id: LocalId::number(number as u32),
        seats: seats.collect(),
    }
}

/// A rectangle from corner to corner.
pub fn rectangle(from: (f64, f64), to: (f64, f64)) -> Vec<Point> {
    vec![
        point(from.0, from.1),
        point(to.0, from.1),
        point(to.0, to.1),
        point(from.0, to.1),
    ]
}

/// A circle around the origin as a polygon of 32 points.
pub fn circle(radius: f64) -> Vec<Point> {
    let angles = (0..32).map(|step| TAU * f64::from(step) / 32.0);
    angles
        .map(|angle| point(radius * angle.cos(), radius * angle.sin()))
        .collect()
}

pub fn stage(points: Vec<Point>) -> Shape {
    Shape {
        kind: ShapeKind::Stage,
        points,
        text: Some("Stage".into()),
    }
}

pub fn label(x: f64, y: f64, text: &str) -> Shape {
    Shape {
        kind: ShapeKind::Text,
        points: vec![point(x, y)],
        text: Some(text.into()),
    }
}
