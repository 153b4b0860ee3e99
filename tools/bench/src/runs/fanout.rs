//! One seat held while 5,000 sockets listen to its session: when the last one has heard of it,
//! counted from the request.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use eventhub_tests::Api;
use futures::StreamExt;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::median;
use crate::report::{Better, Figure};
use crate::setting::{Hall, Setting, address, progress, seat};
use crate::tokens::Signer;

const SOCKETS: usize = 5_000;
const CHANGES: usize = 7;

pub async fn sockets(setting: &mut Setting) -> Result<Figure> {
    let state = setting.environment()?.state.clone();
    let hall = Hall::open(&state.http, 20, 1).await?;
    let session = hall.sessions[0].clone();
    let mut buyer = Api::anonymous(&state.http);
    let bearer = Signer::of_environment(&state.postgres["identity_db"])
        .await?
        .bearer()?;
    buyer.token = bearer.strip_prefix("Bearer ").map(str::to_string);
    let host = address(&state.http)?;

    progress(&format!("opening {SOCKETS} sockets"));
    let (heard, mut hears) = mpsc::unbounded_channel::<Instant>();
    let at_once = Arc::new(Semaphore::new(100));
    let started = Instant::now();
    let mut openings = vec![];
    for _ in 0..SOCKETS {
        let (url, heard, at_once) = (
            format!("ws://{host}/api/v1/sessions/{session}/live"),
            heard.clone(),
            at_once.clone(),
        );
        openings.push(tokio::spawn(async move {
            let permit = at_once.acquire_owned().await?;
            let stream = TcpStream::connect(host).await?;
            // As a client with many sockets would: the default buffers take 128 KiB of each.
            let config = WebSocketConfig::default()
                .read_buffer_size(4096)
                .write_buffer_size(0);
            let (mut socket, _) = client_async_with_config(url, stream, Some(config)).await?;
            socket
                .next()
                .await
                .context("the socket ended before its snapshot")??;
            drop(permit);
            tokio::spawn(async move {
                while let Some(Ok(message)) = socket.next().await {
                    if matches!(message, Message::Text(_)) && heard.send(Instant::now()).is_err() {
                        return;
                    }
                }
            });
            anyhow::Ok(())
        }));
    }
    for opening in futures::future::join_all(openings).await {
        opening??;
    }
    let opened = started.elapsed();

    let mut last = vec![];
    for number in 0..CHANGES {
        let begin = Instant::now();
        let answer = buyer.hold(&session, &[&seat(number)]).await?;
        ensure!(
            answer.status == 201,
            "the hold was answered with {}: {}",
            answer.status,
            answer.body
        );
        let mut latest = begin;
        for count in 0..SOCKETS {
            let at = tokio::time::timeout(Duration::from_secs(20), hears.recv()).await;
            latest = latest.max(
                at.with_context(|| format!("{count} of {SOCKETS} sockets heard of it in 20 s"))?
                    .context("the sockets have ended")?,
            );
        }
        last.push(latest.duration_since(begin).as_secs_f64() * 1000.0);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let worst = last.iter().copied().fold(0.0, f64::max);
    let note = format!(
        "median of {CHANGES} changes, the slowest {worst:.0} ms; {SOCKETS} sockets opened in {:.1} s, listeners on the same cores",
        opened.as_secs_f64()
    );
    Ok(Figure::new("ws_fanout", median(last), "ms", Better::Lower).note(note))
}
