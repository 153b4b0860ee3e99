//! The service on a database of its own, with other services that a test commands.

use std::cell::{Cell, RefCell};

use booking::domain::booking::{Area, Booking, Seat, booking_id_of_hold};
use booking::domain::hold::Hold;
use booking::domain::payment::{Payment, PaymentStatus};
use booking::domain::saga::{self as terms, Command, Event, Refusal, State, Transition};
use booking::ports::{Binding, BookingPayment, HoldError, PaymentError, Ports};
use booking::{events, routes, timers};
use eventhub_facts::PaymentDetails;
use eventhub_guest::bindings::eventhub::kafka::types::{Delivery, Message, Outcome};
use eventhub_guest::bindings::eventhub::timers::types::Tick;
use eventhub_guest::ids::{BookingId, EventId, HoldId, PaymentId, SessionId, UserId};
use eventhub_guest::outbox::{Fact, topic_of};
use eventhub_guest::{Money, Router, Timestamp, native};
use eventhub_native::{Environment, Exchange, get, post, send};
use serde_json::{Value, json};

#[path = "rules.rs"]
mod rules;

pub const BUYER: UserId = UserId::from_u128(2);
pub const STRANGER: UserId = UserId::from_u128(3);
pub const EVENT: EventId = EventId::from_u128(4);
/// 2026-01-01T00:00:00Z
pub const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);
/// The seed of `docs/tickets.md`.
pub const SEED: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// The hold of that number; each has the same places.
pub fn hold(number: u128) -> HoldId {
    HoldId::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | number)
}

/// The booking of that hold.
pub fn booking_of(number: u128) -> BookingId {
    booking_id_of_hold(hold(number))
}

fn eur(amount: i64) -> Money {
    Money::new(amount, "EUR".parse().unwrap())
}

/// Other services: a seat inventory with one seat and an area, and a payment provider.
#[derive(Default)]
pub struct Others {
    /// What the seat inventory refuses to bind.
    pub bind_error: RefCell<Option<HoldError>>,
    /// What it refuses to reserve.
    pub reserve_error: RefCell<Option<HoldError>>,
    /// What it refuses to confirm.
    pub confirm_error: RefCell<Option<HoldError>>,
    pub payment: Cell<Option<PaymentStatus>>,
    /// Added to the amount that the payment is over.
    pub surcharge: Cell<i64>,
    pub payment_is_away: Cell<bool>,
    pub is_free: Cell<bool>,
    /// The calls about places, with the places: `reserve A-1-14#13 floor*2`.
    pub calls: RefCell<Vec<String>>,
}

impl Others {
    fn note(&self, call: &str, booking: &Booking) {
        let seat = |seat: &Seat| match seat.seat_index {
            Some(index) => format!(" {}#{index}", seat.seat),
            None => format!(" {}", seat.seat),
        };
        let area = |area: &Area| format!(" {}*{}", area.area, area.quantity);
        let seats: String = booking.seats.iter().map(seat).collect();
        let areas: String = booking.areas.iter().map(area).collect();
        self.calls
            .borrow_mut()
            .push(format!("{call}{seats}{areas}"));
    }

    fn total(&self) -> Money {
        eur(if self.is_free.get() { 0 } else { 6500 })
    }

    fn answer(&self) -> Result<BookingPayment, PaymentError> {
        if self.payment_is_away.get() {
            return Err(PaymentError::Unavailable("payment is away".into()));
        }
        let status = self.payment.get().ok_or(PaymentError::NotFound)?;
        Ok(BookingPayment {
            payment: Payment {
                id: PaymentId::from_u128(1),
                provider: "stripe".into(),
                status,
                client_secret: Some("pi_1_secret_2".into()),
                publishable_key: Some("pk_1".into()),
            },
            total: eur(self.total().amount + self.surcharge.get()),
        })
    }
}

impl Ports for Others {
    fn bind_hold(&self, binding: &Binding) -> Result<Hold, HoldError> {
        if let Some(error) = self.bind_error.borrow().clone() {
            return Err(error);
        }
        let unknown: Vec<String> = binding
            .seats
            .iter()
            .filter(|seat| *seat != "A-1-14")
            .cloned()
            .collect();
        if !unknown.is_empty() {
            return Err(HoldError::NotInHold(unknown));
        }
        Ok(Hold {
            event_id: EVENT,
            session_id: SessionId::from_u128(5),
            seats: vec![Seat {
                seat: "A-1-14".into(),
                seat_index: Some(13),
                category: "stalls".into(),
                price: eur(4500),
                flags: vec!["aisle".into()],
            }],
            areas: vec![Area {
                area: "floor".into(),
                category: "standing".into(),
                quantity: 2,
                price: eur(1000),
            }],
            total: self.total(),
            fence: 7,
        })
    }

    fn reserve_seats(&self, booking: &Booking) -> Result<(), HoldError> {
        self.note("reserve", booking);
        self.reserve_error.borrow().clone().map_or(Ok(()), Err)
    }

    fn confirm_seats(&self, booking: &Booking) -> Result<(), HoldError> {
        self.note("confirm", booking);
        self.confirm_error.borrow().clone().map_or(Ok(()), Err)
    }

    fn release_seats(&self, booking: &Booking) -> Result<(), HoldError> {
        self.note("release", booking);
        Ok(())
    }

    fn create_payment(&self, _: &Booking) -> Result<BookingPayment, PaymentError> {
        if self.payment.get().is_none() {
            self.payment.set(Some(PaymentStatus::RequiresPayment));
        }
        self.answer()
    }

    fn find_payment(&self, _: BookingId) -> Result<BookingPayment, PaymentError> {
        self.answer()
    }

