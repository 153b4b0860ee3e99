//! `eventhub:redis/commands` over `fermyon:spin/redis@2.0.0`, for components that run under Spin.
//!
//! Spin flattens every reply of Redis into one list: a list of one item looks like that item, an
//! empty list looks like nil, and errors are sentences. So every call goes through a script that
//! records the kind of each reply ([`script`], [`reply`]); several commands share one round trip.
//! The adapter does not support numbers of more than 53 bits in replies (it refuses them), commands
//! that Redis refuses in scripts (such as commands that change or block a connection), or keys on
//! several nodes of a cluster.
//!
//! `REDIS_URL` is the address of Redis. Spin does not pool connections: each request that needs
//! Redis opens one.
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]

mod reply;
mod script;

#[allow(missing_docs, clippy::all)]
mod bindings {
    wit_bindgen::generate!({
        inline: "package eventhub:spin-redis@0.1.0; world adapter { import fermyon:spin/redis@2.0.0; export eventhub:redis/commands@0.1.0; }",
        path: ["../../wit", "wit"],
        world: "eventhub:spin-redis/adapter@0.1.0",
        generate_all,
    });
}

use std::cell::RefCell;

use bindings::exports::eventhub::redis::commands::{Command, Error, Guest, Reply};
use bindings::fermyon::spin::redis::{Connection, Error as SpinError, RedisParameter, RedisResult};

thread_local! {
    /// The connection lives as long as the instance, which serves one request.
    static CONNECTION: RefCell<Option<Connection>> = const { RefCell::new(None) };
}

struct Adapter;

impl Guest for Adapter {
    fn execute(command: Command) -> Result<Reply, Error> {
        one(Self::pipeline(vec![command])?)
    }

    fn pipeline(commands: Vec<Command>) -> Result<Vec<Result<Reply, Error>>, Error> {
        if commands.is_empty() {
            return Ok(vec![]);
        }
        if commands.iter().any(Vec::is_empty) {
            return Err(Error::Invalid("a command without a name".into()));
        }
        let words = commands.iter().flat_map(|words| {
            std::iter::once(words.len().to_string().into_bytes()).chain(words.iter().cloned())
        });
        let replies = reply::replies(run(&script::commands(), &[], words.collect())?)?;
        if replies.len() != commands.len() {
            return Err(Error::Invalid(format!(
                "{} of {} commands were answered",
                replies.len(),
                commands.len()
            )));
        }
        Ok(replies)
    }

    fn script(source: String, keys: Vec<Vec<u8>>, args: Vec<Vec<u8>>) -> Result<Reply, Error> {
        one(reply::replies(run(
            &script::wrapped(&source),
            &keys,
            args,
        )?)?)
    }
}

fn one(replies: Vec<Result<Reply, Error>>) -> Result<Reply, Error> {
    replies
        .into_iter()
        .next()
        .unwrap_or_else(|| Err(Error::Invalid("no reply".into())))
}

/// A script by its hash, or by its source when the server does not know the hash.
fn run(source: &str, keys: &[Vec<u8>], args: Vec<Vec<u8>>) -> Result<Vec<RedisResult>, Error> {
    let first = RedisParameter::Binary(script::hash(source).into_bytes());
    let count = RedisParameter::Int64(i64::try_from(keys.len()).unwrap_or(i64::MAX));
    let words = keys.iter().cloned().chain(args).map(RedisParameter::Binary);
    let mut parameters: Vec<RedisParameter> = [first, count].into_iter().chain(words).collect();
    match send("EVALSHA", &parameters) {
        Err(SpinError::Other(text)) if is_unknown_script(&text) => {
            // EVAL caches the script, too, which saves the round trip of SCRIPT LOAD.
            parameters[0] = RedisParameter::Binary(source.as_bytes().to_vec());
            send("EVAL", &parameters)
        }
        answer => answer,
    }
    .map_err(told)
}

fn send(command: &str, parameters: &[RedisParameter]) -> Result<Vec<RedisResult>, SpinError> {
    CONNECTION.with_borrow_mut(|kept| {
        let connection = match kept.take() {
            Some(connection) => connection,
            None => Connection::open(
                &std::env::var("REDIS_URL")
                    .map_err(|_| SpinError::Other("REDIS_URL is not set".into()))?,
            )?,
        };
        let answer = connection.execute(command, parameters);
        // A connection that failed may be broken. Only an unknown script, which is a common answer,
        // keeps it.
        if answer.is_ok()
            || matches!(&answer, Err(SpinError::Other(text)) if is_unknown_script(text))
        {
            *kept = Some(connection);
        }
        answer
    })
}

/// The error code of Redis (NOSCRIPT), or the driver's name for it, which depends on the driver's
/// version: NoScriptError, NoScript.
fn is_unknown_script(text: &str) -> bool {
    text.to_ascii_uppercase().contains("NOSCRIPT")
}

/// Errors of the call itself: scripts catch the errors of their commands.
fn told(error: SpinError) -> Error {
    match error {
        SpinError::InvalidAddress => Error::Unavailable(
            "redis: REDIS_URL is not an address that this component may use".into(),
        ),
        SpinError::TooManyConnections => Error::Unavailable("redis: too many connections".into()),
        SpinError::TypeError => Error::Invalid("a kind of reply that is not supported".into()),
        // An error from Redis before the script ran; the driver puts a colon after the code, and
        // names ERR a ResponseError.
        SpinError::Other(text) => match (text.split_once("ResponseError: "), text.split_once(": "))
        {
            (Some((_, said)), _) => Error::Refused(format!("ERR {said}")),
            (_, Some((code, said))) if code.bytes().all(|byte| byte.is_ascii_uppercase()) => {
                reply::said(format!("{code} {said}"))
            }
            _ => Error::Unavailable(format!("redis: {text}")),
        },
    }
}

#[cfg(target_arch = "wasm32")]
bindings::export!(Adapter with_types_in bindings);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_connection_is_unavailable_and_a_redis_error_is_not() {
        let told = |text: &str| told(SpinError::Other(text.into()));
        assert!(matches!(
            told("Connection refused (os error 111)"),
            Error::Unavailable(_)
        ));
        assert!(matches!(told("broken pipe"), Error::Unavailable(_)));
        assert!(
            matches!(told("OOM: command not allowed when used memory > 'maxmemory'."), Error::Refused(text) if text.starts_with("OOM command"))
        );
        for text in [
            "ResponseError: Error compiling script",
            "An error was signalled by the server - ResponseError: Error compiling script",
        ] {
            assert!(
                matches!(told(text), Error::Refused(text) if text == "ERR Error compiling script"),
                "{text}"
            );
        }
        assert!(matches!(
            told("LOADING: Redis is loading the dataset in memory"),
            Error::Unavailable(_)
        ));
        assert!(is_unknown_script(
            "NOSCRIPT: No matching script. Please use EVAL."
        ));
        assert!(is_unknown_script(
            "NoScript: No matching script. Please use EVAL."
        ));
        assert!(is_unknown_script(
            "An error was signalled by the server - NoScriptError: No matching script."
        ));
    }
}
