//! The driver with the saga's real rules, against services and a store of its own, in which every
//! single call may fail before or after it took effect, may be the last one before a crash, or may
//! be preceded by another worker's whole run.

#[path = "../../../tests/routes/rules.rs"]
mod rules;

use std::cell::{Cell, RefCell};
use std::collections::HashSet;

use eventhub_guest::ids::{BookingId, PaymentId};
use eventhub_guest::native;

use super::*;
use crate::domain::booking::tests::booking;
use crate::domain::hold::Hold;
use crate::domain::payment::{Payment, PaymentStatus, event_from_status};
use crate::domain::saga::{self as terms, Places, State, Transition};
use crate::ports::{Binding, BookingPayment, HoldError, PaymentError};
use crate::store::record::record_status;

#[derive(Clone, Copy, PartialEq, Debug)]
enum Claim {
    None,
    Reserved,
    Sold,
}

/// What goes wrong at the call of that number.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Fault {
    Nothing,
    FailsBefore,
    FailsAfter,
    DiesBefore,
    DiesAfter,
    /// Another worker does this first.
    Meddles(Stimulus),
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Stimulus {
    Created,
    /// And the payment service learns of it.
    Pays,
    /// And no webhook reports it.
    PaysUnreported,
    /// The fact about the payment arrives.
    PaymentReported,
    Cancels,
    EventCancelled,
    ProviderCancels,
    Time(i64),
}

/// As long as the seat inventory keeps the seats by default.
const GRACE: Duration = Duration::from_secs(120);

struct Fake {
    row: RefCell<Booking>,
    next_poll: Cell<Option<i64>>,
    claim: Cell<Claim>,
    /// The provider's.
    intent: Cell<Option<PaymentStatus>>,
    /// As the payment service knows it.
    known: Cell<Option<PaymentStatus>>,
    provider_is_away: Cell<bool>,
    /// Seconds until an answer about the payment arrives.
    answer_takes: Cell<i64>,
    grace: Cell<Duration>,
    live_tickets: Cell<u32>,
    inbox: RefCell<HashSet<u128>>,
    published: RefCell<Vec<Status>>,
    now: Cell<i64>,
    calls: Cell<u32>,
    fault: Cell<(u32, Fault)>,
    dead: Cell<bool>,
    seats_taken: Cell<bool>,
    seat_sold_elsewhere: Cell<bool>,
}

fn set_clock(micros: i64) {
    native::set_clock(Some(Timestamp::from_micros(micros)));
}

