//! Best available: adjacent seats in one row, nearest the stage, leaving no single free seat alone;
//! then less and less. Adjacent means consecutive in the row's (or table's) order. Linear in the
//! seats of the category.

use crate::bits::Bits;
use crate::layout::{Category, Layout, Row};

/// Seats of a group that does not fit into one row come from at most so many neighbouring rows or
/// tables.
const NEIGHBOURS: usize = 3;
/// Bounds the search for the tightest group in very long rows.
const ANCHORS: usize = 64;

/// `quantity` free seats of a category, by index rising, or none where there are not so many. In
/// this order: a block in one row that leaves no seat alone, a block in one row, seats of one table
/// or of neighbouring rows in a section, the nearest ones wherever they are.
pub fn best_available(
    layout: &Layout,
    occupied: Bits,
    category: u16,
    quantity: usize,
) -> Option<Vec<u32>> {
    let Category { rows, seats, .. } = layout.category(category);
    if quantity == 0 || quantity > *seats as usize {
        return None;
    }
    find_block(layout, occupied, rows, quantity)
        .or_else(|| find_group(layout, occupied, category, quantity))
        .or_else(|| find_nearest(layout, occupied, rows, quantity))
}

/// How good a block is; less is better. The sum of its seats' distances to the stage, and this bit
/// where it leaves a seat alone; then the index of its first seat. One number, since comparing it
/// is most of the work.
type Score = (u64, u32);
const LEAVES_ONE_ALONE: u64 = 1 << 63;

/// The nearest free seats side by side in one row.
fn find_block(layout: &Layout, occupied: Bits, rows: &[u32], quantity: usize) -> Option<Vec<u32>> {
    let mut best: Score = (u64::MAX, 0);
    for &row in rows {
        let row = &layout.rows()[row as usize];
        // Rows come nearest first: from here on none can be nearer than what is found.
        let least = u64::from(row.nearest) * quantity as u64;
        if best.0 <= least {
            break;
        }
        for (start, end) in Runs::new(row, occupied) {
            let distances = &layout.distances()[start as usize..end as usize];
            let (Some(nearest), Some(others)) =
                (distances.get(..quantity), distances.get(quantity..))
            else {
                continue;
            };
            let mut sum: u64 = nearest.iter().copied().map(u64::from).sum();
            let last = end - quantity as u32;
            let mut first = start;
            let mut others = others.iter().zip(distances);
            loop {
                if sum <= best.0 {
                    let alone = if first == start + 1 || last - first == 1 {
                        LEAVES_ONE_ALONE
                    } else {
                        0
                    };
                    best = best.min((sum | alone, first));
                }
                let Some((ahead, behind)) = others.next() else {
                    break;
                };
                sum = sum + u64::from(*ahead) - u64::from(*behind);
                first += 1;
            }
        }
    }
    let (score, first) = best;
    (score != u64::MAX).then(|| (first..first + quantity as u32).collect())
}

/// Maximal runs of free seats in a row, each as start and end (exclusive). A word at a time: each
/// turn of a loop costs a check whether the component is to be interrupted.
struct Runs<'a> {
    occupied: Bits<'a>,
    at: u32,
    end: u32,
    /// The bits from `at` on, the first one highest, and how many of them.
    word: u64,
    len: u32,
}

impl<'a> Runs<'a> {
    fn new(row: &Row, occupied: Bits<'a>) -> Self {
        Self {
            occupied,
            at: row.first,
            end: row.first + row.len,
            word: 0,
            len: 0,
        }
    }

    /// Whether there is a bit, of the next word where this one has none left.
    fn has_more(&mut self) -> bool {
        if self.len == 0 {
            let (word, len) = self.occupied.word(self.at);
            (self.word, self.len) = (word, len.min(self.end - self.at));
        }
        self.len > 0
    }

    /// Skips so many bits, or all of the word.
    fn skip_bits(&mut self, bits: u32) {
        let bits = bits.min(self.len);
        self.word = self.word.checked_shl(bits).unwrap_or_default();
        self.at += bits;
        self.len -= bits;
    }
}

impl Iterator for Runs<'_> {
    type Item = (u32, u32);

    fn next(&mut self) -> Option<(u32, u32)> {
        while self.has_more() {
            self.skip_bits(self.word.leading_ones());
            let start = self.at;
            while self.len > 0 {
                self.skip_bits(self.word.leading_zeros());
                if self.len > 0 || !self.has_more() || self.word >> 63 == 1 {
                    return Some((start, self.at));
                }
            }
        }
        None
    }
}

