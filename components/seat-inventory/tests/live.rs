//! The live feed against a real Redis: a listener who applies frames to its snapshot knows what the
//! seats are.
#![allow(clippy::unwrap_used)]

mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use eventhub_guest::Timestamp;
use eventhub_guest::ids::UserId;
use seat_inventory::error::Error;
use seat_inventory::usecases::Inventory;
use serde_json::Value;
use world::{World, floor, flush_redis, hall, seats_of};

/// What a browser would do.
struct Listener {
    topic: String,
    seq: u64,
    /// Those that are not free.
    seats: BTreeMap<String, String>,
    floor: u64,
}

impl Listener {
    fn open(world: &World, inventory: &Inventory) -> Self {
        let opening = inventory.listen(world.session, None).unwrap();
        let mut listener = Self {
            topic: opening.topic,
            seq: opening.seq,
            seats: BTreeMap::new(),
            floor: 0,
        };
        opening
            .frames
            .iter()
            .for_each(|(_, text)| listener.apply(text));
        listener
    }

    /// Applies what is new; the number of frames.
    fn read(&mut self, inventory: &Inventory) -> usize {
        let page = inventory.read_frames(&self.topic, self.seq).unwrap();
        for (seq, text) in &page.frames {
            assert!(
                if page.reset {
                    *seq > self.seq
                } else {
                    *seq == self.seq + 1
                },
                "{seq} after {}",
                self.seq
            );
            self.seq = *seq;
            self.apply(text);
        }
        page.frames.len()
    }

    fn apply(&mut self, text: &str) {
        let frame: Value = serde_json::from_str(text).unwrap();
        match frame["type"].as_str().unwrap() {
            "snapshot" => {
                self.seats.clear();
                for state in ["held", "sold", "blocked"] {
                    for seat in frame[state].as_array().unwrap() {
                        self.seats
                            .insert(seat.as_str().unwrap().into(), state.into());
                    }
                }
                self.floor = frame["areas"]["floor"].as_u64().unwrap();
            }
            _ => {
                for (seat, state) in frame["seats"].as_object().unwrap() {
                    match state.as_str().unwrap() {
                        "free" => self.seats.remove(seat),
                        state => self.seats.insert(seat.clone(), state.into()),
                    };
                }
                self.floor = frame["areas"]["floor"].as_u64().unwrap_or(self.floor);
            }
        }
    }

    fn state(&self, seat: &str) -> &str {
        self.seats.get(seat).map_or("free", String::as_str)
    }
}

fn pause() {
    std::thread::sleep(Duration::from_millis(50));
}

#[test]
fn a_listener_sees_every_change_of_a_seats_life() {
    let world = World::new();
    let inventory = world.inventory();
    let mut listener = Listener::open(&world, &inventory);
    assert_eq!((listener.seats.len(), listener.floor), (0, 300));
    let (hold, booking) = world.bound(&inventory, &["A-1-1", "A-1-2"]);
    inventory
        .hold(world.session, UserId::new(), &floor(4), Timestamp::now())
        .unwrap();
    assert_eq!(
        listener.read(&inventory),
        1,
        "changes of one interval come in one frame"
    );
    assert_eq!(
        (
            listener.state("A-1-1"),
            listener.state("A-1-2"),
            listener.state("A-1-3"),
            listener.floor
        ),
        ("held", "held", "free", 296)
    );
    pause();
    world.reserve(&inventory, &hold, booking).unwrap();
    assert_eq!(listener.read(&inventory), 0, "held stays held");
    world.confirm(&inventory, &hold, booking).unwrap();
    listener.read(&inventory);
    assert_eq!(listener.state("A-1-1"), "sold");
    pause();
    world.release(&inventory, &hold, booking).unwrap();
    listener.read(&inventory);
    assert_eq!(listener.state("A-1-1"), "free");
}

#[test]
fn the_feed_reports_the_end_of_a_hold() {
    let world = World::new().holding_for(1000);
    let inventory = world.inventory();
    let mut listener = Listener::open(&world, &inventory);
    inventory
        .hold(
            world.session,
            UserId::new(),
            &seats_of(&["A-1-1"]),
            Timestamp::now(),
        )
        .unwrap();
    inventory
        .hold(world.session, UserId::new(), &floor(4), Timestamp::now())
        .unwrap();
    listener.read(&inventory);
    assert_eq!((listener.state("A-1-1"), listener.floor), ("held", 296));
    std::thread::sleep(Duration::from_millis(1100));
    listener.read(&inventory);
    assert_eq!((listener.state("A-1-1"), listener.floor), ("free", 300));
}