impl Fake {
    fn driver(&self) -> Driver<'_> {
        Driver {
            ports: self,
            store: self,
            grace: self.grace.get(),
        }
    }

    fn set_now(&self, micros: i64) {
        self.now.set(micros);
        set_clock(micros);
    }

    fn new(free_of_charge: bool, fault: (u32, Fault)) -> Self {
        set_clock(0);
        let mut booking = booking();
        booking.state = rules::start(free_of_charge);
        Self {
            row: RefCell::new(booking),
            next_poll: Cell::new(Some(5_000_000)),
            claim: Cell::new(Claim::None),
            intent: Cell::new(None),
            known: Cell::new(None),
            provider_is_away: Cell::new(false),
            answer_takes: Cell::new(0),
            grace: Cell::new(GRACE),
            live_tickets: Cell::new(0),
            inbox: RefCell::default(),
            published: RefCell::default(),
            now: Cell::new(0),
            calls: Cell::new(0),
            fault: Cell::new(fault),
            dead: Cell::new(false),
            seats_taken: Cell::new(false),
            seat_sold_elsewhere: Cell::new(false),
        }
    }

    fn call<T>(&self, effect: impl FnOnce() -> T) -> Result<T, Unavailable> {
        let number = self.calls.get() + 1;
        self.calls.set(number);
        let failure = || Err(Unavailable(format!("call {number}")));
        if self.dead.get() {
            return failure();
        }
        let (at, fault) = self.fault.get();
        if at != number {
            return Ok(effect());
        }
        match fault {
            Fault::Nothing => Ok(effect()),
            Fault::FailsBefore => failure(),
            Fault::FailsAfter => {
                effect();
                failure()
            }
            Fault::DiesBefore => {
                self.dead.set(true);
                failure()
            }
            Fault::DiesAfter => {
                effect();
                self.dead.set(true);
                failure()
            }
            Fault::Meddles(stimulus) => {
                self.fault.set((0, Fault::Nothing));
                self.stimulate(stimulus);
                Ok(effect())
            }
        }
    }

    /// The payment as the payment service knows it.
    fn payment(&self) -> Result<BookingPayment, PaymentError> {
        let status = self.known.get().ok_or(PaymentError::NotFound)?;
        Ok(BookingPayment {
            payment: Payment {
                id: PaymentId::from_u128(1),
                provider: "stripe".into(),
                status,
                client_secret: Some("s".into()),
                publishable_key: None,
            },
            total: self.row.borrow().total,
        })
    }

    /// The same as a published fact.
    fn payment_fact(&self) -> Option<Fact> {
        let payment = self.payment().ok()?.payment;
        Some(Fact {
            event: event_from_status(payment.status, self.row.borrow().state.money),
            payment: Some(payment),
            failure: None,
        })
    }

    /// The provider changes the payment, and the payment service learns of it.
    fn becomes(&self, status: PaymentStatus) {
        self.intent.set(Some(status));
        self.known.set(Some(status));
    }

    /// The payment as the provider has it.
    fn ask_provider(&self) -> Result<BookingPayment, PaymentError> {
        self.known.set(self.intent.get());
        self.payment()
    }

    fn reach_provider(&self) -> Result<(), PaymentError> {
        if self.provider_is_away.get() {
            Err(PaymentError::Unavailable("the provider is away".into()))
        } else {
            Ok(())
        }
    }

    fn kafka(&self, id: u128, fact: Fact) {
        if !self.inbox.borrow().contains(&id) {
            let booking = self.row.borrow().clone();
            let _ = self.driver().advance(
                booking,
                Run {
                    facts: vec![fact],
                    inbox: Some(id),
                    ..Run::default()
                },
            );
        }
    }

    fn stimulate(&self, stimulus: Stimulus) {
        match stimulus {
            Stimulus::Created => self.kafka(1, Fact::new(Event::Created)),
            Stimulus::Pays if self.intent.get() == Some(PaymentStatus::RequiresPayment) => {
                self.becomes(PaymentStatus::Succeeded)
            }
            Stimulus::PaysUnreported
                if self.intent.get() == Some(PaymentStatus::RequiresPayment) =>
            {
                self.intent.set(Some(PaymentStatus::Succeeded))
            }
            Stimulus::ProviderCancels
                if self.intent.get() == Some(PaymentStatus::RequiresPayment) =>
            {
                self.becomes(PaymentStatus::Cancelled)
            }
            Stimulus::Pays | Stimulus::PaysUnreported | Stimulus::ProviderCancels => {}
            Stimulus::PaymentReported => {
                if let Some(fact) = self.payment_fact() {
                    let id = 100 + self.known.get().map_or(0, |status| status as u128 * 10);
                    if fact.event != Some(Event::PaymentRequested) {
                        self.kafka(id, fact);
                    }
                }
            }
            Stimulus::Cancels => {
                let booking = self.row.borrow().clone();
                let run = Run::with_facts(vec![Fact::new(Event::CancelRequested)]);
                let _ = self.driver().advance(booking, run);
            }
            Stimulus::EventCancelled => {
                // The session closes first, as the event service does it.
                self.seats_taken.set(self.claim.get() == Claim::None);
                self.kafka(3, Fact::new(Event::EventCancelled));
            }
            Stimulus::Time(seconds) => self.pass(seconds),
        }
    }

    /// The timer's ticks of so many seconds; the provider finishes refunds that are under way.
    fn pass(&self, seconds: i64) {
        for _ in 0..seconds {
            self.set_now(self.now.get() + 1_000_000);
            if self.next_poll.get().is_some_and(|at| at <= self.now.get()) {
                // The claim, as `store::due` does it.
                let mut booking = self.row.borrow().clone();
                booking.attempts += i32::from(!booking.state.waits_for_buyer());
                self.row.borrow_mut().attempts = booking.attempts;
                let wait = if booking.state.waits_for_buyer() {
                    5.0
                } else {
                    schedule::back_off(booking.state.status, booking.attempts)
                };
                self.next_poll
                    .set(Some(self.now.get() + (wait * 1e6) as i64));
                let _ = self.driver().poll(booking);
            }
            if self.intent.get() == Some(PaymentStatus::Refunding) {
                self.becomes(PaymentStatus::Refunded);
            }
        }
    }

    fn restart(&self) {
        self.dead.set(false);
        self.fault.set((0, Fault::Nothing));
    }

    fn status(&self) -> Status {
        self.row.borrow().state.status
    }

    /// What must hold at any moment, and what at the end.
    fn check(&self, why: &str, at_the_end: bool) {
        let state = self.row.borrow().state;
        let live = self.live_tickets.get();
        if state.status == Status::Confirmed {
            let paid = if state.free_of_charge {
                None
            } else {
                Some(PaymentStatus::Succeeded)
            };
            assert_eq!(
                (self.claim.get(), self.intent.get(), live),
                (Claim::Sold, paid, 3),
                "{why}"
            );
        } else {
            assert_eq!(live, 0, "tickets without a confirmed booking: {why}");
        }
        let published = self.published.borrow();
        let unique: HashSet<_> = published.iter().collect();
        assert_eq!(
            unique.len(),
            published.len(),
            "published twice: {published:?} {why}"
        );
        if !at_the_end || state.status == Status::Confirmed {
            return;
        }
        assert!(rules::is_settled(state), "not settled: {state:?} {why}");
        assert_eq!(
            self.next_poll.get(),
            None,
            "polled for ever: {state:?} {why}"
        );
        assert_eq!(
            self.claim.get(),
            Claim::None,
            "seats stay taken for nobody: {state:?} {why}"
        );
        let money_is_back = matches!(
            self.intent.get(),
            None | Some(PaymentStatus::Cancelled | PaymentStatus::Refunded)
        );
        assert!(money_is_back, "money is kept for nothing: {state:?} {why}");
        assert_eq!(
            state.status == Status::Refunded,
            self.intent.get() == Some(PaymentStatus::Refunded),
            "{why}"
        );
        assert!(
            record_status(&self.row.borrow()).is_some() && published.contains(&state.status),
            "not published: {why}"
        );
    }
}

