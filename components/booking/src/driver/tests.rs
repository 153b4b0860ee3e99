//! The driver with the saga's real rules against a small world of its own, in which every single
//! call may fail before or after it took effect, may be the last one before a crash, or may be
//! preceded by another worker's whole run.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;

use super::*;
use crate::domain::booking::tests::booking;
use crate::domain::payment::{Payment, meaning};
use crate::domain::saga::{MoneyState, PaymentStatus, Places};

/// Both ways between an enum of the rules and its twin of the bindings.
macro_rules! twins {
    ($($to_rules:ident $to_ours:ident $name:ident $ours:ident { $($variant:ident),* })*) => {$(
        #[allow(dead_code)]
        fn $to_rules(value: $ours) -> saga::machine::$name { match value { $($ours::$variant => saga::machine::$name::$variant),* } }
        #[allow(dead_code)]
        fn $to_ours(value: saga::machine::$name) -> $ours { match value { $(saga::machine::$name::$variant => $ours::$variant),* } }
    )*};
}

twins! {
    status_in status_out Status Status { Pending, AwaitingPayment, Confirmed, Cancelled, Expired, Failed, Refunding, Refunded }
    places_in places_out Places Places { None, Reserved, Sold, Released }
    money_in money_out Money MoneyState { None, Requested, Captured, Refunding, Refunded }
    event_in event_out Event Event {
        Created, SeatsReserved, SeatsRefused, PaymentRequested, PaymentRefused, PaymentCaptured, PaymentCancelled, SeatsConfirmed,
        SeatsLost, SeatsReleased, RefundStarted, RefundDone, RefundFailed, CancelRequested, DeadlinePassed, EventCancelled
    }
    command_in command_out Command Command { ReserveSeats, RequestPayment, CancelPayment, ConfirmSeats, IssueTickets, VoidTickets, ReleaseSeats, RefundPayment }
}

fn state_in(s: State) -> saga::machine::State {
    saga::machine::State {
        status: status_in(s.status),
        places: places_in(s.places),
        money: money_in(s.money),
        free_of_charge: s.free_of_charge,
    }
}

fn state_out(s: saga::machine::State) -> State {
    State {
        status: status_out(s.status),
        places: places_out(s.places),
        money: money_out(s.money),
        free_of_charge: s.free_of_charge,
    }
}

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
    /// And the payment service hears of it.
    Pays,
    /// And no webhook tells.
    PaysUnheard,
    TellsPayment,
    Cancels,
    EventCancelled,
    ProviderGivesUp,
    Time(i64),
}

/// As long as the seat inventory keeps the seats by default.
const GRACE: Duration = Duration::from_secs(120);

struct Fake {
    row: RefCell<Booking>,
    next_look: Cell<Option<i64>>,
    claim: Cell<Claim>,
    /// The provider's.
    intent: Cell<Option<PaymentStatus>>,
    /// What the payment service has heard of it.
    heard: Cell<Option<PaymentStatus>>,
    provider_is_away: Cell<bool>,
    /// Seconds until an answer about the payment arrives.
    answer_takes: Cell<i64>,
    grace: Cell<Duration>,
    live_tickets: Cell<u32>,
    inbox: RefCell<HashSet<u128>>,
    announced: RefCell<Vec<&'static str>>,
    now: Cell<i64>,
    calls: Cell<u32>,
    fault: Cell<(u32, Fault)>,
    dead: Cell<bool>,
    seats_taken: Cell<bool>,
    seat_sold_elsewhere: Cell<bool>,
}

impl Fake {
    fn new(free_of_charge: bool, fault: (u32, Fault)) -> Self {
        let mut booking = booking();
        booking.state = state_out(saga::machine::start(free_of_charge));
        Self {
            row: RefCell::new(booking),
            next_look: Cell::new(Some(5_000_000)),
            claim: Cell::new(Claim::None),
            intent: Cell::new(None),
            heard: Cell::new(None),
            provider_is_away: Cell::new(false),
            answer_takes: Cell::new(0),
            grace: Cell::new(GRACE),
            live_tickets: Cell::new(0),
            inbox: RefCell::default(),
            announced: RefCell::default(),
            now: Cell::new(0),
            calls: Cell::new(0),
            fault: Cell::new(fault),
            dead: Cell::new(false),
            seats_taken: Cell::new(false),
            seat_sold_elsewhere: Cell::new(false),
        }
    }