#[test]
fn missed_frames_are_replayed_while_they_are_kept() {
    let world = World::new();
    let inventory = world.inventory();
    let listener = Listener::open(&world, &inventory);
    for seat in ["A-1-1", "A-1-2", "A-1-3"] {
        inventory
            .hold(
                world.session,
                UserId::new(),
                &seats_of(&[seat]),
                Timestamp::now(),
            )
            .unwrap();
        inventory
            .read_frames(&listener.topic, listener.seq)
            .unwrap();
        pause();
    }
    let again = inventory
        .listen(world.session, Some(listener.seq + 1))
        .unwrap();
    assert_eq!(
        again.frames.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(),
        [listener.seq + 2, listener.seq + 3]
    );
    assert!(
        again.frames[1].1.contains(r#""A-1-3":"held""#),
        "{:?}",
        again.frames
    );
    for unknown in [0, listener.seq + 1000, u64::MAX] {
        let opening = inventory.listen(world.session, Some(unknown)).unwrap();
        assert!(
            opening.frames[0].1.contains("snapshot") && opening.seq == listener.seq + 3,
            "{unknown}"
        );
    }
    assert!(matches!(
        inventory.listen(eventhub_guest::ids::SessionId::new(), None),
        Err(Error::NotFound(_))
    ));
}

#[test]
fn an_emptied_redis_continues_with_a_higher_snapshot() {
    let world = World::with(hall(1, 10, 50), 10);
    let inventory = world.inventory();
    let mut listener = Listener::open(&world, &inventory);
    let (bought, booking) = world.bound(&inventory, &["A-1-1"]);
    world.reserve(&inventory, &bought, booking).unwrap();
    world.confirm(&inventory, &bought, booking).unwrap();
    world.bound(&inventory, &["A-1-2"]);
    listener.read(&inventory);
    assert_eq!(
        (listener.state("A-1-1"), listener.state("A-1-2")),
        ("sold", "held")
    );
    flush_redis();
    let before = listener.seq;
    assert_eq!(listener.read(&inventory), 1);
    assert!(listener.seq > before);
    assert_eq!(
        (listener.state("A-1-1"), listener.state("A-1-2")),
        ("sold", "free")
    );
}

#[test]
fn listeners_see_seats_freed_while_redis_was_away() {
    let world = World::with(hall(1, 10, 50), 10);
    let inventory = world.inventory();
    let mut listener = Listener::open(&world, &inventory);
    let (hold, booking) = world.bound(&inventory, &["A-1-1", "A-1-2"]);
    world.reserve(&inventory, &hold, booking).unwrap();
    listener.read(&inventory);
    assert_eq!(
        (listener.state("A-1-1"), listener.state("A-1-2")),
        ("held", "held")
    );
    world.switches.set_redis_away(true);
    drop(world.release(&inventory, &hold, booking));
    world.switches.set_redis_away(false);
    let inventory = world.inventory();
    world.release(&inventory, &hold, booking).unwrap();
    pause();
    listener.read(&inventory);
    assert_eq!(
        (listener.state("A-1-1"), listener.state("A-1-2")),
        ("free", "free")
    );
    pause();
    world.release(&inventory, &hold, booking).unwrap();
    assert_eq!(
        listener.read(&inventory),
        0,
        "a repeated release must not make a frame"
    );
}

#[test]
fn claims_reach_listeners_with_the_next_load() {
    let world = World::new();
    let inventory = world.inventory();
    let mut listener = Listener::open(&world, &inventory);
    let (hold, booking) = world.bound(&inventory, &["A-1-1"]);
    world.reserve(&inventory, &hold, booking).unwrap();
    listener.read(&inventory);
    // Sold and given back by somebody whose Redis did not answer.
    world.sql("UPDATE seat_claims SET status = 'sold' WHERE session_id = SESSION");
    world.sql(
        "INSERT INTO seat_claims (session_id, seat, seat_index, status, booking_id, fence) \
         VALUES (SESSION, 'A-5-10', 49, 'reserved', gen_random_uuid(), 1)",
    );
    world.age_claims();
    assert_eq!(world.counts(&inventory), (48, 1, 1, 300));
    pause();
    listener.read(&inventory);
    assert_eq!(
        (listener.state("A-1-1"), listener.state("A-5-10")),
        ("sold", "held")
    );
}

#[test]
fn a_stale_load_does_not_free_what_was_claimed_meanwhile() {
    let world = World::new();
    let inventory = world.inventory();
    let (hold, booking) = world.bound(&inventory, &["A-1-1"]);
    world.reserve(&inventory, &hold, booking).unwrap();
    world.confirm(&inventory, &hold, booking).unwrap();
    // As if Postgres had been read before the claim: it knows of nothing.
    world.sql(
        "CREATE TABLE aside AS SELECT * FROM seat_claims WHERE session_id = SESSION; \
         DELETE FROM seat_claims WHERE session_id = SESSION",
    );
    world.age_claims();
    assert_eq!(
        world.counts(&inventory),
        (49, 0, 1, 300),
        "the sold seat stays sold"
    );
    assert!(matches!(
        inventory.hold(
            world.session,
            UserId::new(),
            &seats_of(&["A-1-1"]),
            Timestamp::now()
        ),
        Err(Error::Taken(_))
    ));
    world.sql("INSERT INTO seat_claims SELECT * FROM aside; DROP TABLE aside");
}
