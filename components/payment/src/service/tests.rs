//! Which payments are asked about, and when, against a provider of the test's own, in simulated
//! time.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use super::*;
use crate::domain::tests::{intent, payment};

const SECOND: Duration = Duration::from_secs(1);
const START: Timestamp = Timestamp::from_micros(0);
/// What a captured payment may wait until it is found.
const FOUND: Duration = Duration::from_secs(30);
/// `runtime.deadline_ms` of the host.
const DEADLINE: Duration = Duration::from_secs(30);

fn numbered(id: u128) -> Payment {
    Payment {
        id: PaymentId::from_u128(id),
        ..payment(Status::RequiresPayment)
    }
}

/// How many of them run at once, by the manifest.
fn side_by_side() -> usize {
    let manifest = include_str!("../../../../wadm.yaml");
    let timer = manifest
        .lines()
        .find(|line| line.contains("payment-timer"))
        .unwrap();
    timer.split_once("at_once: \"").map_or(1, |(_, rest)| {
        rest.split('"').next().unwrap().parse().unwrap()
    })
}

/// How long a payment of so many that stay open may wait until it is asked about, and again, if so
/// many ticks run at once and each call to the provider takes so long.
fn longest_wait(open: u128, latency: Duration, side_by_side: usize) -> Duration {
    // By due time, as the table has them, with the time of the last answer.
    let due: RefCell<BTreeMap<(Timestamp, u128), Timestamp>> =
        RefCell::new((0..open).map(|id| ((START, id), START)).collect());
    let longest = Cell::new(0);
    let mut ticks = vec![START; side_by_side];
    loop {
        let tick = ticks.iter_mut().min().unwrap();
        if *tick >= START.plus(100 * SECOND) {
            return Duration::from_micros(longest.get());
        }
        let (clock, asked) = (Cell::new(*tick), Cell::new(START));
        let take = || {
            let first = due
                .borrow()
                .first_key_value()
                .map(|(key, _)| *key)
                .filter(|(at, _)| *at <= clock.get());
            asked.set(
                first
                    .and_then(|key| due.borrow_mut().remove(&key))
                    .unwrap_or(START),
            );
            Ok(first.map(|(_, id)| numbered(id)))
        };
        let ask = |payment: Payment| {
            let again = clock.get().plus(25 * SECOND);
            clock.set(clock.get().plus(latency));
            longest.set(
                longest
                    .get()
                    .max((clock.get().micros() - asked.get().micros()) as u64),
            );
            due.borrow_mut()
                .insert((again, payment.id.as_u128()), clock.get());
            Ok(())
        };
        one_by_one(|| clock.get(), take, ask).unwrap();
        *tick = clock.get().max(tick.plus(SECOND));
    }
}

#[test]
fn a_thousand_open_payments_and_a_slow_provider_keep_no_captured_one_from_being_found() {
    let (open, latency) = (1_000, Duration::from_millis(200));
    let wait = longest_wait(open, latency, side_by_side());
    assert!(wait <= FOUND, "{wait:?}");
    let one_alone = longest_wait(open, latency, 1);
    assert!(
        one_alone > FOUND,
        "they need not run side by side: {one_alone:?}"
    );
}

#[test]
fn a_provider_that_hardly_answers_holds_no_tick_beyond_its_deadline_and_nothing_is_taken_that_is_not_asked_about()
 {
    // Up to what the manifest allows the provider for one call.
    for latency in [Duration::from_millis(700), 3 * SECOND, 15 * SECOND] {
        let (clock, taken, asked) = (Cell::new(START), Cell::new(0), Cell::new(0));
        let take = || {
            taken.set(taken.get() + 1);
            Ok(Some(numbered(taken.get())))
        };
        let ask = |_| {
            clock.set(clock.get().plus(latency));
            asked.set(asked.get() + 1);
            Ok(())
        };
        one_by_one(|| clock.get(), take, ask).unwrap();
        assert!(
            clock.get() < START.plus(DEADLINE.mul_f64(0.7)),
            "{latency:?}: {}",
            clock.get()
        );
        assert!(
            asked.get() > 0 && asked.get() == taken.get(),
            "{latency:?}: {} of {}",
            asked.get(),
            taken.get()
        );
    }
}

