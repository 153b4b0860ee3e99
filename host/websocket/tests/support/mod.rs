//! What the tests share: a hyper server whose sockets follow a log in memory, and clients.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use eventhub_websocket::{
    AdmitError, Config, Frame, Hub, Page, Subscription, TopicReader, upgrade,
};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

pub type Client = WebSocketStream<TcpStream>;

/// A topic's log, as a service would keep it in Redis.
#[derive(Default)]
pub struct Log {
    frames: Mutex<(u64, VecDeque<Frame>)>,
    keep: AtomicUsize,
    pub reads: AtomicUsize,
    pub broken: AtomicBool,
}

impl Log {
    pub fn new() -> Arc<Self> {
        let log = Self::default();
        log.keep.store(usize::MAX, Ordering::Relaxed);
        Arc::new(log)
    }

    /// Frames older than the last `keep` are forgotten.
    pub fn keep(&self, keep: usize) {
        self.keep.store(keep, Ordering::Relaxed);
    }

    pub fn append(&self, padding: usize) -> u64 {
        let mut log = self.frames.lock();
        log.0 += 1;
        let seq = log.0;
        log.1.push_back(Frame {
            seq,
            text: text("delta", seq, padding),
        });
        let keep = self.keep.load(Ordering::Relaxed);
        while log.1.len() > keep {
            log.1.pop_front();
        }
        seq
    }

    pub fn head(&self) -> u64 {
        self.frames.lock().0
    }
}

fn text(kind: &str, seq: u64, padding: usize) -> String {
    format!(
        r#"{{"type":"{kind}","seq":{seq},"padding":"{}"}}"#,
        "x".repeat(padding)
    )
}

impl TopicReader for Log {
    fn read<'a>(&'a self, _topic: &'a str, seq: u64) -> BoxFuture<'a, Result<Page, String>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        async move {
            if self.broken.load(Ordering::Relaxed) {
                return Err("broken".into());
            }
            let log = self.frames.lock();
            let oldest = log.1.front().map_or(log.0, |frame| frame.seq);
            if seq < log.0 && seq + 1 < oldest {
                let snapshot = Frame {
                    seq: log.0,
                    text: text("snapshot", log.0, 0),
                };
                return Ok(Page {
                    frames: vec![snapshot],
                    reset: true,
                });
            }
            let frames = log
                .1
                .iter()
                .filter(|frame| frame.seq > seq)
                .take(200)
                .cloned()
                .collect();
            Ok(Page {
                frames,
                reset: false,
            })
        }
        .boxed()
    }
}

pub struct Server {
    pub address: SocketAddr,
    pub hub: Hub,
    pub log: Arc<Log>,
}

impl Server {
    pub async fn start(config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            hub: Hub::new(config),
            log: Log::new(),
        };
        let (hub, log) = (server.hub.clone(), server.log.clone());
        tokio::spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                let (hub, log) = (hub.clone(), log.clone());
                let service = service_fn(move |request| {
                    let answer = answer(request, peer.ip(), &hub, &log);
                    async move { Ok::<_, Infallible>(answer) }
                });
                let connection = hyper::server::conn::http1::Builder::new();
                tokio::spawn(
                    connection
                        .serve_connection(TokioIo::new(stream), service)
                        .with_upgrades(),
                );
            }
        });
        server
    }

    /// Appends a frame and tells the hub.
    pub fn publish(&self) -> u64 {
        let seq = self.log.append(0);
        self.hub.notify("topic");
        seq
    }

    pub async fn connect(&self, path: &str) -> Client {
        self.try_connect(path).await.unwrap()
    }

    pub async fn try_connect(
        &self,
        path: &str,
    ) -> Result<Client, tokio_tungstenite::tungstenite::Error> {
        self.try_connect_from(Ipv4Addr::LOCALHOST, path).await
    }

    /// From another of this machine's addresses: all of 127.0.0.0/8 are.
    pub async fn try_connect_from(
        &self,
        client: Ipv4Addr,
        path: &str,
    ) -> Result<Client, tokio_tungstenite::tungstenite::Error> {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((client, 0))).unwrap();
        let stream = socket.connect(self.address).await.unwrap();
        let config = WebSocketConfig::default()
            .read_buffer_size(4_096)
            .write_buffer_size(0);
        let url = format!("ws://{}{path}", self.address);
        client_async_with_config(url, stream, Some(config))
            .await
            .map(|(client, _)| client)
    }
}

fn answer(
    mut request: Request<Incoming>,
    client: IpAddr,
    hub: &Hub,
    log: &Arc<Log>,
) -> Response<Empty<Bytes>> {
    let status = |code: u16| Response::builder().status(code).body(Empty::new()).unwrap();
    let permit = match hub.admit(client) {
        Ok(permit) => permit,
        Err(AdmitError::Full) => return status(503),
        Err(AdmitError::AddressFull) => return status(429),
    };
    let Ok((response, upgraded)) = upgrade(&mut request) else {
        return status(426);
    };
    match request.uri().path() {
        "/none" => permit.refuse(upgraded, 4404, "no such session".into()),
        "/live" => {
            let seq = log.head();
            let frames = vec![Frame {
                seq,
                text: text("snapshot", seq, 0),
            }];
            permit.serve(
                upgraded,
                Subscription {
                    topic: "topic".into(),
                    frames,
                    seq,
                },
                log.clone(),
            );
        }
        // From the beginning, whatever has been read since.
        _ => permit.serve(
            upgraded,
            Subscription {
                topic: "topic".into(),
                frames: vec![],
                seq: 0,
            },
            log.clone(),
        ),
    }
    response.map(|()| Empty::new())
}

/// What a client was sent, until it has `last` or is closed: the numbers, and the code and reason
/// of the close.
pub async fn receive(
    client: &mut Client,
    last: u64,
) -> (Vec<(String, u64)>, Option<(u16, String)>) {
    let mut frames = Vec::new();
    while frames.last().is_none_or(|(_, seq)| *seq < last) {
        match tokio::time::timeout(Duration::from_secs(30), client.next())
            .await
            .expect("nothing came for 30 s")
        {
            Some(Ok(Message::Text(text))) => {
                let value: serde_json::Value = serde_json::from_str(&text).unwrap();
                frames.push((
                    value["type"].as_str().unwrap().to_owned(),
                    value["seq"].as_u64().unwrap(),
                ));
            }
            Some(Ok(Message::Close(frame))) => {
                let frame = frame.unwrap();
                return (frames, Some((frame.code.into(), frame.reason.to_string())));
            }
            Some(Ok(_)) => {}
            other => panic!("after {} frames: {other:?}", frames.len()),
        }
    }
    (frames, None)
}

/// Fails unless each number is the one before plus one.
#[track_caller]
pub fn assert_gapless(frames: &[(String, u64)]) {
    for pair in frames.windows(2) {
        assert_eq!(pair[0].1 + 1, pair[1].1, "after {:?}", pair[0]);
    }
}

pub async fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let end = std::time::Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(
            std::time::Instant::now() < end,
            "waited in vain until {what}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