    fn call<T>(&self, effect: impl FnOnce() -> T) -> Result<T, Trouble> {
        let number = self.calls.get() + 1;
        self.calls.set(number);
        let trouble = || Err(Trouble(format!("call {number}")));
        if self.dead.get() {
            return trouble();
        }
        let (at, fault) = self.fault.get();
        if at != number {
            return Ok(effect());
        }
        match fault {
            Fault::Nothing => Ok(effect()),
            Fault::FailsBefore => trouble(),
            Fault::FailsAfter => {
                effect();
                trouble()
            }
            Fault::DiesBefore => {
                self.dead.set(true);
                trouble()
            }
            Fault::DiesAfter => {
                effect();
                self.dead.set(true);
                trouble()
            }
            Fault::Meddles(stimulus) => {
                self.fault.set((0, Fault::Nothing));
                self.stimulate(stimulus);
                Ok(effect())
            }
        }
    }

    fn payment(&self) -> Vec<Fact> {
        let Some(status) = self.heard.get() else {
            return vec![];
        };
        let payment = Payment {
            id: "pay_1".into(),
            provider: "stripe".into(),
            status,
            client_secret: Some("s".into()),
            publishable_key: None,
        };
        vec![Fact {
            event: meaning(status, self.row.borrow().state.money),
            payment: Some(payment),
            failure: None,
        }]
    }

    /// From now on it is so at the provider, and the payment service has heard of it.
    fn becomes(&self, status: PaymentStatus) {
        self.intent.set(Some(status));
        self.heard.set(Some(status));
    }

    /// The payment as the provider has it.
    fn asked(&self) -> Vec<Fact> {
        self.heard.set(self.intent.get());
        self.payment()
    }

    fn provider(&self) -> Result<(), Trouble> {
        if self.provider_is_away.get() {
            Err(Trouble("the provider is away".into()))
        } else {
            Ok(())
        }
    }