impl Store for Fake {
    fn load(&self, _: BookingId) -> Result<Option<Booking>, Unavailable> {
        self.call(|| Some(self.row.borrow().clone()))
    }

    fn save(&self, record: &Record) -> Result<Timestamp, SaveError> {
        self.call(|| {
            let new = record.booking;
            if record.changed && self.row.borrow().version != new.version {
                return Err(SaveError::Conflict);
            }
            let confirms = record.changed
                && new.state.status == Status::Confirmed
                && record.from != Status::Confirmed;
            if confirms && self.seat_sold_elsewhere.get() {
                return Err(SaveError::SeatSold);
            }
            if record
                .inbox
                .is_some_and(|id| !self.inbox.borrow_mut().insert(id))
            {
                return Err(SaveError::AlreadyHandled);
            }
            if record.changed {
                assert_eq!(self.row.borrow().state.status, record.from);
                if confirms {
                    self.live_tickets.set(3);
                }
                if record.from == Status::Confirmed && new.state.status != Status::Confirmed {
                    self.live_tickets.set(0);
                }
                if new.state.status != record.from && record_status(new).is_some() {
                    self.published.borrow_mut().push(new.state.status);
                }
                *self.row.borrow_mut() = Booking {
                    version: new.version + 1,
                    attempts: record.attempts,
                    ..new.clone()
                };
                self.next_poll.set(
                    record
                        .next_attempt_in
                        .map(|seconds| self.now.get() + (seconds * 1e6) as i64),
                );
            }
            Ok(Timestamp::from_micros(self.now.get()))
        })?
    }

    fn mark_settled(&self, booking: &Booking) -> Result<(), Unavailable> {
        self.call(|| {
            if self.row.borrow().version == booking.version {
                self.next_poll.set(None);
            }
        })
    }
}

impl From<Unavailable> for HoldError {
    fn from(Unavailable(cause): Unavailable) -> Self {
        HoldError::Unavailable(cause)
    }
}

impl From<Unavailable> for PaymentError {
    fn from(Unavailable(cause): Unavailable) -> Self {
        PaymentError::Unavailable(cause)
    }
}

impl Ports for Fake {
    fn bind_hold(&self, binding: &Binding) -> Result<Hold, HoldError> {
        panic!("the driver binds no hold: {binding:?}")
    }

    fn reserve_seats(&self, _: &Booking) -> Result<(), HoldError> {
        self.call(|| match self.claim.get() {
            Claim::None if self.seats_taken.get() => Err(HoldError::Taken(vec![])),
            Claim::None => {
                self.claim.set(Claim::Reserved);
                Ok(())
            }
            Claim::Reserved | Claim::Sold => Ok(()),
        })?
    }

