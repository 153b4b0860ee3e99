//! The service against a real Redis and a real PostgreSQL: one pair of servers for all tests of a
//! file, one session for each test, one `Inventory` for each thread, as instances have it.
#![allow(dead_code, clippy::unwrap_used)]

mod postgres;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, LazyLock};
use std::time::Duration;

use eventhub_guest::bindings::eventhub::redis::commands::{Command, Item, Reply};
use eventhub_guest::ids::{BookingId, EventId, LayoutId, SessionId, UserId};
use eventhub_guest::{Timestamp, redis as errors, sql};
use eventhub_testing::Redis;
pub use postgres::Postgres;
use seat_inventory::bindings::eventhub::seat_lock::lock;
use seat_inventory::bindings::eventhub::venue_layout::layouts;
use seat_inventory::config::Config;
use seat_inventory::domain::hold::Hold;
use seat_inventory::domain::sale::Category;
use seat_inventory::ports::{Call, Ports, Rows};
use seat_inventory::service::{Error, Inventory, Opened};
use seat_inventory::unprotected::Protection;
use seat_lock::bits::Bits;
use seat_lock::layout::Layout;
use seat_lock::select;

static POSTGRES: LazyLock<Postgres> = LazyLock::new(Postgres::start);
static REDIS: LazyLock<Redis> = LazyLock::new(|| Redis::start().unwrap());

/// A session on sale and the servers that it lives on. `Clone` is cheap; every thread makes its own
/// `Inventory` of it.
#[derive(Clone)]
pub struct World {
    pub redis: String,
    pub postgres: &'static Postgres,
    pub session: SessionId,
    pub event: EventId,
    layout: LayoutId,
    document: Arc<String>,
    pub config: Config,
    /// Whether Postgres answers nobody.
    pub postgres_away: Arc<AtomicBool>,
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

    pub fn with(document: String, max_seats: u32) -> Self {
        Self::on(REDIS.url(), document, max_seats)
    }

    /// On a Redis of the test's own.
    pub fn on(redis: String, document: String, max_seats: u32) -> Self {
        let config = Config {
            hold_ttl_ms: 60_000,
            claim_ms: 60_000,
            protection: Protection::On,
        };
        let world = Self {
            redis,
            postgres: &POSTGRES,
            session: SessionId::new(),
            event: EventId::new(),
            layout: LayoutId::new(),
            document: Arc::new(document),
            config,
            postgres_away: Arc::default(),
        };
        world.inventory().open(world.opened(max_seats)).unwrap();
        world
    }

    pub fn opened(&self, max_seats: u32) -> Opened {
        let category = |id: &str, price| Category {
            id: id.into(),
            name: id.to_uppercase(),
            price,
        };
        Opened {
            event: self.event,
            layout: self.layout,
            layout_version: 1,
            currency: "EUR".parse().unwrap(),
            categories: vec![category("stalls", 4500), category("standing", 1000)],
            max_seats,
            sessions: vec![(
                self.session,
                Timestamp::now().plus(Duration::from_secs(86_400)),
                None,
                None,
            )],
        }
    }

    pub fn holding_for(mut self, milliseconds: i64) -> Self {
        self.config.hold_ttl_ms = milliseconds;
        self
    }

    pub fn claiming_for(mut self, milliseconds: i64) -> Self {
        self.config.claim_ms = milliseconds;
        self
    }

    pub fn unprotected(mut self) -> Self {
        self.config.protection = Protection::Off;
        self
    }

    pub fn inventory(&self) -> Inventory<Servers> {
        let client = redis::Client::open(self.redis.as_str()).unwrap();
        let servers = Servers {
            redis: RefCell::new(client.get_connection().unwrap()),
            postgres: self.postgres,
            postgres_away: self.postgres_away.clone(),
            document: self.document.clone(),
            layouts: RefCell::default(),
        };
        Inventory::new(servers, self.config)
    }

