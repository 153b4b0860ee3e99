//! The load generator: connections that each send a request, read the answer, and send the next.
//! Closed loop, in a thread of its own, the same for EventHub and for the baseline.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use hdrhistogram::Histogram;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// The requests of one connection.
pub trait Script: Send + 'static {
    /// The next request; none ends the connection's script.
    fn next(&mut self) -> Option<Request<Full<Bytes>>>;

    /// Whether the answer is the expected one.
    fn is_good(&mut self, status: StatusCode) -> bool {
        status.is_success()
    }
}

/// The same request again and again.
#[derive(Clone)]
pub struct Repeat(pub Request<Full<Bytes>>);

impl Script for Repeat {
    fn next(&mut self) -> Option<Request<Full<Bytes>>> {
        Some(self.0.clone())
    }
}

/// The results of the requests sent after the warm-up.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub errors: u64,
}

/// A GET without a body.
pub fn get(path: &str, headers: &[(&str, &str)]) -> Result<Request<Full<Bytes>>> {
    let mut request = Request::get(path)
        .header("host", "localhost")
        .header("accept", "*/*");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Ok(request.body(Full::default())?)
}

/// Runs a script per connection for the given time.
pub async fn run<S: Script>(
    address: SocketAddr,
    scripts: Vec<S>,
    warm_up: Duration,
    length: Duration,
) -> Result<Outcome> {
    tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(all(address, scripts, warm_up, length))
    })
    .await?
}

async fn all<S: Script>(
    address: SocketAddr,
    scripts: Vec<S>,
    warm_up: Duration,
    length: Duration,
) -> Result<Outcome> {
    let mut connections = vec![];
    for script in scripts {
        connections.push((connect(address).await?, script));
    }
    let begin = Instant::now() + warm_up;
    let tasks = connections
        .into_iter()
        .map(|(sender, script)| tokio::spawn(one(sender, script, begin, begin + length)));
    let (mut times, mut errors) = (Histogram::<u64>::new(3)?, 0);
    let mut last = begin;
    for part in futures::future::join_all(tasks).await {
        let part = part??;
        times.add(part.times)?;
        errors += part.errors;
        last = last.max(part.ended);
    }
    // If the scripts ran out of requests, the time is their actual duration.
    let seconds = last.duration_since(begin).min(length).as_secs_f64();
    let milliseconds = |quantile| times.value_at_quantile(quantile) as f64 / 1000.0;
    Ok(Outcome {
        per_second: times.len() as f64 / seconds.max(0.001),
        p50_ms: milliseconds(0.5),
        p99_ms: milliseconds(0.99),
        errors,
    })
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("cannot connect to {address}"))?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

struct Part {
    times: Histogram<u64>,
    errors: u64,
    ended: Instant,
}

async fn one<S: Script>(
    mut sender: SendRequest<Full<Bytes>>,
    mut script: S,
    begin: Instant,
    end: Instant,
) -> Result<Part> {
    let mut part = Part {
        times: Histogram::new(3)?,
        errors: 0,
        ended: begin,
    };
    loop {
        let started = Instant::now();
        let Some(request) = (if started < end { script.next() } else { None }) else {
            return Ok(part);
        };
        sender.ready().await?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        response.into_body().collect().await?;
        let ended = Instant::now();
        let good = script.is_good(status);
        if started >= begin && ended <= end {
            part.ended = ended;
            if good {
                part.times
                    .record(ended.duration_since(started).as_micros() as u64)?;
            } else {
                part.errors += 1;
            }
        }
    }
}
