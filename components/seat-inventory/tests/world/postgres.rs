//! The Postgres capability for tests: statements as values, run over tokio-postgres.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use eventhub_guest::bindings::eventhub::postgres::sql as wit;
use eventhub_guest::sql::{Error, Expectation, Statement, Value};
use seat_inventory::ports::Rows;
use tokio::sync::Mutex;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, NoTls, Row};

const CONNECTIONS: usize = 40;

pub struct Postgres {
    runtime: tokio::runtime::Runtime,
    server: eventhub_testing::Postgres,
    clients: Vec<Mutex<Client>>,
}

impl Postgres {
    /// A server with event_db as its migrations make it.
    pub fn start() -> Self {
        let server = eventhub_testing::Postgres::migrated("event_db").unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let url = server.url("event_db");
        let connect = || {
            runtime.block_on(async {
                let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
                tokio::spawn(connection);
                Mutex::new(client)
            })
        };
        let clients = (0..CONNECTIONS).map(|_| connect()).collect();
        Self {
            runtime,
            server,
            clients,
        }
    }

    pub fn psql(&self, sql: &str) -> String {
        self.server.psql("event_db", sql).unwrap()
    }

    pub fn transaction(&self, statements: &[Statement]) -> Result<Vec<Rows>, Error> {
        static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let next = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.runtime.block_on(async {
            let mut client = self.clients[next % CONNECTIONS].lock().await;
            for _ in 0..3 {
                match run(&mut client, statements).await {
                    Err(Error::Serialization(_)) => continue,
                    other => return other,
                }
            }
            run(&mut client, statements).await
        })
    }
}

async fn run(client: &mut Client, statements: &[Statement]) -> Result<Vec<Rows>, Error> {
    let transaction = client.transaction().await.unwrap();
    let mut results = vec![];
    for (number, statement) in statements.iter().enumerate() {
        let failed = |error: tokio_postgres::Error| failure(number, &error);
        let prepared = transaction.prepare(&statement.text).await.map_err(failed)?;
        let params: Vec<Box<dyn ToSql + Sync + Send>> = statement
            .params
            .iter()
            .zip(prepared.params())
            .map(|(value, kind)| parameter(value, kind))
            .collect();
        let params: Vec<&(dyn ToSql + Sync)> = params
            .iter()
            .map(|param| &**param as &(dyn ToSql + Sync))
            .collect();
        let (rows, affected) = match prepared.columns().is_empty() {
            true => (
                vec![],
                transaction
                    .execute(&prepared, &params)
                    .await
                    .map_err(failed)?,
            ),
            false => {
                let rows = transaction
                    .query(&prepared, &params)
                    .await
                    .map_err(failed)?;
                let affected = rows.len() as u64;
                (rows, affected)
            }
        };
        let met = match statement.expect {
            Expectation::Any => true,
            Expectation::Exactly(expected) => affected == u64::from(expected),
            Expectation::AtLeast(least) => affected >= u64::from(least),
        };
        if !met {
            return Err(Error::Conflict {
                statement: number as u32,
                affected,
            });
        }
        let columns = prepared
            .columns()
            .iter()
            .map(|column| column.name().to_string())
            .collect();
        let rows = rows
            .iter()
            .map(|row| (0..row.len()).map(|at| column(row, at)).collect())
            .collect();
        results.push(Rows(wit::Rows {
            columns,
            rows,
            affected,
        }));
    }
    transaction
        .commit()
        .await
        .map_err(|error| failure(statements.len(), &error))?;
    Ok(results)
}

fn failure(statement: usize, error: &tokio_postgres::Error) -> Error {
    let Some(error) = error.as_db_error() else {
        return Error::Invalid(format!("{error:?}"));
    };
    let code = error.code().code();
    match code {
        "40001" | "40P01" => Error::Serialization(error.to_string()),
        _ if code.starts_with("23") => Error::Violation {
            statement: statement as u32,
            code: code.into(),
            constraint: error.constraint().unwrap_or_default().into(),
            detail: error.to_string(),
        },
        _ => Error::Invalid(error.to_string()),
    }
}

fn parameter(value: &Value, kind: &Type) -> Box<dyn ToSql + Sync + Send> {
    let uuid = |(high, low): &(u64, u64)| uuid::Uuid::from_u64_pair(*high, *low);
    match value {
        Value::Null => match *kind {
            Type::TIMESTAMPTZ => Box::new(None::<SystemTime>),
            _ => Box::new(None::<String>),
        },
        Value::Int(number) if *kind == Type::INT4 => Box::new(i32::try_from(*number).unwrap()),
        Value::Int(number) => Box::new(*number),
        Value::Text(text) => Box::new(text.clone()),
        Value::Uuid(halves) => Box::new(uuid(halves)),
        Value::Json(text) => Box::new(serde_json::from_str::<serde_json::Value>(text).unwrap()),
        Value::Timestamp(micros) => Box::new(UNIX_EPOCH + Duration::from_micros(*micros as u64)),
        Value::IntArray(numbers) => Box::new(numbers.clone()),
        Value::TextArray(texts) => Box::new(texts.clone()),
        Value::UuidArray(all) => Box::new(all.iter().map(uuid).collect::<Vec<_>>()),
        other => panic!("not used by this service: {other:?}"),
    }
}

fn column(row: &Row, at: usize) -> Value {
    fn some<T>(value: Option<T>, make: impl Fn(T) -> Value) -> Value {
        value.map_or(Value::Null, make)
    }
    match *row.columns()[at].type_() {
        Type::BOOL => some(row.get(at), Value::Boolean),
        Type::INT4 => some(row.get::<_, Option<i32>>(at), |number| {
            Value::Int(number.into())
        }),
        Type::INT8 => some(row.get(at), Value::Int),
        Type::TEXT => some(row.get(at), Value::Text),
        Type::UUID => some(row.get::<_, Option<uuid::Uuid>>(at), |uuid| {
            Value::Uuid(uuid.as_u64_pair())
        }),
        Type::JSONB => some(row.get::<_, Option<serde_json::Value>>(at), |json| {
            Value::Json(json.to_string())
        }),
        Type::TIMESTAMPTZ => some(row.get::<_, Option<SystemTime>>(at), |time| {
            Value::Timestamp(time.duration_since(UNIX_EPOCH).unwrap().as_micros() as i64)
        }),
        Type::INT8_ARRAY => some(row.get(at), Value::IntArray),
        ref other => panic!("not used by this service: {other}"),
    }
}
