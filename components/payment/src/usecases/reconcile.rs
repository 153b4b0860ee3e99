//! Finds what no webhook reported: asks the provider about payments that have been open for a
//! while, or whose webhook came too early, and continues refunds. Several of these run at once, on
//! one node and on many.

use eventhub_guest::Timestamp;
use eventhub_guest::bindings::eventhub::timers::types::Tick;

use super::look_up_payment;
use crate::domain::payment::Payment;
use crate::domain::reconciliation::{SOFT_DEADLINE, webhook_search_window};
use crate::error::Error;
use crate::ports::Ports;
use crate::store;

/// One tick. Also deletes webhooks of long ago.
///
/// # Errors
/// [`Error::Database`].
pub fn reconcile_payments(ports: &dyn Ports, tick: &Tick) -> Result<(), Error> {
    let window = webhook_search_window(Timestamp::from_micros(tick.now));
    store::requeue_unmatched_webhooks(window)?;
    look_up_one_by_one(
        Timestamp::now,
        || Ok(store::claim_next_due()?),
        |payment| look_up_payment(ports, payment, &tick.traceparent).map(drop),
    )?;
    Ok(store::delete_old_webhooks()?)
}

/// Claims a payment and looks it up, then the next one: none is claimed that has to wait for its
/// turn. One that fails by itself keeps no other waiting. A provider that is away leaves the others
/// due, so that they are looked up as soon as it is back.
fn look_up_one_by_one(
    now: impl Fn() -> Timestamp,
    claim: impl Fn() -> Result<Option<Payment>, Error>,
    look_up: impl Fn(Payment) -> Result<(), Error>,
) -> Result<(), Error> {
    let deadline = now().plus(SOFT_DEADLINE);
    while now() < deadline {
        let Some(payment) = claim()? else { break };
        let id = payment.id;
        if let Err(error) = look_up(payment) {
            tracing::warn!(payment.id = %id, error.cause = %error, "payment look-up failed");
            if error.concerns_all_payments() {
                break;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::collections::BTreeMap;
    use std::time::Duration;

    use eventhub_guest::ids::PaymentId;
    use eventhub_guest::sql;
    use eventhub_manifest::Manifest;

    use super::*;
    use crate::domain::payment::Status;
    use crate::domain::payment::tests::payment;

    const SECOND: Duration = Duration::from_secs(1);
    const START: Timestamp = Timestamp::from_micros(0);
    /// How long a captured payment may wait until it is found.
    const FOUND: Duration = Duration::from_secs(30);
    /// `runtime.deadline_ms` of the host.
    const DEADLINE: Duration = Duration::from_secs(30);

    fn numbered(id: u128) -> Payment {
        Payment {
            id: PaymentId::from_u128(id),
            ..payment(Status::RequiresPayment)
        }
    }

    /// How many ticks run at once, by the manifest.
    fn ticks_at_once() -> usize {
        let manifest = Manifest::read(std::path::Path::new("../../wadm.yaml")).unwrap();
        let links = manifest.capabilities.iter().flat_map(|one| &one.links);
        let mut timers =
            links.filter(|link| link.target == "payment" && link.interfaces == ["timers"]);
        let timer = timers.next().unwrap();
        timer.source_properties["at_once"].parse().unwrap()
    }

    /// The longest time between two look-ups of a payment, where `open` payments stay open, each
    /// call to the provider takes `latency`, and so many ticks run at once.
    fn longest_wait(open: u128, latency: Duration, ticks_at_once: usize) -> Duration {
        // By due time, as the table has them, with the time of the last answer.
        let due: RefCell<BTreeMap<(Timestamp, u128), Timestamp>> =
            RefCell::new((0..open).map(|id| ((START, id), START)).collect());
        let longest = Cell::new(0);
        let mut ticks = vec![START; ticks_at_once];
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
            look_up_one_by_one(|| clock.get(), take, ask).unwrap();
            *tick = clock.get().max(tick.plus(SECOND));
        }
    }

    #[test]
    fn a_captured_payment_is_found_among_a_thousand_open_ones() {
        let (open, latency) = (1_000, Duration::from_millis(200));
        let wait = longest_wait(open, latency, ticks_at_once());
        assert!(wait <= FOUND, "{wait:?}");
        let one_alone = longest_wait(open, latency, 1);
        assert!(
            one_alone > FOUND,
            "one tick alone would be enough: {one_alone:?}"
        );
    }

    #[test]
    fn a_slow_provider_holds_no_tick_beyond_its_deadline() {
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
            look_up_one_by_one(|| clock.get(), take, ask).unwrap();
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

    /// Which of three due payments are looked up where the first one fails.
    fn looked_up_after(first: impl Fn() -> Error) -> Vec<u128> {
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
        look_up_one_by_one(|| START, take, ask).unwrap();
        asked.into_inner()
    }

    #[test]
    fn one_failing_payment_keeps_no_other_waiting() {
        assert_eq!(looked_up_after(|| Error::NotFound), [1, 2, 3]);
        assert_eq!(
            looked_up_after(|| Error::Refused("a key that is not of this account".into())),
            [1, 2, 3]
        );
    }

    #[test]
    fn payments_stay_due_while_the_provider_is_away() {
        assert_eq!(looked_up_after(|| Error::Unavailable("429".into())), [1]);
        assert_eq!(
            looked_up_after(|| sql::Error::Unavailable("the connection was closed".into()).into()),
            [1]
        );
    }
}
