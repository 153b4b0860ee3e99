//! A server that everything depends on goes away in the middle of a sale, or does not answer, and
//! comes back: whoever is refused is told so soon, and when to come again; the sale goes on by
//! itself; and nothing is lost or sold twice.

use std::io;
use std::time::{Duration, Instant};

use anyhow::Result;
use eventhub_testing::Signal;
use eventhub_tests::audit::{
    all_seats, every_booking_ends, money_balances, no_seat_is_sold_twice,
    what_is_not_sold_can_be_sold,
};
use eventhub_tests::buyers::{Buyers, Record, summary};
use eventhub_tests::fixtures::{id, layout, sale};
use eventhub_tests::{Api, Cluster};
use serde_json::json;

const BUYERS: usize = 8;
const ROWS: usize = 40;
const SEATS: usize = 50;

// Forgotten holds run out soon, so that the seats behind them are seen to come back.
const SETTINGS: [(&str, &str); 1] =
    [("EVENTHUB_ENVIRONMENT_SEAT_INVENTORY_HOLD_TTL_SECONDS", "20")];

/// A link gives up after five seconds; the rest is for a machine that is busy.
const LONGEST: Duration = Duration::from_secs(7);
/// What one answer in a hundred may take, of a machine that stalls.
const STALLED: Duration = Duration::from_secs(15);
const RECOVERY: Duration = Duration::from_secs(30);

type Act = fn(&mut Cluster) -> io::Result<()>;

