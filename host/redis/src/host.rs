//! `eventhub:redis/commands@0.1.0` for components.

use std::sync::Arc;

use eventhub_bindings::redis::{Command, Error, Reply};
use eventhub_link::Link;
use wasmtime::component::Linker;

use crate::client::Client;

/// Gives the components of a linker the Redis of a client, each call through the link.
///
/// # Errors
/// When the linker already has the interface.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    client: Client,
    link: Arc<Link>,
) -> wasmtime::Result<()> {
    let mut instance = linker.instance("eventhub:redis/commands@0.1.0")?;

    let shared = (client.clone(), link.clone());
    instance.func_wrap_async("execute", move |_, (command,): (Command,)| {
        let (client, link) = shared.clone();
        Box::new(async move { Ok((call(&link, client.execute(&command)).await,)) })
    })?;

    let shared = (client.clone(), link.clone());
    instance.func_wrap_async("pipeline", move |_, (commands,): (Vec<Command>,)| {
        let (client, link) = shared.clone();
        Box::new(async move {
            let replies: Result<Vec<Result<Reply, Error>>, Error> =
                call(&link, client.pipeline(&commands)).await;
            Ok((replies,))
        })
    })?;

    instance.func_wrap_async(
        "script",
        move |_, (source, keys, args): (String, Vec<Vec<u8>>, Vec<Vec<u8>>)| {
            let (client, link) = (client.clone(), link.clone());
            Box::new(async move { Ok((call(&link, client.script(&source, &keys, &args)).await,)) })
        },
    )
}

/// A command that Redis refuses is not a failure of Redis.
async fn call<R>(link: &Link, work: impl Future<Output = Result<R, Error>>) -> Result<R, Error> {
    let failed = |result: &Result<R, Error>| matches!(result, Err(Error::Unavailable(_)));
    link.call(failed, work)
        .await
        .unwrap_or_else(|error| Err(Error::Unavailable(error.to_string())))
}
