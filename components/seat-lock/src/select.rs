//! What a request means: seat keys and area ids become places, or all of its faults of one kind are
//! reported.

use crate::best::best_available;
use crate::bits::{self, Bits};
use crate::layout::Layout;

/// What the client asked for.
#[derive(Debug, Default, Clone)]
pub struct Request {
    /// Seat keys.
    pub seats: Vec<String>,
    /// Area ids and quantities.
    pub areas: Vec<(String, u32)>,
    pub best: Option<Best>,
}

/// So many seats of a category, the best that are free.
#[derive(Debug, Clone)]
pub struct Best {
    pub quantity: u32,
    pub category: String,
}

/// The places of a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Selection {
    /// Seat indexes, in the order of the request.
    pub seats: Vec<u32>,
    /// Places in the layout's list of areas, and quantities.
    pub areas: Vec<(usize, u32)>,
}

/// The client's fault, all of them.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("not in the layout: {}", .0.join(", "))]
    Unknown(Vec<String>),
    #[error("named twice: {}", .0.join(", "))]
    Duplicate(Vec<String>),
    #[error("nothing is asked for")]
    Empty,
    #[error("more than {0} places")]
    LimitExceeded(u32),
    #[error("the category has not so many free seats")]
    NoneLeft,
}

/// Resolves a request. `occupied` says which seats cannot be had. Only the choice of the best reads
/// it: whether a named seat is free is decided where it is held, atomically.
///
/// # Errors
/// All faults of the first kind in this order: nothing asked for, unknown names, repeated names, too
/// many places, not so many free seats.
pub fn select_places(
    layout: &Layout,
    request: &Request,
    occupied: Bits,
    limit: u32,
) -> Result<Selection, Error> {
    let quantities = request
        .areas
        .iter()
        .map(|(_, quantity)| *quantity)
        .chain(request.best.iter().map(|best| best.quantity));
    let mut places = request.seats.len() as u64;
    for quantity in quantities {
        if quantity == 0 {
            return Err(Error::Empty);
        }
        places += u64::from(quantity);
    }
    if places == 0 {
        return Err(Error::Empty);
    }
    let (mut seats, areas, category) = resolve_names(layout, request)?;
    if places > u64::from(limit) {
        return Err(Error::LimitExceeded(limit));
    }
    if let (Some(best), Some(category)) = (&request.best, category) {
        let quantity = best.quantity as usize;
        if seats.is_empty() {
            seats = best_available(layout, occupied, category, quantity).ok_or(Error::NoneLeft)?;
        } else {
            let mut taken = occupied.0.to_vec();
            seats
                .iter()
                .for_each(|&seat| bits::set_bit(&mut taken, seat));
            seats.extend(
                best_available(layout, Bits(&taken), category, quantity).ok_or(Error::NoneLeft)?,
            );
        }
    }
    Ok(Selection { seats, areas })
}

type Resolved = (Vec<u32>, Vec<(usize, u32)>, Option<u16>);

fn resolve_names(layout: &Layout, request: &Request) -> Result<Resolved, Error> {
    let mut unknown = vec![];
    let mut seats = Vec::with_capacity(request.seats.len());
    for key in &request.seats {
        match layout.find_seat(key) {
            None => unknown.push(key.clone()),
            Some(index) => seats.push(index),
        }
    }
    let mut areas = Vec::with_capacity(request.areas.len());
    for (id, quantity) in &request.areas {
        match layout.find_area(id) {
            None => unknown.push(id.clone()),
            Some(at) => areas.push((at, *quantity)),
        }
    }
    let category = match &request.best {
        None => None,
        Some(best) => {
            // One that only areas have has no seats that could be the best.
            let found = layout
                .find_category(&best.category)
                .filter(|category| !layout.category(*category).rows.is_empty());
            if found.is_none() {
                unknown.push(best.category.clone());
            }
            found
        }
    };
    if !unknown.is_empty() {
        return Err(Error::Unknown(unknown));
    }
    let mut duplicate: Vec<String> = find_repeated(&seats)
        .map(|at| request.seats[at].clone())
        .collect();
    let places: Vec<usize> = areas.iter().map(|(at, _)| *at).collect();
    duplicate.extend(find_repeated(&places).map(|at| request.areas[at].0.clone()));
    if !duplicate.is_empty() {
        return Err(Error::Duplicate(duplicate));
    }
    Ok((seats, areas, category))
}

