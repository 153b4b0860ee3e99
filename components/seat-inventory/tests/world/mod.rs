//! The service on a real Redis and a real PostgreSQL, with seat-lock as a library: one environment
//! for each [`World`], one `Inventory` for each thread, as instances have it.
#![allow(dead_code, clippy::unwrap_used)]

mod faults;
mod ports;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use eventhub_guest::ids::{BookingId, EventId, LayoutId, SessionId, UserId};
use eventhub_guest::{Timestamp, native, redis};
use eventhub_native::{Environment, Handle, Session};
use faults::{Faults, Switches};
use ports::TestPorts;
use seat_inventory::config::Config;
use seat_inventory::domain::claims::{Places, SeatPlace};
use seat_inventory::domain::hold::Hold;
use seat_inventory::domain::sale::Category;
use seat_inventory::domain::selection::{BestAvailable, NewHold};
use seat_inventory::error::Error;
use seat_inventory::unprotected::Protection;
use seat_inventory::usecases::{Inventory, NewSale, NewSession};

/// A session on sale, and the servers that it lives on. `Clone` is cheap; every thread makes its own
/// `Inventory` of it.
#[derive(Clone)]
pub struct World {
    handle: Handle,
    database: Session,
    pub session: SessionId,
    pub event: EventId,
    pub layout: LayoutId,
    document: Arc<String>,
    pub config: Config,
    pub switches: Arc<Switches>,
    /// How often another component was called.
    calls: Arc<AtomicUsize>,
}

/// Rows `1`, `2` … of seats `1`, `2` … in section `A`, category `stalls` at 45.00; standing area
/// `floor` at 10.00.
pub fn hall(rows: usize, seats: usize, floor: u32) -> String {
    let row = |row: usize| {
        let seat = |seat: usize| {
            format!(
                r#"{{"id":"{seat}","x":{},"y":{},"flags":[]}}"#,
                seat * 50,
                row * 100
            )
        };
        format!(
            r#"{{"id":"{row}","seats":[{}]}}"#,
            (1..=seats).map(seat).collect::<Vec<_>>().join(",")
        )
    };
    let rows = (1..=rows).map(row).collect::<Vec<_>>().join(",");
    format!(
        r#"{{"sections":[{{"id":"A","name":"Stalls","category":"stalls","rows":[{rows}]}}],
            "areas":[{{"id":"floor","name":"Standing","category":"standing","capacity":{floor},"polygon":[]}}],"shapes":[]}}"#
    )
}

impl World {
    /// A hall of 5 rows of 10 seats, 300 standing, at most 10 places for one.
    pub fn new() -> Self {
        Self::with(hall(5, 10, 300), 10)
    }

    /// On databases and a Redis of its own.
    pub fn with(document: String, max_seats: u32) -> Self {
        let environment = Environment::start(&["event_db"]);
        let world = Self {
            handle: environment.handle(),
            database: environment.session("event_db"),
            session: SessionId::new(),
            event: EventId::new(),
            layout: LayoutId::new(),
            document: Arc::new(document),
            config: Config {
                hold_ttl_ms: 60_000,
                bound_ttl_ms: 60_000,
                protection: Protection::On,
            },
            switches: Arc::default(),
            calls: Arc::default(),
        };
        world.open(max_seats);
        world
    }

    /// Another session of the same hall in the same environment.
    pub fn next_session(&self, max_seats: u32) -> Self {
        let world = Self {
            session: SessionId::new(),
            event: EventId::new(),
            ..self.clone()
        };
        world.open(max_seats);
        world
    }

    fn open(&self, max_seats: u32) {
        let sale = self.new_sale(max_seats);
        self.inventory().open_sales(&sale).unwrap();
    }

    pub fn new_sale(&self, max_seats: u32) -> NewSale {
        let category = |id: &str, price| Category {
            id: id.into(),
            name: id.to_uppercase(),
            price,
        };
        NewSale {
            event: self.event,
            layout: self.layout,
            layout_version: 1,
            currency: "EUR".parse().unwrap(),
            categories: vec![category("stalls", 4500), category("standing", 1000)],
            max_seats,
            sessions: vec![NewSession {
                id: self.session,
                starts_at: Timestamp::now().plus(Duration::from_secs(86_400)),
                sales_start_at: None,
                sales_end_at: None,
            }],
        }
    }

    pub fn holding_for(mut self, milliseconds: i64) -> Self {
        self.config.hold_ttl_ms = milliseconds;
        self
    }

    pub fn binding_for(mut self, milliseconds: i64) -> Self {
        self.config.bound_ttl_ms = milliseconds;
        self
    }

    pub fn unprotected(mut self) -> Self {
        self.config.protection = Protection::Off;
        self
    }

    /// A new instance; from here on this thread's capabilities are those of this world.
    pub fn inventory(&self) -> Inventory {
        let environment = self.handle.attach();
        let faults = Faults::new(environment.backend(), self.switches.clone());
        native::set_backend(std::rc::Rc::new(faults));
        let ports = TestPorts::new(self.document.clone(), self.calls.clone());
        Inventory::new(ports, self.config)
    }

