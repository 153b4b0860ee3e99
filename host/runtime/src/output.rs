//! The standard output and error of guests. Their lines are log lines; each is forwarded to the
//! host's standard error as a whole.

use std::io::Write;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

/// A longer line is forwarded in parts. Bytes.
const MAX_LINE: usize = 64 * 1024;

/// The output of one instance. Clones share the unfinished line.
#[derive(Clone)]
pub(crate) struct Lines {
    component: Arc<str>,
    pending: Arc<Mutex<Vec<u8>>>,
}

impl Lines {
    pub fn new(component: Arc<str>) -> Self {
        Self {
            component,
            pending: Arc::default(),
        }
    }

    fn push(&self, bytes: &[u8]) {
        let mut pending = self.pending.lock();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            pending.extend_from_slice(part);
            if part.ends_with(b"\n") || pending.len() >= MAX_LINE {
                forward_line(&self.component, &pending);
                pending.clear();
            }
        }
    }
}

/// Forwards a JSON line as it is; any other line, such as a panic's message, becomes a log line.
fn forward_line(component: &str, line: &[u8]) {
    let line = line.trim_ascii();
    if line.is_empty() {
        return;
    }
    match with_component(component, line) {
        // There is no remedy when standard error cannot be written to.
        Some(json) => drop(std::io::stderr().lock().write_all(&json)),
        None => tracing::warn!(component, "guest: {}", String::from_utf8_lossy(line)),
    }
}

/// The JSON object with the component's name added, and a newline. None when the line is no object.
fn with_component(component: &str, line: &[u8]) -> Option<Vec<u8>> {
    let members = line.strip_prefix(b"{")?.strip_suffix(b"}")?;
    let mut json = Vec::with_capacity(line.len() + component.len() + 20);
    json.extend_from_slice(b"{\"component\":");
    json.extend_from_slice(serde_json::Value::from(component).to_string().as_bytes());
    if !members.trim_ascii().is_empty() {
        json.push(b',');
    }
    json.extend_from_slice(members);
    json.extend_from_slice(b"}\n");
    Some(json)
}

impl IsTerminal for Lines {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Lines {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Lines {
    async fn ready(&mut self) {}
}

impl OutputStream for Lines {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.push(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StreamError> {
        Ok(())
    }

    fn check_write(&mut self) -> Result<usize, StreamError> {
        Ok(MAX_LINE)
    }
}

impl AsyncWrite for Lines {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.push(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_line_gets_the_name_of_its_component() {
        let line = with_component("booking", br#"{"level":"INFO","message":"hello"}"#).unwrap();
        assert_eq!(
            line,
            b"{\"component\":\"booking\",\"level\":\"INFO\",\"message\":\"hello\"}\n"
        );
        assert_eq!(
            with_component("a\"b", b"{}").unwrap(),
            b"{\"component\":\"a\\\"b\"}\n"
        );
        assert_eq!(with_component("booking", b"thread main panicked"), None);
    }

    #[test]
    fn a_line_written_in_pieces_stays_one_line() {
        let lines = Lines::new("a".into());
        lines.push(b"{\"x\":");
        lines.clone().push(b"1");
        assert_eq!(*lines.pending.lock(), b"{\"x\":1");
        lines.push(b"}\nrest");
        assert_eq!(*lines.pending.lock(), b"rest");
    }
}