/// The tightest group in one table or row with gaps, or in neighbouring ones of a section.
fn find_group(layout: &Layout, occupied: Bits, category: u16, quantity: usize) -> Option<Vec<u32>> {
    let free = |row: &Row| {
        row.seats()
            .filter(|&index| !occupied.get(index))
            .collect::<Vec<_>>()
    };
    let rows: Vec<(&Row, u64, u64)> = layout
        .rows()
        .iter()
        .filter(|row| row.category == category)
        .map(|row| {
            let seats = row.seats().filter(|&index| !occupied.get(index));
            let (count, sum) = seats.fold((0, 0), |(count, sum), index| {
                (
                    count + 1,
                    sum + u64::from(layout.distances()[index as usize]),
                )
            });
            (row, count, sum)
        })
        .collect();
    let mut best = None;
    for start in 0..rows.len() {
        let (first, ..) = rows[start];
        let (mut count, mut sum) = (0, 0);
        for (span, &(row, free, distance)) in rows[start..].iter().take(NEIGHBOURS).enumerate() {
            if row.section != first.section || row.table != first.table {
                break;
            }
            count += free;
            sum += distance;
            if count >= quantity as u64 {
                let score = (span, sum / count, start);
                best = Some(best.map_or(score, |best: (usize, u64, usize)| best.min(score)));
                break;
            }
        }
    }
    let (span, _, start) = best?;
    let seats = rows[start..=start + span]
        .iter()
        .flat_map(|(row, ..)| free(row))
        .collect();
    Some(tighten_group(layout, seats, quantity))
}

/// The `quantity` of these seats that are nearest to one of them.
fn tighten_group(layout: &Layout, seats: Vec<u32>, quantity: usize) -> Vec<u32> {
    let mut anchors = seats.clone();
    anchors.sort_unstable_by_key(|&index| (layout.distances()[index as usize], index));
    let mut best: Option<(f32, Vec<u32>)> = None;
    for anchor in anchors.into_iter().take(ANCHORS) {
        let middle = layout.seats()[anchor as usize];
        let mut near: Vec<(f32, u32)> = seats
            .iter()
            .map(|&index| {
                let seat = layout.seats()[index as usize];
                ((seat.x - middle.x).hypot(seat.y - middle.y), index)
            })
            .collect();
        near.select_nth_unstable_by(quantity - 1, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        near.truncate(quantity);
        let width = near.iter().map(|(distance, _)| distance).sum();
        if best.as_ref().is_none_or(|(least, _)| width < *least) {
            best = Some((width, near.into_iter().map(|(_, index)| index).collect()));
        }
    }
    let mut group = best.map(|(_, group)| group).unwrap_or_default();
    group.sort_unstable();
    group
}

/// The nearest free seats of the category, wherever they are.
fn find_nearest(
    layout: &Layout,
    occupied: Bits,
    rows: &[u32],
    quantity: usize,
) -> Option<Vec<u32>> {
    let seats = rows
        .iter()
        .flat_map(|&row| layout.rows()[row as usize].seats());
    let mut free: Vec<u32> = seats.filter(|&index| !occupied.get(index)).collect();
    if free.len() < quantity {
        return None;
    }
    free.select_nth_unstable_by_key(quantity - 1, |&index| {
        (layout.distances()[index as usize], index)
    });
    free.truncate(quantity);
    free.sort_unstable();
    Some(free)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_agree_with_a_search_seat_by_seat() {
        // Words that are full, empty and mixed, and rows that begin and end in the middle of one.
        let mut bits = vec![0xff; 20];
        bits.extend([0; 20]);
        bits.extend((0..27).map(|byte: u8| byte.wrapping_mul(151)));
        let occupied = Bits(&bits);
        for first in 0..560 {
            for len in [0, 1, 7, 40, 57, 64, 65, 200, 400] {
                let mut expected: Vec<(u32, u32)> = vec![];
                for seat in (first..first + len).filter(|&seat| !occupied.get(seat)) {
                    match expected.last_mut() {
                        Some((_, end)) if *end == seat => *end += 1,
                        _ => expected.push((seat, seat + 1)),
                    }
                }
                let runs = Runs {
                    occupied,
                    at: first,
                    end: first + len,
                    word: 0,
                    len: 0,
                };
                assert_eq!(runs.collect::<Vec<_>>(), expected, "{len} from {first}");
            }
        }
    }
}
