//! The invariants that hold once all work has ended, whatever broke before: no seat is sold twice,
//! no money is lost, no seat is lost. The checks read the databases and the provider's books.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use sqlx::PgPool;

use crate::api::Api;
use crate::eventhub::Stripe;
use crate::fixtures::{Sale, id};

/// The databases by name, as in `state.json`.
pub type Databases = BTreeMap<String, String>;

async fn pool(databases: &Databases, name: &str) -> Result<PgPool> {
    Ok(PgPool::connect(
        databases
            .get(name)
            .with_context(|| format!("no database {name}"))?,
    )
    .await?)
}

/// Waits until every booking has ended, and every booking without tickets has given back its seats
/// and its money.
pub async fn every_booking_ends(databases: &Databases, within: Duration) -> Result<()> {
    let (pool, started) = (pool(databases, "booking_db").await?, Instant::now());
    let open = "SELECT id::text || ' is ' || status || ', its places ' || saga_places || ', its money ' || saga_money FROM bookings \
                WHERE status IN ('pending', 'awaiting_payment', 'refunding') OR (status <> 'confirmed' AND saga_places <> 'released') \
                OR (status IN ('cancelled', 'expired', 'failed') AND saga_money <> 'none')";
    loop {
        let open: Vec<String> = sqlx::query_scalar(open).fetch_all(&pool).await?;
        if open.is_empty() {
            return Ok(());
        }
        ensure!(
            started.elapsed() < within,
            "not ended after {within:?}: {open:#?}"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// No seat of any session has two live tickets, nor a ticket without its claim.
pub async fn no_seat_is_sold_twice(databases: &Databases) -> Result<()> {
    let tickets = pool(databases, "booking_db").await?;
    let twice = "SELECT session_id::text || ' ' || seat FROM tickets WHERE status <> 'void' AND seat IS NOT NULL GROUP BY session_id, seat HAVING count(*) > 1";
    let twice: Vec<String> = sqlx::query_scalar(twice).fetch_all(&tickets).await?;
    ensure!(twice.is_empty(), "sold twice: {twice:?}");
    let owners = "SELECT session_id::text || ' ' || seat || ' ' || booking_id::text FROM tickets WHERE status <> 'void' AND seat IS NOT NULL";
    let owners: BTreeSet<String> = sqlx::query_scalar(owners)
        .fetch_all(&tickets)
        .await?
        .into_iter()
        .collect();
    let claims = "SELECT session_id::text || ' ' || seat || ' ' || booking_id::text FROM seat_claims WHERE status <> 'free'";
    let claims: BTreeSet<String> = sqlx::query_scalar(claims)
        .fetch_all(&pool(databases, "event_db").await?)
        .await?
        .into_iter()
        .collect();
    ensure!(
        owners == claims,
        "tickets and claims differ: only tickets {:?}, only claims {:?}",
        owners.difference(&claims).collect::<Vec<_>>(),
        claims.difference(&owners).collect::<Vec<_>>()
    );
    Ok(())
}

/// Captured at the provider = confirmed + refunded + refunds in progress, to the minor unit.
pub async fn money_balances(databases: &Databases, stripe: &Stripe) -> Result<()> {
    let state = stripe.get("/_simulator/state").await?;
    let books = &state["money"]["eur"];
    let theirs = ["captured", "refunded", "refunds_pending"]
        .map(|part| books[part].as_i64().unwrap_or_default());
    let pool = pool(databases, "booking_db").await?;
    let sum = "SELECT coalesce(sum(total) FILTER (WHERE status = $1), 0)::bigint FROM bookings";
    let mut ours = [0; 3];
    for (place, status) in ["confirmed", "refunded", "refunding"]
        .into_iter()
        .enumerate()
    {
        ours[place] = sqlx::query_scalar(sum)
            .bind(status)
            .fetch_one(&pool)
            .await?;
    }
    let [captured, refunded, pending] = theirs;
    ensure!(
        captured == ours.iter().sum::<i64>(),
        "captured {captured}, but confirmed, refunded, refunding are {ours:?}"
    );
    ensure!(
        refunded + pending == ours[1] + ours[2],
        "the provider gave back {refunded} and will {pending}, the bookings say {ours:?}"
    );
    Ok(())
}

/// Every unsold seat of the session can be held, once lost and abandoned holds have expired.
pub async fn what_is_not_sold_can_be_sold(
    http: &str,
    databases: &Databases,
    sale: &Sale,
    seats: &[String],
    within: Duration,
) -> Result<()> {
    let sold = "SELECT seat FROM tickets WHERE session_id = $1::uuid AND status <> 'void' AND seat IS NOT NULL";
    let sold: Vec<String> = sqlx::query_scalar(sold)
        .bind(uuid_of(&sale.session_id))
        .fetch_all(&pool(databases, "booking_db").await?)
        .await?;
    let left: Vec<&str> = seats
        .iter()
        .filter(|seat| !sold.contains(seat))
        .map(String::as_str)
        .collect();
    let (buyer, started) = (Api::sign_up(http, "Una Undersold").await?, Instant::now());
    // One buyer may hold at most ten seats.
    for ten in left.chunks(10) {
        loop {
            let answer = buyer.hold(&sale.session_id, ten).await?;
            if answer.status == 201 {
                buyer
                    .delete(&format!("holds/{}", id(&answer.body)))
                    .await?
                    .expect(204);
                break;
            }
            ensure!(
                started.elapsed() < within,
                "unsold seats cannot be had after {within:?}: {answer:#?}"
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    let counts = Api::anonymous(http)
        .get(&format!("sessions/{}/seats", sale.session_id))
        .await?
        .expect(200)["counts"]
        .clone();
    ensure!(
        counts["free"] == left.len() && counts["sold"] == sold.len(),
        "{} are sold and {} not, but the session says {counts}",
        sold.len(),
        left.len()
    );
    Ok(())
}

/// Converts an id of the API, 26 digits of Crockford's base32 after the prefix, to the form of the
/// databases.
pub fn uuid_of(id: &str) -> String {
    let digits = id.rsplit('_').next().unwrap_or_default();
    let digit = |character: char| {
        "0123456789abcdefghjkmnpqrstvwxyz"
            .find(character)
            .unwrap_or_default() as u128
    };
    let number = digits
        .chars()
        .fold(0u128, |number, character| number << 5 | digit(character));
    let hex = format!("{number:032x}");
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}

/// The names of all seats of [`crate::fixtures::layout`].
pub fn all_seats(rows: usize, seats: usize) -> Vec<String> {
    (1..=rows)
        .flat_map(|row| (1..=seats).map(move |seat| format!("A-{row}-{seat}")))
        .collect()
}