    fn kafka(&self, id: u128, fact: Fact) {
        if !self.inbox.borrow().contains(&id) {
            let booking = self.row.borrow().clone();
            let _ = advance(
                self,
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
            Stimulus::Created => self.kafka(1, Fact::of(Event::Created)),
            Stimulus::Pays if self.intent.get() == Some(PaymentStatus::RequiresPayment) => {
                self.becomes(PaymentStatus::Succeeded)
            }
            Stimulus::PaysUnheard if self.intent.get() == Some(PaymentStatus::RequiresPayment) => {
                self.intent.set(Some(PaymentStatus::Succeeded))
            }
            Stimulus::ProviderGivesUp
                if self.intent.get() == Some(PaymentStatus::RequiresPayment) =>
            {
                self.becomes(PaymentStatus::Cancelled)
            }
            Stimulus::Pays | Stimulus::PaysUnheard | Stimulus::ProviderGivesUp => {}
            Stimulus::TellsPayment => {
                for (number, fact) in self.payment().into_iter().enumerate() {
                    let id = 100
                        + number as u128
                        + self.heard.get().map_or(0, |status| status as u128 * 10);
                    if fact.event != Some(Event::PaymentRequested) {
                        self.kafka(id, fact);
                    }
                }
            }
            Stimulus::Cancels => {
                let booking = self.row.borrow().clone();
                let _ = advance(
                    self,
                    booking,
                    Run::of(vec![Fact::of(Event::CancelRequested)]),
                );
            }
            Stimulus::EventCancelled => {
                // The session closes first, as the event service does it.
                self.seats_taken.set(self.claim.get() == Claim::None);
                self.kafka(3, Fact::of(Event::EventCancelled));
            }
            Stimulus::Time(seconds) => self.pass(seconds),
        }
    }

    /// The timer's ticks of so many seconds; the provider finishes refunds that are under way.
    fn pass(&self, seconds: i64) {
        for _ in 0..seconds {
            self.now.set(self.now.get() + 1_000_000);
            if self.next_look.get().is_some_and(|at| at <= self.now.get()) {
                // The claim, as `store::due` does it.
                let mut booking = self.row.borrow().clone();
                booking.attempts += i32::from(!booking.state.waits_for_buyer());
                self.row.borrow_mut().attempts = booking.attempts;
                let wait = if booking.state.waits_for_buyer() {
                    5.0
                } else {
                    schedule::back_off(booking.state.status, booking.attempts)
                };
                self.next_look
                    .set(Some(self.now.get() + (wait * 1e6) as i64));
                let _ = look(self, booking);
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
        let announced = self.announced.borrow();
        let unique: HashSet<_> = announced.iter().collect();
        assert_eq!(
            unique.len(),
            announced.len(),
            "told twice: {announced:?} {why}"
        );
        if !at_the_end || state.status == Status::Confirmed {
            return;
        }
        assert!(state_in(state).is_settled(), "not settled: {state:?} {why}");
        assert_eq!(
            self.next_look.get(),
            None,
            "looked at for ever: {state:?} {why}"
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
            state
                .status
                .announcement()
                .is_some_and(|kind| announced.contains(&kind)),
            "not told: {why}"
        );
    }
}

impl World for Fake {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now.get())
    }

    fn grace(&self) -> Duration {
        self.grace.get()
    }

    fn step(&self, state: State, event: Event) -> Result<Transition, Refusal> {
        let transition = saga::machine::step(state_in(state), event_in(event)).map_err(
            |refusal| match refusal {
                saga::machine::Refusal::InvalidTransition(from, to) => {
                    Refusal::InvalidTransition((status_out(from), status_out(to)))
                }
            },
        )?;
        Ok(Transition {
            state: state_out(transition.state),
            commands: transition.commands.into_iter().map(command_out).collect(),
        })
    }

    fn resume(&self, state: State) -> Vec<Command> {
        saga::machine::resume(state_in(state))
            .into_iter()
            .map(command_out)
            .collect()
    }

    fn load(&self, _: BookingId) -> Result<Option<Booking>, Trouble> {
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
                return Err(SaveError::Seen);
            }
            if record.changed {
                assert_eq!(self.row.borrow().state.status, record.from);
                if confirms {
                    self.live_tickets.set(3);
                }
                if record.from == Status::Confirmed && new.state.status != Status::Confirmed {
                    self.live_tickets.set(0);
                }
                if new.state.status != record.from {
                    self.announced
                        .borrow_mut()
                        .extend(new.state.status.announcement());
                }
                *self.row.borrow_mut() = Booking {
                    version: new.version + 1,
                    attempts: record.attempts,
                    ..new.clone()
                };
                self.next_look.set(
                    record
                        .next_look
                        .map(|seconds| self.now.get() + (seconds * 1e6) as i64),
                );
            }
            Ok(self.now())
        })?
    }

    fn perform(&self, command: Command, booking: &Booking) -> Result<Vec<Fact>, Trouble> {
        if matches!(
            command,
            Command::RequestPayment | Command::CancelPayment | Command::RefundPayment
        ) {
            self.provider()?;
        }
        self.call(|| match command {
            Command::ReserveSeats if self.claim.get() == Claim::None && self.seats_taken.get() => {
                vec![Fact::of(Event::SeatsRefused)]
            }
            Command::ReserveSeats => {
                if self.claim.get() == Claim::None {
                    self.claim.set(Claim::Reserved);
                }
                vec![Fact::of(Event::SeatsReserved)]
            }
            Command::ConfirmSeats if self.claim.get() == Claim::None => vec![seats_lost()],
            Command::ConfirmSeats => {
                self.claim.set(Claim::Sold);
                vec![Fact::of(Event::SeatsConfirmed)]
            }
            Command::ReleaseSeats => {
                let status = self.row.borrow().state.status;
                assert!(
                    status.has_ended(),
                    "seats released while the booking is recorded as {status:?}"
                );
                self.claim.set(Claim::None);
                vec![Fact::of(Event::SeatsReleased)]
            }
            Command::RequestPayment => {
                assert!(!booking.state.free_of_charge);
                if self.intent.get().is_none() {
                    self.intent.set(Some(PaymentStatus::RequiresPayment));
                }
                self.asked()
            }
            Command::CancelPayment => match self.intent.get() {
                None => vec![Fact::of(Event::PaymentCancelled)],
                Some(PaymentStatus::RequiresPayment) => {
                    self.intent.set(Some(PaymentStatus::Cancelled));
                    self.asked()
                }
                Some(_) => self.asked(),
            },
            Command::RefundPayment => {
                let status = self.row.borrow().state.status;
                assert!(
                    status.has_ended(),
                    "money given back while the booking is recorded as {status:?}"
                );
                if self.intent.get() == Some(PaymentStatus::Succeeded) {
                    self.intent.set(Some(PaymentStatus::Refunding));
                }
                self.asked()
            }
            Command::IssueTickets | Command::VoidTickets => vec![],
        })
    }

    fn ask_payment(&self, booking: &Booking) -> Result<Vec<Fact>, Trouble> {
        let overdue = booking.expires_at <= self.now()
            && self.heard.get() == Some(PaymentStatus::RequiresPayment);
        if overdue {
            self.provider()?;
        }
        let told = self.call(|| {
            if overdue {
                self.asked()
            } else {
                self.payment()
            }
        });
        self.now
            .set(self.now.get() + self.answer_takes.get() * 1_000_000);
        told
    }

    fn rest(&self, booking: &Booking) -> Result<(), Trouble> {
        self.call(|| {
            if self.row.borrow().version == booking.version {
                self.next_look.set(None);
            }
        })
    }
}

