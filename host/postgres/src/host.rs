//! `eventhub:postgres/sql@0.1.0` for components.

use std::sync::Arc;

use eventhub_bindings::postgres::{Error, Options, Rows, Statement};
use eventhub_link::Link;
use wasmtime::component::Linker;

use crate::client::Client;

/// Gives the components of a linker the databases of a client, each call through the link.
///
/// # Errors
/// When the linker already has the interface.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    client: Client,
    link: Arc<Link>,
) -> wasmtime::Result<()> {
    let mut instance = linker.instance("eventhub:postgres/sql@0.1.0")?;

    let (queries, through) = (client.clone(), link.clone());
    instance.func_wrap_async(
        "query",
        move |_, (database, statement): (String, Statement)| {
            let (client, link) = (queries.clone(), through.clone());
            Box::new(async move { Ok((call(&link, client.query(&database, &statement)).await,)) })
        },
    )?;

    instance.func_wrap_async(
        "transaction",
        move |_, (database, statements, options): (String, Vec<Statement>, Options)| {
            let (client, link) = (client.clone(), link.clone());
            Box::new(async move {
                let transaction = client.transaction(&database, &statements, options);
                let result: Result<Vec<Rows>, Error> = call(&link, transaction).await;
                Ok((result,))
            })
        },
    )
}

/// An error caused by the data or by the caller is not a failure of the database.
async fn call<R>(link: &Link, work: impl Future<Output = Result<R, Error>>) -> Result<R, Error> {
    let failed = |result: &Result<R, Error>| matches!(result, Err(Error::Unavailable(_)));
    link.call(failed, work)
        .await
        .unwrap_or_else(|error| Err(Error::Unavailable(error.to_string())))
}