    fn confirm_seats(&self, _: &Booking) -> Result<(), HoldError> {
        self.call(|| match self.claim.get() {
            Claim::None => Err(HoldError::Taken(vec![])),
            Claim::Reserved | Claim::Sold => {
                self.claim.set(Claim::Sold);
                Ok(())
            }
        })?
    }

    fn release_seats(&self, _: &Booking) -> Result<(), HoldError> {
        self.call(|| {
            let status = self.row.borrow().state.status;
            assert!(
                status.has_ended(),
                "seats released while the booking is recorded as {status:?}"
            );
            self.claim.set(Claim::None);
            Ok(())
        })?
    }

    fn create_payment(&self, booking: &Booking) -> Result<BookingPayment, PaymentError> {
        self.reach_provider()?;
        self.call(|| {
            assert!(!booking.state.free_of_charge);
            if self.intent.get().is_none() {
                self.intent.set(Some(PaymentStatus::RequiresPayment));
            }
            self.ask_provider()
        })?
    }

    fn find_payment(&self, _: BookingId) -> Result<BookingPayment, PaymentError> {
        let overdue = self.row.borrow().expires_at <= Timestamp::now()
            && self.known.get() == Some(PaymentStatus::RequiresPayment);
        if overdue {
            self.reach_provider()?;
        }
        let answer = self.call(|| {
            if overdue {
                self.ask_provider()
            } else {
                self.payment()
            }
        });
        self.set_now(self.now.get() + self.answer_takes.get() * 1_000_000);
        answer?
    }

    fn cancel_payment(&self, _: BookingId) -> Result<BookingPayment, PaymentError> {
        self.reach_provider()?;
        self.call(|| {
            if self.intent.get() == Some(PaymentStatus::RequiresPayment) {
                self.intent.set(Some(PaymentStatus::Cancelled));
            }
            self.ask_provider()
        })?
    }

    fn refund_payment(&self, _: BookingId, _: &str) -> Result<BookingPayment, PaymentError> {
        self.reach_provider()?;
        self.call(|| {
            let status = self.row.borrow().state.status;
            assert!(
                status.has_ended(),
                "money given back while the booking is recorded as {status:?}"
            );
            if self.intent.get() == Some(PaymentStatus::Succeeded) {
                self.intent.set(Some(PaymentStatus::Refunding));
            }
            self.ask_provider()
        })?
    }

    fn start_saga(&self, free_of_charge: bool) -> State {
        rules::start(free_of_charge)
    }

    fn step_saga(&self, state: State, event: Event) -> Result<Transition, Refusal> {
        rules::step(state, event)
    }

    fn resume_saga(&self, state: State) -> Vec<Command> {
        rules::resume(state)
    }
}

use Stimulus::*;

const STORIES: &[(&str, bool, &[Stimulus])] = &[
    ("bought", false, &[Created, Pays, PaymentReported]),
    ("bought, Kafka is down", false, &[Time(6), Pays]),
    ("free", true, &[Created]),
    ("never paid", false, &[Created, Time(601)]),
    ("cancelled", false, &[Created, Cancels]),
    ("cancelled before it began", false, &[Cancels, Created]),
    (
        "paid, then cancelled",
        false,
        &[Created, Pays, Cancels, PaymentReported],
    ),
    (
        "paid in the last second",
        false,
        &[Created, Time(599), Pays, Time(2), PaymentReported],
    ),
    (
        "paid in the last seconds, and no webhook arrives",
        false,
        &[Created, Time(580), PaysUnreported, Time(21)],
    ),
    (
        "event cancelled after the sale",
        false,
        &[Created, Pays, PaymentReported, EventCancelled],
    ),
    (
        "event cancelled before payment",
        false,
        &[Created, EventCancelled],
    ),
    ("free event cancelled", true, &[Created, EventCancelled]),
    (
        "the provider cancels",
        false,
        &[Created, ProviderCancels, PaymentReported],
    ),
    (
        "facts arrive twice",
        false,
        &[
            Created,
            Created,
            Pays,
            PaymentReported,
            PaymentReported,
            Created,
        ],
    ),
];