use Stimulus::*;

const STORIES: &[(&str, bool, &[Stimulus])] = &[
    ("bought", false, &[Created, Pays, TellsPayment]),
    ("bought, Kafka is down", false, &[Time(6), Pays]),
    ("free", true, &[Created]),
    ("never paid", false, &[Created, Time(601)]),
    ("cancelled", false, &[Created, Cancels]),
    ("cancelled before it began", false, &[Cancels, Created]),
    (
        "paid, then cancelled",
        false,
        &[Created, Pays, Cancels, TellsPayment],
    ),
    (
        "paid in the last second",
        false,
        &[Created, Time(599), Pays, Time(2), TellsPayment],
    ),
    (
        "paid in the last seconds, and no webhook tells",
        false,
        &[Created, Time(580), PaysUnheard, Time(21)],
    ),
    (
        "event cancelled after the sale",
        false,
        &[Created, Pays, TellsPayment, EventCancelled],
    ),
    (
        "event cancelled before payment",
        false,
        &[Created, EventCancelled],
    ),
    ("free event cancelled", true, &[Created, EventCancelled]),
    (
        "the provider gives up",
        false,
        &[Created, ProviderGivesUp, TellsPayment],
    ),
    (
        "told twice",
        false,
        &[Created, Created, Pays, TellsPayment, TellsPayment, Created],
    ),
];

