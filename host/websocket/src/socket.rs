//! The life of one socket: its first frames, then those of its topic, with pings in between, until
//! either side closes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message, Utf8Bytes};

use crate::Subscription;
use crate::hub::Shared;
use crate::topic::{Membership, TopicReader};
use crate::upgrade::WebSocket;

/// Why a socket ends.
enum End {
    /// The connection is lost, or the client has closed it.
    Gone,
    Close(CloseCode, &'static str),
}

const GOING_AWAY: End = End::Close(CloseCode::Away, "the server is going away");
const TOO_SLOW: End = End::Close(CloseCode::Again, "too slow, try again");

pub(crate) async fn serve_socket(
    shared: &Arc<Shared>,
    mut socket: WebSocket,
    subscription: Subscription,
    reader: Arc<dyn TopicReader>,
) {
    let seq = subscription
        .frames
        .last()
        .map_or(subscription.seq, |frame| frame.seq);
    let mut membership = shared.join(&subscription.topic, seq, reader).await;
    let mut end = End::Gone;
    let mut greeted = true;
    for frame in subscription.frames {
        if let Err(early) =
            send_message(shared, &mut socket, &membership, Message::text(frame.text)).await
        {
            (end, greeted) = (early, false);
            break;
        }
    }
    if greeted {
        end = forward_frames(shared, &mut socket, &mut membership).await;
    }
    // Nothing more is queued for a socket that is being closed.
    drop(membership);
    if let End::Close(code, reason) = end {
        close(socket, code.into(), reason, shared.config.close()).await;
    }
}

async fn forward_frames(
    shared: &Shared,
    socket: &mut WebSocket,
    membership: &mut Membership,
) -> End {
    let period = shared.config.ping();
    let mut ping = interval_at(Instant::now() + period, period);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut unanswered, mut received) = (0, 0);
    loop {
        let written = tokio::select! {
            biased;
            () = shared.shutdown.cancelled() => return GOING_AWAY,
            () = membership.slow.cancelled() => return TOO_SLOW,
            message = socket.next() => match message {
                Some(Ok(Message::Close(_))) => {
                    // Reading on sends the answer to the close frame.
                    let _ = timeout(shared.config.close(), async { while let Some(Ok(_)) = socket.next().await {} }).await;
                    return End::Gone;
                }
                Some(Ok(message)) => {
                    if matches!(message, Message::Pong(_)) {
                        unanswered = 0;
                    }
                    received += 1;
                    if received > shared.config.max_client_messages {
                        return End::Close(CloseCode::Policy, "too many messages");
                    }
                    Ok(())
                }
                Some(Err(error)) => return end_from_error(&error),
                None => return End::Gone,
            },
            _ = ping.tick() => {
                if unanswered >= 2 {
                    shared.meters.dead.increment(1);
                    return End::Gone;
                }
                (unanswered, received) = (unanswered + 1, 0);
                send_message(shared, socket, membership, Message::Ping(Bytes::new())).await
            }
            batch = membership.queue.recv() => {
                // The topic drops the queue of a slow socket just before it cancels `slow`.
                let Some(batch) = batch else { return TOO_SLOW };
                let mut written = Ok(());
                for (_, text) in &batch.frames {
                    written = send_message(shared, socket, membership, Message::Text(text.clone())).await;
                    if written.is_err() {
                        break;
                    }
                    membership.pending.fetch_sub(1, Ordering::Relaxed);
                }
                written
            }
        };
        if let Err(end) = written {
            return end;
        }
    }
}

/// Sends one message. It fails when the client takes too long, or when the socket has to close.
async fn send_message(
    shared: &Shared,
    socket: &mut WebSocket,
    membership: &Membership,
    message: Message,
) -> Result<(), End> {
    let is_frame = message.is_text();
    tokio::select! {
        biased;
        sent = timeout(2 * shared.config.ping(), socket.send(message)) => match sent {
            Ok(Ok(())) => {
                if is_frame {
                    shared.meters.frames.increment(1);
                }
                Ok(())
            }
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(TOO_SLOW),
        },
        () = shared.shutdown.cancelled() => Err(GOING_AWAY),
        () = membership.slow.cancelled() => Err(TOO_SLOW),
    }
}

fn end_from_error(error: &Error) -> End {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => {
            End::Close(CloseCode::Size, "the message is too large")
        }
        Error::Utf8(_) => End::Close(CloseCode::Invalid, "the text is not UTF-8"),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => End::Gone,
        Error::Protocol(_) => End::Close(CloseCode::Protocol, "not a valid WebSocket message"),
        _ => End::Gone,
    }
}

/// The longest reason that fits into a close frame, in bytes.
const MAX_REASON: usize = 123;

/// Sends a close frame and waits for the client's, at most `limit`.
pub(crate) async fn close(mut socket: WebSocket, code: u16, reason: &str, limit: Duration) {
    let reason = Utf8Bytes::from(&reason[..reason.floor_char_boundary(MAX_REASON)]);
    let frame = CloseFrame {
        code: code.into(),
        reason,
    };
    let farewell = async {
        if socket.close(Some(frame)).await.is_err() {
            return;
        }
        while let Some(Ok(_)) = socket.next().await {}
        // After the closing handshake the server ends the connection (RFC 6455, section 7.1.1). It
        // reads and discards the rest of the client's data: closing with unread data would reset
        // the connection, and the client might never see the reason.
        let _ = socket.get_mut().shutdown().await;
        let mut rest = [0; 1_024];
        while socket
            .get_mut()
            .read(&mut rest)
            .await
            .is_ok_and(|length| length > 0)
        {}
    };
    let _ = timeout(limit, farewell).await;
}
