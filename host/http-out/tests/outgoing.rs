//! What leaves, where to, and what does not: against a small server on the loopback interface,
//! which is private.

#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use eventhub_http_out::{Client, Config, Refusal};
use eventhub_link::{BreakerConfig, LinkConfig};
use http::Request;
use http_body_util::{BodyExt, Full};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Answers every request on every connection with the same bytes, after a while.
struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

async fn serve(answer: &'static str, after: Duration) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (connections, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let server = Server {
        address,
        connections: connections.clone(),
        requests: requests.clone(),
    };
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            connections.fetch_add(1, Ordering::SeqCst);
            let requests = requests.clone();
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                    requests.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(after).await;
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    server
}

const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

fn client(entries: &[String], change: impl FnOnce(&mut Config)) -> Client<Full<Bytes>> {
    let mut config = Config::default();
    change(&mut config);
    let allow = [("payment".to_owned(), entries.to_vec())].into();
    Client::new(config, &allow).unwrap()
}

fn get(uri: &str) -> Request<Full<Bytes>> {
    Request::get(uri).body(Full::default()).unwrap()
}

#[tokio::test]
async fn an_allowed_private_authority_is_reached_over_one_connection() {
    let server = serve(HELLO, Duration::ZERO).await;
    let client = client(&[format!("private {}", server.address)], |_| {});
    for _ in 0..5 {
        let answer = client
            .send(
                "payment",
                get(&format!("http://{}/v1", server.address)),
                None,
            )
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(
            answer.into_body().collect().await.unwrap().to_bytes(),
            "hello"
        );
    }
    assert_eq!(server.requests.load(Ordering::SeqCst), 5);
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn private_addresses_and_names_are_refused_before_sending() {
    let server = serve(HELLO, Duration::ZERO).await;
    let port = server.address.port();
    let entries = [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
    ]
    .map(|host| format!("{host}:{port}"));
    let client = client(&entries, |_| {});
    for authority in &entries {
        let refused = client
            .send("payment", get(&format!("https://{authority}/")), None)
            .await;
        assert!(
            matches!(refused, Err(Refusal::Private(_))),
            "{authority}: {refused:?}"
        );
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_is_not_on_the_components_own_list_is_denied() {
    let server = serve(HELLO, Duration::ZERO).await;
    let client = client(&[format!("private {}", server.address)], |_| {});
    let allowed = format!("http://{}/", server.address);
    for (component, uri) in [
        (
            "payment",
            format!("http://127.0.0.1:{}/", server.address.port() ^ 1),
        ),
        ("payment", "https://api.stripe.com/".to_owned()),
        ("payment", "/no-authority".to_owned()),
        ("booking", allowed.clone()),
    ] {
        let refused = client.send(component, get(&uri), None).await;
        assert!(
            matches!(refused, Err(Refusal::Denied { .. })),
            "{component} {uri}: {refused:?}"
        );
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 0);
    client.send("payment", get(&allowed), None).await.unwrap();
}

#[tokio::test]
async fn a_redirect_is_the_components_to_follow() {
    let server = serve(
        "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n",
        Duration::ZERO,
    )
    .await;
    let client = client(&[format!("private {}", server.address)], |_| {});
    let answer = client
        .send("payment", get(&format!("http://{}/", server.address)), None)
        .await
        .unwrap();
    assert_eq!(answer.status(), 302);
    assert_eq!(server.requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_late_answer_times_out_and_callers_may_shorten_the_limit() {
    let server = serve(HELLO, Duration::from_secs(30)).await;
    let uri = format!("http://{}/", server.address);
    for (limit, asked, waits) in [
        (400, None, 400),
        (400, Some(Duration::from_secs(9)), 400),
        (4_000, Some(Duration::from_millis(50)), 50),
    ] {
        let client = client(&[format!("private {}", server.address)], |config| {
            config.first_byte_timeout_ms = limit
        });
        let started = Instant::now();
        let refused = client.send("payment", get(&uri), asked).await;
        assert!(matches!(refused, Err(Refusal::Timeout(_))), "{refused:?}");
        let waits = Duration::from_millis(waits);
        // A machine that stalls adds less than the wrong timeout would.
        assert!(
            (waits..waits + Duration::from_secs(3)).contains(&started.elapsed()),
            "{:?}",
            started.elapsed()
        );
    }
}

#[tokio::test]
async fn tls_is_not_given_up_for_a_server_that_does_not_speak_it() {
    let server = serve(HELLO, Duration::ZERO).await;
    let client = client(&[format!("private {}", server.address)], |_| {});
    let refused = client
        .send(
            "payment",
            get(&format!("https://{}/", server.address)),
            None,
        )
        .await;
    assert!(matches!(refused, Err(Refusal::Failed(_))), "{refused:?}");
}

#[tokio::test]
async fn an_authority_that_keeps_failing_is_not_asked_for_a_while() {
    let server = serve(
        "HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n",
        Duration::ZERO,
    )
    .await;
    let breaker = BreakerConfig {
        min_calls: 4,
        window: 4,
        open_ms: 60_000,
        ..BreakerConfig::default()
    };
    let client = client(&[format!("private {}", server.address)], |config| {
        config.link = LinkConfig {
            breaker,
            ..LinkConfig::default()
        };
    });
    let uri = format!("http://{}/", server.address);
    for _ in 0..4 {
        assert_eq!(
            client
                .send("payment", get(&uri), None)
                .await
                .unwrap()
                .status(),
            500
        );
    }
    let refused = client.send("payment", get(&uri), None).await;
    assert!(
        matches!(refused, Err(Refusal::Unavailable(_))),
        "{refused:?}"
    );
    assert_eq!(server.requests.load(Ordering::SeqCst), 4);
}
