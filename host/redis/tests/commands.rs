//! Commands, pipelines and scripts against a real server, also one that forgets, restarts or hangs.

#![allow(clippy::unwrap_used)]

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use eventhub_redis::{Client, Command, Config, Error, Item, Reply};
use eventhub_testing::{Redis, Signal};

/// For the tests that do not stop it; each uses keys of its own.
static SERVER: LazyLock<Redis> = LazyLock::new(|| Redis::start().unwrap());

fn client(server: &Redis) -> Client {
    Client::new(Config {
        url: server.url(),
        ping_interval_ms: 100,
        ..Config::default()
    })
    .unwrap()
}

fn line(line: &str) -> Command {
    line.split_whitespace()
        .map(|part| part.as_bytes().to_vec())
        .collect()
}

fn bytes(parts: &[&str]) -> Vec<Vec<u8>> {
    parts.iter().map(|part| part.as_bytes().to_vec()).collect()
}

async fn run(client: &Client, command: &str) -> Result<Reply, Error> {
    client.execute(&line(command)).await
}

fn ok() -> Reply {
    Reply::Status("OK".to_owned())
}

#[tokio::test]
async fn every_kind_of_reply_comes_back() {
    let client = client(&SERVER);
    assert_eq!(run(&client, "SET kinds v").await, Ok(ok()));
    assert_eq!(
        run(&client, "GET kinds").await,
        Ok(Reply::Bulk(b"v".to_vec()))
    );
    assert_eq!(run(&client, "GET kinds:none").await, Ok(Reply::Nil));
    assert_eq!(run(&client, "INCR kinds:n").await, Ok(Reply::Int(1)));
    assert_eq!(
        run(&client, "PING").await,
        Ok(Reply::Status("PONG".to_owned()))
    );
    assert_eq!(
        run(&client, "MGET kinds kinds:none").await,
        Ok(Reply::Array(vec![Item::Bulk(b"v".to_vec()), Item::Nil]))
    );
    run(&client, "HSET kinds:h f 1").await.unwrap();
    let flat = Reply::Array(vec![Item::Bulk(b"f".to_vec()), Item::Bulk(b"1".to_vec())]);
    assert_eq!(run(&client, "HGETALL kinds:h").await, Ok(flat));

    let binary = [b"SET".to_vec(), b"kinds:\0\xFF\r\n".to_vec(), vec![0, 255]];
    assert_eq!(client.execute(&binary).await, Ok(ok()));
    let get = [b"GET".to_vec(), binary[1].clone()];
    assert_eq!(client.execute(&get).await, Ok(Reply::Bulk(vec![0, 255])));

    let wrong = "WRONGTYPE Operation against a key holding the wrong kind of value";
    assert_eq!(
        run(&client, "LPUSH kinds x").await,
        Err(Error::Refused(wrong.to_owned()))
    );
    assert!(
        matches!(run(&client, "NONSENSE").await, Err(Error::Refused(text)) if text.starts_with("ERR unknown command"))
    );
}

#[tokio::test]
async fn a_pipeline_answers_each_command_even_when_one_is_refused() {
    let client = client(&SERVER);
    let commands = [
        line("SET pipe v"),
        line("INCR pipe"),
        line("GET pipe"),
        line("GET pipe:none"),
    ];
    let replies = client.pipeline(&commands).await.unwrap();
    assert_eq!(replies.len(), 4);
    assert_eq!(
        (&replies[0], &replies[2], &replies[3]),
        (&Ok(ok()), &Ok(Reply::Bulk(b"v".to_vec())), &Ok(Reply::Nil))
    );
    assert!(
        matches!(&replies[1], Err(Error::Refused(text)) if text.starts_with("ERR value is not an integer"))
    );

    assert_eq!(client.pipeline(&[]).await, Ok(Vec::new()));
    assert_eq!(
        client.pipeline(&[line("GET pipe")]).await,
        Ok(vec![Ok(Reply::Bulk(b"v".to_vec()))])
    );
    let replies = client.pipeline(&[line("INCR pipe")]).await.unwrap();
    assert!(
        matches!(&replies[..], [Err(Error::Refused(_))]),
        "{replies:?}"
    );
    let replies = client
        .pipeline(&[line("MGET pipe pipe"), line("GET pipe")])
        .await
        .unwrap();
    assert!(
        matches!(&replies[..], [Ok(Reply::Array(_)), Ok(Reply::Bulk(_))]),
        "{replies:?}"
    );
}

#[tokio::test]
async fn what_would_break_the_connection_for_others_is_not_sent() {
    let client = client(&SERVER);
    for command in [
        "SUBSCRIBE c",
        "MULTI",
        "BLPOP none 0",
        "SELECT 1",
        "CLIENT REPLY OFF",
        "MONITOR",
        "WATCH k",
        "",
    ] {
        assert!(
            matches!(run(&client, command).await, Err(Error::Invalid(_))),
            "{command}"
        );
    }
    let commands = [line("SET unsent v"), line("MULTI")];
    assert!(matches!(
        client.pipeline(&commands).await,
        Err(Error::Invalid(_))
    ));
    assert_eq!(run(&client, "EXISTS unsent").await, Ok(Reply::Int(0)));
}

const HOLD: &str = r"
for i = 2, #KEYS do if redis.call('EXISTS', KEYS[i]) == 1 then return {0, i - 1} end end
local fence = redis.call('INCR', KEYS[1])
for i = 2, #KEYS do redis.call('SET', KEYS[i], ARGV[1] .. ':' .. fence, 'PX', ARGV[2]) end
return {1, fence}";

