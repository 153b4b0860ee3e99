//! The queue of deliveries: one loop that lets them go, unless a test paused, delayed, doubled or
//! shuffled them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::log::{Delivery, DeliveryLog};
use super::sign::sign;
use crate::books::{Shared, now};
use crate::objects::{Endpoint, Event};
use crate::render::Renderer;

/// Deliveries under way at a time, over all endpoints.
const AT_ONCE: usize = 64;

/// When a delivery that was not taken is tried again.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Pause after each attempt; the last one repeats.
    pub pauses: Vec<Duration>,
    /// After so many attempts an endpoint is not told any more.
    pub attempts: u32,
    /// How long an endpoint may take to answer.
    pub timeout: Duration,
}

/// What a test does to deliveries; all off by default.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Disturbance {
    /// Nothing goes out; it is held until this is false again.
    pub paused: bool,
    /// So many more copies of each event.
    pub duplicates: u32,
    /// Events are gathered for so long and let go in random order.
    pub reorder_ms: u64,
    /// Each event waits so long first.
    pub delay_ms: u64,
}

#[derive(Debug)]
struct Job {
    event: Arc<Event>,
    endpoint: String,
    /// Counted from 1; 0 is a duplicate, which is not tried again.
    attempt: u32,
}

/// Handle to the queue.
#[derive(Debug, Clone)]
pub struct Dispatcher {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    queue: mpsc::UnboundedSender<Job>,
    disturbance: Mutex<Disturbance>,
    disturbed: Notify,
    log: DeliveryLog,
    books: Shared,
    renderer: Renderer,
    schedule: Schedule,
    client: reqwest::Client,
    permits: Semaphore,
    stop: CancellationToken,
}

impl Dispatcher {
    /// Starts the loop; it ends with `stop`.
    ///
    /// # Errors
    /// When the HTTP client cannot be made; the machine's fault.
    pub fn start(
        books: Shared,
        renderer: Renderer,
        schedule: Schedule,
        stop: CancellationToken,
    ) -> reqwest::Result<Self> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(schedule.timeout)
            .tcp_nodelay(true)
            // `Stripe-Signature`, as Stripe writes it, for receivers that compare names as they
            // come.
            .http1_title_case_headers()
            .user_agent("Stripe/1.0 (+https://stripe.com/docs/webhooks)")
            .build()?;
        let (queue, jobs) = mpsc::unbounded_channel();
        let inner = Arc::new(Inner {
            queue,
            disturbance: Mutex::default(),
            disturbed: Notify::new(),
            log: DeliveryLog::default(),
            books,
            renderer,
            schedule,
            client,
            permits: Semaphore::new(AT_ONCE),
            stop,
        });
        tokio::spawn(run(inner.clone(), jobs));
        Ok(Self { inner })
    }

    /// Tells every endpoint that is owed one of these events.
    pub fn send(&self, events: &[Arc<Event>]) {
        for event in events {
            for endpoint in event.owed.lock().iter() {
                self.queue(event, endpoint);
            }
        }
    }

    /// Tells these endpoints again, whether they were told or not.
    pub fn resend(&self, event: &Arc<Event>, endpoints: &[String]) {
        for endpoint in endpoints {
            self.queue(event, endpoint);
        }
    }

    /// What is done to deliveries at the moment.
    pub fn disturbance(&self) -> Disturbance {
        self.inner.disturbance.lock().clone()
    }

    /// Does something else to them from now on.
    pub fn disturb(&self, disturbance: Disturbance) {
        *self.inner.disturbance.lock() = disturbance;
        self.inner.disturbed.notify_one();
    }

    /// The latest attempts.
    pub fn log(&self) -> &DeliveryLog {
        &self.inner.log
    }

    fn queue(&self, event: &Arc<Event>, endpoint: &str) {
        // Only refused once the loop has ended, and then nobody is told anything any more.
        let _ = self.inner.queue.send(Job {
            event: event.clone(),
            endpoint: endpoint.to_owned(),
            attempt: 1,
        });
    }
}