/// Runs a story with one fault; how many calls there were before the recovery.
fn run_story(
    name: &str,
    free: bool,
    story: &[Stimulus],
    fault: (u32, Fault),
    redelivered: bool,
) -> u32 {
    let world = Fake::new(free, fault);
    let why = format!("{name} {fault:?} redelivered: {redelivered}");
    for stimulus in story {
        world.stimulate(*stimulus);
        if !world.dead.get() {
            world.check(&why, false);
        }
    }
    let calls = world.calls.get();
    world.restart();
    if redelivered {
        for stimulus in story
            .iter()
            .filter(|stimulus| matches!(stimulus, Created | PaymentReported | EventCancelled))
        {
            world.stimulate(*stimulus);
            world.check(&why, false);
        }
    }
    // Paid, or ended: within 30 seconds. Only who never pays waits for the deadline.
    world.pass(30);
    world.check(&why, false);
    let state = world.row.borrow().state;
    let waits =
        state.waits_for_buyer() && world.intent.get() == Some(PaymentStatus::RequiresPayment);
    let quick = matches!(
        state.status,
        Status::Confirmed | Status::Cancelled | Status::Expired | Status::Failed | Status::Refunded
    );
    assert!(quick || waits, "{state:?} after 30 s: {why}");
    world.pass(1500);
    world.check(&why, true);
    calls
}

#[test]
fn every_story_ends_right_whichever_call_fails_or_crashes() {
    for (name, free, story) in STORIES {
        let calls = run_story(name, *free, story, (0, Fault::Nothing), false);
        for number in 1..=calls {
            for fault in [
                Fault::FailsBefore,
                Fault::FailsAfter,
                Fault::DiesBefore,
                Fault::DiesAfter,
            ] {
                for redelivered in [false, true] {
                    run_story(name, *free, story, (number, fault), redelivered);
                }
            }
        }
    }
}

#[test]
fn every_story_ends_right_whatever_another_worker_does() {
    for (name, free, story) in STORIES {
        let calls = run_story(name, *free, story, (0, Fault::Nothing), false);
        for number in 1..=calls {
            for meddler in [
                Created,
                Pays,
                PaymentReported,
                Cancels,
                EventCancelled,
                ProviderCancels,
                Time(6),
                Time(601),
            ] {
                run_story(name, *free, story, (number, Fault::Meddles(meddler)), false);
            }
        }
    }
}

#[test]
fn the_happy_path_writes_twice_and_reads_nothing_more() {
    let world = Fake::new(false, (0, Fault::Nothing));
    world.stimulate(Created);
    assert_eq!(
        (world.status(), world.calls.get()),
        (Status::AwaitingPayment, 3),
        "reserve, request payment, record"
    );
    world.stimulate(Pays);
    world.stimulate(PaymentReported);
    assert_eq!(
        (world.status(), world.calls.get()),
        (Status::Confirmed, 5),
        "confirm, record"
    );
}

#[test]
fn a_seat_with_a_live_ticket_elsewhere_is_refunded() {
    let world = Fake::new(false, (0, Fault::Nothing));
    world.seat_sold_elsewhere.set(true);
    world.stimulate(Created);
    world.stimulate(Pays);
    world.stimulate(PaymentReported);
    assert_eq!(world.status(), Status::Refunding);
    world.pass(200);
    world.check("seat sold elsewhere", true);
    assert_eq!(world.status(), Status::Refunded);
    assert_eq!(
        world
            .row
            .borrow()
            .failure
            .as_ref()
            .map(|failure| failure.code.as_str()),
        Some("seats_unavailable")
    );
}

#[test]
fn taken_seats_fail_the_booking_before_money_is_asked_for() {
    let world = Fake::new(false, (0, Fault::Nothing));
    world.seats_taken.set(true);
    world.stimulate(Created);
    world.pass(100);
    world.check("seats taken", true);
    assert_eq!((world.status(), world.intent.get()), (Status::Failed, None));
}

#[test]
fn a_declined_card_leaves_the_booking_payable_and_says_why() {
    let world = Fake::new(false, (0, Fault::Nothing));
    world.stimulate(Created);
    let failure = crate::domain::booking::Failure::new("payment_declined", "card_declined");
    world.kafka(
        50,
        Fact {
            event: None,
            payment: None,
            failure: Some(failure.clone()),
        },
    );
    assert_eq!(
        (world.status(), world.row.borrow().failure.clone()),
        (Status::AwaitingPayment, Some(failure))
    );
    world.stimulate(Pays);
    world.stimulate(PaymentReported);
    assert_eq!(
        (world.status(), world.row.borrow().failure.clone()),
        (Status::Confirmed, None)
    );
}

