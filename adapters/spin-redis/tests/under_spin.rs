//! The adapter in a host that behaves like Spin, on a real server: it answers as our own host does,
//! although Spin flattens every reply into one list.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::sync::LazyLock;

use eventhub_redis::{Client, Command, Config, Error, Reply};
use eventhub_spin_stand_in::redis::{View, add_to_linker};
use eventhub_testing::Redis;
use wasmtime::component::{Component, ComponentExportIndex, Instance, Linker, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

static SERVER: LazyLock<Redis> = LazyLock::new(|| Redis::start().unwrap());

/// Runs the adapter in an instance per call, over the Spin interface of our stand-in for Spin.
struct Spin {
    engine: Engine,
    component: Component,
    url: String,
}

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl View for State {
    fn may_connect(&self, _: &str) -> bool {
        true
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl Spin {
    fn new(url: &str) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../target/components/adapters/spin_redis.wasm");
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
            url: url.into(),
        }
    }

    async fn script(&self, source: &str, keys: &[&str], args: &[&str]) -> Result<Reply, Error> {
        let bytes = |words: &[&str]| {
            words
                .iter()
                .map(|word| word.as_bytes().to_vec())
                .collect::<Vec<_>>()
        };
        let (mut store, instance, function) = self.instance("script").await;
        let function = instance
            .get_typed_func::<(&str, Vec<Vec<u8>>, Vec<Vec<u8>>), (Result<Reply, Error>,)>(
                &mut store, function,
            )
            .unwrap();
        function
            .call_async(&mut store, (source, bytes(keys), bytes(args)))
            .await
            .unwrap()
            .0
    }

    async fn execute(&self, command: &Command) -> Result<Reply, Error> {
        let (mut store, instance, function) = self.instance("execute").await;
        let function = instance
            .get_typed_func::<(&Command,), (Result<Reply, Error>,)>(&mut store, function)
            .unwrap();
        function.call_async(&mut store, (command,)).await.unwrap().0
    }

    async fn pipeline(&self, commands: &[Command]) -> Result<Vec<Result<Reply, Error>>, Error> {
        let (mut store, instance, function) = self.instance("pipeline").await;
        let function = instance
            .get_typed_func::<(&[Command],), (Result<Vec<Result<Reply, Error>>, Error>,)>(
                &mut store, function,
            )
            .unwrap();
        function
            .call_async(&mut store, (commands,))
            .await
            .unwrap()
            .0
    }

    async fn instance(&self, name: &str) -> (Store<State>, Instance, ComponentExportIndex) {
        let mut linker = Linker::new(&self.engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
        add_to_linker(&mut linker).unwrap();
        let wasi = WasiCtx::builder()
            .env("REDIS_URL", &self.url)
            .inherit_stderr()
            .build();
        let mut store = Store::new(
            &self.engine,
            State {
                wasi,
                table: ResourceTable::new(),
            },
        );
        let instance = linker
            .instantiate_async(&mut store, &self.component)
            .await
            .unwrap();
        let commands = instance
            .get_export_index(&mut store, None, "eventhub:redis/commands@0.1.0")
            .unwrap();
        let function = instance
            .get_export_index(&mut store, Some(&commands), name)
            .unwrap();
        (store, instance, function)
    }
}

fn line(line: &str) -> Command {
    line.split_whitespace()
        .map(|part| part.as_bytes().to_vec())
        .collect()
}

fn both() -> (Spin, Client) {
    (
        Spin::new(&SERVER.url()),
        Client::new(Config {
            url: SERVER.url(),
            ..Config::default()
        })
        .unwrap(),
    )
}

/// Reduces an error to its kind and code: the rest of its text names the script, or words the
/// command differently.
fn comparable(reply: Result<Reply, Error>) -> Result<Reply, Error> {
    reply.map_err(|error| match error {
        Error::Refused(text) => Error::Refused(text.split(' ').next().unwrap_or_default().into()),
        Error::Invalid(_) => Error::Invalid(String::new()),
        told => told,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_has_the_reply_that_our_own_host_gives() {
    let (spin, host) = both();
    for setup in [
        "DEL kinds list one none hash sorted",
        "SET kinds v",
        "RPUSH list a b",
        "RPUSH one x",
        "HSET hash f 1",
        "ZADD sorted 1.5 m",
    ] {
        host.execute(&line(setup)).await.unwrap();
    }
    for command in [
        "GET kinds",
        "GET none",
        "STRLEN kinds",
        "PING",
        "SET kinds v",
        "LRANGE list 0 -1",
        "LRANGE one 0 -1",
        "LRANGE none 0 -1",
        "MGET kinds none",
        "MGET none",
        "HGETALL hash",
        "HGET hash none",
        "ZRANGE sorted 0 0 WITHSCORES",
        "EXISTS kinds",
        "LPUSH kinds x",
        "NONSENSE",
        "GET",
        "SET kinds v NX",
        "BITCOUNT kinds",
        "SLOWLOG GET",
    ] {
        assert_eq!(
            comparable(spin.execute(&line(command)).await),
            comparable(host.execute(&line(command)).await),
            "{command}"
        );
    }
    let binary = [
        b"SET".to_vec(),
        b"binary\0\xff\r\n".to_vec(),
        (0..=255).collect(),
    ];
    assert_eq!(
        spin.execute(&binary.to_vec()).await,
        Ok(Reply::Status("OK".into()))
    );
    assert_eq!(
        host.execute(&[b"GET".to_vec(), binary[1].clone()]).await,
        Ok(Reply::Bulk(binary[2].clone()))
    );
    assert!(matches!(
        spin.execute(&vec![]).await,
        Err(Error::Invalid(_))
    ));
    // Lua's numbers have 53 bits: a larger number is refused, never rounded.
    host.execute(&line("SET large 9007199254740993"))
        .await
        .unwrap();
    assert!(matches!(
        spin.execute(&line("DECRBY large 1")).await,
        Err(Error::Invalid(_))
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_answers_each_command_even_when_one_is_refused() {
    let (spin, host) = both();
    let commands = [
        "SET p 1",
        "LPUSH p x",
        "LRANGE p:none 0 -1",
        "INCR p",
        "MGET p",
        "GET p:none",
    ]
    .map(line);
    let replies = spin.pipeline(&commands).await.unwrap();
    host.execute(&line("DEL p")).await.unwrap();
    assert_eq!(replies, host.pipeline(&commands).await.unwrap());
    assert_eq!(spin.pipeline(&[]).await, Ok(vec![]));
    assert!(matches!(
        spin.pipeline(&[line("SET p 2"), vec![]]).await,
        Err(Error::Invalid(_))
    ));
    assert_eq!(
        host.execute(&line("GET p")).await,
        Ok(Reply::Bulk(b"2".to_vec())),
        "none was sent"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_replies_as_on_our_own_host_even_after_script_flush() {
    let (spin, host) = both();
    for source in [
        "return 'x'",
        "return {'x'}",
        "return {}",
        "return {{}}",
        "return nil",
        "return false",
        "return true",
        "return 7",
        "return 7.9",
        "return {1, 'a', false, true, 2.5}",
        "return {1, nil, 3}",
        "return redis.status_reply('FINE')",
        "return {redis.status_reply('FINE'), 1}",
        "return redis.error_reply('MINE not so')",
        "return redis.call('LPUSH', KEYS[1], ARGV[1])",
        "return redis.pcall('GET')",
        "return {KEYS[1], ARGV[1], #ARGV}",
        "redis.call('SET', KEYS[1], 'string') return redis.call('LPUSH', KEYS[1], 'x')",
        "error('mine')",
        "nonsense(",
        "return undefined_name",
        "-- comment at the end\nreturn 1 -- one",
        "#!lua flags=no-writes\nreturn redis.call('SET', KEYS[1], 1)",
        "local a <const> = 1",
    ] {
        for forgotten in [true, false] {
            if forgotten {
                SERVER.cli(&["SCRIPT", "FLUSH"]).unwrap();
            }
            SERVER.cli(&["DEL", "k"]).unwrap();
            let of_spin = comparable(spin.script(source, &["k"], &["v"]).await);
            SERVER.cli(&["DEL", "k"]).unwrap();
            let of_host = comparable(
                host.script(source, &[b"k".to_vec()], &[b"v".to_vec()])
                    .await,
            );
            assert_eq!(of_spin, of_host, "{source}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_gone_is_unavailable() {
    let gone = Spin::new("redis://127.0.0.1:1/");
    assert!(matches!(
        gone.execute(&line("PING")).await,
        Err(Error::Unavailable(_))
    ));
}
