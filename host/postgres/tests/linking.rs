//! The functions have the types of the WIT: a component that imports the whole interface links.

#![allow(clippy::unwrap_used)]

use eventhub_link::{Link, LinkConfig};
use eventhub_postgres::{Client, Config, add_to_linker};
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve};

const WORLD: &str = "package test:test; world test { import eventhub:postgres/sql@0.1.0; }";

#[tokio::test]
async fn a_component_that_imports_the_whole_interface_links() {
    let mut resolve = Resolve::default();
    resolve
        .push_str(
            "postgres.wit",
            include_str!("../../../wit/deps/postgres/postgres.wit"),
        )
        .unwrap();
    let package = resolve.push_str("test.wit", WORLD).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    let mut module = wit_component::dummy_module(&resolve, world, ManglingAndAbi::Standard32);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    let component = ComponentEncoder::default()
        .module(&module)
        .unwrap()
        .encode()
        .unwrap();

    let engine = Engine::default();
    let component = Component::new(&engine, component).unwrap();
    let mut linker = Linker::<()>::new(&engine);
    assert!(
        linker.instantiate_pre(&component).is_err(),
        "the component imports nothing"
    );
    let client = Client::new(Config::default()).unwrap();
    add_to_linker(
        &mut linker,
        client,
        Link::new("test", "postgres", LinkConfig::default()),
    )
    .unwrap();
    linker.instantiate_pre(&component).unwrap();
}
