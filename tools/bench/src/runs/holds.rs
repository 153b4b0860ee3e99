//! Four seats held, through the gateway, the rate limit and the script, on 64 connections; against
//! the same written natively on the same Redis. Each hold takes four seats that nobody had, of one
//! session after the other.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, StatusCode};

use super::http::figure_of;
use crate::load::{self, Outcome, Script};
use crate::native::Native;
use crate::native::holds::free_session;
use crate::report::Figure;
use crate::setting::{Hall, Setting, address, folder, progress, seat};
use crate::tokens::Signer;

const CONNECTIONS: usize = 64;
const WARM_UP: Duration = Duration::from_secs(1);
const TURNS: usize = 3;
/// Each holds a hundred places of a session, the most that it may.
const ROWS: usize = 500;
const SESSIONS: usize = 30;
const AT_ONCE: usize = 4;

pub async fn hold4(setting: &mut Setting, length: Duration) -> Result<Figure> {
    let environment = setting.environment()?;
    let state = &environment.state;
    progress("publishing sessions of 50,000 seats");
    let hall = Hall::open(&state.http, ROWS, SESSIONS).await?;
    let signer = Signer::of_environment(&state.postgres["identity_db"]).await?;
    let bearers = signer.bearers(hall.seats() / 100)?;
    let layout = folder("hold4")?.join("layout.json");
    std::fs::write(&layout, hall.document.to_string())?;
    let key = signer.key_set()["keys"][0]["x"]
        .as_str()
        .context("a key has an x")?
        .to_string();
    let native = Native::start(&[
        "native-holds",
        "--redis",
        &state.redis,
        "--layout",
        &layout.display().to_string(),
        "--key",
        &key,
    ])?;

    let first = free_session();
    let numbers: Vec<String> = (0..SESSIONS as u32)
        .map(|at| (first + at).to_string())
        .collect();
    let host = Arc::new(Seats::new(&hall, hall.sessions.clone(), bearers.clone()));
    let baseline = Arc::new(Seats::new(&hall, numbers, bearers));
    let mut turns: Vec<(Outcome, Outcome)> = vec![];
    for _ in 0..TURNS {
        let ours = run(address(&state.http)?, &host, length).await?;
        turns.push((ours, run(native.address, &baseline, length).await?));
    }
    let left = host.left().min(baseline.left());
    anyhow::ensure!(
        left > 0,
        "all seats were held before the time was over: more sessions are needed"
    );
    Ok(figure_of("hold4", "axum + redis", &turns))
}

async fn run(address: SocketAddr, seats: &Arc<Seats>, length: Duration) -> Result<Outcome> {
    let scripts = (0..CONNECTIONS)
        .map(|_| Holder {
            seats: seats.clone(),
        })
        .collect();
    load::run(address, scripts, WARM_UP, length).await
}

/// All seats of all sessions, given out four at a time.
pub struct Seats {
    sessions: Vec<String>,
    bearers: Vec<String>,
    /// Holds of one session.
    holds: usize,
    next: AtomicUsize,
}

impl Seats {
    pub fn new(hall: &Hall, sessions: Vec<String>, bearers: Vec<String>) -> Self {
        Self {
            sessions,
            bearers,
            holds: hall.seats() / AT_ONCE,
            next: AtomicUsize::new(0),
        }
    }

    pub fn left(&self) -> usize {
        (self.sessions.len() * self.holds).saturating_sub(self.next.load(Ordering::Relaxed))
    }
}

/// Holds the next four, again and again.
#[derive(Clone)]
pub struct Holder {
    pub seats: Arc<Seats>,
}

impl Script for Holder {
    fn next(&mut self) -> Option<Request<Full<Bytes>>> {
        let seats = &self.seats;
        let number = seats.next.fetch_add(1, Ordering::Relaxed);
        let session = seats.sessions.get(number / seats.holds)?;
        let first = number % seats.holds * AT_ONCE;
        let names: Vec<String> = (first..first + AT_ONCE)
            .map(|number| format!("\"{}\"", seat(number)))
            .collect();
        let request = Request::post(format!("/api/v1/sessions/{session}/holds"))
            .header("host", "localhost")
            .header("accept", "application/json")
            .header("content-type", "application/json")
            .header(
                "authorization",
                &seats.bearers[number % seats.bearers.len()],
            );
        request
            .body(Full::from(format!("{{\"seats\":[{}]}}", names.join(","))))
            .ok()
    }

    fn is_good(&mut self, status: StatusCode) -> bool {
        status == StatusCode::CREATED
    }
}
