//! Cancellations that break at each of their calls.

use std::cell::{Cell, RefCell};

use eventhub_guest::http;

use super::*;
use crate::domain::lifecycle::tests::event;

/// What is left of everything when a call breaks.
struct World {
    event: RefCell<Event>,
    facts: Cell<u32>,
    on_sale: Cell<bool>,
    told: Cell<bool>,
    call: Cell<u32>,
    breaks_at: u32,
    /// Whether the call that breaks has done its work.
    done: bool,
}

impl World {
    /// An event on sale, of version 2.
    fn new(breaks_at: u32, done: bool) -> Self {
        let event = Event {
            version: 2,
            ..event(Status::Published, 1)
        };
        let (facts, call) = (Cell::new(0), Cell::new(0));
        Self {
            event: RefCell::new(event),
            facts,
            on_sale: Cell::new(true),
            told: Cell::new(false),
            call,
            breaks_at,
            done,
        }
    }

    fn call<T>(&self, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        self.call.set(self.call.get() + 1);
        if self.call.get() != self.breaks_at {
            return work();
        }
        if self.done {
            let _ = work();
        }
        Err(Error::Unavailable("it broke".into()))
    }
}

impl Calls for World {
    fn find(&self, _: EventId) -> Result<Option<Event>, Error> {
        self.call(|| Ok(Some(self.event.borrow().clone())))
    }

    fn cancel(&self, event: &Event, _: Timestamp, _: &str, _: Statement) -> Result<(), Error> {
        self.call(|| {
            let mut stored = self.event.borrow_mut();
            if event.version != stored.version {
                return Err(Error::Conflict {
                    statement: 0,
                    affected: 0,
                });
            }
            stored.status = Status::Cancelled;
            stored.version += 1;
            self.facts.set(self.facts.get() + 1);
            self.on_sale.set(false);
            Ok(())
        })
    }

    fn close_sale(&self, _: EventId) {
        let _ = self.call(|| {
            self.told.set(true);
            Ok(())
        });
    }
}

fn request() -> Request {
    http::request("POST", "/")
}

#[test]
fn a_cancellation_that_breaks_at_any_call_never_leaves_a_sale_without_its_event_nor_refunds_nobody()
{
    const TELLING: u32 = 4;
    for breaks_at in 0..=TELLING {
        for done in [false, true] {
            let world = World::new(breaks_at, done);
            // The organizer has seen version 1: so all calls are made, the look at the event of now
            // as well.
            let seen = Event {
                version: 1,
                ..world.event.borrow().clone()
            };
            let first = cancelled(&world, seen, "The singer is ill.", &request());
            assert_eq!(
                first.is_ok(),
                breaks_at == 0 || breaks_at == TELLING,
                "{breaks_at} {done}"
            );
            assert_eq!(
                first.is_ok(),
                world.call.get() == TELLING,
                "{breaks_at} {done}"
            );
            let is_cancelled = world.event.borrow().status == Status::Cancelled;
            assert_eq!(
                (world.on_sale.get(), world.facts.get()),
                (!is_cancelled, is_cancelled.into()),
                "{breaks_at} {done}"
            );

            let now = world.event.borrow().clone();
            assert_eq!(
                cancelled(&world, now, "Again.", &request()).unwrap().status,
                Status::Cancelled
            );
            assert_eq!(
                (world.on_sale.get(), world.facts.get()),
                (false, 1),
                "{breaks_at} {done}"
            );
        }
    }
}

#[test]
fn the_sale_is_told_of_a_cancellation() {
    let world = World::new(0, false);
    let event = world.event.borrow().clone();
    assert_eq!(
        cancelled(&world, event, "Rain.", &request())
            .unwrap()
            .cancellation_reason
            .as_deref(),
        Some("Rain.")
    );
    assert!(world.told.get());
}
