//! Probes: tiny components, written as text, whose path says how they shall misbehave; and apps
//! made of them.
#![allow(dead_code)]

pub mod plain;
pub mod probe;

use std::time::Duration;

use eventhub_bindings::http::{Request, Response};
use eventhub_link::{Link, LinkConfig};
use eventhub_runtime::{
    AddToLinker, App, AppBuilder, BuildError, ComponentSource, EngineConfig, LinkSpec, PoolConfig,
    Runtime, State,
};
use wasmtime::StoreContextMut;
use wasmtime::component::Linker;

pub fn runtime() -> Runtime {
    Runtime::new(EngineConfig {
        max_instances: 100,
        ..EngineConfig::default()
    })
    .unwrap()
}

/// A capability whose calls take as long as their argument says.
pub fn clock() -> AddToLinker {
    Box::new(
        |linker: &mut Linker<State>, _component, _link: std::sync::Arc<Link>| {
            linker.instance("test:clock/clock@0.1.0")?.func_wrap_async(
                "sleep",
                |_: StoreContextMut<'_, State>, (ms,): (u64,)| {
                    Box::new(async move {
                        tokio::time::sleep(Duration::from_millis(ms)).await;
                        Ok(())
                    })
                },
            )
        },
    )
}

/// With a deadline that is reached only by what never ends.
pub fn pool() -> PoolConfig {
    PoolConfig {
        max_instances: 4,
        max_queued: 4,
        deadline_ms: 30_000,
        memory_mb: 8,
        ..PoolConfig::default()
    }
}

pub fn source(name: &str, wasm: Vec<u8>, pool: PoolConfig) -> ComponentSource {
    ComponentSource {
        name: name.into(),
        wasm,
        pool,
        env: Vec::new(),
    }
}

pub fn link(source: &str, target: &str, package: &str, config: LinkConfig) -> LinkSpec {
    LinkSpec {
        source: source.into(),
        target: target.into(),
        package: package.into(),
        config,
    }
}

/// One probe, called `probe`.
pub fn alone(pool: PoolConfig) -> App {
    let mut builder = AppBuilder::new(&runtime());
    builder
        .capability("test:clock", clock())
        .component(source("probe", probe::caller().wasm(), pool))
        .link(link(
            "probe",
            "test:clock",
            "test:clock",
            LinkConfig::default(),
        ));
    builder.build().unwrap()
}

/// `caller` → `callee`.
pub fn pair(config: LinkConfig, callee: PoolConfig) -> App {
    try_pair(config, callee, probe::caller().calls()).unwrap()
}

pub fn try_pair(
    config: LinkConfig,
    callee: PoolConfig,
    caller: probe::Probe,
) -> Result<App, BuildError> {
    let mut builder = AppBuilder::new(&runtime());
    builder
        .capability("test:clock", clock())
        .component(source("caller", caller.wasm(), pool()))
        .component(source("callee", probe::callee().wasm(), callee))
        .link(link(
            "caller",
            "test:clock",
            "test:clock",
            LinkConfig::default(),
        ))
        .link(link(
            "callee",
            "test:clock",
            "test:clock",
            LinkConfig::default(),
        ))
        .link(link("caller", "callee", "eventhub:callee", config));
    builder.build()
}

pub fn get(path: &str) -> Request {
    Request {
        method: "GET".into(),
        path: path.into(),
        headers: vec![("accept".into(), "*/*".into())],
        request_id: "r-1".into(),
        traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into(),
        ..Request::default()
    }
}

/// How often the instance that answered has been asked to count.
pub fn count(response: &Response) -> u32 {
    assert_eq!(
        response.status,
        200,
        "{}",
        String::from_utf8_lossy(&response.body)
    );
    u32::from_le_bytes(response.body[..4].try_into().unwrap())
}

/// The `code` of a problem document.
pub fn code(response: &Response) -> String {
    assert_eq!(
        response.header("content-type"),
        Some("application/problem+json")
    );
    let body = String::from_utf8_lossy(&response.body).into_owned();
    assert!(body.contains("\"request_id\":\"r-1\""), "{body}");
    body.split("\"code\":\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap()
        .to_owned()
}