#[test]
fn a_failed_refund_is_tried_again_until_the_money_is_back() {
    let world = Fake::new(false, (0, Fault::Nothing));
    for stimulus in [Created, Pays, PaymentReported, EventCancelled] {
        world.stimulate(stimulus);
    }
    assert_eq!(
        (world.status(), world.intent.get()),
        (Status::Refunding, Some(PaymentStatus::Refunding))
    );
    world.becomes(PaymentStatus::Succeeded);
    let booking = world.row.borrow().clone();
    let run = Run {
        facts: vec![Fact::new(Event::RefundFailed)],
        inbox: Some(60),
        postponed: vec![Command::RefundPayment],
        ..Run::default()
    };
    world.driver().advance(booking, run).unwrap();
    assert_eq!(
        world.intent.get(),
        Some(PaymentStatus::Succeeded),
        "tried again without a pause"
    );
    world.pass(200);
    world.check("refund failed once", true);
    assert_eq!(world.status(), Status::Refunded);
}

/// A booking that was paid 20 seconds before its deadline, without a webhook.
fn paid_unreported() -> Fake {
    let world = Fake::new(false, (0, Fault::Nothing));
    for stimulus in [Created, Time(580), PaysUnreported] {
        world.stimulate(stimulus);
    }
    world
}

#[test]
fn a_last_second_payment_without_a_webhook_gets_tickets() {
    let world = paid_unreported();
    world.pass(19);
    assert_eq!(world.status(), Status::AwaitingPayment);
    world.pass(10);
    assert_eq!(world.status(), Status::Confirmed);
    world.check("paid in the last seconds", true);
}

#[test]
fn an_answer_from_before_the_deadline_expires_no_booking() {
    let world = paid_unreported();
    world.answer_takes.set(30);
    let booking = world.row.borrow().clone();
    assert_eq!(
        world
            .driver()
            .poll(booking)
            .map(|booking| booking.state.status),
        Ok(Status::AwaitingPayment)
    );
    world.answer_takes.set(0);
    world.pass(10);
    assert_eq!(world.status(), Status::Confirmed);
}

#[test]
fn a_timely_payment_survives_a_provider_away_at_the_deadline() {
    for (grace, then) in [
        (GRACE, Status::Confirmed),
        (Duration::ZERO, Status::Refunded),
    ] {
        let world = paid_unreported();
        world.grace.set(grace);
        world.provider_is_away.set(true);
        world.pass(130);
        world.check("the provider is away", false);
        world.provider_is_away.set(false);
        world.pass(200);
        assert_eq!(world.status(), then, "with a grace of {grace:?}");
        world.check("the provider is back", true);
    }
}

#[test]
fn a_provider_that_stays_away_keeps_no_seats_after_the_grace() {
    for (pays, end) in [
        (PaysUnreported, Status::Refunded),
        (Time(0), Status::Expired),
    ] {
        let world = Fake::new(false, (0, Fault::Nothing));
        for stimulus in [Created, Time(580), pays] {
            world.stimulate(stimulus);
        }
        world.provider_is_away.set(true);
        world.pass(20 + 119);
        assert_eq!(
            (world.status(), world.claim.get()),
            (Status::AwaitingPayment, Claim::Reserved)
        );
        world.pass(10);
        assert_eq!(
            (world.status(), world.claim.get()),
            (Status::Expired, Claim::None)
        );
        world.pass(600);
        assert_eq!(world.status(), Status::Expired);
        world.provider_is_away.set(false);
        world.pass(700);
        assert_eq!(world.status(), end);
        world.check("the provider was away for ten minutes", true);
    }
}

#[test]
fn a_cancellation_does_not_wait_for_the_release_of_seats() {
    let release = 6;
    let world = Fake::new(false, (release, Fault::FailsAfter));
    world.stimulate(Created);
    let booking = world.row.borrow().clone();
    let cancelled = world
        .driver()
        .advance(
            booking,
            Run::with_facts(vec![Fact::new(Event::CancelRequested)]),
        )
        .unwrap();
    assert_eq!(cancelled.state.status, Status::Cancelled);
    assert_ne!(
        cancelled.state.places,
        Places::Released,
        "others may not see yet that they are free"
    );
    world.pass(5);
    assert_eq!(world.row.borrow().state.places, Places::Released);
}