/// Which of three that are due are asked about where the first one fails.
fn asked_after(first: impl Fn() -> Error) -> Vec<u128> {
    let (taken, asked) = (Cell::new(0), RefCell::new(vec![]));
    let take = || {
        taken.set(taken.get() + 1);
        Ok((taken.get() <= 3).then(|| numbered(taken.get())))
    };
    let ask = |payment: Payment| {
        asked.borrow_mut().push(payment.id.as_u128());
        if payment.id == PaymentId::from_u128(1) {
            Err(first())
        } else {
            Ok(())
        }
    };
    one_by_one(|| START, take, ask).unwrap();
    asked.into_inner()
}

#[test]
fn one_payment_that_cannot_be_looked_up_keeps_no_other_waiting() {
    assert_eq!(asked_after(|| Error::NotFound), [1, 2, 3]);
    assert_eq!(
        asked_after(|| Error::Refused("a key that is not of this account".into())),
        [1, 2, 3]
    );
}

#[test]
fn what_is_due_while_the_provider_is_away_is_asked_about_when_it_is_back_and_not_later() {
    assert_eq!(asked_after(|| Error::Unavailable("429".into())), [1]);
    assert_eq!(
        asked_after(|| sql::Error::Unavailable("the connection was closed".into()).into()),
        [1]
    );
}

/// An answer of the service about a payment that is over at 100 s, where the provider says `heard`.
fn told(
    stored: Status,
    now: Duration,
    heard: Result<provider::IntentStatus, provider::Error>,
) -> Result<Status, Error> {
    let payment = Payment {
        expires_at: START.plus(100 * SECOND),
        ..payment(stored)
    };
    let look_up = |payment: Payment| {
        let intent = intent(heard?, payment.total.amount);
        Ok(payment
            .hear_intent(&intent)
            .map_or(payment, |(next, _)| next))
    };
    known(payment, START.plus(now), look_up).map(|payment| payment.status)
}

#[test]
fn a_payment_of_its_last_seconds_counts_though_its_webhook_was_lost() {
    for open in [Status::RequiresPayment, Status::Processing] {
        assert_eq!(
            told(open, 100 * SECOND, Ok(provider::IntentStatus::Succeeded)).unwrap(),
            Status::Succeeded
        );
    }
    // Whoever asks may have a clock that is ahead of ours.
    assert_eq!(
        told(
            Status::RequiresPayment,
            99 * SECOND,
            Ok(provider::IntentStatus::Succeeded)
        )
        .unwrap(),
        Status::Succeeded
    );
    assert_eq!(
        told(
            Status::RequiresPayment,
            100 * SECOND,
            Ok(provider::IntentStatus::RequiresPayment)
        )
        .unwrap(),
        Status::RequiresPayment
    );
}

#[test]
fn nobody_is_told_that_an_overdue_payment_is_unpaid_while_the_provider_does_not_say_so() {
    let away = || Err(provider::Error::Unavailable("no answer".into()));
    assert!(matches!(
        told(Status::RequiresPayment, 101 * SECOND, away()),
        Err(Error::Unavailable(_))
    ));
    // Neither who may still pay nor what has ended needs the provider.
    assert_eq!(
        told(Status::RequiresPayment, 90 * SECOND, away()).unwrap(),
        Status::RequiresPayment
    );
    for ended in [
        Status::Succeeded,
        Status::Cancelled,
        Status::Refunding,
        Status::Refunded,
        Status::Quarantined,
    ] {
        assert_eq!(told(ended, 101 * SECOND, away()).unwrap(), ended);
    }
}
