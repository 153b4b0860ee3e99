//! What a hold of four seats costs Redis in a hall of 50,000. Not a test of correctness: run it by
//! hand with `cargo test --release -p seat-inventory --test speed -- --ignored --nocapture`.
#![allow(clippy::unwrap_used)]

mod world;

use std::time::Instant;

use eventhub_guest::Timestamp;
use eventhub_guest::ids::UserId;
use world::{World, hall, run_redis, seats_of};

const THREADS: usize = 16;
const ROUNDS: usize = 700;

#[test]
#[ignore = "a measurement"]
fn hold_of_four_seats() {
    let world = World::with(hall(500, 100, 300), 10);
    world.inventory().seats(world.session).unwrap();
    let start = Instant::now();
    world.race((0..THREADS).collect(), |inventory, thread| {
        for round in 0..ROUNDS {
            let (row, first) = (
                (thread * ROUNDS + round) / 25 + 1,
                (thread * ROUNDS + round) % 25 * 4 + 1,
            );
            let seats: Vec<String> = (first..first + 4)
                .map(|seat| format!("A-{row}-{seat}"))
                .collect();
            let seats: Vec<&str> = seats.iter().map(String::as_str).collect();
            inventory
                .hold(
                    world.session,
                    UserId::new(),
                    &seats_of(&seats),
                    Timestamp::now(),
                )
                .unwrap();
        }
    });
    let took = start.elapsed();
    println!(
        "{:.0} holds/s, threads and set-up included",
        (THREADS * ROUNDS) as f64 / took.as_secs_f64()
    );
    println!("{}", read_info("commandstats"));
    let memory = read_info("memory");
    let used = memory
        .lines()
        .find(|line| line.contains("used_memory_human"));
    println!("{}", used.unwrap());
    let inventory = world.inventory();
    for what in ["state of 50,000 seats, 44,800 held", "again"] {
        let start = Instant::now();
        let seats = inventory.seats(world.session).unwrap();
        let lists = seats
            .occupancy
            .lists(inventory.seat_names(&seats.sale, &seats.layout).unwrap());
        println!("{what}: {:?}, {} bytes", start.elapsed(), lists.len());
    }
}

fn read_info(section: &str) -> String {
    let reply = run_redis(&["INFO", section]);
    String::from_utf8_lossy(reply.bytes().unwrap()).into_owned()
}
