//! What clients may rely on, over real connections: every frame once and in order, and a close that
//! says why.

#![allow(clippy::unwrap_used)]

mod support;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use eventhub_websocket::Config;
use futures::future::join_all;
use futures::{SinkExt, StreamExt};
use support::{Server, assert_gapless, receive, wait_until};
use tokio_tungstenite::tungstenite::{Error, Message};

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_sockets_get_all_frames_in_order_from_few_reads() {
    let server = Server::start(Config::default()).await;
    let clients = join_all((0..1_000).map(|_| server.connect("/live"))).await;
    wait_until("all sockets are open", || server.hub.open() == 1_000).await;
    let receivers: Vec<_> = clients
        .into_iter()
        .map(|mut client| tokio::spawn(async move { receive(&mut client, 300).await.0 }))
        .collect();
    let started = Instant::now();
    for _ in 0..300 {
        server.publish();
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    for receiver in receivers {
        let frames = receiver.await.unwrap();
        assert_eq!((frames.len(), frames[0].0.as_str()), (301, "snapshot"));
        assert_gapless(&frames);
    }
    let most = started.elapsed().as_millis() as usize / 50 + 2;
    let reads = server.log.reads.load(Ordering::Relaxed);
    assert!(reads <= most, "{reads} reads in {:?}", started.elapsed());
    assert!(reads >= 3);
    wait_until("the sockets are gone", || server.hub.open() == 0).await;
}

async fn joins_while_frames_arrive(config: Config, path: &'static str) {
    let server = Arc::new(Server::start(config).await);
    let publisher = {
        let server = server.clone();
        tokio::spawn(async move {
            for _ in 0..1_500 {
                server.publish();
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
    };
    let joins = (0..100_u64).map(|n| {
        let server = server.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(n * 11)).await;
            let mut client = server.connect(path).await;
            receive(&mut client, 1_500).await.0
        })
    });
    for frames in join_all(joins).await {
        assert_gapless(&frames.unwrap());
    }
    publisher.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_joining_socket_misses_no_frame_and_gets_none_twice() {
    joins_while_frames_arrive(Config::default(), "/live").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_socket_misses_no_frame_and_gets_none_twice() {
    joins_while_frames_arrive(
        Config {
            recent_frames: 3,
            max_pending_frames: 10_000,
            ..Config::default()
        },
        "/all",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_is_closed_with_1013_and_a_fast_one_is_not() {
    let server = Server::start(Config {
        max_pending_frames: 8,
        ..Config::default()
    })
    .await;
    let (mut slow, mut fast) = (server.connect("/live").await, server.connect("/live").await);
    wait_until("both are open", || server.hub.open() == 2).await;
    let fast = tokio::spawn(async move { receive(&mut fast, 400).await });
    for seq in 1..=400 {
        server.log.append(64 * 1_024);
        if seq % 8 == 0 {
            server.hub.notify("topic");
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
    }
    server.hub.notify("topic");
    let (frames, closed) = fast.await.unwrap();
    assert_eq!((frames.len(), closed), (401, None));
    let (frames, closed) = receive(&mut slow, u64::MAX).await;
    assert_eq!(closed.map(|(code, _)| code), Some(1013));
    assert!(frames.len() < 400);
    assert_gapless(&frames);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_without_the_old_frames_sends_a_snapshot() {
    let server = Server::start(Config::default()).await;
    server.log.keep(2);
    let mut client = server.connect("/live").await;
    wait_until("it is open", || server.hub.open() == 1).await;
    server.publish();
    let (frames, _) = receive(&mut client, 1).await;
    assert_eq!(frames.len(), 2);
    for _ in 0..10 {
        server.log.append(0);
    }
    server.hub.notify("topic");
    let (frames, _) = receive(&mut client, 11).await;
    assert_eq!(frames, [("snapshot".to_owned(), 11)]);
    server.publish();
    assert_eq!(receive(&mut client, 12).await.0, [("delta".to_owned(), 12)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_notifications_and_failed_reads_close_no_socket() {
    let server = Server::start(Config {
        poll_interval_ms: 200,
        ..Config::default()
    })
    .await;
    let mut client = server.connect("/live").await;
    wait_until("it is open", || server.hub.open() == 1).await;
    server.log.append(0);
    assert_eq!(receive(&mut client, 1).await.0.len(), 2);

    server.log.broken.store(true, Ordering::Relaxed);
    server.publish();
    tokio::time::sleep(Duration::from_millis(500)).await;
    server.log.broken.store(false, Ordering::Relaxed);
    assert_eq!(receive(&mut client, 2).await.0, [("delta".to_owned(), 2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_closes_every_socket_with_1001() {
    let server = Server::start(Config::default()).await;
    let mut clients = join_all((0..50).map(|_| server.connect("/live"))).await;
    wait_until("all are open", || server.hub.open() == 50).await;
    let hub = server.hub.clone();
    let shutdown = tokio::spawn(async move { hub.shutdown(Duration::from_secs(10)).await });
    for client in &mut clients {
        assert_eq!(
            receive(client, u64::MAX).await.1.map(|(code, _)| code),
            Some(1001)
        );
    }
    drop(clients);
    tokio::time::timeout(Duration::from_secs(5), shutdown)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(server.hub.open(), 0);
    assert!(
        server.try_connect("/live").await.is_err(),
        "no socket is taken any more"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_send_is_ignored_up_to_a_limit() {
    let server = Server::start(Config::default()).await;
    let mut client = server.connect("/live").await;
    client.send(Message::text("hello")).await.unwrap();
    client.send(Message::binary(vec![0; 4_096])).await.unwrap();
    wait_until("it is open", || server.hub.open() == 1).await;
    server.publish();
    assert_eq!(receive(&mut client, 1).await.0.len(), 2);

    client.send(Message::binary(vec![0; 4_097])).await.unwrap();
    assert_eq!(
        receive(&mut client, u64::MAX).await.1.map(|(code, _)| code),
        Some(1009)
    );

    let mut chatty = server.connect("/live").await;
    for _ in 0..200 {
        if chatty.send(Message::text("x")).await.is_err() {
            break;
        }
    }
    assert_eq!(
        receive(&mut chatty, u64::MAX).await.1.map(|(code, _)| code),
        Some(1008)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_client_gets_the_reason_in_the_close_frame() {
    let server = Server::start(Config {
        close_ms: 60_000,
        ..Config::default()
    })
    .await;
    let mut client = server.connect("/none").await;
    let closed = receive(&mut client, u64::MAX).await.1;
    assert_eq!(closed, Some((4404, "no such session".to_owned())));
    // Many clients say that it is closed only when the connection has ended, which is the server's
    // to do, and long before it gives up.
    let ended = tokio::time::timeout(Duration::from_secs(10), client.next()).await;
    assert!(matches!(ended, Ok(None)), "{ended:?}");
    drop(client);
    wait_until("its permit is free again", || server.hub.open() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_answers_no_ping_is_dropped() {
    let server = Server::start(Config {
        ping_seconds: 1,
        ..Config::default()
    })
    .await;
    let silent = server.connect("/live").await;
    let mut alive = server.connect("/live").await;
    wait_until("both are open", || server.hub.open() == 2).await;
    let alive = tokio::spawn(async move { receive(&mut alive, 1).await });
    wait_until("the silent one is gone", || server.hub.open() == 1).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    server.publish();
    assert_eq!(alive.await.unwrap().0.len(), 2);
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_beyond_the_limit_waits_for_a_closed_one() {
    let server = Server::start(Config {
        max_sockets: 2,
        ..Config::default()
    })
    .await;
    let (first, _second) = (server.connect("/live").await, server.connect("/live").await);
    assert!(server.try_connect("/live").await.is_err());
    drop(first);
    wait_until("a permit is free", || server.hub.open() == 1).await;
    server.connect("/live").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_at_its_limit_gets_no_socket_until_one_closes() {
    let server = Server::start(Config {
        max_sockets_per_address: 2,
        ..Config::default()
    })
    .await;
    let [one, other] = [Ipv4Addr::new(127, 0, 0, 1), Ipv4Addr::new(127, 0, 0, 2)];
    let open = async |client| server.try_connect_from(client, "/live").await;
    let (first, _second) = (open(one).await.unwrap(), open(one).await.unwrap());
    let refused = open(one).await.unwrap_err();
    assert!(
        matches!(&refused, Error::Http(answer) if answer.status() == 429),
        "{refused}"
    );
    let _third = open(other).await.unwrap();
    drop(first);
    wait_until("a permit is free", || server.hub.open() == 2).await;
    open(one).await.unwrap();
}
