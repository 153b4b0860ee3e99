//! The adapter in a host that behaves like Spin, on a real server: it answers as our own host does,
//! and a transaction left open in Spin's pool affects no other caller.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::LazyLock;
use std::time::Duration;

use eventhub_postgres::{Client, Config, Error, Expectation, Isolation, Options, Statement, Value};
use eventhub_testing::Postgres;
use support::Spin;

static SERVER: LazyLock<Postgres> =
    LazyLock::new(|| Postgres::start(&["spin_db", "host_db"]).unwrap());
const OPTIONS: Options = Options {
    isolation: Isolation::ReadCommitted,
    retries: 0,
};

fn spin() -> Spin {
    Spin::new(&SERVER.url("spin_db"))
}

fn any(text: &str, params: Vec<Value>) -> Statement {
    Statement {
        text: text.into(),
        params,
        expect: Expectation::Any,
    }
}

fn exactly(rows: u32, text: &str, params: Vec<Value>) -> Statement {
    Statement {
        expect: Expectation::Exactly(rows),
        ..any(text, params)
    }
}

async fn int(spin: &Spin, text: &str) -> i64 {
    match spin.query(&any(text, vec![])).await.unwrap().rows[0][0] {
        Value::Int(value) => value,
        ref other => panic!("{text}: {other:?}"),
    }
}

/// Errors with a free text are equal when their kinds are equal.
fn comparable<T>(result: Result<T, Error>) -> Result<T, Error> {
    result.map_err(|error| match error {
        Error::Invalid(_) => Error::Invalid(String::new()),
        Error::Unavailable(_) => Error::Unavailable(String::new()),
        Error::Serialization(_) => Error::Serialization(String::new()),
        told => told,
    })
}

const TABLE: &str = "CREATE TYPE status AS ENUM ('open', 'closed'); CREATE TABLE things (id uuid PRIMARY KEY, small smallint, medium int, \
     large bigint, single real, double double precision, name varchar(80), note text CONSTRAINT short_note CHECK (length(note) < 40), \
     status status, body bytea, doc jsonb, plain json, at timestamptz, naive timestamp, day date, price numeric(12,2), \
     numbers bigint[], mediums int[], names text[], ids uuid[], fine boolean, n bigint UNIQUE DEFERRABLE INITIALLY DEFERRED, code char(5))";

