//! Cancellations that break at each of their calls, and those that meet the opening of a sale.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

use event::domain::access::Role;
use event::domain::event::{Event, Status, Tally};
use event::domain::reference::Layout;
use event::error::Error as Failure;
use event::ports::{Error, Ports, Unavailable};
use event::store;
use event::usecases::access::find_event;
use event::usecases::lifecycle::cancel_event;
use eventhub_guest::bindings::eventhub::kafka::{producer, types as kafka};
use eventhub_guest::bindings::eventhub::postgres::sql;
use eventhub_guest::bindings::eventhub::redis::commands as redis;
use eventhub_guest::ids::{EventId, LayoutId, OrganizerId, SessionId, UserId, VenueId};
use eventhub_guest::native::{self, Backend};
use eventhub_guest::{Timestamp, outbox};

use super::support::*;

/// The number of calls that have been made, and the one that breaks.
#[derive(Clone, Default)]
struct Fuse {
    calls: Rc<Cell<u32>>,
    /// None breaks at 0.
    breaks_at: u32,
    /// Whether the call that breaks has done its work.
    works: bool,
}

impl Fuse {
    fn call<T, E>(
        &self,
        work: impl FnOnce() -> Result<T, E>,
        broken: impl FnOnce() -> E,
    ) -> Result<T, E> {
        self.calls.set(self.calls.get() + 1);
        if self.calls.get() != self.breaks_at {
            return work();
        }
        if self.works {
            let _ = work();
        }
        Err(broken())
    }
}

/// The database, behind the fuse.
struct Fused(Rc<dyn Backend>, Fuse);

fn broken() -> sql::Error {
    sql::Error::Unavailable("it broke".into())
}

impl Backend for Fused {
    fn query(&self, database: &str, statement: &sql::Statement) -> Result<sql::Rows, sql::Error> {
        self.1.call(|| self.0.query(database, statement), broken)
    }

    fn transaction(
        &self,
        database: &str,
        statements: &[sql::Statement],
        options: sql::Options,
    ) -> Result<Vec<sql::Rows>, sql::Error> {
        self.1
            .call(|| self.0.transaction(database, statements, options), broken)
    }

    fn execute(&self, command: &redis::Command) -> Result<redis::Reply, redis::Error> {
        self.0.execute(command)
    }

    fn pipeline(
        &self,
        commands: &[redis::Command],
    ) -> Result<Vec<Result<redis::Reply, redis::Error>>, redis::Error> {
        self.0.pipeline(commands)
    }

    fn script(
        &self,
        source: &str,
        keys: &[Vec<u8>],
        args: &[Vec<u8>],
    ) -> Result<redis::Reply, redis::Error> {
        self.0.script(source, keys, args)
    }

    fn publish(&self, messages: &[kafka::Message]) -> Result<(), producer::Error> {
        self.0.publish(messages)
    }

    fn notify(&self, topic: &str) {
        self.0.notify(topic);
    }
}

/// The services, behind the fuse.
struct FusedServices<'a>(&'a Services, Fuse);

impl Ports for FusedServices<'_> {
    fn role_of(&self, organizer: OrganizerId, user: UserId) -> Result<Option<Role>, Unavailable> {
        self.0.role_of(organizer, user)
    }

    fn find_layout(&self, id: LayoutId, version: Option<u32>) -> Result<Option<Layout>, Error> {
        self.0.find_layout(id, version)
    }

    fn register_venue(&self, venue: VenueId, organizer: OrganizerId) -> Result<(), Error> {
        self.0.register_venue(venue, organizer)
    }

    fn open_sale(&self, event: &Event) -> Result<(), Error> {
        self.0.open_sale(event)
    }

    fn close_sale(&self, event: EventId) -> Result<(), Error> {
        let broken = || Unavailable::Sales("it broke".into()).into();
        self.1.call(|| self.0.close_sale(event), broken)
    }

    fn count_places(&self, sessions: &[SessionId]) -> Result<HashMap<SessionId, Tally>, Error> {
        self.0.count_places(sessions)
    }
}

/// Cancels as a service would whose database and neighbours are behind the fuse.
fn cancel_fused(service: &Service, event: Event, fuse: &Fuse) -> Result<Event, Failure> {
    let whole = service.environment.backend();
    native::set_backend(Rc::new(Fused(whole.clone(), fuse.clone())));
    let services = FusedServices(&service.services, fuse.clone());
    let result = cancel_event(&services, event, "The singer is ill.", "");
    native::set_backend(whole);
    result
}

fn count_cancellations(service: &Service, event: EventId) -> usize {
    let facts = service.environment.facts(DATABASE).into_iter();
    facts
        .filter(|(name, fact)| name == "EventCancelled" && fact["event_id"] == event.to_string())
        .count()
}

