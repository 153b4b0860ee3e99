//! All or nothing, whoever is in the way, and nothing left behind on a connection that others use
//! next.

#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use eventhub_postgres::{Client, Config, Conflict, Error, Isolation, Options, Value};
use support::{READ_COMMITTED, SERVER, any, client, config, exactly, int, invalid, one, query};

async fn table(client: &Client, sql: &str) {
    query(client, sql, []).await.unwrap();
}

#[tokio::test]
async fn an_unmet_expectation_rolls_back_and_names_its_statement() {
    let client = client();
    table(&client, "CREATE TABLE unmet (n int PRIMARY KEY)").await;
    let insert = "INSERT INTO unmet VALUES ($1)";
    let statements = [
        exactly(1, insert, [Value::Int(1)]),
        exactly(1, "UPDATE unmet SET n = n WHERE n = 77", []),
        // Violates the key as well; only the first trouble counts.
        exactly(1, insert, [Value::Int(1)]),
    ];
    let refused = client
        .transaction("test_db", &statements, READ_COMMITTED)
        .await;
    assert_eq!(
        refused,
        Err(Error::Conflict(Conflict {
            statement: 1,
            affected: 0
        }))
    );
    assert_eq!(int(&client, "SELECT count(*) FROM unmet").await, 0);

    let refused = client
        .query("test_db", &exactly(2, insert, [Value::Int(1)]))
        .await;
    assert_eq!(
        refused,
        Err(Error::Conflict(Conflict {
            statement: 0,
            affected: 1
        }))
    );
    assert_eq!(int(&client, "SELECT count(*) FROM unmet").await, 0);

    let done = client
        .transaction("test_db", &statements[..1], READ_COMMITTED)
        .await
        .unwrap();
    assert_eq!(done[0].affected, 1);
    assert_eq!(int(&client, "SELECT count(*) FROM unmet").await, 1);
}

#[tokio::test]
async fn a_violation_names_the_statement_that_broke_the_constraint() {
    let client = client();
    table(
        &client,
        "CREATE TABLE seats (seat int CONSTRAINT one_ticket UNIQUE, row_name text NOT NULL)",
    )
    .await;
    let insert = |seat| any("INSERT INTO seats VALUES ($1, 'A')", [Value::Int(seat)]);
    let statements = [insert(1), insert(2), insert(1), insert(3)];
    let Err(Error::Violation(violation)) = client
        .transaction("test_db", &statements, READ_COMMITTED)
        .await
    else {
        panic!("sold twice")
    };
    assert_eq!((violation.statement, violation.code.as_str()), (2, "23505"));
    assert_eq!(
        (violation.constraint.as_str(), violation.detail.as_str()),
        ("one_ticket", "Key (seat)=(1) already exists.")
    );
    assert_eq!(int(&client, "SELECT count(*) FROM seats").await, 0);

    let Err(Error::Violation(violation)) =
        query(&client, "INSERT INTO seats VALUES (1, NULL)", []).await
    else {
        panic!("no row name")
    };
    assert_eq!(
        (violation.code.as_str(), violation.constraint.as_str()),
        ("23502", "row_name")
    );
}

#[tokio::test]
async fn a_deferred_constraint_fails_the_commit_however_it_is_sent() {
    let client = client();
    table(
        &client,
        "CREATE TABLE later (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)",
    )
    .await;
    let insert = "INSERT INTO later VALUES (1)";
    for statements in [
        [any(insert, []), any(insert, [])],
        [exactly(1, insert, []), exactly(1, insert, [])],
    ] {
        let refused = client
            .transaction("test_db", &statements, READ_COMMITTED)
            .await;
        assert!(
            matches!(&refused, Err(Error::Violation(v)) if v.code == "23505"),
            "{refused:?}"
        );
        assert_eq!(int(&client, "SELECT count(*) FROM later").await, 0);
    }
}