fn transactions() -> Vec<Vec<Statement>> {
    let id = |low| Value::Uuid((0x1234_5678_9abc_def0, low));
    let text = |text: &str| Value::Text(text.into());
    let insert = "INSERT INTO things VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23) RETURNING *";
    let values = vec![
        id(1),
        Value::Int(-32_768),
        Value::Int(2_147_483_647),
        Value::Int(i64::MIN),
        Value::Float(0.1),
        Value::Float(-1.5e300),
        text("O'Brien \\ \"$1\" é\n\t"),
        text("a'; DROP TABLE things; --"),
        text("closed"),
        Value::Bytes(vec![0, 39, 92, 255]),
        Value::Json(r#"{"b": "it's \\ \n", "a": [1.50, null]}"#.into()),
        Value::Json(r#"{"b": 1, "a": 2}"#.into()),
        Value::Timestamp(1_709_208_000_000_001),
        Value::Timestamp(-1),
        text("2024-02-29"),
        Value::Numeric("-12.50".into()),
        Value::IntArray(vec![1, -2]),
        Value::IntArray(vec![]),
        Value::TextArray(vec!["NULL".into(), "a,\"b\" \\ {c}'".into(), String::new()]),
        Value::UuidArray(vec![(1, 2), (u64::MAX, 0)]),
        Value::Boolean(true),
        Value::Int(7),
        text("abc"),
    ];
    let mut nulls = vec![Value::Null; 23];
    nulls[0] = id(2);
    let mut duplicate = values.clone();
    duplicate[0] = id(1);
    let sparse = |low, n| {
        any(
            "INSERT INTO things (id, n) VALUES ($1, $2)",
            vec![id(low), Value::Int(n)],
        )
    };
    vec![
        vec![
            any(insert, values),
            any(insert, nulls),
            any("SELECT count(*) AS n, 'x' AS n FROM things", vec![]),
        ],
        vec![any(
            "SELECT * FROM things WHERE id = ANY($1) ORDER BY id LIMIT $2",
            vec![
                Value::UuidArray(vec![(0x1234_5678_9abc_def0, 1)]),
                Value::Int(5),
            ],
        )],
        vec![any(
            "SELECT at, name FROM things WHERE at <= $1 AND status = $2",
            vec![Value::Timestamp(1_709_208_000_000_001), text("closed")],
        )],
        vec![any(
            "SELECT at FROM things WHERE at < $1",
            vec![Value::Timestamp(1_709_208_000_000_001)],
        )],
        vec![any(
            "SELECT coalesce($1, note) AS note, $2::jsonb -> 'a' AS a, unnest($3::text[]) AS t FROM things WHERE fine",
            vec![
                Value::Null,
                Value::Json(r#"{"a": 1}"#.into()),
                Value::TextArray(vec!["p".into(), "q".into()]),
            ],
        )],
        vec![any(
            "WITH gone AS (DELETE FROM things WHERE id = $1 RETURNING id), update AS (SELECT 1) SELECT id FROM gone, update",
            vec![id(2)],
        )],
        vec![any(
            "UPDATE things SET medium = medium - $1 WHERE (id, n) > ($2, $3)",
            vec![Value::Int(1), id(0), Value::Int(0)],
        )],
        // A parameter has one type wherever it is used, and the server says which.
        vec![any(
            "SELECT -$1 AS minus, $2 - 1 AS less FROM things WHERE $1::bigint IS NOT NULL AND medium <> $2",
            vec![Value::Int(5), Value::Int(3)],
        )],
        vec![any(
            "SELECT code FROM things WHERE code = $1 AND at > $2 - make_interval(secs => $3)",
            vec![
                text("abc"),
                Value::Timestamp(1_709_208_000_000_001),
                Value::Float(0.5),
            ],
        )],
        vec![any(
            "INSERT INTO things (id, names, note) SELECT $1, array_agg(u.name ORDER BY u.name), $3 FROM unnest($2::text[], $4::bigint[]) AS u(name, rank) ON CONFLICT DO NOTHING RETURNING names, note",
            vec![
                id(50),
                Value::TextArray(vec!["z".into(), "y".into()]),
                Value::Null,
                Value::IntArray(vec![1, 2]),
            ],
        )],
        vec![any(
            "UPDATE things SET doc = $2, day = $3, status = coalesce($4, status) WHERE id = $1; -- all",
            vec![
                id(50),
                Value::Json("[1]".into()),
                text("2024-02-29"),
                text("open"),
            ],
        )],
        // Each is refused for its own reason, without any effect.
        vec![
            sparse(3, 30),
            exactly(1, "UPDATE things SET n = n WHERE id = $1", vec![id(99)]),
        ],
        vec![exactly(2, "SELECT 1 AS one", vec![])],
        vec![sparse(3, 30), any(insert, duplicate), sparse(4, 40)],
        vec![
            sparse(3, 30),
            any(
                "UPDATE things SET note = $1 WHERE id = $2",
                vec![text(&"x".repeat(50)), id(3)],
            ),
        ],
        vec![sparse(3, 30), sparse(4, 30)],
        vec![sparse(3, 30), any("SELECT 1 / (SELECT 0)", vec![])],
        vec![sparse(3, 30), any("SELEC 1", vec![])],
        vec![sparse(3, 30), any("COMMIT", vec![])],
        vec![sparse(3, 30), any("SELECT $1", vec![])],
        vec![
            sparse(3, 30),
            any(
                "SELECT count(*) FROM things WHERE $1 IS NULL",
                vec![Value::Null],
            ),
        ],
        vec![any("SELECT $1::uuid", vec![text("nonsense")])],
        vec![any("SELECT $1::smallint", vec![Value::Int(40_000)])],
        vec![any("SELECT * FROM nowhere", vec![])],
        vec![any(
            "UPDATE things SET price = $1",
            vec![Value::Numeric("NaN".into())],
        )],
        vec![any("SELECT interval '1 day' AS span", vec![])],
        vec![any(
            "INSERT INTO things (id, note) SELECT gen_random_uuid(), 'many' FROM generate_series(1, 3000)",
            vec![],
        )],
        vec![Statement {
            expect: Expectation::AtLeast(3_000),
            ..any("SELECT note FROM things WHERE note = 'many'", vec![])
        }],
        vec![any("SELECT count(*) AS n FROM things", vec![])],
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_has_the_outcome_that_our_own_host_gives_it() {
    let spin = spin();
    let databases = [("test_db".to_string(), SERVER.url("host_db"))].into();
    let host = Client::new(Config {
        databases,
        ..Config::default()
    })
    .unwrap();
    for database in ["spin_db", "host_db"] {
        SERVER.psql(database, TABLE).unwrap();
    }
    for statements in transactions() {
        let of_host = comparable(host.transaction("test_db", &statements, OPTIONS).await);
        let mut of_spin = comparable(spin.transaction(&statements, OPTIONS).await);
        // A result without rows has no columns: columns are read by name, row by row.
        for (one, other) in of_spin.iter_mut().flatten().zip(of_host.iter().flatten()) {
            if one.rows.is_empty() {
                one.columns.clone_from(&other.columns);
            }
        }
        assert_eq!(of_spin, of_host, "{statements:#?}");
        let [statement] = statements.as_slice() else {
            continue;
        };
        if statement.text.starts_with("SELECT") {
            assert_eq!(
                comparable(spin.query(statement).await).map(|rows| rows.rows),
                comparable(host.query("test_db", statement).await).map(|rows| rows.rows)
            );
        }
    }
    assert!(matches!(spin.transaction(&[], OPTIONS).await, Ok(results) if results.is_empty()));
}

/// A component of the same application that uses Spin's interface directly, and ends in the middle
/// of its transaction.
async fn leave_open(spin: &Spin, statement: &str) {
    let connection = spin.checkout().await;
    connection
        .batch_execute(&format!("BEGIN; {statement}"))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_somebody_left_open_reaches_nobody() {
    let spin = spin();
    SERVER
        .psql("spin_db", "CREATE TABLE left_open (n int)")
        .unwrap();
    let rows = || {
        SERVER
            .psql(
                "spin_db",
                "SELECT coalesce(string_agg(n::text, ',' ORDER BY n), '') FROM left_open",
            )
            .unwrap()
    };
    // The negative control: the next user of the connection runs inside that transaction unless it
    // checks, and loses its changes.
    leave_open(&spin, "INSERT INTO left_open VALUES (1)").await;
    spin.checkout()
        .await
        .execute("INSERT INTO left_open VALUES (2)", &[])
        .await
        .unwrap();
    assert_eq!(
        rows(),
        "",
        "Spin's pool rolls back by itself now: the adapter need not look any more"
    );

    let insert = |n| exactly(1, "INSERT INTO left_open VALUES ($1)", vec![Value::Int(n)]);
    spin.transaction(&[insert(3)], OPTIONS).await.unwrap();
    assert_eq!(
        rows(),
        "3",
        "what was left open came along, or what was done is not durable"
    );
    leave_open(&spin, "INSERT INTO left_open VALUES (4)").await;
    spin.query(&insert(5)).await.unwrap();
    assert_eq!(rows(), "3,5");

    // A transaction that has already failed, and a transaction that did nothing.
    let connection = spin.checkout().await;
    connection
        .batch_execute("BEGIN; INSERT INTO left_open VALUES (6)")
        .await
        .unwrap();
    connection.batch_execute("SELECT 1 / 0").await.unwrap_err();
    drop(connection);
    // The pool cannot recycle a connection inside a failed transaction and drops it. Either way, no
    // other caller gets the transaction.
    spin.query(&insert(7)).await.unwrap();
    assert_eq!(rows(), "3,5,7");
    leave_open(&spin, "SELECT 1").await;
    spin.query(&insert(8)).await.unwrap();
    assert_eq!(rows(), "3,5,7,8");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_call_is_atomic_and_blocks_no_other_call() {
    let spin = spin();
    SERVER
        .psql("spin_db", "CREATE TABLE given_up (n int)")
        .unwrap();
    let insert = |n| any("INSERT INTO given_up VALUES ($1)", vec![Value::Int(n)]);
    let slow = [insert(1), any("SELECT pg_sleep(0.4)", vec![]), insert(2)];
    // After a timeout of the request, or a trap of its guest, Spin drops the instance and gives the
    // connection back.
    assert!(
        tokio::time::timeout(Duration::from_millis(150), spin.transaction(&slow, OPTIONS))
            .await
            .is_err()
    );
    spin.transaction(
        &[
            insert(3),
            exactly(1, "UPDATE given_up SET n = n WHERE n = 77", vec![]),
        ],
        OPTIONS,
    )
    .await
    .unwrap_err();
    spin.query(&insert(4)).await.unwrap();
    assert!(
        [1, 3].contains(&int(&spin, "SELECT count(*) FROM given_up").await),
        "half of it happened"
    );
    assert_eq!(
        int(&spin, "SELECT count(*) FROM given_up WHERE n IN (3, 4)").await,
        1
    );
    assert_eq!(int(&spin, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%given_up%' AND state LIKE 'idle in transaction%'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_increments_all_count_and_collisions_are_retried() {
    let spin = spin();
    SERVER
        .psql(
            "spin_db",
            "CREATE TABLE counter (n bigint); INSERT INTO counter VALUES (0)",
        )
        .unwrap();
    let options = Options {
        isolation: Isolation::Serializable,
        retries: 50,
    };
    let increments = (0..8).map(|_| {
        let spin = spin.clone();
        tokio::spawn(async move {
            for _ in 0..5 {
                let statements = [
                    any("SELECT n FROM counter", vec![]),
                    exactly(1, "UPDATE counter SET n = n + 1", vec![]),
                ];
                spin.transaction(&statements, options).await.unwrap();
            }
        })
    });
    for increment in increments.collect::<Vec<_>>() {
        increment.await.unwrap();
    }
    assert_eq!(int(&spin, "SELECT n FROM counter").await, 40);

    // The negative control: without retries, some calls fail with a collision.
    let collided = (0..16).map(|_| {
        let spin = spin.clone();
        let statements = [
            any("SELECT n, pg_sleep(0.05)::text FROM counter", vec![]),
            exactly(1, "UPDATE counter SET n = n + 1", vec![]),
        ];
        tokio::spawn(async move {
            spin.transaction(
                &statements,
                Options {
                    retries: 0,
                    ..options
                },
            )
            .await
        })
    });
    let mut told = 0;
    for outcome in collided.collect::<Vec<_>>() {
        told += usize::from(matches!(
            outcome.await.unwrap(),
            Err(Error::Serialization(_))
        ));
    }
    assert!(told > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_gone_is_unavailable() {
    let gone = Spin::new("postgres://eventhub@127.0.0.1:1/test_db");
    assert!(
        matches!(gone.query(&any("SELECT 1", vec![])).await, Err(Error::Unavailable(text)) if text.starts_with("test_db: "))
    );
}