    /// How often venue-layout or seat-lock was called so far.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// Runs SQL on event_db. `SESSION` stands for the session's id.
    pub fn sql(&self, text: &str) -> String {
        let session = uuid::Uuid::from_u128(self.session.as_u128());
        let text = text.replace("SESSION", &format!("'{session}'"));
        self.database.sql(&text).trim().to_string()
    }

    /// Makes what Redis has loaded from PostgreSQL old, so that it is loaded again.
    pub fn age_claims(&self) {
        let number = self.sql("SELECT number FROM sale_sessions WHERE session_id = SESSION");
        let key = format!("{{{number}}}:main");
        run_redis(&["HSET", &key, "loaded", "1"]);
    }

    /// Runs as many threads as there are items, all at once, each with an inventory of its own.
    pub fn race<I: Send, T: Send>(
        &self,
        items: Vec<I>,
        run: impl Fn(&Inventory, I) -> T + Sync,
    ) -> Vec<T> {
        let barrier = Barrier::new(items.len());
        let (barrier, run) = (&barrier, &run);
        std::thread::scope(|scope| {
            let threads = items.into_iter().map(|item| {
                scope.spawn(move || {
                    let inventory = self.inventory();
                    // Reads session and layout, so that the race is about seats.
                    inventory.seats(self.session).unwrap();
                    barrier.wait();
                    run(&inventory, item)
                })
            });
            let threads: Vec<_> = threads.collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        })
    }

    /// A hold of these seats, bound to a new booking of the same user.
    pub fn bound(&self, inventory: &Inventory, seats: &[&str]) -> (Hold, BookingId) {
        let hold = self.hold(inventory, &seats_of(seats)).unwrap();
        let booking = BookingId::new();
        bind(inventory, &hold, booking).unwrap();
        (hold, booking)
    }

    /// A hold of a new user.
    pub fn hold(&self, inventory: &Inventory, wanted: &NewHold) -> Result<Hold, Error> {
        inventory.hold(self.session, UserId::new(), wanted, Timestamp::now())
    }

    pub fn reserve(
        &self,
        inventory: &Inventory,
        hold: &Hold,
        booking: BookingId,
    ) -> Result<(), Error> {
        inventory.reserve(booking, hold.id, self.session, &places_of(hold), hold.fence)
    }

    pub fn confirm(
        &self,
        inventory: &Inventory,
        hold: &Hold,
        booking: BookingId,
    ) -> Result<(), Error> {
        inventory.confirm(booking, self.session, &places_of(hold))
    }

    pub fn release(
        &self,
        inventory: &Inventory,
        hold: &Hold,
        booking: BookingId,
    ) -> Result<(), Error> {
        inventory.release(booking, hold.id, self.session, &places_of(hold))
    }

    /// Free, held and sold seats, and free places of the floor, as the API shows them.
    pub fn counts(&self, inventory: &Inventory) -> (u32, u32, u32, u32) {
        let seats = inventory.seats(self.session).unwrap();
        let counts = seats.occupancy.counts(seats.layout.seat_count);
        (
            counts.free,
            counts.held,
            counts.sold,
            seats.occupancy.areas[0].2,
        )
    }
}

/// Runs one command on the Redis of this thread's world.
pub fn run_redis(words: &[&str]) -> redis::Reply {
    let words = words.iter().map(|word| word.as_bytes().to_vec()).collect();
    redis::execute(&words).unwrap()
}

/// Empties the Redis of this thread's world.
pub fn flush_redis() {
    run_redis(&["FLUSHDB"]);
}

/// Binds a hold to a booking that lives for a while.
pub fn bind(inventory: &Inventory, hold: &Hold, booking: BookingId) -> Result<Hold, Error> {
    let bound = inventory.bind_hold(hold.id, hold.user, booking, in_a_while(), &[]);
    bound.map(|(hold, _)| hold)
}

/// The places of a hold as its booking names them, with indexes.
pub fn places_of(hold: &Hold) -> Places {
    let seats = hold.places.seats.iter().map(|seat| SeatPlace {
        seat: seat.seat.clone(),
        index: Some(seat.index),
    });
    let areas = hold.places.areas.iter();
    let areas = areas.map(|area| (area.area.clone(), area.quantity));
    Places::new(seats.collect(), areas.collect())
}

/// Places of a booking that does not know the indexes.
pub fn named_places(seats: &[&str], floor: Option<u32>) -> Places {
    let seats = seats.iter().map(|seat| SeatPlace {
        seat: seat.to_string(),
        index: None,
    });
    let areas = floor.map(|quantity| ("floor".to_string(), quantity));
    Places::new(seats.collect(), areas.into_iter().collect())
}

pub fn in_a_while() -> Timestamp {
    Timestamp::now().plus(Duration::from_secs(600))
}

pub fn seats_of(seats: &[&str]) -> NewHold {
    NewHold {
        seats: seats.iter().map(|seat| seat.to_string()).collect(),
        ..NewHold::default()
    }
}

pub fn floor(quantity: u32) -> NewHold {
    NewHold {
        areas: vec![("floor".into(), quantity)],
        ..NewHold::default()
    }
}

pub fn best(quantity: u32) -> NewHold {
    NewHold {
        best_available: Some(BestAvailable {
            quantity,
            category: "stalls".into(),
        }),
        ..NewHold::default()
    }
}
