//! The host is killed with -9 at each step of a booking, one booking a step. Nothing in the product
//! helps with that: a lock in the database, or a slow provider, holds the saga up where we want it,
//! and what the step before has left there shows that it has got so far. Thirty seconds after the
//! restart the booking has ended as if nothing had happened.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use eventhub_tests::audit::{every_booking_ends, money_balances, no_seat_is_sold_twice, uuid_of};
use eventhub_tests::fixtures::{Sale, id, layout, sale};
use eventhub_tests::obstacle::{Barrier, Obstacle};
use eventhub_tests::{Api, Cluster};
use serde_json::json;
use tokio::task::JoinHandle;

/// What the buyer, or the organizer, does when it happens.
#[derive(Clone, Copy, PartialEq)]
enum Act {
    /// The answer does not come; the buyer asks again with the same idempotency key after the
    /// restart.
    BookUnanswered,
    Book,
    Pay,
    Cancel,
    /// The organizer cancels the event of a confirmed booking, which is refunded.
    CancelEvent,
}

struct Step {
    what: &'static str,
    act: Act,
    obstacle: Obstacle,
    /// Database, and a query of the booking ($1) that is true when the step before has been done.
    seen: (&'static str, &'static str),
    /// What the killed host has sent to the database happens all the same, after the new one has
    /// begun.
    late: bool,
}

const fn step(
    what: &'static str,
    act: Act,
    obstacle: Obstacle,
    seen: (&'static str, &'static str),
) -> Step {
    Step {
        what,
        act,
        obstacle,
        seen,
        late: false,
    }
}

const ANY: (&str, &str) = ("booking_db", "SELECT $1 IS NOT NULL");
const PENDING: (&str, &str) = (
    "booking_db",
    "SELECT count(*) = 1 FROM bookings WHERE id = $1::uuid AND status = 'pending'",
);
const AWAITING: (&str, &str) = (
    "booking_db",
    "SELECT count(*) = 1 FROM bookings WHERE id = $1::uuid AND status = 'awaiting_payment'",
);
const CONFIRMED: (&str, &str) = (
    "booking_db",
    "SELECT count(*) = 1 FROM bookings WHERE id = $1::uuid AND status = 'confirmed'",
);
const CANCELLED: (&str, &str) = (
    "booking_db",
    "SELECT count(*) = 1 FROM bookings WHERE id = $1::uuid AND status = 'cancelled'",
);
const REFUNDING: (&str, &str) = (
    "booking_db",
    "SELECT count(*) = 1 FROM bookings WHERE id = $1::uuid AND status = 'refunding'",
);
const RESERVED: (&str, &str) = (
    "event_db",
    "SELECT count(*) = 1 FROM seat_claims WHERE booking_id = $1::uuid AND status = 'reserved'",
);
const SOLD: (&str, &str) = (
    "event_db",
    "SELECT count(*) = 1 FROM seat_claims WHERE booking_id = $1::uuid AND status = 'sold'",
);
const ASKED: (&str, &str) = (
    "payment_db",
    "SELECT count(*) = 1 FROM payments WHERE booking_id = $1::uuid AND status = 'created'",
);
const REQUESTED: (&str, &str) = (
    "payment_db",
    "SELECT count(*) = 1 FROM payments WHERE booking_id = $1::uuid AND status = 'requires_payment'",
);
const PAID: (&str, &str) = (
    "payment_db",
    "SELECT count(*) = 1 FROM payments WHERE booking_id = $1::uuid AND status = 'succeeded'",
);
const GIVING_BACK: (&str, &str) = (
    "payment_db",
    "SELECT count(*) = 1 FROM payments WHERE booking_id = $1::uuid AND status = 'refunding'",
);
const GIVEN_BACK: (&str, &str) = (
    "payment_db",
    "SELECT count(*) = 1 FROM payments WHERE booking_id = $1::uuid AND status = 'refunded'",
);

const SAVE_PAYMENT: &str = "UPDATE payments SET status";
const SAVE_BOOKING: &str = "UPDATE bookings SET status";

