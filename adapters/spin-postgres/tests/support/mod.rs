//! As much of a Spin host as the adapter imports, after crates/factor-outbound-pg of Spin: a pool of 64 connections whose recycling
//! has no ROLLBACK, an instance per call, errors as Spin words them.

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod};
use eventhub_postgres::{Error, Options, Rows, Statement};
use std::collections::HashMap;
use std::path::Path;
use tokio_postgres::NoTls;
use wasmtime::component::{Component, Instance, Linker, Resource, ResourceTable, ResourceType, Val};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

/// The adapter as it was built, in the manner of Spin.
#[derive(Clone)]
pub struct Spin {
    engine: Engine,
    component: Component,
    pool: Pool,
    url: String,
}

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    pool: Pool,
    url: String,
    connections: HashMap<u32, Object>,
}

struct Connection;

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl Spin {
    pub fn new(url: &str) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/components/adapters/spin_postgres.wasm");
        let engine = Engine::new(&Config::new()).unwrap();
        let component = Component::from_file(&engine, &file).unwrap_or_else(|error| panic!("{}: {error}; is it built? (make components)", file.display()));
        let clean = ManagerConfig { recycling_method: RecyclingMethod::Clean };
        let pool = Pool::builder(Manager::from_config(url.parse().unwrap(), NoTls, clean)).max_size(64).build().unwrap();
        Self { engine, component, pool, url: url.into() }
    }

    /// A connection of Spin's pool, as another component of the same application gets it.
    pub async fn checkout(&self) -> Object {
        self.pool.get().await.unwrap()
    }

    pub async fn transaction(&self, statements: &[Statement], options: Options) -> Result<Vec<Rows>, Error> {
        let (mut store, instance) = self.instance().await;
        let export = export(&mut store, &instance, "transaction");
        let function = instance.get_typed_func::<(&str, &[Statement], Options), (Result<Vec<Rows>, Error>,)>(&mut store, export).unwrap();
        function.call_async(&mut store, ("test_db", statements, options)).await.unwrap().0
    }

    pub async fn query(&self, statement: &Statement) -> Result<Rows, Error> {
        let (mut store, instance) = self.instance().await;
        let export = export(&mut store, &instance, "query");
        let function = instance.get_typed_func::<(&str, &Statement), (Result<Rows, Error>,)>(&mut store, export).unwrap();
        function.call_async(&mut store, ("test_db", statement)).await.unwrap().0
    }

    async fn instance(&self) -> (Store<State>, Instance) {
        let mut linker = Linker::new(&self.engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
        add_postgres(&mut linker);
        let wasi = WasiCtx::builder().env("POSTGRES_URL_TEST_DB", &self.url).inherit_stderr().build();
        let state = State { wasi, table: ResourceTable::new(), pool: self.pool.clone(), url: self.url.clone(), connections: HashMap::new() };
        let mut store = Store::new(&self.engine, state);
        let instance = linker.instantiate_async(&mut store, &self.component).await.unwrap();
        (store, instance)
    }
}

fn export(store: &mut Store<State>, instance: &Instance, name: &str) -> wasmtime::component::ComponentExportIndex {
    let sql = instance.get_export_index(&mut *store, None, "eventhub:postgres/sql@0.1.0").unwrap();
    instance.get_export_index(store, Some(&sql), name).unwrap()
}

fn add_postgres(linker: &mut Linker<State>) {
    let mut postgres = linker.instance("spin:postgres/postgres@4.0.0").unwrap();
    let drop_connection = |mut store: wasmtime::StoreContextMut<'_, State>, rep| {
        store.data_mut().connections.remove(&rep);
        Ok(())
    };
    postgres.resource("connection", ResourceType::host::<Connection>(), drop_connection).unwrap();
    postgres
        .func_new_async("[static]connection.open", |mut store, _, arguments, results| {
            Box::new(async move {
                assert_eq!(arguments[0], Val::String(store.data().url.clone()));
                let client = store.data().pool.clone().get().await;
                results[0] = match client {
                    Ok(client) => {
                        let rep = store.data().connections.len() as u32;
                        store.data_mut().connections.insert(rep, client);
                        let resource = Resource::<Connection>::new_own(rep).try_into_resource_any(&mut store)?;
                        Val::Result(Ok(Some(Box::new(Val::Resource(resource)))))
                    }
                    Err(error) => failed(variant("connection-failed", Val::String(format!("{error:?}")))),
                };
                Ok(())
            })
        })
        .unwrap();
    postgres
        .func_new_async("[method]connection.query", |mut store, _, arguments, results| {
            Box::new(async move {
                let [Val::Resource(connection), Val::String(statement), Val::List(parameters)] = arguments else { panic!("{arguments:?}") };
                assert!(parameters.is_empty());
                let rep = connection.try_into_resource::<Connection>(&mut store)?.rep();
                let rows = store.data().connections[&rep].query(statement.as_str(), &[]).await;
                results[0] = match rows {
                    Ok(rows) => {
                        let rows = rows.iter().map(|row| Val::List((0..row.len()).map(|at| variant("str", Val::String(row.get(at)))).collect()));
                        let set = Val::Record(vec![("columns".into(), Val::List(vec![])), ("rows".into(), Val::List(rows.collect()))]);
                        Val::Result(Ok(Some(Box::new(set))))
                    }
                    Err(error) => failed(variant("query-failed", query_failed(&error))),
                };
                Ok(())
            })
        })
        .unwrap();
}

fn variant(name: &str, value: Val) -> Val {
    Val::Variant(name.into(), Some(Box::new(value)))
}

fn failed(error: Val) -> Val {
    Val::Result(Err(Some(Box::new(error))))
}

/// `query_failed` and `pg_extras` of Spin's client.rs.
fn query_failed(error: &tokio_postgres::Error) -> Val {
    let text = |text: &str| Val::String(text.into());
    let Some(said) = error.as_db_error() else { return variant("text", Val::String(format!("{error:?}"))) };
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
    let extras = extras.into_iter().filter_map(|(name, value)| Some(Val::Tuple(vec![text(name), text(value?)])));
    variant(
        "db-error",
        Val::Record(vec![
            ("as-text".into(), Val::String(format!("{error:?}"))),
            ("severity".into(), text(said.severity())),
            ("code".into(), text(said.code().code())),
            ("message".into(), text(said.message())),
            ("detail".into(), Val::Option(said.detail().map(|detail| Box::new(text(detail))))),
            ("extras".into(), Val::List(extras.collect())),
        ]),
    )
}