#[tokio::test]
async fn a_failed_statement_rolls_back_despite_a_pipelined_commit() {
    let client = client();
    table(&client, "CREATE TABLE along (n int)").await;
    let statements = [
        any("INSERT INTO along VALUES (1)", []),
        any("SELECT 1 / (SELECT 0)", []),
        any("SELECT 1", []),
    ];
    let said = invalid(
        client
            .transaction("test_db", &statements, READ_COMMITTED)
            .await,
    );
    assert!(
        said.contains("statement 1") && said.contains("division by zero"),
        "{said}"
    );
    assert_eq!(int(&client, "SELECT count(*) FROM along").await, 0);

    let said = invalid(
        client
            .transaction(
                "test_db",
                &[statements[0].clone(), any("COMMIT", [])],
                READ_COMMITTED,
            )
            .await,
    );
    assert!(said.contains("COMMIT is not for components"), "{said}");
    assert_eq!(int(&client, "SELECT count(*) FROM along").await, 0);
}

/// Raises the number by 1 after having been slow, so that two of them at once always collide.
fn raise() -> [eventhub_postgres::Statement; 2] {
    [
        any("SELECT n, pg_sleep(0.2) FROM hot", []),
        exactly(1, "UPDATE hot SET n = n + 1", []),
    ]
}

#[tokio::test]
async fn a_serialization_failure_is_tried_again_and_takes_effect_once() {
    let client = Arc::new(client());
    table(&client, "CREATE TABLE hot AS SELECT 0 AS n").await;
    // So that all have their connection when they begin.
    let warm = any("SELECT pg_sleep(0.5)", []);
    futures::future::join_all((0..6).map(|_| client.query("test_db", &warm))).await;
    for (retries, all_succeed) in [(0, false), (20, true)] {
        table(&client, "UPDATE hot SET n = 0").await;
        let options = Options {
            isolation: Isolation::RepeatableRead,
            retries,
        };
        let tasks: Vec<_> = (0..6)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { client.transaction("test_db", &raise(), options).await })
            })
            .collect();
        let mut succeeded = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(_) => succeeded += 1,
                Err(Error::Serialization(_)) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(
            succeeded == 6,
            all_succeed,
            "{succeeded} of 6 with {retries} retries"
        );
        assert_eq!(int(&client, "SELECT n FROM hot").await, succeeded);
    }
}

#[tokio::test]
async fn a_deadlock_is_tried_again_and_both_take_effect_once() {
    let client = Arc::new(client());
    table(
        &client,
        "CREATE TABLE pair AS SELECT id, 0 AS n FROM generate_series(1, 2) AS id",
    )
    .await;
    // So that both have their connection when they begin.
    let warm = any("SELECT pg_sleep(0.5)", []);
    futures::future::join_all((0..2).map(|_| client.query("test_db", &warm))).await;
    let raise = |id: i64| {
        exactly(
            1,
            "UPDATE pair SET n = n + 1 WHERE id = $1",
            [Value::Int(id)],
        )
    };
    let both = |first, second| {
        let client = client.clone();
        let statements = [raise(first), any("SELECT pg_sleep(1)", []), raise(second)];
        let options = Options {
            isolation: Isolation::ReadCommitted,
            retries: 5,
        };
        tokio::spawn(async move { client.transaction("test_db", &statements, options).await })
    };
    let (one_way, other_way) = (both(1, 2), both(2, 1));
    one_way.await.unwrap().unwrap();
    other_way.await.unwrap().unwrap();
    assert_eq!(int(&client, "SELECT sum(n) FROM pair").await, 4);
    // Without a deadlock this would show nothing. Statistics come with a delay.
    let seen = async {
        while int(
            &client,
            "SELECT deadlocks FROM pg_stat_database WHERE datname = 'test_db'",
        )
        .await
            == 0
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), seen)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_abandoned_call_leaves_no_transaction_and_no_lock() {
    let client = Client::new(Config {
        pool_size: 1,
        ..config(&SERVER)
    })
    .unwrap();
    table(&client, "CREATE TABLE left_alone AS SELECT 1 AS n").await;
    let slow = [
        exactly(1, "UPDATE left_alone SET n = 2", []),
        any("SELECT pg_sleep(4)", []),
    ];
    let given_up = client.transaction("test_db", &slow, READ_COMMITTED);
    assert!(
        tokio::time::timeout(Duration::from_millis(300), given_up)
            .await
            .is_err()
    );

    let started = std::time::Instant::now();
    let update = exactly(1, "UPDATE left_alone SET n = 3 WHERE n = 1", []);
    client.query("test_db", &update).await.unwrap();
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "waited {:?} for the lock",
        started.elapsed()
    );
    assert_eq!(int(&client, "SELECT n FROM left_alone").await, 3);
}

