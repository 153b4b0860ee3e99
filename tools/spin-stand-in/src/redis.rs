//! `fermyon:spin/redis@2.0.0`, after crates/factor-outbound-redis of Spin: a connection for each
//! `open`, and every reply as one flat list. Only the part that the adapter uses: `execute`.

use ::redis::aio::MultiplexedConnection;
use ::redis::{Client, FromRedisValue, ParsingError, RedisError, Value};
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceType, Val};
use wasmtime_wasi::WasiView;

use crate::{failed, succeeded, variant};

/// The store data of a component that connects; its table holds the connections.
pub trait View: WasiView + 'static {
    /// Whether an address is allowed.
    fn may_connect(&self, url: &str) -> bool;
}

/// # Errors
/// The interface is already defined.
pub fn add_to_linker<T: View>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut redis = linker.instance("fermyon:spin/redis@2.0.0")?;
    let close = |mut store: StoreContextMut<'_, T>, rep| {
        drop(
            store
                .data_mut()
                .ctx()
                .table
                .delete(Resource::<MultiplexedConnection>::new_own(rep))?,
        );
        Ok(())
    };
    redis.resource(
        "connection",
        ResourceType::host::<MultiplexedConnection>(),
        close,
    )?;
    redis.func_new_async(
        "[static]connection.open",
        |mut store, _, arguments, results| {
            Box::new(async move {
                let [Val::String(url)] = arguments else {
                    wasmtime::bail!("open of {arguments:?}")
                };
                if !store.data().may_connect(url) {
                    results[0] = failed(Val::Variant("invalid-address".into(), None));
                    return Ok(());
                }
                let connected = match Client::open(url.as_str()) {
                    Ok(client) => client.get_multiplexed_async_connection().await,
                    Err(error) => Err(error),
                };
                results[0] = match connected {
                    Ok(connection) => succeeded(Val::Resource(
                        store
                            .data_mut()
                            .ctx()
                            .table
                            .push(connection)?
                            .try_into_resource_any(&mut store)?,
                    )),
                    Err(error) => other(&error),
                };
                Ok(())
            })
        },
    )?;
    redis.func_new_async(
        "[method]connection.execute",
        |mut store, _, arguments, results| {
            Box::new(async move {
                let [
                    Val::Resource(connection),
                    Val::String(name),
                    Val::List(parameters),
                ] = arguments
                else {
                    wasmtime::bail!("execute of {arguments:?}")
                };
                let connection =
                    connection.try_into_resource::<MultiplexedConnection>(&mut store)?;
                let mut command = ::redis::cmd(name);
                for parameter in parameters {
                    match parameter {
                        Val::Variant(_, Some(value)) => match &**value {
                            Val::S64(number) => _ = command.arg(*number),
                            Val::List(list) => _ = command.arg(bytes(list)?),
                            other => wasmtime::bail!("parameter {other:?}"),
                        },
                        other => wasmtime::bail!("parameter {other:?}"),
                    }
                }
                let connection = store.data_mut().ctx().table.get_mut(&connection)?;
                results[0] = match command.query_async::<Flat>(connection).await {
                    Ok(Flat(list)) => succeeded(Val::List(list)),
                    Err(error) => other(&error),
                };
                Ok(())
            })
        },
    )?;
    Ok(())
}

fn other(error: &RedisError) -> Val {
    failed(variant("other", Val::String(error.to_string())))
}

fn bytes(list: &[Val]) -> wasmtime::Result<Vec<u8>> {
    let byte = |value: &Val| match value {
        Val::U8(byte) => Ok(*byte),
        other => wasmtime::bail!("no byte: {other:?}"),
    };
    list.iter().map(byte).collect()
}

/// `RedisResults` of Spin's host.rs.
struct Flat(Vec<Val>);

impl FromRedisValue for Flat {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        fn append(list: &mut Vec<Val>, value: Value) -> Result<(), ParsingError> {
            match value {
                Value::Nil => list.push(Val::Variant("nil".into(), None)),
                Value::Int(number) => list.push(variant("int64", Val::S64(number))),
                Value::BulkString(bytes) => list.push(variant(
                    "binary",
                    Val::List(bytes.into_iter().map(Val::U8).collect()),
                )),
                Value::SimpleString(text) => list.push(variant("status", Val::String(text))),
                Value::Okay => list.push(variant("status", Val::String("OK".into()))),
                Value::Array(values) => {
                    return values.into_iter().try_for_each(|value| append(list, value));
                }
                other => {
                    return Err(
                        format!("could not convert value to redis result: {other:?}").into(),
                    );
                }
            }
            Ok(())
        }
        let mut list = Vec::new();
        append(&mut list, value)?;
        Ok(Self(list))
    }
}
