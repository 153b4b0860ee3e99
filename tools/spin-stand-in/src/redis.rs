//! `fermyon:spin/redis@2.0.0`, after crates/factor-outbound-redis of Spin: a connection for each `open`, and every reply one flat list.
//! Only what the adapter uses: `execute`.

use crate::{failed, succeeded, variant};
use ::redis::aio::MultiplexedConnection;
use ::redis::{Client, FromRedisValue, ParsingError, RedisError, Value};
use std::collections::HashMap;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceType, Val};

/// The connections of one instance.
pub struct Connections {
    may: Box<dyn Fn(&str) -> bool + Send>,
    open: HashMap<u32, MultiplexedConnection>,
    next: u32,
}

impl Connections {
    /// `may`: whether an address is allowed.
    pub fn new(may: Box<dyn Fn(&str) -> bool + Send>) -> Self {
        Self { may, open: HashMap::new(), next: 0 }
    }
}

/// Store data that has connections.
pub trait View: Send + 'static {
    fn redis(&mut self) -> &mut Connections;
}

struct Connection;

/// # Errors
/// The interface is defined already.
pub fn add_to_linker<T: View>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut redis = linker.instance("fermyon:spin/redis@2.0.0")?;
    let close = |mut store: StoreContextMut<'_, T>, rep| {
        store.data_mut().redis().open.remove(&rep);
        Ok(())
    };
    redis.resource("connection", ResourceType::host::<Connection>(), close)?;
    redis.func_new_async("[static]connection.open", |mut store, _, arguments, results| {
        Box::new(async move {
            let [Val::String(url)] = arguments else { wasmtime::bail!("open of {arguments:?}") };
            if !(store.data_mut().redis().may)(url) {
                results[0] = failed(Val::Variant("invalid-address".into(), None));
                return Ok(());
            }
            let connected = match Client::open(url.as_str()) {
                Ok(client) => client.get_multiplexed_async_connection().await,
                Err(error) => Err(error),
            };
            results[0] = match connected {
                Ok(connection) => {
                    let connections = store.data_mut().redis();
                    let rep = connections.next;
                    connections.next += 1;
                    connections.open.insert(rep, connection);
                    succeeded(Val::Resource(Resource::<Connection>::new_own(rep).try_into_resource_any(&mut store)?))
                }
                Err(error) => other(&error),
            };
            Ok(())
        })
    })?;
    redis.func_new_async("[method]connection.execute", |mut store, _, arguments, results| {
        Box::new(async move {
            let [Val::Resource(connection), Val::String(name), Val::List(parameters)] = arguments else { wasmtime::bail!("execute of {arguments:?}") };
            let rep = connection.try_into_resource::<Connection>(&mut store)?.rep();
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
            let Some(connection) = store.data_mut().redis().open.get_mut(&rep) else { wasmtime::bail!("no connection {rep}") };
            results[0] = match command.query_async::<Flat>(connection).await {
                Ok(Flat(list)) => succeeded(Val::List(list)),
                Err(error) => other(&error),
            };
            Ok(())
        })
    })?;
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
                Value::BulkString(bytes) => list.push(variant("binary", Val::List(bytes.into_iter().map(Val::U8).collect()))),
                Value::SimpleString(text) => list.push(variant("status", Val::String(text))),
                Value::Okay => list.push(variant("status", Val::String("OK".into()))),
                Value::Array(values) => return values.into_iter().try_for_each(|value| append(list, value)),
                other => return Err(format!("could not convert value to redis result: {other:?}").into()),
            }
            Ok(())
        }
        let mut list = Vec::new();
        append(&mut list, value)?;
        Ok(Self(list))
    }
}
