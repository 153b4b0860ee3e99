//! The servers start, restart with the data they should have, and leave neither process nor folder
//! behind.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::net::TcpStream;

use eventhub_testing::{Kafka, Postgres, Redis, free_port};

#[test]
fn no_port_is_given_twice_though_nobody_listens_on_the_first() {
    // So many that the system would repeat itself.
    let ports: BTreeSet<u16> = (0..500).map(|_| free_port().unwrap()).collect();
    assert_eq!(ports.len(), 500);
}

#[test]
fn postgres_keeps_committed_rows_and_dropping_it_stops_it() {
    let mut postgres = Postgres::start(&["event_db", "booking_db"]).unwrap();
    postgres
        .psql("event_db", "CREATE TABLE t AS SELECT 7 AS n")
        .unwrap();
    assert_eq!(
        postgres.psql("event_db", "SHOW wal_level").unwrap(),
        "logical"
    );
    assert!(postgres.psql("event_db", "SELECT nonsense").is_err());
    postgres.stop().unwrap();
    assert!(TcpStream::connect(("127.0.0.1", postgres.port())).is_err());
    postgres.start_again().unwrap();
    assert_eq!(
        postgres.psql("event_db", "SELECT n, n FROM t").unwrap(),
        "7|7"
    );
    postgres.psql("booking_db", "SELECT 1").unwrap();

    let (port, folder) = (
        postgres.port(),
        postgres.process().folder().path().to_owned(),
    );
    assert!(folder.exists());
    drop(postgres);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    assert!(!folder.exists());
}

#[test]
fn redis_is_empty_after_a_restart_and_gone_when_dropped() {
    let mut redis = Redis::start().unwrap();
    redis.cli(&["SET", "k", "v"]).unwrap();
    assert_eq!(redis.cli(&["GET", "k"]).unwrap(), "v");
    redis.stop().unwrap();
    redis.start_again().unwrap();
    assert_eq!(redis.cli(&["GET", "k"]).unwrap(), "");

    let (port, folder) = (redis.port(), redis.process().folder().path().to_owned());
    drop(redis);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    assert!(!folder.exists());
}

#[test]
fn a_durable_redis_keeps_what_it_was_told_over_a_crash() {
    let mut redis = Redis::start_durable().unwrap();
    redis.cli(&["SET", "k", "v"]).unwrap();
    redis.stop().unwrap();
    redis.start_again().unwrap();
    assert_eq!(redis.cli(&["GET", "k"]).unwrap(), "v");
}

#[test]
fn kafka_listens_after_a_crash_and_is_gone_when_dropped() {
    let mut kafka = Kafka::start().unwrap();
    kafka.stop().unwrap();
    assert!(TcpStream::connect(("127.0.0.1", kafka.port())).is_err());
    kafka.start_again().unwrap();

    let (port, folder) = (kafka.port(), kafka.process().folder().path().to_owned());
    assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
    drop(kafka);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    assert!(!folder.exists());
}
