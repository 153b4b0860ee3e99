//! The contract of the outbox, on a real Postgres and a real Kafka.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::{Duration, Instant};

use eventhub_cdc::Status;
use support::Outbox;

fn header<'a>(delivery: &'a eventhub_kafka::Delivery, name: &str) -> Option<&'a str> {
    delivery
        .message
        .headers
        .iter()
        .find(|(n, _)| n == name)
        .map(|(_, value)| value.as_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_arrives_as_debezium_would_send_it() {
    let outbox = Outbox::new();
    let relay = outbox.relay().active().await;
    let reader = outbox.reader().await;
    let (aggregate, id) = (&outbox.aggregate, "0190f5fe-0000-7000-8000-0000000000aa");
    outbox.sql(&format!(
        "INSERT INTO outbox VALUES ('{id}', '{aggregate}', 'bkg_1', 'BookingCreated', \
         '{{\"n\": 1, \"title\": \"Zoë \\\"日本\\\"\", \"none\": null, \"seats\": [\"A-1\", \"A-2\"], \"deep\": {{\"x\": null}}}}', \
         '2026-11-22 16:58:17.123456', 'traceparent=00-ab-cd-01')"
    ));
    outbox.sql(&format!("INSERT INTO outbox (id, aggregatetype, aggregateid, type) VALUES (gen_random_uuid(), '{aggregate}', 'bkg_ü', 'Nothing')"));
    reader.wait_for("both", |r| r.count() == 2).await;
    let all = reader.all();
    let whole = all
        .iter()
        .find(|d| header(d, "eventType") == Some("BookingCreated"))
        .unwrap();
    assert_eq!(whole.message.topic, format!("outbox.event.{aggregate}"));
    assert_eq!(whole.message.key.as_deref(), Some(b"bkg_1".as_slice()));
    // jsonb orders its members by length, then bytes.
    let expected = r#"{"n":1,"deep":{},"seats":["A-1","A-2"],"title":"Zoë \"日本\""}"#;
    assert_eq!(
        String::from_utf8(whole.message.value.clone()).unwrap(),
        expected
    );
    assert_eq!(header(whole, "id"), Some(id));
    assert_eq!(
        header(whole, "tracingspancontext"),
        Some("traceparent=00-ab-cd-01")
    );
    assert_eq!(whole.timestamp, 1_795_366_697_123);

    let empty = all
        .iter()
        .find(|d| header(d, "eventType") == Some("Nothing"))
        .unwrap();
    assert_eq!(empty.message.key.as_deref(), Some("bkg_ü".as_bytes()));
    assert_eq!(empty.message.value, b"null");
    assert_eq!(header(empty, "tracingspancontext"), None);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_insert_arrives_once_in_key_order_and_deletes_never() {
    let outbox = Outbox::new();
    let relay = outbox.relay().active().await;
    let reader = outbox.reader().await;
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let outbox = &outbox;
            // Each writer has its own keys, with many small transactions.
            scope.spawn(move || {
                let mut sql = String::new();
                for n in 0..500 {
                    sql.push_str(&format!(
                        "INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload) VALUES \
                         (gen_random_uuid(), '{}', 'w{writer}-{}', 'T', '{{\"n\": {n}}}'); COMMIT;",
                        outbox.aggregate,
                        n % 10
                    ));
                }
                outbox.sql(&sql);
            });
        }
    });
    outbox.sql("BEGIN; INSERT INTO outbox (id, aggregatetype, aggregateid, type) VALUES (gen_random_uuid(), 'x', 'x', 'x'); ROLLBACK; DELETE FROM outbox");
    reader.wait_for("all", |r| r.count() >= 2_000).await;
    relay.stop().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(reader.count(), 2_000, "something came more than once");
    let keys = reader.numbers();
    assert_eq!(keys.len(), 40);
    for (key, numbers) in keys {
        assert_eq!(numbers.len(), 50);
        assert!(numbers.is_sorted(), "{key} is out of order: {numbers:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_from_before_the_first_start_are_published_too() {
    let outbox = Outbox::new();
    outbox.fill(0, 500, 7);
    let relay = outbox.relay().active().await;
    outbox.fill(500, 500, 7);
    let reader = outbox.reader().await;
    reader.wait_for("all", |r| r.distinct() == 1_000).await;
    assert!(reader.numbers().values().all(|numbers| numbers.is_sorted()));
    assert_eq!(
        outbox.sql("SELECT count(*) FROM pg_replication_slots WHERE database = current_database()"),
        "1"
    );
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_in_good_order_repeats_nothing_and_loses_nothing() {
    let outbox = Outbox::new();
    outbox.relay().active().await.stop().await;
    let reader = outbox.reader().await;
    for round in 0..3 {
        outbox.fill(round * 1_000, 1_000, 11);
        let relay = outbox.relay().active().await;
        reader
            .wait_for("this round", |r| r.count() >= (round as usize + 1) * 1_000)
            .await;
        relay.stop().await;
    }
    assert_eq!(reader.count(), 3_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_in_the_middle_loses_nothing() {
    let outbox = Outbox::new();
    outbox.relay().active().await.stop().await;
    let reader = outbox.reader().await;
    for part in 0..60 {
        outbox.fill(part * 500, 500, 11);
    }
    for crash in 1..=3 {
        let relay = outbox.relay().active().await;
        reader.wait_for("some", |r| r.count() > crash * 5_000).await;
        relay.crash().await;
    }
    let relay = outbox.relay().active().await;
    reader
        .wait_for("the rest", |r| r.distinct() == 30_000)
        .await;
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_readers_one_relays_and_the_other_takes_over() {
    let outbox = Outbox::new();
    let first = outbox.relay().active().await;
    let mut second = outbox.relay();
    let standby = second.handle.wait_for(&Status::Standby);
    assert!(
        tokio::time::timeout(Duration::from_secs(20), standby)
            .await
            .unwrap()
    );
    assert!(second.handle.ready().is_ok());
    let reader = outbox.reader().await;
    outbox.fill(0, 2_000, 5);
    first.crash().await;
    let since = Instant::now();
    let second = second.active().await;
    assert!(
        since.elapsed() < Duration::from_secs(10),
        "it took {:?}",
        since.elapsed()
    );
    outbox.fill(2_000, 2_000, 5);
    reader.wait_for("all", |r| r.distinct() == 4_000).await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_outbox_does_not_keep_a_busy_databases_log() {
    let outbox = Outbox::new();
    let relay = outbox.relay().active().await;
    outbox.sql("CREATE TABLE other (x int); INSERT INTO other SELECT generate_series(1, 20000)");
    let here = outbox.sql("SELECT pg_current_wal_lsn()");
    let passed = format!(
        "SELECT confirmed_flush_lsn >= '{here}' FROM pg_replication_slots WHERE slot_name = 'eventhub_outbox_{}'",
        outbox.database
    );
    let end = Instant::now() + Duration::from_secs(30);
    while outbox.sql(&passed) != "t" {
        assert!(Instant::now() < end, "the slot stays where it is");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_published_rows_are_pruned_and_young_ones_stay() {
    let outbox = Outbox::new();
    let mut options = outbox.options();
    (options.config.keep_minutes, options.config.prune_seconds) = (30, 1);
    let relay = outbox.relay_with(options).active().await;
    let reader = outbox.reader().await;
    outbox.fill(0, 100, 3);
    outbox.sql("UPDATE outbox SET occurred_at_us = occurred_at_us - interval '2 hours'");
    outbox.fill(100, 50, 3);
    reader.wait_for("all", |r| r.count() == 150).await;
    let end = Instant::now() + Duration::from_secs(30);
    while outbox.sql("SELECT count(*) FROM outbox") != "50" {
        assert!(
            Instant::now() < end,
            "rows left: {}",
            outbox.sql("SELECT count(*) FROM outbox")
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    relay.stop().await;
    assert_eq!(reader.count(), 150, "an update or delete was published");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_can_have_no_topic_does_not_stop_the_others() {
    let outbox = Outbox::new();
    let relay = outbox.relay().active().await;
    let reader = outbox.reader().await;
    outbox.sql("INSERT INTO outbox (id, aggregatetype, aggregateid, type) VALUES (gen_random_uuid(), 'no such topic!', 'k', 'T')");
    outbox.fill(0, 10, 2);
    reader.wait_for("the others", |r| r.count() == 10).await;
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_waits_for_a_database_that_is_not_migrated_yet() {
    let outbox = Outbox::new();
    outbox.sql("ALTER TABLE outbox RENAME TO later");
    let relay = outbox.relay();
    let end = Instant::now() + Duration::from_secs(20);
    while !matches!(relay.handle.status(), Status::Failing(why) if why.contains("outbox")) {
        assert!(Instant::now() < end);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(relay.handle.ready().is_err());
    outbox.sql("ALTER TABLE later RENAME TO outbox");
    relay.active().await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_of_100_000_rows_is_worked_off() {
    let outbox = Outbox::new();
    outbox.relay().active().await.stop().await;
    let reader = outbox.reader().await;
    for part in 0..10 {
        outbox.fill(part * 10_000, 10_000, 1_000);
    }
    let started = Instant::now();
    let relay = outbox.relay().active().await;
    reader.wait_for("all", |r| r.count() >= 100_000).await;
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "a backlog of 100,000 rows, from the start of the relay to its reader: {seconds:.2} s"
    );
    relay.stop().await;
    assert_eq!((reader.count(), reader.distinct()), (100_000, 100_000));
    assert!(reader.numbers().values().all(|numbers| numbers.is_sorted()));
}