/// Sells, breaks something for that long, sells on, and looks whether all is as it must be.
/// `missing` is what `/readyz` says.
async fn sell_through(
    cluster: &mut Cluster,
    stop: Act,
    seconds: u64,
    start: Act,
    missing: Option<&str>,
) -> Result<Record> {
    let sale = sale(&cluster.http, layout(ROWS, SEATS, 0)).await?;
    let started = Instant::now();
    let buyers = Buyers::start(
        &cluster.http,
        &cluster.stripe,
        sale,
        all_seats(ROWS, SEATS),
        BUYERS,
    )
    .await?;
    buyers
        .confirmed_since(started, 2 * BUYERS, RECOVERY)
        .await?;

    tokio::task::block_in_place(|| stop(cluster))?;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    if let Some(server) = missing {
        let (status, checks) =
            tokio::task::block_in_place(|| cluster.hosts[0].operators("/readyz"))?;
        assert!(
            status == 503 && checks.contains(server),
            "{status} {checks}"
        );
    }
    tokio::task::block_in_place(|| start(cluster))?;
    let back = Instant::now();
    let recovered = buyers.confirmed_since(back, BUYERS, RECOVERY).await?;
    while tokio::task::block_in_place(|| cluster.hosts[0].operators("/readyz"))?.0 != 200 {
        assert!(back.elapsed() < RECOVERY, "not ready again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (record, sale, seats) = buyers.stop().await?;
    println!("recovered after {recovered:?}; {}", summary(&record));

    assert!(record.wrong.is_empty(), "{:#?}", record.wrong);
    assert_eq!(record.broken, 0, "the host closed connections");
    // Where nothing gave up in time, each of the buyers would have waited.
    let late: Vec<_> = record
        .took
        .iter()
        .filter(|took| **took >= LONGEST)
        .collect();
    assert!(
        late.len() <= (record.took.len() / 100).min(BUYERS / 2),
        "of {} answers these were late: {late:?}",
        record.took.len()
    );
    assert!(late.iter().all(|took| **took < STALLED), "{late:?}");
    every_booking_ends(&cluster.databases, RECOVERY).await?;
    no_seat_is_sold_twice(&cluster.databases).await?;
    money_balances(&cluster.databases, &cluster.stripe).await?;
    what_is_not_sold_can_be_sold(
        &cluster.http,
        &cluster.databases,
        &sale,
        &seats,
        Duration::from_secs(60),
    )
    .await?;
    Ok(record)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_survives_a_restart_of_postgres() -> Result<()> {
    let mut cluster = Cluster::shared(1, &SETTINGS).await?;
    let record = sell_through(
        &mut cluster,
        |cluster| cluster.postgres.stop(),
        3,
        |cluster| cluster.postgres.start_again(),
        Some("postgres"),
    )
    .await?;
    assert!(
        record.refused.iter().any(|refusal| refusal.call == "book"),
        "nobody noticed that the database was away"
    );
    assert!(
        record
            .bought
            .iter()
            .all(|bought| bought.status == "confirmed"),
        "{}",
        summary(&record)
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_survives_a_restart_of_redis_that_forgets_everything() -> Result<()> {
    let mut cluster = Cluster::shared(1, &SETTINGS).await?;
    let record = sell_through(
        &mut cluster,
        |cluster| cluster.redis.stop(),
        3,
        |cluster| cluster.redis.start_again(),
        Some("redis"),
    )
    .await?;
    assert!(
        record.refused.iter().any(|refusal| refusal.call == "hold"),
        "nobody noticed that Redis was away"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_goes_on_without_kafka() -> Result<()> {
    let mut cluster = Cluster::shared(1, &SETTINGS).await?;
    let record = sell_through(
        &mut cluster,
        |cluster| cluster.kafka.stop(),
        3,
        |cluster| cluster.kafka.start_again(),
        None,
    )
    .await?;
    assert!(
        record.refused.is_empty(),
        "Kafka carries facts, nobody waits for it: {}",
        summary(&record)
    );
    assert!(
        record
            .bought
            .iter()
            .all(|bought| bought.status == "confirmed"),
        "{}",
        summary(&record)
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_does_not_answer_is_given_up_soon() -> Result<()> {
    let mut cluster = Cluster::shared(1, &SETTINGS).await?;
    let pause: Act = |cluster| cluster.redis.process().signal(Signal::SIGSTOP);
    let record = sell_through(
        &mut cluster,
        pause,
        10,
        |cluster| cluster.redis.process().signal(Signal::SIGCONT),
        Some("redis"),
    )
    .await?;
    assert!(
        record.refused.iter().any(|refusal| refusal.call == "hold"),
        "nobody noticed that Redis does not answer"
    );

    // Who has a hold already meets it at every step of a booking: limits, idempotency key, the hold
    // itself.
    let sale = sale(&cluster.http, layout(1, 4, 0)).await?;
    let buyer = Api::sign_up(&cluster.http, "Hedda Hold").await?;
    let hold = id(&buyer.hold(&sale.session_id, &["A-1-1"]).await?.expect(201));
    pause(&mut cluster)?;
    let asked = Instant::now();
    let refused = buyer.book(&hold).await?;
    let after = asked.elapsed();
    cluster.redis.process().signal(Signal::SIGCONT)?;
    assert_eq!(refused.header("retry-after"), "1");
    refused.expect_problem(503, "unavailable");
    assert!(after < LONGEST, "a booking was refused after {after:?}");
    let booking = id(&buyer.book(&hold).await?.expect(202));
    buyer.booking_in(&booking, &["awaiting_payment"]).await?;
    buyer
        .post(&format!("bookings/{booking}/cancel"), json!({}))
        .await?
        .expect(200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_to_a_hung_database_ends_after_the_link_timeout() -> Result<()> {
    let mut cluster = Cluster::shared(1, &SETTINGS).await?;
    // Nobody reads or writes bookings while somebody alters the table.
    let lock: Act = |cluster| {
        cluster
            .postgres
            .psql(
                "booking_db",
                "BEGIN; LOCK TABLE bookings; SELECT pg_sleep(10); COMMIT",
            )
            .map(drop)
    };
    let record = sell_through(&mut cluster, lock, 0, |_| Ok(()), None).await?;
    assert!(
        record.refused.iter().any(|refusal| refusal.call == "book"),
        "nobody noticed that the database does not answer"
    );
    assert!(
        record
            .bought
            .iter()
            .all(|bought| bought.status == "confirmed"),
        "{}",
        summary(&record)
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_without_its_servers_ends_within_ten_seconds() -> Result<()> {
    let mut cluster = Cluster::shared(1, &SETTINGS).await?;
    // It has consumed: offsets are left to commit.
    let started = Instant::now();
    let sale = sale(&cluster.http, layout(1, 50, 0)).await?;
    let buyers = Buyers::start(&cluster.http, &cluster.stripe, sale, all_seats(1, 50), 1).await?;
    buyers.confirmed_since(started, 2, RECOVERY).await?;
    buyers.stop().await?;
    let took = tokio::task::block_in_place(|| -> Result<Duration> {
        cluster.kafka.stop()?;
        cluster.redis.stop()?;
        cluster.postgres.stop()?;
        cluster.hosts[0].terminate()
    })?;
    assert!(
        took < Duration::from_secs(10),
        "the host took {took:?} to end"
    );
    Ok(())
}
