//! A server that is away, comes back, hangs or has no connection left: said quickly, and over as
//! soon as it is over.

#![allow(clippy::unwrap_used)]

mod support;

use std::process::Command;
use std::time::{Duration, Instant};

use eventhub_postgres::{Client, Config, Error, Value};
use eventhub_testing::Postgres;
use support::{READ_COMMITTED, any, config, exactly, int, query, unavailable};

#[tokio::test]
async fn a_restart_is_survived_and_nothing_is_lost_or_doubled() {
    let mut server = Postgres::start(&["test_db"]).unwrap();
    let client = Client::new(config(&server)).unwrap();
    query(&client, "CREATE TABLE kept (n int)", [])
        .await
        .unwrap();
    // Several connections, all of which will be stale.
    let insert = [exactly(
        1,
        "INSERT INTO kept SELECT 1 FROM pg_sleep(0.05)",
        [],
    )];
    let all = (0..8).map(|_| client.transaction("test_db", &insert, READ_COMMITTED));
    assert!(
        futures::future::join_all(all)
            .await
            .iter()
            .all(Result::is_ok)
    );
    client.ready().await.unwrap();

    server.stop().unwrap();
    let started = Instant::now();
    let said = unavailable(client.transaction("test_db", &insert, READ_COMMITTED).await);
    assert!(said.contains("test_db"), "{said}");
    unavailable(query(&client, "SELECT 1", []).await);
    let said = client.ready().await.unwrap_err();
    assert!(said.contains_key("test_db"), "{said:?}");
    assert!(
        started.elapsed() < Duration::from_secs(3),
        "took {:?} to say so",
        started.elapsed()
    );

    server.start_again().unwrap();
    for _ in 0..8 {
        client
            .transaction("test_db", &insert, READ_COMMITTED)
            .await
            .unwrap();
    }
    client.ready().await.unwrap();
    assert_eq!(int(&client, "SELECT count(*) FROM kept").await, 16);
}

#[tokio::test]
async fn a_connection_cut_in_a_transaction_rolls_it_back() {
    let server = Postgres::start(&["test_db"]).unwrap();
    let client = Client::new(config(&server)).unwrap();
    query(&client, "CREATE TABLE cut (n int)", [])
        .await
        .unwrap();
    let cut = "SELECT pg_terminate_backend(pg_backend_pid())";
    // Not of the first use, so that it is tried once more, and fails once more.
    let statements = [exactly(1, "INSERT INTO cut VALUES (1)", []), any(cut, [])];
    unavailable(
        client
            .transaction("test_db", &statements, READ_COMMITTED)
            .await,
    );
    assert_eq!(int(&client, "SELECT count(*) FROM cut").await, 0);

    // Connections that were cut while idle are not noticed by anyone.
    for _ in 0..5 {
        server
            .psql(
                "postgres",
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'test_db'",
            )
            .unwrap();
        let insert = [exactly(1, "INSERT INTO cut VALUES ($1)", [Value::Int(1)])];
        client
            .transaction("test_db", &insert, READ_COMMITTED)
            .await
            .unwrap();
    }
    assert_eq!(int(&client, "SELECT count(*) FROM cut").await, 5);
}

#[tokio::test]
async fn an_exhausted_pool_or_server_says_so_quickly_and_recovers() {
    let server = Postgres::start_with(&["test_db"], &["max_connections=7"]).unwrap();
    let small = Client::new(Config {
        pool_size: 2,
        acquire_timeout_ms: 100,
        statement_timeout_ms: 30_000,
        ..config(&server)
    })
    .unwrap();
    let long = any("SELECT pg_sleep(5)", []);
    let (a, b) = (small.query("test_db", &long), small.query("test_db", &long));
    let third = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let started = Instant::now();
        let said = unavailable(query(&small, "SELECT 1", []).await);
        assert!(said.contains("all connections are in use"), "{said}");
        assert!(
            started.elapsed() < Duration::from_secs(3),
            "took {:?}",
            started.elapsed()
        );
    };
    let (a, b, ()) = tokio::join!(a, b, third);
    a.unwrap();
    b.unwrap();
    query(&small, "SELECT 1", []).await.unwrap();

    // More connections than the server has: those beyond are refused, the others work.
    let greedy = Client::new(Config {
        pool_size: 10,
        ..config(&server)
    })
    .unwrap();
    let sleep = any("SELECT pg_sleep(1)", []);
    let results = futures::future::join_all((0..10).map(|_| greedy.query("test_db", &sleep))).await;
    assert!(
        results
            .iter()
            .any(|result| matches!(result, Err(Error::Unavailable(_)))),
        "{results:?}"
    );
    assert!(results.iter().any(Result::is_ok), "{results:?}");
}

#[tokio::test]
async fn a_slow_statement_is_cancelled_and_a_hung_server_is_not_ready() {
    let server = Postgres::start(&["test_db"]).unwrap();
    let client = Client::new(Config {
        statement_timeout_ms: 200,
        acquire_timeout_ms: 200,
        connect_timeout_ms: 200,
        ..config(&server)
    })
    .unwrap();
    let said = unavailable(query(&client, "SELECT pg_sleep(5)", []).await);
    assert!(said.contains("57014"), "{said}");
    client.ready().await.unwrap();

    // Each connection is served by a process of its own.
    let pids = server
        .psql(
            "postgres",
            "SELECT pid FROM pg_stat_activity WHERE datname = 'test_db'",
        )
        .unwrap();
    let signal = |name: &str| {
        let done = Command::new("kill")
            .args(["-s", name])
            .args(pids.lines())
            .status()
            .unwrap();
        assert!(done.success());
    };
    signal("STOP");
    let asked = tokio::time::timeout(Duration::from_secs(2), client.ready()).await;
    signal("CONT");
    assert!(asked.unwrap().unwrap_err().contains_key("test_db"));
    client.ready().await.unwrap();
}
