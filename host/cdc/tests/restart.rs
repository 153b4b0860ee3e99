//! Servers that die in the middle: the relay goes on by itself, and nothing is lost.

#![allow(clippy::unwrap_used)]

mod support;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use eventhub_testing::{Kafka, Postgres};
use support::Outbox;

#[tokio::test(flavor = "multi_thread")]
async fn committed_rows_survive_restarts_of_kafka_and_postgres() {
    let mut kafka = Kafka::start().unwrap();
    let postgres = parking_lot::Mutex::new(Postgres::start(&[]).unwrap());
    let brokers = kafka.brokers();
    let (aggregate, database, url) = {
        let postgres = postgres.lock();
        let outbox = Outbox::on(&postgres, brokers.clone());
        (
            outbox.aggregate.clone(),
            outbox.database.clone(),
            postgres.url(&outbox.database),
        )
    };
    // An outbox that can be asked while the server is away.
    let elsewhere = support::postgres();
    let outbox = Outbox {
        database: database.clone(),
        aggregate: aggregate.clone(),
        postgres: elsewhere,
        brokers,
    };
    let mut options = eventhub_cdc::Options::new(&database, url);
    options.config.retry_ms = 200;
    let relay = outbox.relay_with(options).active().await;
    let reader = outbox.reader().await;

    let (committed, stop) = (AtomicU32::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let from = committed.load(Ordering::Relaxed);
                let insert = format!(
                    "INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload) SELECT gen_random_uuid(), '{aggregate}', \
                     'k' || n % 5, 'T', jsonb_build_object('n', n) FROM generate_series({from}, {}) n",
                    from + 9
                );
                if postgres.lock().psql(&database, &insert).is_ok() {
                    committed.fetch_add(10, Ordering::Relaxed);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        std::thread::sleep(Duration::from_millis(500));
        kafka.stop().unwrap();
        std::thread::sleep(Duration::from_secs(2));
        kafka.start_again().unwrap();
        std::thread::sleep(Duration::from_millis(500));
        {
            let mut postgres = postgres.lock();
            postgres.stop().unwrap();
            postgres.start_again().unwrap();
        }
        std::thread::sleep(Duration::from_millis(1_000));
        stop.store(true, Ordering::Relaxed);
    });
    let committed = committed.into_inner() as usize;
    assert!(committed > 200);
    reader
        .wait_for("all that was committed", |r| r.distinct() >= committed)
        .await;
    relay.active().await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_topic_returns_with_the_rows_committed_meanwhile() {
    let outbox = Outbox::new();
    let relay = outbox.relay().active().await;
    outbox.fill(0, 10, 3);
    outbox
        .reader()
        .await
        .wait_for("the first", |r| r.distinct() == 10)
        .await;
    outbox.delete_topic().await;
    outbox.fill(10, 10, 3);
    let end = std::time::Instant::now() + Duration::from_secs(60);
    while !outbox.has_topic() {
        assert!(
            std::time::Instant::now() < end,
            "the topic did not come back"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let reader = outbox.reader().await;
    let all_of_them = |numbers: Vec<u32>| (10..20).all(|n| numbers.contains(&n));
    reader
        .wait_for("the others", |r| {
            all_of_them(r.numbers().into_values().flatten().collect())
        })
        .await;
    relay.active().await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_slot_of_a_crash_is_dropped() {
    let outbox = Outbox::new();
    outbox.relay().active().await.stop().await;
    let slot = outbox.options().slot();
    let slots = "SELECT string_agg(slot_name, ' ') FROM pg_replication_slots WHERE database = current_database()";
    outbox.sql(&format!(
        "SELECT pg_create_logical_replication_slot('{slot}_new', 'pgoutput')"
    ));
    let relay = outbox.relay().active().await;
    assert_eq!(outbox.sql(slots), slot);
    relay.stop().await;
}
