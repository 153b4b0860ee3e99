//! Hold, book, pay, confirmed: whole bookings of two seats on one session, on durable servers,
//! payment over Stripe's protocol. Afterwards the database is asked whether any seat was sold twice
//! and whether every confirmed booking has its tickets.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use eventhub_tests::{Api, State};
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::report::{Better, Figure};
use crate::setting::{Hall, Setting, progress, seat};
use crate::tokens::Signer;

/// Buyers at the same time, each with one booking under way.
const BUYERS: usize = 64;
const ACCOUNTS: usize = 1_000;
const ROWS: usize = 900;
/// Seats of one booking.
const SEATS: usize = 2;
/// Until the pools are as large as they need to be, and their instances have read the hall.
const WARM_UP: Duration = Duration::from_secs(5);
/// A booking that is not confirmed by then is an error.
const PATIENCE: Duration = Duration::from_secs(30);

pub async fn confirmed(setting: &mut Setting, length: Duration) -> Result<Figure> {
    let state = setting.environment()?.state.clone();
    progress("publishing a session of 90,000 seats");
    let hall = Hall::open(&state.http, ROWS, 1).await?;
    let signer = Signer::of_environment(&state.postgres["identity_db"]).await?;
    let sale = Arc::new(Sale {
        session: hall.sessions[0].clone(),
        bearers: signer.bearers(ACCOUNTS)?,
        next: AtomicUsize::new(0),
        seats: hall.seats(),
        state,
    });

    progress(&format!(
        "{BUYERS} buyers at once, for {} s",
        length.as_secs()
    ));
    let begin = Instant::now() + WARM_UP;
    let buyers = (0..BUYERS).map(|_| tokio::spawn(buy(sale.clone(), begin, begin + length)));
    let (mut times, mut first, mut errors) =
        (Histogram::<u64>::new(3)?, Histogram::<u64>::new(3)?, 0);
    for part in futures::future::join_all(buyers).await {
        let part = part??;
        times.add(part.times)?;
        first.add(part.first)?;
        errors += part.errors;
    }
    let checked = sale.check().await?;
    let milliseconds = |quantile| times.value_at_quantile(quantile) as f64;
    let figure = Figure::new(
        "booking_confirmed",
        times.len() as f64 / length.as_secs_f64(),
        "/s",
        Better::Higher,
    );
    Ok(figure
        .percentiles(milliseconds(0.5), milliseconds(0.99))
        .errors(errors)
        .note(format!(
            "{checked}; the slowest of the first bookings of a sale just opened: {} ms",
            first.max()
        )))
}

struct Sale {
    state: State,
    session: String,
    bearers: Vec<String>,
    next: AtomicUsize,
    seats: usize,
}

struct Part {
    /// Milliseconds, of bookings that began and ended within the time that counts; of those that
    /// began before it.
    times: Histogram<u64>,
    first: Histogram<u64>,
    errors: u64,
}

