//! What is taken of a session, as the API tells it: seats by state, areas by what is left.

use super::seat_names::{SeatNames, ones};
use crate::leases::State;

/// Seats held or claimed but not sold, seats sold (bits), areas with what is free.
#[derive(Debug, PartialEq)]
pub struct Occupancy {
    pub held: Vec<u8>,
    pub sold: Vec<u8>,
    /// Area, capacity, free.
    pub areas: Vec<(String, u32, u32)>,
}

/// Seats in each state.
#[derive(Debug, PartialEq, Eq)]
pub struct Counts {
    pub free: u32,
    pub held: u32,
    pub sold: u32,
}

impl Occupancy {
    /// `areas`: ids and capacities of the layout.
    pub fn new(state: &State, areas: &[(String, u32)]) -> Self {
        let held = occupied(state)
            .iter()
            .enumerate()
            .map(|(at, byte)| byte & !state.sold.get(at).unwrap_or(&0))
            .collect();
        let free = |id: &str, capacity: u32| {
            let used = state
                .areas
                .iter()
                .find(|(area, _)| area == id)
                .map_or(0, |(_, used)| *used);
            capacity.saturating_sub(used)
        };
        let areas = areas
            .iter()
            .map(|(id, capacity)| (id.clone(), *capacity, free(id, *capacity)));
        Self {
            held,
            sold: state.sold.clone(),
            areas: areas.collect(),
        }
    }

    pub fn counts(&self, seats: u32) -> Counts {
        let count = |bits: &[u8]| ones(bits).take_while(|&seat| seat < seats).count() as u32;
        let (held, sold) = (count(&self.held), count(&self.sold));
        Counts {
            free: seats - held - sold,
            held,
            sold,
        }
    }

    /// The members `held`, `sold`, `blocked` of a JSON object.
    pub fn lists(&self, names: &SeatNames) -> String {
        format!(
            r#""held":{},"sold":{},"blocked":[]"#,
            names.list(&self.held),
            names.list(&self.sold)
        )
    }
}

/// The seats that cannot be had, for the choice of the best.
pub fn occupied(state: &State) -> Vec<u8> {
    let bytes = state
        .claimed
        .len()
        .max(state.held.len())
        .max(state.sold.len());
    let byte = |bits: &[u8], at: usize| bits.get(at).copied().unwrap_or(0);
    (0..bytes)
        .map(|at| byte(&state.claimed, at) | byte(&state.held, at) | byte(&state.sold, at))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claimed_seats_show_as_held_until_they_are_sold() {
        // Seats 0 to 3: held, reserved, sold, free.
        let state = State {
            claimed: vec![0b0110_0000],
            sold: vec![0b0010_0000],
            held: vec![0b1000_0000],
            areas: vec![("floor".into(), 7)],
            ..State::default()
        };
        let occupancy = Occupancy::new(&state, &[("floor".into(), 10), ("roof".into(), 5)]);
        assert_eq!(
            occupancy.counts(4),
            Counts {
                free: 1,
                held: 2,
                sold: 1
            }
        );
        assert_eq!(
            occupancy.areas,
            [("floor".into(), 10, 3), ("roof".into(), 5, 5)]
        );
        assert_eq!(occupied(&state), [0b1110_0000]);
        let names = SeatNames::new(&["a".into(), "b".into(), "c".into(), "d".into()]).unwrap();
        assert_eq!(
            occupancy.lists(&names),
            r#""held":["a","b"],"sold":["c"],"blocked":[]"#
        );
    }
}