/// Runs a story with one fault; how many calls there were before the recovery.
fn tell(name: &str, free: bool, story: &[Stimulus], fault: (u32, Fault), redelivered: bool) -> u32 {
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
            .filter(|stimulus| matches!(stimulus, Created | TellsPayment | EventCancelled))
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
fn every_story_ends_right_whichever_single_call_fails_or_is_the_last_before_a_crash() {
    for (name, free, story) in STORIES {
        let calls = tell(name, *free, story, (0, Fault::Nothing), false);
        for number in 1..=calls {
            for fault in [
                Fault::FailsBefore,
                Fault::FailsAfter,
                Fault::DiesBefore,
                Fault::DiesAfter,
            ] {
                for redelivered in [false, true] {
                    tell(name, *free, story, (number, fault), redelivered);
                }
            }
        }
    }
}

#[test]
fn every_story_ends_right_whatever_another_worker_does_between_any_two_calls() {
    for (name, free, story) in STORIES {
        let calls = tell(name, *free, story, (0, Fault::Nothing), false);
        for number in 1..=calls {
            for meddler in [
                Created,
                Pays,
                TellsPayment,
                Cancels,
                EventCancelled,
                ProviderGivesUp,
                Time(6),
                Time(601),
            ] {
                tell(name, *free, story, (number, Fault::Meddles(meddler)), false);
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
    world.stimulate(TellsPayment);
    assert_eq!(
        (world.status(), world.calls.get()),
        (Status::Confirmed, 5),
        "confirm, record"
    );
}

#[test]
fn a_seat_with_a_live_ticket_elsewhere_is_refunded_and_not_sold_twice() {
    let world = Fake::new(false, (0, Fault::Nothing));
    world.seat_sold_elsewhere.set(true);
    world.stimulate(Created);
    world.stimulate(Pays);
    world.stimulate(TellsPayment);
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
fn seats_that_others_have_fail_the_booking_without_asking_for_money() {
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
    world.stimulate(TellsPayment);
    assert_eq!(
        (world.status(), world.row.borrow().failure.clone()),
        (Status::Confirmed, None)
    );
}

#[test]
fn a_refund_that_fails_is_tried_again_until_the_money_is_back() {
    let world = Fake::new(false, (0, Fault::Nothing));
    for stimulus in [Created, Pays, TellsPayment, EventCancelled] {
        world.stimulate(stimulus);
    }
    assert_eq!(
        (world.status(), world.intent.get()),
        (Status::Refunding, Some(PaymentStatus::Refunding))
    );
    world.becomes(PaymentStatus::Succeeded);
    let booking = world.row.borrow().clone();
    let run = Run {
        facts: vec![Fact::of(Event::RefundFailed)],
        inbox: Some(60),
        not_now: vec![Command::RefundPayment],
        ..Run::default()
    };
    advance(&world, booking, run).unwrap();
    assert_eq!(
        world.intent.get(),
        Some(PaymentStatus::Succeeded),
        "tried again without a pause"
    );
    world.pass(200);
    world.check("refund failed once", true);
    assert_eq!(world.status(), Status::Refunded);
}

/// A booking that was paid 20 seconds before its deadline, of which no webhook tells.
fn paid_unheard() -> Fake {
    let world = Fake::new(false, (0, Fault::Nothing));
    for stimulus in [Created, Time(580), PaysUnheard] {
        world.stimulate(stimulus);
    }
    world
}

#[test]
fn who_paid_in_the_last_seconds_gets_the_tickets_though_no_webhook_tells() {
    let world = paid_unheard();
    world.pass(19);
    assert_eq!(world.status(), Status::AwaitingPayment);
    world.pass(10);
    assert_eq!(world.status(), Status::Confirmed);
    world.check("paid in the last seconds", true);
}

#[test]
fn an_answer_from_before_the_deadline_that_arrives_after_it_gives_no_booking_up() {
    let world = paid_unheard();
    world.answer_takes.set(30);
    let booking = world.row.borrow().clone();
    assert_eq!(
        look(&world, booking).map(|booking| booking.state.status),
        Ok(Status::AwaitingPayment)
    );
    world.answer_takes.set(0);
    world.pass(10);
    assert_eq!(world.status(), Status::Confirmed);
}

#[test]
fn who_paid_in_time_gets_the_tickets_though_the_provider_is_away_at_the_deadline() {
    for (grace, then) in [
        (GRACE, Status::Confirmed),
        (Duration::ZERO, Status::Refunded),
    ] {
        let world = paid_unheard();
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
fn a_provider_that_stays_away_keeps_no_seats_beyond_the_grace_and_what_was_paid_goes_back() {
    for (pays, end) in [(PaysUnheard, Status::Refunded), (Time(0), Status::Expired)] {
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
fn who_cancels_is_answered_at_once_and_the_seats_that_could_not_be_given_back_follow() {
    let release = 6;
    let world = Fake::new(false, (release, Fault::FailsAfter));
    world.stimulate(Created);
    let booking = world.row.borrow().clone();
    let cancelled = advance(
        &world,
        booking,
        Run::of(vec![Fact::of(Event::CancelRequested)]),
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