/// In the order in which they come about.
const BEFORE_PAYMENT: &[Step] = &[
    step(
        "the hold is claimed, no booking written",
        Act::BookUnanswered,
        Obstacle::Table("booking_db", "bookings", "INSERT INTO bookings"),
        ANY,
    ),
    step(
        "the booking is written, nothing reserved",
        Act::Book,
        Obstacle::Table("event_db", "booking_claims", "INSERT INTO booking_claims"),
        PENDING,
    ),
    step(
        "the seats are reserved, no payment stored",
        Act::Book,
        Obstacle::Table("payment_db", "payments", "INSERT INTO payments"),
        RESERVED,
    ),
    step(
        "the payment is stored, the provider has it, we have no answer",
        Act::Book,
        Obstacle::Provider("/v1/payment_intents"),
        ASKED,
    ),
    step(
        "the provider has answered, that is not stored",
        Act::Book,
        Obstacle::TableWhileProviderIsAsked("payment_db", "payments", SAVE_PAYMENT),
        ASKED,
    ),
    step(
        "the intent is stored, the booking does not know",
        Act::Book,
        Obstacle::TableWhileProviderIsAsked("booking_db", "bookings", SAVE_BOOKING),
        REQUESTED,
    ),
    Step {
        late: true,
        ..step(
            "the same, and what was on its way arrives late",
            Act::Book,
            Obstacle::TableWhileProviderIsAsked("booking_db", "bookings", SAVE_BOOKING),
            REQUESTED,
        )
    },
    step(
        "it waits for its payment",
        Act::Book,
        Obstacle::Nothing,
        AWAITING,
    ),
    step(
        "it is cancelled, the provider does not know",
        Act::Cancel,
        Obstacle::Provider("/cancel"),
        CANCELLED,
    ),
    step(
        "the payment is cancelled, that is not stored",
        Act::Cancel,
        Obstacle::Table("payment_db", "payments", SAVE_PAYMENT),
        CANCELLED,
    ),
    step(
        "the payment is cancelled, the seats are not released",
        Act::Cancel,
        Obstacle::Table("event_db", "booking_claims", "INSERT INTO booking_claims"),
        CANCELLED,
    ),
];

const FROM_PAYMENT_ON: &[Step] = &[
    step(
        "it is paid, we have not heard",
        Act::Pay,
        Obstacle::Webhooks,
        AWAITING,
    ),
    step(
        "we have heard, it is not stored",
        Act::Pay,
        Obstacle::Table("payment_db", "payments", SAVE_PAYMENT),
        AWAITING,
    ),
    step(
        "the payment is known, the booking does not know",
        Act::Pay,
        Obstacle::Nothing,
        PAID,
    ),
    step(
        "the booking knows, the seats are not sold",
        Act::Pay,
        Obstacle::Table("event_db", "booking_claims", "UPDATE booking_claims"),
        PAID,
    ),
    step(
        "the seats are sold, the booking does not know",
        Act::Pay,
        Obstacle::Table("booking_db", "bookings", SAVE_BOOKING),
        SOLD,
    ),
    Step {
        late: true,
        ..step(
            "the same, and what was on its way arrives late",
            Act::Pay,
            Obstacle::Table("booking_db", "bookings", SAVE_BOOKING),
            SOLD,
        )
    },
    step("it is confirmed", Act::Pay, Obstacle::Nothing, CONFIRMED),
    step(
        "it is to be refunded, nobody has asked",
        Act::CancelEvent,
        Obstacle::Table("payment_db", "payments", SAVE_PAYMENT),
        REFUNDING,
    ),
    step(
        "the provider has refunded, we have no answer",
        Act::CancelEvent,
        Obstacle::Provider("/v1/refunds"),
        GIVING_BACK,
    ),
    step(
        "it is refunded, the booking does not know",
        Act::CancelEvent,
        Obstacle::TableWhileProviderIsAsked("booking_db", "bookings", SAVE_BOOKING),
        GIVEN_BACK,
    ),
];

