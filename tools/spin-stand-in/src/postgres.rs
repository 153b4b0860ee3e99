//! `spin:postgres/postgres@4.0.0`, after crates/factor-outbound-pg of Spin: a pool of 64
//! connections for each component and address, whose recycling has no ROLLBACK, and errors in
//! Spin's words. Only the part that the adapter uses: queries without parameters, and text results.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod};
use tokio_postgres::NoTls;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceType, Val};
use wasmtime_wasi::WasiView;

use crate::{failed, succeeded, variant};

/// The pools of one component, by address.
#[derive(Clone, Default)]
pub struct Pools(Arc<Mutex<HashMap<String, Pool>>>);

impl Pools {
    /// The pool of an address.
    ///
    /// # Errors
    /// The address is invalid.
    pub fn of(&self, url: &str) -> Result<Pool, String> {
        let mut pools = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = pools.get(url) {
            return Ok(pool.clone());
        }
        let manager = ManagerConfig {
            recycling_method: RecyclingMethod::Clean,
        };
        let manager = Manager::from_config(
            url.parse().map_err(|error| format!("{error:?}"))?,
            NoTls,
            manager,
        );
        let pool = Pool::builder(manager)
            .max_size(64)
            .build()
            .map_err(|error| format!("{error:?}"))?;
        pools.insert(url.into(), pool.clone());
        Ok(pool)
    }
}

/// The store data of a component that connects; its table holds the connections.
pub trait View: WasiView + 'static {
    /// Whether an address is allowed.
    fn may_connect(&self, url: &str) -> bool;
    /// The component's pools.
    fn pools(&self) -> &Pools;
}

/// # Errors
/// The interface is already defined.
pub fn add_to_linker<T: View>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut postgres = linker.instance("spin:postgres/postgres@4.0.0")?;
    let close = |mut store: StoreContextMut<'_, T>, rep| {
        drop(
            store
                .data_mut()
                .ctx()
                .table
                .delete(Resource::<Object>::new_own(rep))?,
        );
        Ok(())
    };
    postgres.resource("connection", ResourceType::host::<Object>(), close)?;
    postgres.func_new_async(
        "[static]connection.open",
        |mut store, _, arguments, results| {
            Box::new(async move {
                let [Val::String(url)] = arguments else {
                    wasmtime::bail!("open of {arguments:?}")
                };
                let opened = match store.data().may_connect(url) {
                    true => match store.data().pools().of(url) {
                        Ok(pool) => pool.get().await.map_err(|error| format!("{error:?}")),
                        Err(error) => Err(error),
                    },
                    false => Err(format!("address {url} is not permitted")),
                };
                results[0] = match opened {
                    Ok(client) => succeeded(Val::Resource(
                        store
                            .data_mut()
                            .ctx()
                            .table
                            .push(client)?
                            .try_into_resource_any(&mut store)?,
                    )),
                    Err(error) => failed(variant("connection-failed", Val::String(error))),
                };
                Ok(())
            })
        },
    )?;
    postgres.func_new_async(
        "[method]connection.query",
        |mut store, _, arguments, results| {
            Box::new(async move {
                let [
                    Val::Resource(connection),
                    Val::String(statement),
                    Val::List(parameters),
                ] = arguments
                else {
                    wasmtime::bail!("query of {arguments:?}")
                };
                wasmtime::ensure!(parameters.is_empty(), "the adapter sends no parameters");
                let connection = connection.try_into_resource::<Object>(&mut store)?;
                let client = store.data_mut().ctx().table.get(&connection)?;
                results[0] = match client.query(statement.as_str(), &[]).await {
                    Ok(rows) => {
                        let rows = rows.iter().map(|row| {
                            Val::List(
                                (0..row.len())
                                    .map(|at| variant("str", Val::String(row.get(at))))
                                    .collect(),
                            )
                        });
                        succeeded(Val::Record(vec![
                            ("columns".into(), Val::List(vec![])),
                            ("rows".into(), Val::List(rows.collect())),
                        ]))
                    }
                    Err(error) => failed(variant("query-failed", query_failed(&error))),
                };
                Ok(())
            })
        },
    )?;
    Ok(())
}

/// `query_failed` and `pg_extras` of Spin's client.rs.
fn query_failed(error: &tokio_postgres::Error) -> Val {
    let text = |text: &str| Val::String(text.into());
    let Some(said) = error.as_db_error() else {
        return variant("text", Val::String(format!("{error:?}")));
    };
    let extras = [
        ("column", said.column()),
        ("constraint", said.constraint()),
        ("routine", said.routine()),
        ("hint", said.hint()),
        ("table", said.table()),
        ("schema", said.schema()),
        ("file", said.file()),
        ("where_", said.where_()),
    ];
    let extras = extras
        .into_iter()
        .filter_map(|(name, value)| Some(Val::Tuple(vec![text(name), text(value?)])));
    variant(
        "db-error",
        Val::Record(vec![
            ("as-text".into(), Val::String(format!("{error:?}"))),
            ("severity".into(), text(said.severity())),
            ("code".into(), text(said.code().code())),
            ("message".into(), text(said.message())),
            (
                "detail".into(),
                Val::Option(said.detail().map(|detail| Box::new(text(detail)))),
            ),
            ("extras".into(), Val::List(extras.collect())),
        ]),
    )
}