/// The positions of items that have come before. A request has few, and comparing each with each
/// needs no memory.
fn find_repeated<T: PartialEq>(items: &[T]) -> impl Iterator<Item = usize> {
    (0..items.len()).filter(|&at| items[..at].contains(&items[at]))
}

/// The indexes of seat keys, in order.
///
/// # Errors
/// [`Error::Unknown`] with all keys that the layout does not have.
pub fn find_indexes(layout: &Layout, seats: &[String]) -> Result<Vec<u32>, Error> {
    let found: Vec<_> = seats.iter().map(|key| layout.find_seat(key)).collect();
    let unknown: Vec<_> = seats
        .iter()
        .zip(&found)
        .filter(|(_, index)| index.is_none())
        .map(|(key, _)| key.clone())
        .collect();
    if unknown.is_empty() {
        Ok(found.into_iter().flatten().collect())
    } else {
        Err(Error::Unknown(unknown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> Layout {
        let text = r#"{"sections":[{"id":"A","category":"stalls","rows":[{"id":"1","seats":[{"id":"1"},{"id":"2"},{"id":"3"}]}]}],
            "areas":[{"id":"floor","category":"standing","capacity":300}]}"#;
        Layout::parse(text).unwrap()
    }

    fn request(seats: &[&str], areas: &[(&str, u32)]) -> Request {
        let areas = areas
            .iter()
            .map(|(id, quantity)| (id.to_string(), *quantity));
        Request {
            seats: seats.iter().map(|key| key.to_string()).collect(),
            areas: areas.collect(),
            best: None,
        }
    }

    #[test]
    fn seats_and_areas_come_in_the_order_asked() {
        let found = select_places(
            &layout(),
            &request(&["A-1-3", "A-1-1"], &[("floor", 2)]),
            Bits(&[]),
            4,
        );
        assert_eq!(
            found,
            Ok(Selection {
                seats: vec![2, 0],
                areas: vec![(0, 2)]
            })
        );
    }

    #[test]
    fn every_unknown_name_is_reported_at_once() {
        let found = select_places(
            &layout(),
            &request(&["A-1-1", "Z-1-1", ""], &[("roof", 1)]),
            Bits(&[]),
            10,
        );
        assert_eq!(
            found,
            Err(Error::Unknown(vec![
                "Z-1-1".into(),
                "".into(),
                "roof".into()
            ]))
        );
    }

    #[test]
    fn a_seat_or_area_named_twice_is_refused() {
        let found = select_places(
            &layout(),
            &request(&["A-1-1", "A-1-1"], &[("floor", 1), ("floor", 1)]),
            Bits(&[]),
            10,
        );
        assert_eq!(
            found,
            Err(Error::Duplicate(vec!["A-1-1".into(), "floor".into()]))
        );
    }

    #[test]
    fn zero_is_empty_and_the_limit_counts_all_places() {
        let layout = layout();
        assert_eq!(
            select_places(&layout, &Request::default(), Bits(&[]), 10),
            Err(Error::Empty)
        );
        assert_eq!(
            select_places(
                &layout,
                &request(&["A-1-1"], &[("floor", 0)]),
                Bits(&[]),
                10
            ),
            Err(Error::Empty)
        );
        assert!(
            select_places(&layout, &request(&["A-1-1"], &[("floor", 3)]), Bits(&[]), 4).is_ok()
        );
        let most = [("floor", u32::MAX)];
        assert_eq!(
            select_places(&layout, &request(&["A-1-1"], &most), Bits(&[]), u32::MAX),
            Err(Error::LimitExceeded(u32::MAX))
        );
    }

    #[test]
    fn best_available_needs_a_category_with_seats() {
        let best = |category: &str, quantity| Request {
            best: Some(Best {
                category: category.into(),
                quantity,
            }),
            ..Request::default()
        };
        let layout = layout();
        assert_eq!(
            select_places(&layout, &best("standing", 1), Bits(&[]), 10),
            Err(Error::Unknown(vec!["standing".into()]))
        );
        assert_eq!(
            select_places(&layout, &best("stalls", 4), Bits(&[]), 10),
            Err(Error::NoneLeft)
        );
        assert_eq!(
            select_places(&layout, &best("nosuch", 1), Bits(&[]), 10),
            Err(Error::Unknown(vec!["nosuch".into()]))
        );
    }
}
