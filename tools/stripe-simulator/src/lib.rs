//! A stand-in for Stripe in development: it speaks Stripe's protocol (form-encoded requests,
//! errors, idempotency keys, signed webhooks) to the official SDKs and to Stripe.js, and moves no
//! money. State is in memory, and in a file if given.
//!
//! ```no_run
//! use eventhub_stripe_simulator::{Options, Simulator, WebhookEndpoint};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let running = Simulator::start(Options {
//!     webhook_endpoints: vec![WebhookEndpoint {
//!         url: "http://127.0.0.1:8080/webhooks/stripe".into(),
//!         secret: "whsec_development".into(),
//!         enabled_events: vec!["payment_intent.succeeded".into(), "payment_intent.payment_failed".into()],
//!     }],
//!     ..Options::default()
//! })
//! .await?;
//! println!("{}", running.url);
//! running.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # What it speaks
//! `/v1/payment_intents` (create, get, list, update, confirm, capture, cancel), `/v1/refunds`
//! (create, get, list, update), `/v1/charges` and `/v1/events` (get, list), `/v1/payment_methods`
//! (create, get), `/v1/webhook_endpoints` (all). With the publishable key: get and confirm an
//! intent by its `client_secret`, create a payment method; CORS is open. Cards are Stripe's test
//! cards (`pm_card_visa`, `pm_card_visa_chargeDeclined`, `pm_card_authenticationRequired`,
//! 4242 4242 4242 4242, …; all of them in `src/cards.rs`). Versions are accepted and echoed, but
//! shapes are those of [`API_VERSION`]. Not spoken: customers, setup intents, disputes, Connect,
//! other methods than cards.
//!
//! # Controls
//! All under `/_simulator`, JSON, no key needed (it listens on the loopback address unless told
//! otherwise):
//!
//! * `GET state`: counts, `money` per currency (`captured`, `refunded`, `refunds_pending`, minor
//!   units), webhooks owed.
//! * `POST latency {"milliseconds":200}`: every call takes so long before it is done.
//! * `POST faults {"kind":"…","count":1,"path":"/capture","method":"POST","hang_ms":30000}`: the
//!   next calls that match go wrong. Kinds: `error_before` (500, nothing done, a retry does it),
//!   `error_kept` (500, nothing done, a retry with the same key gets it again, as at Stripe),
//!   `error_after` (done, answered with 500), `no_answer` (done, the connection closes), `hang`
//!   (done, no answer for `hang_ms`), `rate_limit` (429). `GET faults`, `DELETE faults`.
//! * `POST webhooks {"paused":false,"duplicates":0,"reorder_ms":0,"delay_ms":0}`: hold deliveries,
//!   send copies, shuffle what falls into a window, delay. `GET webhooks`.
//! * `GET deliveries?limit=100&event=evt_…&outcome=delivered|will_retry|given_up`: the latest
//!   attempts.
//! * `POST events/{id}/resend`: to all endpoints, again.
//! * `GET 3ds/{intent}?client_secret=…` is where `next_action.redirect_to_url` leads; its form
//!   posts `client_secret` and `outcome=complete|fail` and goes on to the return URL.

// The full shape of a charge in one `json!` needs more than the usual 128.
#![recursion_limit = "256"]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod api;
mod books;
mod call;
mod cards;
mod controls;
mod currency;
mod error;
mod expand;
mod faults;
mod idempotency;
mod ids;
mod journal;
mod ledger;
mod objects;
mod options;
mod page;
mod params;
mod render;
mod server;
mod webhooks;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use api::App;
use books::{Books, Shared, now};
use faults::Faults;
use idempotency::Keys;
use journal::Journal;
pub use journal::JournalError;
use ledger::Ledger;
pub use options::{Options, StartError, WebhookEndpoint};
pub use render::API_VERSION;
use render::Renderer;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
pub use webhooks::sign;
use webhooks::{Dispatcher, Schedule};

/// The stand-in.
#[derive(Debug)]
pub struct Simulator;

/// One that runs; dropping it stops it without waiting.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub addr: SocketAddr,
    /// What clients take as the API's base, such as `http://127.0.0.1:12111`.
    pub url: String,
    stop: CancellationToken,
    server: Option<JoinHandle<()>>,
}

impl Simulator {
    /// Reads the state file, listens, and goes on delivering what endpoints were still owed.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(options: Options) -> Result<Running, StartError> {
        options.check()?;
        let listener = TcpListener::bind(options.listen)
            .await
            .map_err(|error| StartError::Listen(options.listen, error))?;
        let addr = listener
            .local_addr()
            .map_err(|error| StartError::Listen(options.listen, error))?;
        let url = options
            .public_url
            .clone()
            .unwrap_or_else(|| format!("http://{}", reachable(addr)));
        let renderer = Renderer {
            base: url.trim_end_matches('/').to_owned(),
        };

        let mut ledger = Ledger::new(options.max_events);
        let mut keys = Keys::default();
        let journal = match &options.state_file {
            Some(path) => Some(Journal::open(path, &mut ledger, &mut keys, now())?),
            None => None,
        };
        options
            .endpoints()
            .for_each(|endpoint| ledger.put_endpoint(endpoint));
        let owed: Vec<_> = ledger
            .events
            .iter()
            .filter(|event| !event.owed.lock().is_empty())
            .cloned()
            .collect();
        let books = Shared::new(Books {
            ledger,
            keys,
            journal,
        });

        let stop = CancellationToken::new();
        let schedule = Schedule {
            pauses: options.retry_schedule,
            attempts: options.max_attempts,
            timeout: options.delivery_timeout,
        };
        let dispatcher =
            Dispatcher::start(books.clone(), renderer.clone(), schedule, stop.clone())?;
        dispatcher.send(&owed);
        let app = Arc::new(App {
            secret_key: options.secret_key,
            publishable_key: options.publishable_key,
            books,
            renderer,
            dispatcher,
            faults: Faults::default(),
        });
        tokio::spawn(settle_refunds(app.clone(), stop.clone()));
        let server = tokio::spawn(server::serve(listener, controls::router(app), stop.clone()));
        tracing::info!(%url, owed = owed.len(), "the Stripe simulator listens");
        Ok(Running {
            addr,
            url,
            stop,
            server: Some(server),
        })
    }
}

impl Running {
    /// Stops: nothing new is accepted, what is under way gets 2 s; deliveries still owed are in the
    /// state file.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        if let Some(server) = self.server.take() {
            // It only fails by a panic, and then it has ended too.
            let _ = server.await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Refunds of some cards end later.
async fn settle_refunds(app: Arc<App>, stop: CancellationToken) {
    let mut tick = tokio::time::interval(Duration::from_millis(500));
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        if !app.books.lock().ledger.waiting.is_empty() {
            app.turn(|tx| tx.settle_refunds());
        }
    }
}

/// `0.0.0.0` is where to listen, not where to go.
fn reachable(mut addr: SocketAddr) -> SocketAddr {
    if addr.ip().is_unspecified() {
        addr.set_ip(match addr.ip() {
            IpAddr::V4(_) => IpAddr::from([127, 0, 0, 1]),
            IpAddr::V6(_) => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        });
    }
    addr
}