/// A buyer's booking on its way.
struct Case {
    buyer: Api,
    sale: Sale,
    hold: String,
    key: String,
    id: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_at_any_step_before_payment_changes_no_outcome() -> Result<()> {
    kill_at_each(BEFORE_PAYMENT).await
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_at_any_step_from_payment_on_changes_no_outcome() -> Result<()> {
    kill_at_each(FROM_PAYMENT_ON).await
}

async fn kill_at_each(steps: &[Step]) -> Result<()> {
    // One of its own: the two tests mostly wait, and do so at the same time.
    let mut cluster = Cluster::start(1, &[]).await?;
    for step in steps {
        let case = kill_at(&mut cluster, step).await.context(step.what)?;
        let back = Instant::now();
        finish(&cluster, step.act, &case).await.context(step.what)?;
        println!(
            "ended {:>5} ms after the restart: {}",
            back.elapsed().as_millis(),
            step.what
        );
    }
    every_booking_ends(&cluster.databases, Duration::from_secs(30)).await?;
    no_seat_is_sold_twice(&cluster.databases).await?;
    money_balances(&cluster.databases, &cluster.stripe).await
}

/// Waits for the end that the booking would have had without the kill; whoever has not paid yet
/// does so now.
async fn finish(cluster: &Cluster, act: Act, case: &Case) -> Result<()> {
    let wanted = match act {
        Act::BookUnanswered | Act::Book | Act::Pay => "confirmed",
        Act::Cancel => "cancelled",
        Act::CancelEvent => "refunded",
    };
    let booking = case
        .buyer
        .booking_in(&case.id, &[wanted, "awaiting_payment"])
        .await?;
    if booking["status"] != wanted {
        let (status, answer) = cluster.stripe.pay(&booking, "pm_card_visa").await?;
        ensure!(
            status == 200 || answer["error"]["payment_intent"]["status"] == "succeeded",
            "it cannot be paid: {status} {answer}"
        );
        case.buyer.booking_in(&case.id, &[wanted]).await?;
    }
    let intents = cluster.stripe.intents_of(&case.id).await?;
    ensure!(
        intents.len() == 1,
        "the provider was asked for {} payments of one booking",
        intents.len()
    );
    if act != Act::Cancel {
        return Ok(());
    }
    until(
        "its seats are free and its payment is cancelled",
        || async {
            let freed = seen(
                cluster,
                (
                    "event_db",
                    "SELECT count(*) = 0 FROM seat_claims WHERE booking_id = $1::uuid",
                ),
                &case.id,
            )
            .await?;
            Ok(freed && cluster.stripe.intents_of(&case.id).await?[0]["status"] == "canceled")
        },
    )
    .await
}

/// Leads a booking to the step, kills the host there and starts it again.
async fn kill_at(cluster: &mut Cluster, step: &Step) -> Result<Case> {
    let mut case = begin(cluster, step.act).await?;
    let mut barrier = Barrier::before(cluster, step.obstacle).await?;
    let acting = act(cluster, &mut case, step.act).await?;
    if let Obstacle::TableWhileProviderIsAsked(_, table, _) = step.obstacle {
        let asked = if step.act == Act::CancelEvent {
            GIVING_BACK
        } else {
            ASKED
        };
        until(asked.1, || seen(cluster, asked, &case.id)).await?;
        barrier.lock(table).await?;
    }
    until(step.seen.1, || seen(cluster, step.seen, &case.id)).await?;
    until("the saga is held up", || {
        step.obstacle.is_reached(cluster, &case.id)
    })
    .await?;

    tokio::task::block_in_place(|| cluster.hosts[0].kill())?;
    let _ = acting.await;
    if step.late {
        cluster.crash(0)?;
        barrier.lift().await?;
    } else {
        barrier.forget_who_waits().await?;
        barrier.lift().await?;
        cluster.crash(0)?;
    }
    cluster.stripe.calm().await?;
    if step.act == Act::BookUnanswered {
        case.id = book_again(&case).await?;
    }
    Ok(case)
}

/// The key is in use until the claim of the killed host ends.
async fn book_again(case: &Case) -> Result<String> {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let answer = case.buyer.book_with(&case.hold, &case.key).await?;
        if answer.body["code"] != "idempotency_key_in_use" {
            return Ok(id(&answer.expect(202)));
        }
        ensure!(
            Instant::now() < end,
            "the key of the killed host is still in use"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// All that comes before the act.
async fn begin(cluster: &Cluster, act: Act) -> Result<Case> {
    let sale = sale(&cluster.http, layout(1, 4, 0)).await?;
    let buyer = Api::sign_up(&cluster.http, "Kim Kill").await?;
    let hold = id(&buyer.hold(&sale.session_id, &["A-1-1"]).await?.expect(201));
    let mut case = Case {
        buyer,
        sale,
        hold,
        key: "key-1".into(),
        id: String::new(),
    };
    if matches!(act, Act::Pay | Act::Cancel | Act::CancelEvent) {
        case.id = id(&case.buyer.book(&case.hold).await?.expect(202));
        let booking = case
            .buyer
            .booking_in(&case.id, &["awaiting_payment"])
            .await?;
        if act == Act::CancelEvent {
            ensure!(cluster.stripe.pay(&booking, "pm_card_visa").await?.0 == 200);
            case.buyer.booking_in(&case.id, &["confirmed"]).await?;
        }
    }
    Ok(case)
}

/// The act; what may have no answer goes on by itself.
async fn act(cluster: &Cluster, case: &mut Case, act: Act) -> Result<JoinHandle<()>> {
    let (buyer, id_, stripe) = (case.buyer.clone(), case.id.clone(), cluster.stripe.clone());
    let (hold, key) = (case.hold.clone(), case.key.clone());
    Ok(match act {
        Act::Book => {
            case.id = id(&buyer.book(&hold).await?.expect(202));
            tokio::spawn(async {})
        }
        Act::BookUnanswered => {
            tokio::spawn(async move { drop(buyer.book_with(&hold, &key).await) })
        }
        Act::Pay => {
            let booking = buyer.get(&format!("bookings/{id_}")).await?.expect(200);
            tokio::spawn(async move { drop(stripe.pay(&booking, "pm_card_visa").await) })
        }
        Act::Cancel => tokio::spawn(async move {
            drop(
                buyer
                    .post(&format!("bookings/{id_}/cancel"), json!({}))
                    .await,
            )
        }),
        Act::CancelEvent => {
            let path = format!("events/{}/cancel", case.sale.event_id);
            case.sale
                .organizer
                .post(&path, json!({"reason": "The singer is ill."}))
                .await?
                .expect(200);
            tokio::spawn(async {})
        }
    })
}

async fn seen(
    cluster: &Cluster,
    (database, query): (&'static str, &'static str),
    booking: &str,
) -> Result<bool> {
    Ok(sqlx::query_scalar(query)
        .bind(uuid_of(booking))
        .fetch_one(&mut cluster.database(database).await?)
        .await?)
}

async fn until<F: Future<Output = Result<bool>>>(what: &str, ask: impl Fn() -> F) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(30);
    while !ask().await? {
        ensure!(Instant::now() < end, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}