async fn run(inner: Arc<Inner>, mut jobs: mpsc::UnboundedReceiver<Job>) {
    let mut held: Vec<Job> = Vec::new();
    let mut shuffle_at: Option<tokio::time::Instant> = None;
    loop {
        let due = async {
            match shuffle_at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = inner.stop.cancelled() => return,
            job = jobs.recv() => {
                let Some(job) = job else { return };
                let disturbance = inner.disturbance.lock().clone();
                if disturbance.paused {
                    held.push(job);
                } else if disturbance.reorder_ms > 0 {
                    held.push(job);
                    let window = Duration::from_millis(disturbance.reorder_ms);
                    shuffle_at.get_or_insert_with(|| tokio::time::Instant::now() + window);
                } else {
                    launch(&inner, job, &disturbance);
                }
            }
            () = inner.disturbed.notified() => {
                let disturbance = inner.disturbance.lock().clone();
                shuffle_at = None;
                if !disturbance.paused {
                    held.drain(..).for_each(|job| launch(&inner, job, &disturbance));
                }
            }
            () = due => {
                let disturbance = inner.disturbance.lock().clone();
                shuffle_at = None;
                held.shuffle(&mut rand::rng());
                held.drain(..).for_each(|job| launch(&inner, job, &disturbance));
            }
        }
    }
}

fn launch(inner: &Arc<Inner>, job: Job, disturbance: &Disturbance) {
    let copies = if job.attempt == 1 {
        disturbance.duplicates
    } else {
        0
    };
    let delay = Duration::from_millis(disturbance.delay_ms);
    let extra = (0..copies).map(|_| Job {
        event: job.event.clone(),
        endpoint: job.endpoint.clone(),
        attempt: 0,
    });
    let jobs: Vec<_> = extra.collect();
    for job in jobs.into_iter().chain([job]) {
        let inner = inner.clone();
        tokio::spawn(async move {
            let stop = inner.stop.clone();
            let work = async {
                if !delay.is_zero() {
                    tokio::time::sleep(delay).await;
                }
                deliver(&inner, job).await;
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = work => {}
            }
        });
    }
}

async fn deliver(inner: &Arc<Inner>, job: Job) {
    let endpoint = inner
        .books
        .lock()
        .ledger
        .endpoint(&job.endpoint)
        .ok()
        .cloned();
    let Some(endpoint) = endpoint.filter(|endpoint| !endpoint.disabled) else {
        inner.books.lock().settle(&job.event, &job.endpoint);
        return;
    };
    let Ok(permit) = inner.permits.acquire().await else {
        return;
    };
    let begun = Instant::now();
    let answer = post(inner, &endpoint, &job.event).await;
    drop(permit);
    let (status, error) = match answer {
        Ok(status) => (Some(status), None),
        Err(error) => (None, Some(error)),
    };
    let taken = status.is_some_and(|status| (200..300).contains(&status));
    let last = job.attempt == 0 || job.attempt >= inner.schedule.attempts;
    let outcome = match (taken, last) {
        (true, _) => "delivered",
        (false, true) => "given_up",
        (false, false) => "will_retry",
    };
    inner.log.add(Delivery {
        event: job.event.id.clone(),
        kind: job.event.kind.clone(),
        endpoint: endpoint.id.clone(),
        url: endpoint.url.clone(),
        attempt: job.attempt,
        at: now(),
        milliseconds: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        status,
        error,
        outcome,
    });
    if taken || (last && job.attempt > 0) {
        inner.books.lock().settle(&job.event, &job.endpoint);
    } else if !last {
        let pauses = &inner.schedule.pauses;
        let pause = pauses
            .get(job.attempt as usize - 1)
            .or(pauses.last())
            .copied()
            .unwrap_or(Duration::from_secs(1));
        tokio::time::sleep(pause).await;
        let _ = inner.queue.send(Job {
            attempt: job.attempt + 1,
            ..job
        });
    }
}

async fn post(inner: &Inner, endpoint: &Endpoint, event: &Event) -> Result<u16, String> {
    let body = inner.renderer.event(event).to_string();
    let signature = sign(&endpoint.secret, now(), body.as_bytes());
    let request = inner
        .client
        .post(&endpoint.url)
        .header("Content-Type", "application/json; charset=utf-8")
        .header("Cache-Control", "no-cache")
        .header("Stripe-Signature", signature)
        .body(body);
    let response = request.send().await.map_err(|error| describe(&error))?;
    let status = response.status().as_u16();
    // Read to the end, so that the connection can be used again.
    response.bytes().await.map_err(|error| describe(&error))?;
    Ok(status)
}

fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
