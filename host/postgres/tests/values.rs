//! Every kind of value there and back through a real server, and what does not fit refused before
//! it runs.

#![allow(clippy::unwrap_used)]

mod support;

use eventhub_postgres::{Error, Value};
use support::{any, client, invalid, one, query};

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn numeric(value: &str) -> Value {
    Value::Numeric(value.to_owned())
}

#[tokio::test]
async fn every_type_comes_back_as_it_was_sent() {
    let client = client();
    query(&client, "CREATE TYPE mood AS ENUM ('glad', 'sad')", [])
        .await
        .unwrap();
    query(
        &client,
        "CREATE DOMAIN percent AS int CHECK (VALUE <= 100)",
        [],
    )
    .await
    .unwrap();
    query(&client, "CREATE EXTENSION IF NOT EXISTS citext", [])
        .await
        .unwrap();

    let uuid = (0x0192_f0e1_d2c3_7b4a, 0x8596_a7b8_c9da_ebfc);
    let cases = [
        ("boolean", Value::Boolean(true)),
        ("boolean", Value::Boolean(false)),
        ("smallint", Value::Int(-32_768)),
        ("integer", Value::Int(2_147_483_647)),
        ("bigint", Value::Int(i64::MIN)),
        ("oid", Value::Int(4_294_967_295)),
        ("percent", Value::Int(99)),
        ("real", Value::Float(1.5)),
        ("double precision", Value::Float(-2.2e-300)),
        ("text", text("Zoë \u{1F3AB} 'quoted' \\ \n")),
        ("varchar(5)", text("abc")),
        ("name", text("pg_class")),
        ("\"char\"", text("x")),
        ("mood", text("glad")),
        ("citext", text("MiXed")),
        ("bytea", Value::Bytes(vec![0, 1, 255, b'\\'])),
        ("bytea", Value::Bytes(Vec::new())),
        ("uuid", Value::Uuid(uuid)),
        ("json", Value::Json(r#"{"b": [1,  2]}"#.to_owned())),
        ("jsonb", Value::Json(r#"{"b": [1, 2]}"#.to_owned())),
        ("timestamptz", Value::Timestamp(1_762_000_000_123_456)),
        ("timestamp", Value::Timestamp(-1)),
        ("date", text("2024-02-29")),
        ("date", text("0044-03-15 BC")),
        ("inet", text("192.168.1.7")),
        ("inet", text("2001:db8::1/64")),
        ("cidr", text("10.0.0.0/8")),
        ("numeric", numeric("0.00")),
        ("numeric", numeric("-12.50")),
        ("numeric", numeric("100000000")),
        ("numeric", numeric("0.000000001")),
        (
            "numeric",
            numeric("-123456789012345678901234567890.0123456789"),
        ),
        ("numeric(20,4)", numeric("9999.9999")),
        ("smallint[]", Value::IntArray(vec![-1, 32_767])),
        ("integer[]", Value::IntArray(vec![1, -2_147_483_648])),
        ("bigint[]", Value::IntArray(vec![i64::MAX, 0])),
        ("bigint[]", Value::IntArray(Vec::new())),
        (
            "text[]",
            Value::TextArray(vec!["a,\"b\"".to_owned(), String::new()]),
        ),
        ("varchar[]", Value::TextArray(vec!["A".to_owned()])),
        (
            "mood[]",
            Value::TextArray(vec!["sad".to_owned(), "glad".to_owned()]),
        ),
        ("uuid[]", Value::UuidArray(vec![uuid, (0, 1)])),
    ];
    for (ty, value) in cases {
        let back = one(&client, &format!("SELECT $1::{ty} AS v"), [value.clone()]).await;
        assert_eq!(back, value, "{ty}");
        assert_eq!(
            one(&client, &format!("SELECT $1::{ty} AS v"), [Value::Null]).await,
            Value::Null,
            "{ty}"
        );
    }
    assert_eq!(
        one(&client, "SELECT $1::char(4) AS v", [text("ab")]).await,
        text("ab  ")
    );
}

#[tokio::test]
async fn the_server_sees_what_was_meant() {
    let client = client();
    for (sql, value, seen) in [
        (
            "$1::timestamptz",
            Value::Timestamp(1_762_000_000_123_456),
            "2025-11-01 12:26:40.123456+00",
        ),
        ("$1::timestamp", Value::Timestamp(0), "1970-01-01 00:00:00"),
        (
            "$1::uuid",
            Value::Uuid((0x0011_2233_4455_6677, 0x8899_aabb_ccdd_eeff)),
            "00112233-4455-6677-8899-aabbccddeeff",
        ),
        ("$1::int[]", Value::IntArray(vec![1, -2]), "{1,-2}"),
        ("$1::numeric", Value::Int(-7), "-7"),
        ("$1::interval", text("90 minutes"), "01:30:00"),
        ("$1::numeric / 4", numeric("1.0"), "0.25000000000000000000"),
    ] {
        assert_eq!(
            one(&client, &format!("SELECT ({sql})::text AS v"), [value]).await,
            text(seen)
        );
    }
    assert_eq!(
        one(&client, "SELECT 0.00::numeric(8,2) - 12.5 AS v", []).await,
        numeric("-12.50")
    );
    assert_eq!(
        one(&client, "SELECT 1234500::numeric(5,-2) AS v", []).await,
        numeric("1234500")
    );
    assert_eq!(
        one(&client, "SELECT pg_advisory_xact_lock(1) AS v", []).await,
        Value::Null
    );
    assert_eq!(
        one(&client, "SELECT '{1,2}'::int2[] AS v", []).await,
        Value::IntArray(vec![1, 2])
    );
}

#[tokio::test]
async fn a_parameter_of_the_wrong_kind_is_named_and_nothing_runs() {
    let client = client();
    query(&client, "CREATE TABLE kinds (a int, b text)", [])
        .await
        .unwrap();
    let insert = "INSERT INTO kinds VALUES ($1, $2)";
    for (params, says) in [
        (
            vec![text("7"), text("x")],
            "parameter $1 is of the kind text, but the server takes int4",
        ),
        (
            vec![Value::Int(7), Value::Int(7)],
            "parameter $2 is of the kind int, but the server takes text",
        ),
        (
            vec![Value::Int(3_000_000_000), text("x")],
            "parameter $1 is 3000000000, which does not fit int4",
        ),
        (vec![Value::Int(7)], "it has 2 parameters, 1 were given"),
    ] {
        let said = invalid(query(&client, insert, params.clone()).await);
        assert!(said.contains(says), "{said}");
        let statements = [
            any("INSERT INTO kinds VALUES (1, 'first')", []),
            any(insert, params),
        ];
        let said = invalid(
            client
                .transaction("test_db", &statements, support::READ_COMMITTED)
                .await,
        );
        assert!(
            said.contains("statement 1") && said.contains(says),
            "{said}"
        );
    }
    assert_eq!(support::int(&client, "SELECT count(*) FROM kinds").await, 0);

    for (sql, value) in [
        ("SELECT $1::numeric", numeric("NaN")),
        ("SELECT $1::numeric", numeric("1e5")),
        ("SELECT $1::timestamptz", Value::Timestamp(i64::MIN)),
        ("SELECT $1::timestamptz", text("2024-01-01")),
        ("SELECT $1::jsonb", text("{}")),
        ("SELECT $1::int2[]", Value::IntArray(vec![40_000])),
        ("SELECT $1::text[]", Value::IntArray(vec![1])),
        ("SELECT $1::mood2", Value::Null),
        ("SELECT $1::jsonb", Value::Json("{".to_owned())),
        ("SELECT $1::text", text("nul \0")),
        ("SELECT $1::inet", text("nowhere")),
    ] {
        invalid(query(&client, sql, [value]).await);
    }
}

#[tokio::test]
async fn a_column_without_a_value_is_named_with_its_type() {
    let client = client();
    query(&client, "CREATE TABLE spans (i interval)", [])
        .await
        .unwrap();
    let said = invalid(
        query(
            &client,
            "INSERT INTO spans VALUES ('1 day') RETURNING i AS span",
            [],
        )
        .await,
    );
    assert!(said.contains("column span has the type interval"), "{said}");
    assert_eq!(support::int(&client, "SELECT count(*) FROM spans").await, 0);

    for sql in [
        "SELECT 'NaN'::numeric AS v",
        "SELECT 'Infinity'::numeric AS v",
        "SELECT 'infinity'::timestamptz AS v",
        "SELECT '-infinity'::date AS v",
        "SELECT '{{1},{2}}'::int[] AS v",
        "SELECT '{1,NULL}'::int[] AS v",
    ] {
        let said = invalid(query(&client, sql, []).await);
        assert!(said.contains("column v is"), "{sql}: {said}");
    }
    // The connection is as good as before.
    assert_eq!(support::int(&client, "SELECT 1::int4").await, 1);
}

#[tokio::test]
async fn rows_tell_columns_and_how_many_were_returned_or_changed() {
    let client = client();
    query(&client, "CREATE TABLE counted (n int)", [])
        .await
        .unwrap();
    let inserted = query(
        &client,
        "INSERT INTO counted SELECT generate_series(1, 5)",
        [],
    )
    .await
    .unwrap();
    assert_eq!(
        (
            inserted.affected,
            inserted.rows.len(),
            inserted.columns.len()
        ),
        (5, 0, 0)
    );
    let changed = query(
        &client,
        "UPDATE counted SET n = -n WHERE n > 3 RETURNING n AS m, 'x' AS x",
        [],
    )
    .await
    .unwrap();
    assert_eq!(
        (changed.affected, changed.columns),
        (2, vec!["m".to_owned(), "x".to_owned()])
    );
    let read = query(&client, "SELECT n FROM counted WHERE n < 3 ORDER BY n", [])
        .await
        .unwrap();
    assert_eq!(read.affected, 4);
    assert_eq!(
        read.rows,
        [
            [Value::Int(-5)],
            [Value::Int(-4)],
            [Value::Int(1)],
            [Value::Int(2)]
        ]
    );
    let unknown = client.query("nowhere_db", &any("SELECT 1", [])).await;
    assert_eq!(
        unknown,
        Err(Error::Invalid("there is no database nowhere_db".to_owned()))
    );
}
