//! The rules of the saga and of seat-lock in a loop, each round with a checksum: the same code in
//! wasm and natively.

use std::cell::OnceCell;
use std::hint::black_box;

use saga::machine::{Event, resume, start, step};
use seat_lock::bits::{Bits, set_bit};
use seat_lock::layout::Layout;
use seat_lock::select::{Best, Request, select_places};
use serde_json::{Value, json};

/// Runs a kernel; none where there is no such one.
pub fn run(name: &str, rounds: u32) -> Option<u64> {
    match name {
        "saga" => Some(saga(rounds)),
        "seat-lock" => Some(seat_lock(rounds)),
        _ => None,
    }
}

/// Bookings from their beginning to their end.
const LIVES: [&[Event]; 4] = [
    &[
        Event::Created,
        Event::SeatsReserved,
        Event::PaymentRequested,
        Event::PaymentCaptured,
        Event::SeatsConfirmed,
    ],
    &[
        Event::Created,
        Event::SeatsReserved,
        Event::PaymentRequested,
        Event::DeadlinePassed,
        Event::PaymentCancelled,
        Event::SeatsReleased,
    ],
    &[Event::Created, Event::SeatsRefused],
    &[
        Event::Created,
        Event::SeatsReserved,
        Event::PaymentRequested,
        Event::PaymentCaptured,
        Event::SeatsConfirmed,
        Event::EventCancelled,
        Event::RefundStarted,
        Event::RefundDone,
    ],
];

/// One booking's life a round: each event applied, and what the state demands asked for.
fn saga(rounds: u32) -> u64 {
    let mut sum = 0u64;
    for round in 0..rounds {
        let mut state = start(false);
        for event in LIVES[round as usize % LIVES.len()] {
            if let Ok(transition) = step(black_box(state), *black_box(event)) {
                state = transition.state;
                sum = sum
                    .wrapping_mul(31)
                    .wrapping_add(transition.commands.len() as u64 + resume(state).len() as u64);
            }
        }
        sum = sum.wrapping_add(state.status as u64);
    }
    sum
}

/// Rows and seats of the hall.
const ROWS: usize = 50;
const SEATS: usize = 40;

/// Four named seats, each round others, and the best two, in a hall of 2,000 of which a quarter is
/// taken here and there.
fn seat_lock(rounds: u32) -> u64 {
    thread_local!(static HALL: OnceCell<Option<Layout>> = const { OnceCell::new() });
    HALL.with(|hall| {
        hall.get_or_init(|| Layout::parse(&document().to_string()).ok())
            .as_ref()
            .map_or(0, |hall| choose(hall, rounds))
    })
}

fn choose(hall: &Layout, rounds: u32) -> u64 {
    let mut taken = vec![];
    (0..(ROWS * SEATS) as u32)
        .filter(|seat| seat.wrapping_mul(2_654_435_761) >> 30 == 0)
        .for_each(|seat| set_bit(&mut taken, seat));
    // As they come from a client: made once, so that what is measured is the rules.
    let named: Vec<Request> = (0..ROWS)
        .map(|row| {
            let first = row * 7 % (SEATS - 4) + 1;
            Request {
                seats: (first..first + 4)
                    .map(|seat| format!("A-{}-{seat}", row + 1))
                    .collect(),
                ..Request::default()
            }
        })
        .collect();
    let best = Request {
        best: Some(Best {
            quantity: 2,
            category: "stalls".into(),
        }),
        ..Request::default()
    };
    let mut sum = 0u64;
    for round in 0..rounds as usize {
        for request in [&named[round % ROWS], &best] {
            if let Ok(selection) =
                select_places(black_box(hall), black_box(request), Bits(&taken), 10)
            {
                sum = selection.seats.iter().fold(sum, |sum, seat| {
                    sum.wrapping_mul(31).wrapping_add(u64::from(*seat))
                });
            }
        }
    }
    sum
}

fn document() -> Value {
    let seats = |row: usize| {
        (1..=SEATS)
            .map(|seat| json!({"id": seat.to_string(), "x": seat * 60, "y": row * 90}))
            .collect::<Vec<_>>()
    };
    let rows: Vec<Value> = (1..=ROWS)
        .map(|row| json!({"id": row.to_string(), "seats": seats(row)}))
        .collect();
    json!({
        "sections": [{"id": "A", "name": "Stalls", "category": "stalls", "rows": rows}],
        "areas": [],
        "shapes": [{"kind": "stage", "points": [[0, 0], [2400, 0]]}],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_does_its_work() {
        assert_ne!(saga(4), saga(3));
        assert_ne!(seat_lock(2), 0);
        assert_ne!(seat_lock(2), seat_lock(3));
    }
}