#[test]
fn a_cancellation_may_break_at_any_call() {
    const CLOSING: u32 = 4;
    let service = Service::start();
    for breaks_at in 0..=CLOSING {
        for works in [false, true] {
            let case = format!("{breaks_at} {works}");
            let id = service.make_published();
            service.open_sale(id);
            let fuse = Fuse {
                breaks_at,
                works,
                ..Fuse::default()
            };
            // The organizer has read version 1, so that the event is read again after a conflict
            // and every call is made.
            let seen = Event {
                version: 1,
                ..find_event(id).unwrap()
            };
            let first = cancel_fused(&service, seen, &fuse);
            assert_eq!(
                first.is_ok(),
                breaks_at == 0 || breaks_at == CLOSING,
                "{case}"
            );
            assert_eq!(first.is_ok(), fuse.calls.get() == CLOSING, "{case}");
            let now = find_event(id).unwrap();
            let is_cancelled = now.status == Status::Cancelled;
            let expected = if is_cancelled {
                "closed cancelled"
            } else {
                "on_sale published"
            };
            assert_eq!(service.statuses(id), expected, "{case}");
            assert_eq!(
                count_cancellations(&service, id),
                usize::from(is_cancelled),
                "{case}"
            );

            let again = cancel_fused(&service, now, &Fuse::default()).unwrap();
            assert_eq!(again.status, Status::Cancelled);
            assert_eq!(service.statuses(id), "closed cancelled", "{case}");
            assert_eq!(count_cancellations(&service, id), 1, "{case}");
        }
    }
}

/// Cancels version 1 by the store alone.
fn cancel_draft(id: EventId, version: i64) {
    let event = Event {
        version,
        ..find_event(id).unwrap()
    };
    let fact = eventhub_facts::EventCancelled {
        event_id: id,
        session_ids: vec![],
        reason: "The singer is ill.".into(),
    };
    let fact = outbox::record_fact(&fact, "");
    let _ = store::events::cancel(&event, Timestamp::now(), "The singer is ill.", fact);
}

/// A cancellation as text, for a transaction that another thread holds open.
fn cancel_sql(event: EventId) -> String {
    format!(
        "UPDATE events SET status = 'cancelled', cancelled_at = now() WHERE id = {}",
        uuid_sql(event)
    )
}

/// Runs `first` in a transaction that is held open while `second` begins.
fn race(service: &Service, first: String, second: impl FnOnce()) {
    let session = service.environment.session(DATABASE);
    std::thread::scope(|scope| {
        let other = session.clone();
        scope.spawn(move || other.sql(&format!("BEGIN; {first}; SELECT pg_sleep(1); COMMIT")));
        session.wait_until_it_sleeps();
        second();
    });
}

#[test]
fn no_sale_outlives_the_cancellation_of_its_event() {
    let service = Service::start();
    let [cancelled, other] = [(); 2].map(|()| service.make_draft());
    for event in [cancelled, cancelled, other] {
        service.open_sale(event);
    }
    // The event has another version: nothing happens, to its sales neither.
    cancel_draft(cancelled, 7);
    assert_eq!(service.statuses(cancelled), "on_sale on_sale draft");
    cancel_draft(cancelled, 1);
    assert_eq!(service.statuses(cancelled), "closed closed cancelled");
    service.open_sale(cancelled);
    assert_eq!(
        service.statuses(cancelled),
        "closed closed closed cancelled"
    );
    assert_eq!(service.statuses(other), "on_sale draft");
}

#[test]
fn a_sale_and_a_cancellation_may_meet_in_either_order() {
    let service = Service::start();
    let [opens_first, opens_second] = [(); 2].map(|()| service.make_draft());
    race(&service, open_sale_sql(opens_first), || {
        cancel_draft(opens_first, 1);
    });
    race(&service, cancel_sql(opens_second), || {
        service.open_sale(opens_second);
    });
    assert_eq!(
        [opens_first, opens_second].map(|event| service.statuses(event)),
        ["closed cancelled", "closed cancelled"]
    );
}

#[test]
fn without_its_trigger_a_sale_outlives_the_cancellation() {
    let service = Service::start();
    service.sql("ALTER TABLE sale_sessions DISABLE TRIGGER sale_sessions_of_cancelled_events");
    let [opens_first, opens_second] = [(); 2].map(|()| service.make_draft());
    race(&service, open_sale_sql(opens_first), || {
        cancel_draft(opens_first, 1);
    });
    race(&service, cancel_sql(opens_second), || {
        service.open_sale(opens_second);
    });
    assert_eq!(
        [opens_first, opens_second].map(|event| service.statuses(event)),
        ["on_sale cancelled", "on_sale cancelled"]
    );
}