async fn buy(sale: Arc<Sale>, begin: Instant, end: Instant) -> Result<Part> {
    let mut part = Part {
        times: Histogram::new(3)?,
        first: Histogram::new(3)?,
        errors: 0,
    };
    let mut api = Api::anonymous(&sale.state.http);
    loop {
        let number = sale.next.fetch_add(1, Ordering::Relaxed);
        ensure!(
            (number + 1) * SEATS <= sale.seats,
            "all seats are sold before the time is over"
        );
        api.token = sale.bearers[number % sale.bearers.len()]
            .strip_prefix("Bearer ")
            .map(str::to_string);
        let started = Instant::now();
        if started >= end {
            return Ok(part);
        }
        let outcome = one(&sale, &api, number).await;
        let ended = Instant::now();
        match outcome {
            Ok(()) if started < begin => part
                .first
                .record(ended.duration_since(started).as_millis() as u64)?,
            Ok(()) if ended <= end => part
                .times
                .record(ended.duration_since(started).as_millis() as u64)?,
            Ok(()) => {}
            Err(error) => {
                part.errors += 1;
                if part.errors == 1 {
                    eprintln!("a booking failed: {error:#}");
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// One booking from hold to confirmed.
async fn one(sale: &Sale, api: &Api, number: usize) -> Result<()> {
    let seats: Vec<String> = (number * SEATS..(number + 1) * SEATS).map(seat).collect();
    let hold = good(
        api.post(
            &format!("sessions/{}/holds", sale.session),
            json!({"seats": seats}),
        )
        .await?,
        201,
    )?;
    let key = format!("bench-{number}-{}", hold["id"].as_str().unwrap_or_default());
    let order = json!({"hold_id": hold["id"], "payment": {"provider": "stripe"}});
    let booking = good(
        api.send(
            reqwest::Method::POST,
            "bookings",
            &[("idempotency-key", &key)],
            Some(&order),
        )
        .await?,
        202,
    )?;
    let id = booking["id"]
        .as_str()
        .context("a booking has an id")?
        .to_string();
    let booking = wait(api, &id, "awaiting_payment").await?;
    pay(sale, api, &booking).await?;
    wait(api, &id, "confirmed").await?;
    Ok(())
}

/// What Stripe.js sends, over the connections that are there.
async fn pay(sale: &Sale, api: &Api, booking: &Value) -> Result<()> {
    let stripe = &sale.state.stripe;
    let secret = booking["payment"]["client_secret"]
        .as_str()
        .context("the booking has no client_secret")?;
    let intent = secret.split("_secret").next().unwrap_or_default();
    let request = api
        .client
        .post(format!(
            "{}/v1/payment_intents/{intent}/confirm",
            stripe.url
        ))
        .bearer_auth(&stripe.publishable_key);
    let request = request
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!(
            "payment_method=pm_card_visa&client_secret={secret}"
        ));
    let response = request.send().await?;
    ensure!(
        response.status().is_success(),
        "the payment was answered with {}: {}",
        response.status(),
        response.text().await?
    );
    Ok(())
}

/// Asks until the booking has that status: as a page does that a buyer looks at.
async fn wait(api: &Api, id: &str, wanted: &str) -> Result<Value> {
    let started = Instant::now();
    let mut pause = 100;
    loop {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let booking = good(api.get(&format!("bookings/{id}")).await?, 200)?;
        match booking["status"].as_str() {
            Some(status) if status == wanted => return Ok(booking),
            Some("pending" | "awaiting_payment") if started.elapsed() < PATIENCE => {
                pause = (pause * 3 / 2).min(500)
            }
            other => bail!(
                "booking {id} is {other:?}, not {wanted}, after {:?}",
                started.elapsed()
            ),
        }
    }
}

fn good(answer: eventhub_tests::Answer, status: u16) -> Result<Value> {
    ensure!(
        answer.status == status,
        "answered {} instead of {status}: {}",
        answer.status,
        answer.body
    );
    Ok(answer.body)
}

impl Sale {
    /// What must be true however fast it went.
    async fn check(&self) -> Result<String> {
        let pool = PgPool::connect(&self.state.postgres["booking_db"]).await?;
        let count = async |query: &'static str| -> Result<i64> {
            Ok(sqlx::query_scalar(query).fetch_one(&pool).await?)
        };
        let twice = count(
            "SELECT count(*) FROM (SELECT 1 FROM tickets WHERE status <> 'void' AND seat IS NOT NULL GROUP BY session_id, seat HAVING count(*) > 1) twice",
        )
        .await?;
        let confirmed = count("SELECT count(*) FROM bookings WHERE status = 'confirmed'").await?;
        let ticketless =
            count("SELECT count(*) FROM bookings WHERE status = 'confirmed' AND NOT EXISTS (SELECT 1 FROM tickets WHERE tickets.booking_id = bookings.id)")
                .await?;
        ensure!(twice == 0, "{twice} seats were sold twice");
        ensure!(
            ticketless == 0,
            "{ticketless} confirmed bookings have no ticket"
        );
        Ok(format!(
            "0 of {confirmed} confirmed bookings share a seat; fsync on; {BUYERS} buyers at once; times are from the hold to confirmed, with polling"
        ))
    }
}
