//! Runs the adapter in an instance per call, over the Spin interface of our stand-in for Spin.

use std::path::Path;

use deadpool_postgres::Object;
use eventhub_postgres::{Error, Options, Rows, Statement};
use eventhub_spin_stand_in::postgres::{Pools, View, add_to_linker};
use wasmtime::component::{Component, Instance, Linker, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

/// The built adapter, run as Spin runs it.
#[derive(Clone)]
pub struct Spin {
    engine: Engine,
    component: Component,
    pools: Pools,
    url: String,
}

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    pools: Pools,
    url: String,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl View for State {
    fn may_connect(&self, url: &str) -> bool {
        url == self.url
    }

    fn pools(&self) -> &Pools {
        &self.pools
    }
}

impl Spin {
    pub fn new(url: &str) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../target/components/adapters/spin_postgres.wasm");
        let engine = Engine::default();
        let component = Component::from_file(&engine, &file).unwrap_or_else(|error| {
            panic!(
                "{}: {error}; is it built? (make components)",
                file.display()
            )
        });
        Self {
            engine,
            component,
            pools: Pools::default(),
            url: url.into(),
        }
    }

    /// A connection of Spin's pool, as another component of the same application would get it.
    pub async fn checkout(&self) -> Object {
        self.pools.of(&self.url).unwrap().get().await.unwrap()
    }

    pub async fn transaction(
        &self,
        statements: &[Statement],
        options: Options,
    ) -> Result<Vec<Rows>, Error> {
        let (mut store, instance) = self.instance().await;
        let export = export(&mut store, &instance, "transaction");
        let function = instance
            .get_typed_func::<(&str, &[Statement], Options), (Result<Vec<Rows>, Error>,)>(
                &mut store, export,
            )
            .unwrap();
        function
            .call_async(&mut store, ("test_db", statements, options))
            .await
            .unwrap()
            .0
    }

    pub async fn query(&self, statement: &Statement) -> Result<Rows, Error> {
        let (mut store, instance) = self.instance().await;
        let export = export(&mut store, &instance, "query");
        let function = instance
            .get_typed_func::<(&str, &Statement), (Result<Rows, Error>,)>(&mut store, export)
            .unwrap();
        function
            .call_async(&mut store, ("test_db", statement))
            .await
            .unwrap()
            .0
    }

    async fn instance(&self) -> (Store<State>, Instance) {
        let mut linker = Linker::new(&self.engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
        add_to_linker(&mut linker).unwrap();
        let wasi = WasiCtx::builder()
            .env("POSTGRES_URL_TEST_DB", &self.url)
            .inherit_stderr()
            .build();
        let state = State {
            wasi,
            table: ResourceTable::new(),
            pools: self.pools.clone(),
            url: self.url.clone(),
        };
        let mut store = Store::new(&self.engine, state);
        let instance = linker
            .instantiate_async(&mut store, &self.component)
            .await
            .unwrap();
        (store, instance)
    }
}

fn export(
    store: &mut Store<State>,
    instance: &Instance,
    name: &str,
) -> wasmtime::component::ComponentExportIndex {
    let sql = instance
        .get_export_index(&mut *store, None, "eventhub:postgres/sql@0.1.0")
        .unwrap();
    instance.get_export_index(store, Some(&sql), name).unwrap()
}