    /// Runs as many threads as there are items, all at once, each with an inventory of its own.
    pub fn race<I: Send, T: Send>(
        &self,
        items: Vec<I>,
        run: impl Fn(&Inventory<Servers>, I) -> T + Sync,
    ) -> Vec<T> {
        let barrier = Barrier::new(items.len());
        std::thread::scope(|scope| {
            let threads = items.into_iter().map(|item| {
                scope.spawn(|| {
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

    /// A hold of these seats, claimed for a new booking of the same user.
    pub fn claimed(&self, inventory: &Inventory<Servers>, seats: &[&str]) -> (Hold, BookingId) {
        let hold = inventory
            .hold(
                self.session,
                UserId::new(),
                &seats_of(seats),
                Timestamp::now(),
            )
            .unwrap();
        let booking = BookingId::new();
        inventory
            .claim(hold.id, hold.user, booking, in_a_while())
            .unwrap();
        (hold, booking)
    }

    pub fn reserve(
        &self,
        inventory: &Inventory<Servers>,
        hold: &Hold,
        booking: BookingId,
    ) -> Result<(), Error> {
        let seats = hold.body.seats.iter().map(|seat| seat.0.clone()).collect();
        let areas = hold
            .body
            .areas
            .iter()
            .map(|area| (area.0.clone(), area.2))
            .collect();
        let places = inventory.places(self.session, seats, areas)?;
        inventory.reserve(booking, hold.id, self.session, places, hold.fence)
    }

    pub fn confirm(
        &self,
        inventory: &Inventory<Servers>,
        hold: &Hold,
        booking: BookingId,
    ) -> Result<(), Error> {
        let seats = hold.body.seats.iter().map(|seat| seat.0.clone()).collect();
        let areas = hold
            .body
            .areas
            .iter()
            .map(|area| (area.0.clone(), area.2))
            .collect();
        inventory.confirm(
            booking,
            self.session,
            inventory.places(self.session, seats, areas)?,
        )
    }

    pub fn release(
        &self,
        inventory: &Inventory<Servers>,
        hold: &Hold,
        booking: BookingId,
    ) -> Result<(), Error> {
        let seats = hold.body.seats.iter().map(|seat| seat.0.clone()).collect();
        let areas = hold
            .body
            .areas
            .iter()
            .map(|area| (area.0.clone(), area.2))
            .collect();
        inventory.release(
            booking,
            hold.id,
            self.session,
            inventory.places(self.session, seats, areas)?,
        )
    }

    /// Free, held and sold seats, and free places of the floor, as the API tells them.
    pub fn counts(&self, inventory: &Inventory<Servers>) -> (u32, u32, u32, u32) {
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

pub fn in_a_while() -> Timestamp {
    Timestamp::now().plus(Duration::from_secs(600))
}

pub fn seats_of(seats: &[&str]) -> lock::Request {
    lock::Request {
        seats: seats.iter().map(|seat| seat.to_string()).collect(),
        areas: vec![],
        best_available: None,
    }
}

pub fn floor(quantity: u32) -> lock::Request {
    lock::Request {
        seats: vec![],
        areas: vec![("floor".into(), quantity)],
        best_available: None,
    }
}

pub fn best(quantity: u32) -> lock::Request {
    let best = lock::BestAvailable {
        quantity,
        category: "stalls".into(),
    };
    lock::Request {
        seats: vec![],
        areas: vec![],
        best_available: Some(best),
    }
}

/// The ports of a test: real servers, seat-lock as a library.
pub struct Servers {
    redis: RefCell<redis::Connection>,
    postgres: &'static Postgres,
    postgres_away: Arc<AtomicBool>,
    document: Arc<String>,
    layouts: RefCell<HashMap<String, Rc<Layout>>>,
}

impl Servers {
    fn parsed(&self, key: &str) -> Result<Rc<Layout>, lock::Error> {
        self.layouts
            .borrow()
            .get(key)
            .cloned()
            .ok_or(lock::Error::UnknownLayout)
    }
}

impl Ports for Servers {
    fn transaction(&self, statements: &[sql::Statement]) -> Result<Vec<Rows>, sql::Error> {
        match self.postgres_away.load(Ordering::Relaxed) {
            true => Err(sql::Error::Unavailable("it is away".into())),
            false => self.postgres.transaction(statements),
        }
    }

    fn script(&self, call: &Call) -> Result<Reply, errors::Error> {
        let script = redis::Script::new(call.source);
        let mut invocation = script.prepare_invoke();
        for key in &call.keys {
            invocation.key(key);
        }
        for arg in &call.args {
            invocation.arg(arg);
        }
        reply(invocation.invoke::<redis::Value>(&mut *self.redis.borrow_mut()))
    }

    fn pipeline(
        &self,
        commands: &[Command],
    ) -> Result<Vec<Result<Reply, errors::Error>>, errors::Error> {
        let run = |command: &Command| {
            let name = String::from_utf8(command[0].clone()).unwrap();
            let mut built = redis::cmd(&name);
            for arg in &command[1..] {
                built.arg(arg);
            }
            reply(built.query::<redis::Value>(&mut *self.redis.borrow_mut()))
        };
        Ok(commands.iter().map(run).collect())
    }

    fn notify(&self, topic: &str) {
        assert!(topic.starts_with("session:ses_"), "{topic}");
    }

    fn layout(&self, id: &str, version: u32) -> Result<layouts::Layout, layouts::Error> {
        let layout = Layout::parse(&self.document).unwrap();
        let seat_count = layout.seats().len() as u32;
        let standing: u32 = layout.areas().iter().map(|area| area.capacity).sum();
        Ok(layouts::Layout {
            id: id.into(),
            version,
            venue_id: String::new(),
            seat_count,
            capacity: seat_count + standing,
            categories: vec!["stalls".into(), "standing".into()],
            document: self.document.to_string(),
        })
    }

    fn load(&self, key: &str, document: &str) -> Result<lock::Loaded, lock::Error> {
        let layout = Rc::new(Layout::parse(document).unwrap());
        let areas = layout
            .areas()
            .iter()
            .map(|area| (layout.text(area.id).to_string(), area.capacity))
            .collect();
        let loaded = lock::Loaded {
            seat_count: layout.seats().len() as u32,
            areas,
        };
        self.layouts.borrow_mut().insert(key.into(), layout);
        Ok(loaded)
    }

    fn select(
        &self,
        key: &str,
        request: &lock::Request,
        occupied: &[u8],
        limit: u32,
    ) -> Result<lock::Selection, lock::Error> {
        let layout = self.parsed(key)?;
        let best = request.best_available.as_ref().map(|best| select::Best {
            quantity: best.quantity,
            category: best.category.clone(),
        });
        let request = select::Request {
            seats: request.seats.clone(),
            areas: request.areas.clone(),
            best,
        };
        let selection =
            select::select(&layout, &request, Bits(occupied), limit).map_err(lock_error)?;
        let seats = selection.seats.iter().map(|&index| lock::Place {
            index,
            seat: layout.key(index).to_string(),
            category: layout.category_of(index).to_string(),
            flags: layout.flags_of(index).map(str::to_string).collect(),
        });
        let areas = selection
            .areas
            .iter()
            .map(|&(at, quantity)| lock::AreaPlace {
                area: layout.text(layout.areas()[at].id).to_string(),
                category: layout
                    .category_name(layout.areas()[at].category)
                    .to_string(),
                quantity,
            });
        Ok(lock::Selection {
            seats: seats.collect(),
            areas: areas.collect(),
        })
    }

    fn indexes(&self, key: &str, seats: &[String]) -> Result<Vec<u32>, lock::Error> {
        select::indexes(&*self.parsed(key)?, seats).map_err(lock_error)
    }

    fn keys_of(&self, key: &str, bits: &[u8]) -> Result<Vec<String>, lock::Error> {
        let layout = self.parsed(key)?;
        let seats = layout.seats().len() as u32;
        Ok(Bits(bits)
            .ones()
            .filter(|&index| index < seats)
            .map(|index| layout.key(index).to_string())
            .collect())
    }
}

fn lock_error(error: select::Error) -> lock::Error {
    match error {
        select::Error::Unknown(names) => lock::Error::Unknown(names),
        select::Error::Duplicate(names) => lock::Error::Duplicate(names),
        select::Error::Empty => lock::Error::Empty,
        select::Error::LimitExceeded(limit) => lock::Error::LimitExceeded(limit),
        select::Error::NoneLeft => lock::Error::NoneLeft,
    }
}

fn reply(answer: redis::RedisResult<redis::Value>) -> Result<Reply, errors::Error> {
    let value = answer.map_err(|error| match error.code() {
        Some(_) => errors::Error::Refused(error.to_string()),
        None => errors::Error::Unavailable(error.to_string()),
    })?;
    Ok(match value {
        redis::Value::Nil => Reply::Nil,
        redis::Value::Int(number) => Reply::Int(number),
        redis::Value::BulkString(bytes) => Reply::Bulk(bytes),
        redis::Value::Okay => Reply::Status("OK".into()),
        redis::Value::Array(items) => Reply::Array(
            items
                .into_iter()
                .map(|item| match item {
                    redis::Value::Nil => Item::Nil,
                    redis::Value::Int(number) => Item::Int(number),
                    redis::Value::BulkString(bytes) => Item::Bulk(bytes),
                    other => panic!("nested or unknown item: {other:?}"),
                })
                .collect(),
        ),
        other => panic!("unknown reply: {other:?}"),
    })
}
