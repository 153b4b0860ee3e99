//! The live seats of a session over WebSocket.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::StreamExt;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// One listener.
pub struct Live {
    socket: WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>,
    /// The sequence number of the last frame.
    pub seq: u64,
    /// The time limit for the next frame; fifteen seconds.
    pub patience: Duration,
}

impl Live {
    /// Connects to a session's `live_url`; `since` as in the contract. The first frame comes with
    /// it.
    pub async fn connect(url: &str, since: Option<u64>) -> Result<(Self, Value)> {
        let url = since.map_or_else(|| url.to_string(), |since| format!("{url}?since={since}"));
        let (socket, _) = connect_async(&url)
            .await
            .with_context(|| format!("cannot connect to {url}"))?;
        let mut live = Self {
            socket,
            seq: 0,
            patience: Duration::from_secs(15),
        };
        let first = live.frame().await?;
        Ok((live, first))
    }

    /// The next frame; fails when it does not come in time, or when the sequence has a gap.
    pub async fn frame(&mut self) -> Result<Value> {
        loop {
            let message = tokio::time::timeout(self.patience, self.socket.next())
                .await
                .context("no frame came in time")?;
            match message.context("the socket has ended")?? {
                Message::Text(text) => {
                    let frame: Value = serde_json::from_str(&text)?;
                    let seq = frame["seq"].as_u64().context("a frame without seq")?;
                    if frame["type"] == "delta" && self.seq != 0 && seq != self.seq + 1 {
                        bail!("a gap: {} follows {}", seq, self.seq);
                    }
                    self.seq = seq;
                    return Ok(frame);
                }
                Message::Close(close) => bail!("closed: {close:?}"),
                _ => {}
            }
        }
    }

    /// Reads frames until the seat is in that state.
    pub async fn until(&mut self, seat: &str, state: &str) -> Result<()> {
        loop {
            let frame = self.frame().await?;
            if frame["seats"][seat] == state {
                return Ok(());
            }
        }
    }
}