#[tokio::test]
async fn after_every_kind_of_failure_the_one_connection_still_serves() {
    let client = Client::new(Config {
        pool_size: 1,
        ..config(&SERVER)
    })
    .unwrap();
    table(&client, "CREATE TABLE served (n int UNIQUE)").await;
    let backend = int(&client, "SELECT pg_backend_pid()").await;
    let insert = "INSERT INTO served VALUES (1)";
    for bad in [
        vec![any("SELECT nonsense", [])],
        vec![any(insert, []), any(insert, [])],
        vec![exactly(1, insert, []), exactly(1, insert, [])],
        vec![exactly(7, insert, [])],
        vec![exactly(1, insert, []), any("SELECT 'NaN'::numeric", [])],
        vec![any("SELECT 1", [Value::Null])],
    ] {
        client
            .transaction("test_db", &bad, READ_COMMITTED)
            .await
            .unwrap_err();
        assert_eq!(int(&client, "SELECT pg_backend_pid()").await, backend);
        assert_eq!(int(&client, "SELECT count(*) FROM served").await, 0);
    }
}

#[tokio::test]
async fn many_statements_run_in_their_order() {
    let client = client();
    table(&client, "CREATE TABLE ordered (id bigserial, n int)").await;
    let statements: Vec<_> = (0..500)
        .map(|n| exactly(1, "INSERT INTO ordered (n) VALUES ($1)", [Value::Int(n)]))
        .collect();
    let results = client
        .transaction("test_db", &statements, READ_COMMITTED)
        .await
        .unwrap();
    assert_eq!(results.len(), 500);
    assert_eq!(
        int(&client, "SELECT count(*) FROM ordered WHERE id = n + 1").await,
        500
    );
}

#[tokio::test]
async fn altering_a_table_does_not_break_prepared_statements() {
    let client = client();
    table(&client, "CREATE TABLE altered AS SELECT 1 AS n").await;
    let before = query(&client, "SELECT * FROM altered", []).await.unwrap();
    assert_eq!(before.rows[0].len(), 1);
    table(&client, "ALTER TABLE altered ADD COLUMN m int DEFAULT 2").await;
    for _ in 0..3 {
        let after = query(&client, "SELECT * FROM altered", []).await.unwrap();
        assert_eq!(after.rows, [[Value::Int(1), Value::Int(2)]]);
    }
}

#[tokio::test]
async fn the_isolation_is_the_one_asked_for() {
    let client = client();
    for (isolation, name) in [
        (Isolation::ReadCommitted, "read committed"),
        (Isolation::RepeatableRead, "repeatable read"),
        (Isolation::Serializable, "serializable"),
    ] {
        let show = [any("SELECT current_setting('transaction_isolation')", [])];
        let rows = client
            .transaction("test_db", &show, support::once(isolation))
            .await
            .unwrap();
        assert_eq!(rows[0].rows, [[Value::Text(name.to_owned())]]);
    }
    assert_eq!(
        one(&client, "SELECT current_setting('TimeZone')", []).await,
        Value::Text("UTC".to_owned())
    );
}
