//! Best available against an oracle that tries every set of seats of small halls, exhaustively and
//! at random; and its time on a hall of 50,000 seats.

use proptest::prelude::*;
use seat_lock::best::best_available;
use seat_lock::bits::{self, Bits};
use seat_lock::layout::Layout;

/// Rows of the given lengths, one behind the other, all in one section and category; seats 50 cm
/// apart, rows 100 cm.
fn hall(rows: &[usize]) -> Layout {
    sections(&[("A", "c", rows)])
}

fn sections(sections: &[(&str, &str, &[usize])]) -> Layout {
    let mut y = 0;
    let sections: Vec<String> = sections
        .iter()
        .map(|(id, category, rows)| {
            let rows: Vec<String> = rows
                .iter()
                .enumerate()
                .map(|(row, &length)| {
                    y += 100;
                    let left = length as i64 * -25;
                    let seat = |at: usize| {
                        format!(r#"{{"id":"{at}","x":{},"y":{y}}}"#, left + at as i64 * 50)
                    };
                    format!(
                        r#"{{"id":"{row}","seats":[{}]}}"#,
                        (0..length).map(seat).collect::<Vec<_>>().join(",")
                    )
                })
                .collect();
            format!(
                r#"{{"id":"{id}","category":"{category}","rows":[{}]}}"#,
                rows.join(",")
            )
        })
        .collect();
    Layout::parse(&format!(r#"{{"sections":[{}]}}"#, sections.join(","))).unwrap()
}

fn occupied(pattern: u64) -> Vec<u8> {
    let mut bits = vec![];
    (0..64)
        .filter(|bit| pattern >> bit & 1 == 1)
        .for_each(|bit| bits::set_bit(&mut bits, bit));
    bits
}

fn free(layout: &Layout, occupied: &[u8], index: u32) -> bool {
    (index as usize) < layout.seats().len() && !Bits(occupied).get(index)
}

/// Free seats without a free neighbour in their row.
fn alone(layout: &Layout, occupied: &[u8]) -> usize {
    let neighbour = |row: u32, index: u32| {
        free(layout, occupied, index) && layout.seats()[index as usize].row == row
    };
    let seats = 0..layout.seats().len() as u32;
    let lonely = |&index: &u32| {
        let row = layout.seats()[index as usize].row;
        let left = index > 0 && neighbour(row, index - 1);
        free(layout, occupied, index) && !left && !neighbour(row, index + 1)
    };
    seats.filter(lonely).count()
}

fn with(occupied: &[u8], seats: &[u32]) -> Vec<u8> {
    let mut bits = occupied.to_vec();
    seats
        .iter()
        .for_each(|&seat| bits::set_bit(&mut bits, seat));
    bits
}

fn is_block(layout: &Layout, seats: &[u32]) -> bool {
    let row = |index: u32| layout.seats()[index as usize].row;
    seats
        .windows(2)
        .all(|pair| pair[1] == pair[0] + 1 && row(pair[0]) == row(pair[1]))
}

fn distance(layout: &Layout, seats: &[u32]) -> u64 {
    seats
        .iter()
        .map(|&seat| u64::from(layout.distances()[seat as usize]))
        .sum()
}

/// Every block of free seats there is.
fn blocks(layout: &Layout, occupied: &[u8], quantity: u32) -> Vec<Vec<u32>> {
    let seats = layout.seats().len() as u32;
    let candidates = (0..(seats + 1).saturating_sub(quantity))
        .map(|first| (first..first + quantity).collect::<Vec<_>>());
    candidates
        .filter(|block| {
            is_block(layout, block) && block.iter().all(|&seat| free(layout, occupied, seat))
        })
        .collect()
}

fn check(layout: &Layout, occupied: &[u8], quantity: u32) -> Result<(), String> {
    let wrong = |what: &str, found: &dyn std::fmt::Debug| {
        Err(format!(
            "{what}: {quantity} of {occupied:x?} gave {found:?}"
        ))
    };
    let free_seats = (0..layout.seats().len() as u32)
        .filter(|&index| free(layout, occupied, index))
        .count();
    let Some(found) = best_available(layout, Bits(occupied), 0, quantity as usize) else {
        return if free_seats >= quantity as usize {
            wrong("found none though there are enough", &free_seats)
        } else {
            Ok(())
        };
    };
    if found.len() != quantity as usize || found.windows(2).any(|pair| pair[0] >= pair[1]) {
        return wrong("not so many different seats", &found);
    }
    if found.iter().any(|&seat| !free(layout, occupied, seat)) {
        return wrong("an occupied seat", &found);
    }
    let blocks = blocks(layout, occupied, quantity);
    if blocks.is_empty() {
        return Ok(());
    }
    if !is_block(layout, &found) {
        return wrong("scattered though there is a block", &found);
    }
    // A block must not make a seat lonely that was not; taking a lonely seat itself is fine.
    let before = alone(layout, occupied);
    let makes_lonely = |block: &[u32]| {
        let taken = block
            .iter()
            .filter(|_| block.len() == 1 && alone(layout, &with(occupied, block)) < before)
            .count();
        alone(layout, &with(occupied, block)) + taken > before
    };
    let clean: Vec<_> = blocks.iter().filter(|block| !makes_lonely(block)).collect();
    let choice: Vec<&Vec<u32>> = if clean.is_empty() {
        blocks.iter().collect()
    } else {
        clean
    };
    if !choice.contains(&&found) {
        return wrong("leaves a seat alone though that can be avoided", &found);
    }
    let nearest = choice.iter().map(|block| distance(layout, block)).min();
    if nearest != Some(distance(layout, &found)) {
        return wrong("there is a nearer one", &found);
    }
    Ok(())
}

#[test]
fn every_occupancy_of_small_rows_gets_the_best_block() {
    for rows in [&[12][..], &[6, 6], &[5, 4, 3]] {
        let layout = hall(rows);
        for pattern in 0..1 << 12 {
            for quantity in 1..=6 {
                check(&layout, &occupied(pattern), quantity).unwrap();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn random_halls_get_the_best_block(
        rows in prop::collection::vec(1usize..20, 1..6),
        taken in prop::collection::vec(any::<u8>(), 0..14),
        also in prop::collection::vec(any::<u8>(), 14),
        quantity in 1u32..12,
    ) {
        // ANDing thins the occupied seats out, so that full and empty halls both come.
        let taken: Vec<u8> = taken.iter().zip(&also).map(|(a, b)| a & b).collect();
        check(&hall(&rows), &taken, quantity).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn nonsense_never_makes_it_panic(
        taken in prop::collection::vec(any::<u8>(), 0..40),
        quantity in prop::num::usize::ANY,
    ) {
        let _ = best_available(&hall(&[3, 0, 7]), Bits(&taken), 0, quantity);
    }
}

#[test]
fn seats_of_another_category_are_never_given() {
    let layout = sections(&[("A", "near", &[4, 4]), ("B", "far", &[4])]);
    assert_eq!(
        best_available(&layout, Bits(&[]), 1, 4),
        Some(vec![8, 9, 10, 11])
    );
    assert_eq!(best_available(&layout, Bits(&[]), 1, 5), None);
}

#[test]
fn a_large_group_stays_in_neighbouring_rows() {
    let layout = sections(&[("A", "c", &[4]), ("B", "c", &[4, 4, 4])]);
    let found = best_available(&layout, Bits(&[]), 0, 6).unwrap();
    assert!(
        found.iter().all(|&seat| layout.key(seat).starts_with("B-")),
        "{found:?}"
    );
    let rows: std::collections::BTreeSet<_> = found
        .iter()
        .map(|&seat| layout.seats()[seat as usize].row)
        .collect();
    assert_eq!(rows.len(), 2, "two neighbouring rows are enough: {found:?}");
}

#[test]
fn a_party_shares_a_table_before_it_is_scattered() {
    let table = |id: &str, y: u32| {
        let seat = |at: u32| format!(r#"{{"id":"{at}","x":{},"y":{}}}"#, at * 60, y + at % 2 * 80);
        format!(
            r#"{{"id":"{id}","seats":[{}]}}"#,
            (0..6).map(seat).collect::<Vec<_>>().join(",")
        )
    };
    let text = format!(
        r#"{{"sections":[{{"id":"A","category":"c","tables":[{},{}]}}]}}"#,
        table("T1", 100),
        table("T2", 1000)
    );
    let layout = Layout::parse(&text).unwrap();
    // Table 1 has one seat left; table 2 has seats 0, 1, 3 and 4.
    let taken = with(&[], &[0, 1, 2, 3, 4, 8, 11]);
    assert_eq!(
        best_available(&layout, Bits(&taken), 0, 4),
        Some(vec![6, 7, 9, 10])
    );
}

#[test]
fn the_nearest_seats_win_when_nothing_is_together() {
    let layout = sections(&[("A", "c", &[3]), ("B", "c", &[3]), ("C", "c", &[3])]);
    let taken = with(&[], &[0, 2, 3, 5, 6, 8]);
    assert_eq!(
        best_available(&layout, Bits(&taken), 0, 2),
        Some(vec![1, 4])
    );
}

/// Run with `--release`: the bound is the one that the component is held to.
#[test]
fn fifty_thousand_seats_take_less_than_two_milliseconds() {
    let layout = hall(&[100; 500]);
    let every_other: Vec<u8> = vec![0xAA; 50_000 / 8];
    for taken in [&[][..], &every_other] {
        let best = (0..20).map(|_| {
            let start = std::time::Instant::now();
            assert!(best_available(&layout, Bits(taken), 0, 8).is_some());
            start.elapsed()
        });
        let best = best.min().unwrap();
        eprintln!("best of 20: {best:?}");
        assert!(best.as_micros() < 2000, "{best:?}");
    }
}
