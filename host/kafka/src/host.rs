//! `eventhub:kafka/producer@0.1.0`, as components import it.

use std::sync::Arc;

use eventhub_link::Link;
use wasmtime::component::Linker;

use crate::{Client, Message, PublishError, Undelivered};

/// The interface's name.
pub const PRODUCER: &str = "eventhub:kafka/producer@0.1.0";

/// Registers the producer for components whose calls go through `link`.
///
/// # Errors
/// When the linker already has the interface.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    client: Client,
    link: Arc<Link>,
) -> wasmtime::Result<()> {
    linker
        .instance(PRODUCER)?
        .func_wrap_async("publish", move |_, (messages,): (Vec<Message>,)| {
            let (client, link) = (client.clone(), link.clone());
            Box::new(async move { Ok((publish(&client, &link, &messages).await,)) })
        })
}

async fn publish(client: &Client, link: &Link, messages: &[Message]) -> Result<(), PublishError> {
    // A faulty message says nothing about Kafka's health.
    let failed =
        |result: &Result<(), Undelivered>| matches!(result, Err(Undelivered::Unavailable(_)));
    match link.call(failed, client.publish(messages)).await {
        Ok(result) => result.map_err(PublishError::from),
        Err(error) => Err(PublishError::Unavailable(error.to_string())),
    }
}
