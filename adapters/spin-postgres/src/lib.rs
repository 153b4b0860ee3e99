//! `eventhub:postgres/sql` over `spin:postgres/postgres@4.0.0`, for components that run under Spin.
//!
//! A whole transaction is sent as one `DO` block ([`block`]). To the server it is one statement, so
//! it is atomic without a BEGIN, which a trapping guest would leave open in Spin's pool. Values
//! replace `$1`, `$2` … ([`scan`]) as constants ([`literal`]) of the types that the server reports,
//! since Spin's parameters lack types that components use; rows come back in the server's binary
//! form ([`answer`]). The block refuses to run inside a transaction that another component left
//! open: the adapter then rolls that transaction back and sends the block again.
//!
//! The type of the parameter alone decides the conversion of a value: unlike our host, the adapter
//! does not refuse an `int` for a text parameter.
//!
//! Variables name the databases: `POSTGRES_URL_EVENT_DB` is the address of `event_db`.
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]

mod answer;
mod block;
mod failure;
mod literal;
mod scan;

#[allow(missing_docs, clippy::all)]
mod bindings {
    wit_bindgen::generate!({
        inline: "package eventhub:spin-postgres@0.1.0; world adapter { import spin:postgres/postgres@4.0.0; export eventhub:postgres/sql@0.1.0; }",
        path: ["../../wit", "wit"],
        world: "eventhub:spin-postgres/adapter@0.1.0",
        generate_all,
    });
}

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, SystemTime};

use bindings::exports::eventhub::postgres::sql::{
    Error, Guest, Isolation, Options, Rows, Statement,
};
use bindings::spin::postgres::postgres::{Connection, DbValue, Error as SpinError, ParameterValue};
use failure::Failure;

/// The retries of a single query, as on our host.
const QUERY_RETRIES: u8 = 3;

/// A pooler between Spin and the server gave each statement a different session.
const POOLER: &str = "a pooler has to give a connection a session of its own";

struct Adapter;

impl Guest for Adapter {
    fn query(database: String, statement: Statement) -> Result<Rows, Error> {
        let options = Options {
            isolation: Isolation::ReadCommitted,
            retries: QUERY_RETRIES,
        };
        let rows = Self::transaction(database, vec![statement], options)?;
        rows.into_iter()
            .next()
            .ok_or_else(|| Error::Invalid("no statement".into()))
    }

    fn transaction(
        database: String,
        statements: Vec<Statement>,
        options: Options,
    ) -> Result<Vec<Rows>, Error> {
        let variable = format!("POSTGRES_URL_{}", database.to_uppercase().replace('-', "_"));
        let url = std::env::var(&variable).map_err(|_| {
            Error::Invalid(format!(
                "there is no database {database} ({variable} is not set)"
            ))
        })?;
        if statements.is_empty() {
            return Ok(vec![]);
        }
        let mark = format!("{:016x}", RandomState::new().build_hasher().finish());
        let block = block::block(&statements, options.isolation, &mark).map_err(Error::Invalid)?;
        for tried in 0.. {
            match attempt(&url, &block, statements.len()) {
                Ok(answer) => {
                    let answer = answer.strip_prefix(&mark).ok_or_else(|| {
                        Error::Unavailable(format!(
                            "{database}: the session was another's: {POOLER}"
                        ))
                    })?;
                    return answer::read(answer, statements.len()).map_err(Error::Invalid);
                }
                Err(Failure::Again(_)) if tried < options.retries => {
                    std::thread::sleep(pause(tried))
                }
                Err(failure) => return Err(failure.told(&database)),
            }
        }
        Err(Error::Unavailable(database))
    }
}

/// Runs the block on a connection of Spin's pool and fetches its answer.
#[allow(
    clippy::result_large_err,
    reason = "Spin's errors are as large as they are"
)]
fn attempt(url: &str, block: &str, statements: usize) -> Result<String, Failure> {
    let connection = Connection::open(url).map_err(|error| failure::of(error, statements))?;
    let run = |text: &str| connection.query(text, &[] as &[ParameterValue]);
    let mut outcome = run(block);
    if outcome.as_ref().is_err_and(failure::is_left_open) {
        run("ROLLBACK").map_err(|error| failure::of(error, statements))?;
        outcome = run(block);
    }
    outcome.map_err(|error| failure::of(error, statements))?;
    let rows = run(block::ANSWER)
        .map_err(|error| failure::of(error, statements))?
        .rows;
    match rows.into_iter().flatten().next() {
        Some(DbValue::Str(answer)) => Ok(answer),
        other => Err(failure::of(
            SpinError::Other(format!("the answer of the block is {other:?}")),
            statements,
        )),
    }
}

/// Doubles from 2 ms up to 64 ms; half of it is random, so that colliding transactions do not
/// collide again.
fn pause(tried: u8) -> Duration {
    let chance = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |now| now.subsec_nanos() % 1_000);
    let longest = f64::from(2u32 << tried.min(5));
    Duration::from_secs_f64(longest * (0.5 + f64::from(chance) / 2_000.0) / 1_000.0)
}

#[cfg(target_arch = "wasm32")]
bindings::export!(Adapter with_types_in bindings);