fn two(a: i64, b: i64) -> Result<Reply, Error> {
    Ok(Reply::Array(vec![Item::Int(a), Item::Int(b)]))
}

#[tokio::test]
async fn a_script_runs_whole_and_its_errors_are_told() {
    let client = client(&SERVER);
    let hold = |seats: &[&str]| {
        let keys: Vec<&str> = ["{s}:fence"].iter().chain(seats).copied().collect();
        let (client, keys) = (client.clone(), bytes(&keys));
        async move {
            client
                .script(HOLD, &keys, &bytes(&["owner", "60000"]))
                .await
        }
    };
    assert_eq!(hold(&["{s}:1", "{s}:2"]).await, two(1, 1));
    assert_eq!(hold(&["{s}:3", "{s}:2"]).await, two(0, 2));
    assert_eq!(hold(&["{s}:3"]).await, two(1, 2));

    let own = client
        .script("return redis.error_reply('TAKEN seat 7')", &[], &[])
        .await;
    assert_eq!(own, Err(Error::Refused("TAKEN seat 7".to_owned())));
    let nested = client.script("return {1, {2}}", &[], &[]).await;
    assert!(matches!(nested, Err(Error::Invalid(_))), "{nested:?}");
    let wrong = client.script("this is not Lua", &[], &[]).await;
    assert!(
        matches!(&wrong, Err(Error::Refused(text)) if text.contains("Error compiling script")),
        "{wrong:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_callers_holds_a_seat_and_many_seats_hold_at_once() {
    let client = client(&SERVER);
    let hold = |seat: String| {
        let client = client.clone();
        tokio::spawn(async move {
            let keys = bytes(&["{many}:fence", &seat]);
            client
                .script(HOLD, &keys, &bytes(&["owner", "60000"]))
                .await
                .unwrap()
        })
    };
    let same: Vec<_> = (0..200).map(|_| hold("{many}:hot".to_owned())).collect();
    let replies = futures::future::join_all(same).await;
    let won = replies.into_iter().filter(
        |reply| matches!(reply.as_ref().unwrap(), Reply::Array(items) if items[0] == Item::Int(1)),
    );
    assert_eq!(won.count(), 1);

    let all: Vec<_> = (0..2_000)
        .map(|seat| hold(format!("{{many}}:{seat}")))
        .collect();
    let mut fences: Vec<i64> = futures::future::join_all(all)
        .await
        .into_iter()
        .map(|reply| match reply.unwrap() {
            Reply::Array(items) => match items[..] {
                [Item::Int(1), Item::Int(fence)] => fence,
                _ => panic!("{items:?}"),
            },
            other => panic!("{other:?}"),
        })
        .collect();
    fences.sort_unstable();
    assert_eq!(fences, (2..2_002).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_script_flushed_from_the_server_is_resent_and_runs_once() {
    let mut server = Redis::start().unwrap();
    let client = client(&server);
    let incr = "return redis.call('INCR', KEYS[1])";
    let keys = bytes(&["n"]);
    assert_eq!(client.script(incr, &keys, &[]).await, Ok(Reply::Int(1)));
    server.cli(&["SCRIPT", "FLUSH"]).unwrap();
    assert_eq!(client.script(incr, &keys, &[]).await, Ok(Reply::Int(2)));
    let calls = server.cli(&["INFO", "commandstats"]).unwrap();
    assert!(calls.contains("cmdstat_incr:calls=2,"), "{calls}");

    server.stop().unwrap();
    let started = Instant::now();
    let down = client.script(incr, &keys, &[]).await;
    assert!(matches!(&down, Err(Error::Unavailable(_))), "{down:?}");
    assert!(client.ready().await.is_err());
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "took {:?} to say so",
        started.elapsed()
    );

    server.start_again().unwrap();
    assert_eq!(client.script(incr, &keys, &[]).await, Ok(Reply::Int(1)));
    client.ready().await.unwrap();
}

#[tokio::test]
async fn a_broken_idle_connection_is_replaced_before_the_next_call() {
    let server = Redis::start().unwrap();
    let client = client(&server);
    run(&client, "SET idle 1").await.unwrap();
    for _ in 0..3 {
        server
            .cli(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])
            .unwrap();
        tokio::time::sleep(Duration::from_millis(400)).await;
        run(&client, "INCR idle").await.unwrap();
    }
    assert_eq!(
        run(&client, "GET idle").await,
        Ok(Reply::Bulk(b"4".to_vec()))
    );
}

#[tokio::test]
async fn a_hung_server_is_unavailable_in_time_and_usable_afterwards() {
    let server = Redis::start().unwrap();
    // Neither the default nor so little that a machine that stalls exceeds it afterwards.
    let config = Config {
        url: server.url(),
        response_timeout_ms: 2_000,
        ..Config::default()
    };
    let client = Client::new(config).unwrap();
    run(&client, "SET hang 1").await.unwrap();
    server.process().signal(Signal::SIGSTOP).unwrap();
    let started = Instant::now();
    let hung = run(&client, "GET hang").await;
    let took = started.elapsed();
    server.process().signal(Signal::SIGCONT).unwrap();
    assert!(matches!(hung, Err(Error::Unavailable(_))), "{hung:?}");
    assert!(
        (Duration::from_millis(1_900)..Duration::from_secs(5)).contains(&took),
        "{took:?}"
    );
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(
        run(&client, "GET hang").await,
        Ok(Reply::Bulk(b"1".to_vec()))
    );
}
