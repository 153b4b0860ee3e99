//! The functions that the host calls have the types of the WIT. The tests start components made
//! from the WIT, and wasmtime compares every type of every function.

mod support;

use eventhub_runtime::{AppBuilder, CallContext, CallError, Entries};
use support::{get, plain, pool, runtime, source};
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve};

/// Relative to the package, where Cargo runs the tests.
const WIT: &str = "../../wit";

/// A component with these exports. Every call of it traps.
fn component(exports: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    resolve.push_dir(WIT).unwrap();
    let package = resolve
        .push_str(
            "shapes.wit",
            &format!("package test:shapes; world shapes {{ {exports} }}"),
        )
        .unwrap();
    let world = resolve.select_world(&[package], Some("shapes")).unwrap();
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Standard32);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default()
        .module(&module)
        .unwrap()
        .encode()
        .unwrap()
}

#[tokio::test]
async fn all_entry_points_have_the_types_of_the_wit() {
    let mut builder = AppBuilder::new(&runtime());
    let booking = component(
        "export eventhub:booking/routes@0.1.0; export eventhub:booking/events@0.1.0; export eventhub:booking/timers@0.1.0;",
    );
    let inventory = component(
        "export eventhub:seat-inventory/routes@0.1.0; export eventhub:seat-inventory/live@0.1.0;
         export eventhub:seat-inventory/holds@0.1.0;",
    );
    builder
        .component(source("booking", booking, pool()))
        .component(source("seat-inventory", inventory, pool()));
    let app = builder.build().unwrap();
    let expected = Entries {
        routes: true,
        events: true,
        timers: true,
        live: false,
    };
    assert_eq!(app.entries("booking"), Some(expected));
    let expected = Entries {
        routes: true,
        events: false,
        timers: false,
        live: true,
    };
    assert_eq!(app.entries("seat-inventory"), Some(expected));
    app.warm().await.unwrap();

    // The call itself goes through: arguments are lowered, and then the dummy traps.
    let error = app
        .live_read("seat-inventory", "session:x", 7, CallContext::default())
        .await
        .unwrap_err();
    assert!(matches!(error, CallError::Trap { .. }), "{error}");
}

#[tokio::test]
async fn a_component_with_only_wasi_http_is_served_as_well() {
    let mut builder = AppBuilder::new(&runtime());
    builder.component(source("plain", plain::wasm(), pool()));
    let app = builder.build().unwrap();
    assert!(app.entries("plain").unwrap().routes);
    for (path, query, status) in [("/a", "", 202), ("/abc", "d=1", 208)] {
        let request = eventhub_bindings::http::Request {
            query: query.into(),
            ..get(path)
        };
        let response = app
            .handle("plain", &request, CallContext::of(&request))
            .await;
        assert_eq!(
            response.status, status,
            "200 and the length of path and query"
        );
    }
    assert_eq!(app.stats()[0].idle_served, 2, "its instance is reused");
}
