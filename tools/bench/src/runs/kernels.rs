//! The rules of the saga and of seat-lock, in wasm (inside the host, a long loop a request, so that
//! the request counts for nothing) against the same code natively: time ÷ time.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::median;
use crate::load;
use crate::report::{Better, Figure};
use crate::setting::{address, serve};

const TURNS: usize = 7;
/// One turn takes about so long.
const TURN: Duration = Duration::from_millis(400);

pub async fn saga() -> Result<Figure> {
    compare("saga_wasm", "saga").await
}

pub async fn seat_lock() -> Result<Figure> {
    compare("seat_lock_wasm", "seat-lock").await
}

async fn compare(name: &'static str, kernel: &'static str) -> Result<Figure> {
    let served = serve("noop", &[])?;
    let (mut sender, connection) = handshake(TokioIo::new(
        TcpStream::connect(address(&served.http)?).await?,
    ))
    .await?;
    tokio::spawn(async move { drop(connection.await) });
    let mut rounds = 1_000;
    while natively(kernel, rounds)?.0 < TURN {
        rounds *= 2;
    }
    in_wasm(&mut sender, kernel, 1_000).await?;
    let (mut ratios, mut times, mut native_times) = (vec![], vec![], vec![]);
    for _ in 0..TURNS {
        let (wasm, sum) = in_wasm(&mut sender, kernel, rounds).await?;
        let (native, native_sum) = natively(kernel, rounds)?;
        ensure!(
            sum == native_sum,
            "{kernel} computes something else in wasm"
        );
        ratios.push(wasm.as_secs_f64() / native.as_secs_f64());
        times.push(wasm.as_secs_f64());
        native_times.push(native.as_secs_f64());
    }
    let nanoseconds = |times: Vec<f64>| median(times) / f64::from(rounds) * 1e9;
    let note = format!(
        "{:.0} ns a round in wasm, {:.0} ns natively",
        nanoseconds(times),
        nanoseconds(native_times)
    );
    let ratio = median(ratios);
    Ok(Figure::new(name, ratio, "x", Better::Lower)
        .against("native", 1.0)
        .note(note))
}

fn natively(kernel: &str, rounds: u32) -> Result<(Duration, u64)> {
    let started = Instant::now();
    let sum = bench::kernels::run(kernel, rounds).context("there is such a kernel")?;
    Ok((started.elapsed(), sum))
}

async fn in_wasm(
    sender: &mut SendRequest<Full<Bytes>>,
    kernel: &str,
    rounds: u32,
) -> Result<(Duration, u64)> {
    let request = load::get(&format!("/kernels/{kernel}/{rounds}"), &[])?;
    sender.ready().await?;
    let started = Instant::now();
    let response = sender.send_request(request).await?;
    ensure!(
        response.status() == 200,
        "the kernel answered {}",
        response.status()
    );
    let body = response.into_body().collect().await?.to_bytes();
    Ok((started.elapsed(), std::str::from_utf8(&body)?.parse()?))
}
