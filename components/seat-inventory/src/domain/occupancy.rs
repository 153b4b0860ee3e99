//! What is taken of a session, as the API shows it: seats by state, areas by what is left.

use super::bits::iter_ones;
use super::seat_names::SeatNames;

/// Everything that is taken of a session at one moment.
#[derive(Debug, Default, PartialEq)]
pub struct Taken {
    /// Bits of the seats that are reserved or sold.
    pub claimed: Vec<u8>,
    /// Bits of the seats that are sold.
    pub sold: Vec<u8>,
    /// Bits of the seats that holds have.
    pub held: Vec<u8>,
    /// Area and places taken. An area of which nothing was ever taken may be absent.
    pub areas: Vec<(String, u32)>,
}

impl Taken {
    /// Bits of the seats that cannot be had, for the choice of the best.
    pub fn occupied(&self) -> Vec<u8> {
        let Self {
            claimed,
            sold,
            held,
            ..
        } = self;
        let bytes = claimed.len().max(held.len()).max(sold.len());
        let byte = |bits: &[u8], at: usize| bits.get(at).copied().unwrap_or(0);
        (0..bytes)
            .map(|at| byte(claimed, at) | byte(held, at) | byte(sold, at))
            .collect()
    }
}

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
    pub fn new(taken: &Taken, areas: &[(String, u32)]) -> Self {
        let held = taken
            .occupied()
            .iter()
            .enumerate()
            .map(|(at, byte)| byte & !taken.sold.get(at).unwrap_or(&0))
            .collect();
        let free = |id: &str, capacity: u32| {
            let used = taken
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
            sold: taken.sold.clone(),
            areas: areas.collect(),
        }
    }

    /// `seats`: how many the layout has.
    pub fn counts(&self, seats: u32) -> Counts {
        let count = |bits: &[u8]| iter_ones(bits).take_while(|&seat| seat < seats).count() as u32;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claimed_seats_show_as_held_until_they_are_sold() {
        // Seats 0 to 3: held, reserved, sold, free.
        let taken = Taken {
            claimed: vec![0b0110_0000],
            sold: vec![0b0010_0000],
            held: vec![0b1000_0000],
            areas: vec![("floor".into(), 7)],
        };
        let occupancy = Occupancy::new(&taken, &[("floor".into(), 10), ("roof".into(), 5)]);
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
        assert_eq!(taken.occupied(), [0b1110_0000]);
        let names = SeatNames::new(&["a".into(), "b".into(), "c".into(), "d".into()]).unwrap();
        assert_eq!(
            occupancy.lists(&names),
            r#""held":["a","b"],"sold":["c"],"blocked":[]"#
        );
    }
}