    fn cancel_payment(&self, _: BookingId) -> Result<BookingPayment, PaymentError> {
        if self.payment.get() == Some(PaymentStatus::RequiresPayment) && !self.payment_is_away.get()
        {
            self.payment.set(Some(PaymentStatus::Cancelled));
        }
        self.answer()
    }

    fn refund_payment(&self, _: BookingId, _: &str) -> Result<BookingPayment, PaymentError> {
        if self.payment.get() == Some(PaymentStatus::Succeeded) && !self.payment_is_away.get() {
            self.payment.set(Some(PaymentStatus::Refunding));
        }
        self.answer()
    }

    fn start_saga(&self, free_of_charge: bool) -> State {
        rules::start(free_of_charge)
    }

    fn step_saga(&self, state: State, event: Event) -> Result<Transition, Refusal> {
        rules::step(state, event)
    }

    fn resume_saga(&self, state: State) -> Vec<Command> {
        let commands = rules::resume(state);
        assert!(!rules::is_settled(state) || commands.is_empty());
        commands
    }
}

/// The service under test.
pub struct Service {
    pub environment: Environment,
    pub others: Others,
    router: Router<dyn Ports>,
}

impl Service {
    pub fn start() -> Self {
        Self::start_with_key(SEED)
    }

    /// With the key that signs tickets; empty is none.
    pub fn start_with_key(seed: &str) -> Self {
        let environment = Environment::start(&["booking_db"]);
        native::set_clock(Some(NOW));
        native::set_variable("TICKET_SIGNING_KEY", seed);
        Self {
            environment,
            others: Others::default(),
            router: routes::router(),
        }
    }

    pub fn send(&self, exchange: &Exchange) -> Value {
        send(&self.router, &self.others as &dyn Ports, exchange)
    }

    /// Books a hold for the buyer, with a key made of the hold's number.
    pub fn book(&self, number: u128) -> Value {
        self.send(
            &post("/api/v1/bookings")
                .by(BUYER)
                .header("idempotency-key", &format!("key-{number}"))
                .json(&body(number)),
        )
    }

    /// Books hold 1 and takes the booking as far as its payment.
    pub fn book_and_reserve(&self) {
        assert_eq!(self.book(1)["status"], 202);
        assert_eq!(self.deliver_created(), [Outcome::Done]);
    }

    /// The same, and pays.
    pub fn book_and_pay(&self) {
        self.book_and_reserve();
        self.others.payment.set(Some(PaymentStatus::Succeeded));
        let fact = eventhub_facts::PaymentSucceeded::from(payment_details("succeeded"));
        assert_eq!(self.deliver(100, &fact), Outcome::Done);
        assert_eq!(self.status(), "confirmed");
    }

    pub fn get_booking(&self, number: u128) -> Value {
        self.send(&get(&format!("/api/v1/bookings/{}", booking_of(number))).by(BUYER))
    }

    /// The status of the booking of hold 1.
    pub fn status(&self) -> String {
        let answer = self.get_booking(1);
        answer["body"]["status"].as_str().unwrap().to_string()
    }

    pub fn sql(&self, text: &str) -> String {
        self.environment.sql("booking_db", text).trim().to_string()
    }

    /// Delivers the facts of new bookings from the service's own outbox.
    pub fn deliver_created(&self) -> Vec<Outcome> {
        let deliveries: Vec<Delivery> = self
            .environment
            .deliveries("booking_db")
            .into_iter()
            .filter(|delivery| {
                let kind = ("eventType".to_string(), "BookingCreated".to_string());
                delivery.message.headers.contains(&kind)
            })
            .collect();
        assert!(!deliveries.is_empty());
        events::handle_batch(&self.others, &deliveries)
    }

    /// Delivers one fact with that id.
    pub fn deliver<F: Fact>(&self, id: u128, fact: &F) -> Outcome {
        let outcomes = events::handle_batch(&self.others, &[delivery(id, fact)]);
        assert_eq!(outcomes.len(), 1);
        outcomes.into_iter().next().unwrap()
    }

    /// One tick of the timer, for which everything is due.
    pub fn run_tick(&self) {
        self.sql("UPDATE bookings SET next_attempt_at = now() WHERE next_attempt_at IS NOT NULL");
        let tick = Tick {
            now: 7_000_000,
            traceparent: String::new(),
        };
        timers::run_tick(&self.others, &tick).unwrap();
    }

    /// The names of the published facts, the oldest first.
    pub fn fact_names(&self) -> Vec<String> {
        let facts = self.environment.facts("booking_db");
        facts.into_iter().map(|(name, _)| name).collect()
    }
}

/// A fact as Kafka delivers it.
pub fn delivery<F: Fact>(id: u128, fact: &F) -> Delivery {
    let id = format!("{id:032x}");
    Delivery {
        message: Message {
            topic: topic_of::<F>(),
            key: Some(fact.key().into_bytes()),
            headers: vec![("id".into(), id), ("eventType".into(), F::NAME.into())],
            value: serde_json::to_vec(fact).unwrap(),
        },
        partition: 0,
        offset: 0,
        timestamp: 0,
        attempt: 1,
    }
}

/// Details of the payment of the booking of hold 1.
pub fn payment_details(status: &str) -> PaymentDetails {
    PaymentDetails {
        payment_id: PaymentId::from_u128(1),
        booking_id: booking_of(1),
        provider: "stripe".into(),
        status: status.into(),
        amount: 6500,
        currency: "EUR".parse().unwrap(),
        reason: None,
    }
}

/// The body that books a hold.
pub fn body(number: u128) -> Value {
    json!({"hold_id": hold(number), "payment": {"provider": "stripe"}})
}

/// The code of a problem.
pub fn code(answer: &Value) -> (u64, &str) {
    let status = answer["status"].as_u64().unwrap();
    (status, answer["body"]["code"].as_str().unwrap_or(""))
}
