//! Buyers who hold, book and pay without pause while something breaks, and who record every answer:
//! the refusals, the durations, and the outcome of each accepted booking.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::api::{Answer, Api};
use crate::eventhub::Stripe;
use crate::fixtures::{Sale, id};

/// How long a booking may take from its hold to its end, the trouble in between included.
const PATIENCE: Duration = Duration::from_secs(60);

/// A refusal that asks for a retry: 503 or 429.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub call: &'static str,
    pub code: String,
    pub after: Duration,
}

/// A booking that was answered with 202.
#[derive(Debug, Clone)]
pub struct Bought {
    pub booking: String,
    pub seats: [String; 2],
    /// When its hold was asked for, and when it had ended.
    pub begun: Instant,
    pub ended: Instant,
    pub status: String,
}

/// The record of the buyers' answers.
#[derive(Debug, Default, Clone)]
pub struct Record {
    pub refused: Vec<Refusal>,
    pub bought: Vec<Bought>,
    /// The number of good answers of each call.
    pub served: BTreeMap<&'static str, usize>,
    /// How long each answer took.
    pub took: Vec<Duration>,
    /// Connections that broke: only when a host is killed.
    pub broken: usize,
    /// Forbidden answers: a 500, or a refusal that is not a problem document or lacks
    /// `Retry-After`.
    pub wrong: Vec<String>,
}

/// Running buyers; [`Self::stop`] lets each finish its booking.
pub struct Buyers {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

struct Shared {
    sale: Sale,
    stripe: Stripe,
    seats: Vec<String>,
    next: AtomicUsize,
    stop: AtomicBool,
    record: Mutex<Record>,
}

impl Buyers {
    /// Starts the given number of buyers, each with its own account, who take the seats two by two.
    pub async fn start(
        http: &str,
        stripe: &Stripe,
        sale: Sale,
        seats: Vec<String>,
        count: usize,
    ) -> Result<Self> {
        let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        let shared = Arc::new(Shared {
            sale,
            stripe: stripe.clone(),
            seats,
            next,
            stop,
            record: Mutex::default(),
        });
        let mut tasks = vec![];
        for number in 0..count {
            let buyer = Buyer {
                api: Api::sign_up(http, &format!("Buyer {number}")).await?,
                shared: shared.clone(),
            };
            tasks.push(tokio::spawn(buyer.buy_on()));
        }
        Ok(Self { shared, tasks })
    }

    /// The record of the buyers so far.
    pub fn record(&self) -> Record {
        self.shared
            .record
            .lock()
            .map(|record| record.clone())
            .unwrap_or_default()
    }

    /// Waits until so many bookings that began after `since` are confirmed; how long that took from
    /// `since` on.
    pub async fn confirmed_since(
        &self,
        since: Instant,
        count: usize,
        within: Duration,
    ) -> Result<Duration> {
        loop {
            let record = self.record();
            let confirmed = record
                .bought
                .iter()
                .filter(|bought| bought.begun >= since && bought.status == "confirmed")
                .count();
            if confirmed >= count {
                return Ok(since.elapsed());
            }
            if since.elapsed() > within {
                bail!(
                    "{confirmed} of {count} new bookings confirmed after {within:?}: {:#?}",
                    summary(&record)
                );
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Stops new bookings, waits for the running ones, and returns the sale.
    pub async fn stop(self) -> Result<(Record, Sale, Vec<String>)> {
        self.shared.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await?;
        }
        let shared = Arc::into_inner(self.shared).context("a buyer is still there")?;
        let record = shared
            .record
            .into_inner()
            .map_err(|_| anyhow::anyhow!("a buyer panicked"))?;
        Ok((record, shared.sale, shared.seats))
    }
}

/// The numbers, for messages.
pub fn summary(record: &Record) -> String {
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    record
        .bought
        .iter()
        .for_each(|bought| *outcomes.entry(&bought.status).or_default() += 1);
    let mut refused: BTreeMap<(&str, &str), (usize, Duration)> = BTreeMap::new();
    for refusal in &record.refused {
        let (count, longest) = refused.entry((refusal.call, &refusal.code)).or_default();
        (*count, *longest) = (*count + 1, refusal.after.max(*longest));
    }
    let (slowest, broken, wrong) = (record.took.iter().max(), record.broken, &record.wrong);
    format!(
        "bookings {outcomes:?}, served {:?}, refused {refused:?}, slowest {slowest:?}, broken {broken}, wrong {wrong:#?}",
        record.served
    )
}

struct Buyer {
    api: Api,
    shared: Arc<Shared>,
}

impl Buyer {
    async fn buy_on(self) {
        while !self.shared.stop.load(Ordering::Relaxed) {
            let first = self.shared.next.fetch_add(2, Ordering::Relaxed);
            let Some(seats) = self.shared.seats.get(first..first + 2) else {
                return self.wrong("sold out: the test needs more seats".into());
            };
            self.buy([seats[0].clone(), seats[1].clone()]).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn buy(&self, seats: [String; 2]) {
        let begun = Instant::now();
        let end = begun + PATIENCE;
        let session = &self.shared.sale.session_id;
        let Some(hold) = self
            .answer("hold", self.api.hold(session, &[&seats[0], &seats[1]]))
            .await
        else {
            return pause().await;
        };
        if hold.status != 201 {
            // The seats are new: no other buyer may have them.
            return self.wrong(format!("{hold:?}"));
        }
        let hold = id(&hold.body);
        let key = format!("{:032x}", rand::random::<u128>());
        let booking = loop {
            match self.answer("book", self.api.book_with(&hold, &key)).await {
                Some(answer) if answer.status == 202 => break id(&answer.body),
                // The hold was lost with Redis, or ran out while nothing answered.
                Some(answer)
                    if matches!(
                        answer.body["code"].as_str(),
                        Some("not_found" | "hold_expired")
                    ) =>
                {
                    return;
                }
                // An earlier try of ours is still under way.
                Some(answer) if answer.body["code"] == "idempotency_key_in_use" => {}
                Some(answer) => return self.wrong(format!("{answer:?}")),
                None if Instant::now() > end => {
                    return self.wrong(format!(
                        "hold {hold} could not be booked within {PATIENCE:?}"
                    ));
                }
                None => {}
            }
            pause().await;
        };
        let mut paid = false;
        loop {
            let answer = self
                .answer("read", self.api.get(&format!("bookings/{booking}")))
                .await;
            let status = answer
                .as_ref()
                .and_then(|answer| answer.body["status"].as_str())
                .unwrap_or_default();
            match status {
                "confirmed" | "cancelled" | "expired" | "failed" | "refunded" => {
                    let bought = Bought {
                        booking,
                        seats,
                        begun,
                        ended: Instant::now(),
                        status: status.into(),
                    };
                    return self.write(|record| record.bought.push(bought));
                }
                "awaiting_payment" if !paid => {
                    match self
                        .shared
                        .stripe
                        .pay(
                            answer.as_ref().map_or(&Value::Null, |answer| &answer.body),
                            "pm_card_visa",
                        )
                        .await
                    {
                        Ok((200, _)) => paid = true,
                        other => {
                            return self
                                .wrong(format!("booking {booking} cannot be paid: {other:?}"));
                        }
                    }
                }
                _ if Instant::now() > end => {
                    return self.wrong(format!(
                        "booking {booking} has not ended after {PATIENCE:?}: {answer:?}"
                    ));
                }
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// The answer; none after a refusal that asks for a retry, or after a broken connection.
    async fn answer(
        &self,
        call: &'static str,
        request: impl Future<Output = Result<Answer>>,
    ) -> Option<Answer> {
        let asked = Instant::now();
        let answer = request.await;
        let after = asked.elapsed();
        self.write(|record| {
            record.took.push(after);
            match answer {
                Err(_) => {
                    record.broken += 1;
                    None
                }
                Ok(answer) if matches!(answer.status, 429 | 503) => {
                    let code = answer.body["code"].as_str().unwrap_or_default().to_string();
                    let is_problem = answer
                        .headers
                        .get("content-type")
                        .is_some_and(|kind| kind == "application/problem+json");
                    let says_when = answer
                        .headers
                        .get("retry-after")
                        .is_some_and(|seconds| seconds.parse::<u32>().is_ok());
                    if !is_problem || !says_when || code.is_empty() {
                        record.wrong.push(format!("{call}: {answer:?}"));
                    }
                    record.refused.push(Refusal { call, code, after });
                    None
                }
                Ok(answer) if answer.status >= 500 => {
                    record.wrong.push(format!("{call}: {answer:?}"));
                    None
                }
                Ok(answer) => {
                    *record.served.entry(call).or_default() += 1;
                    Some(answer)
                }
            }
        })
    }

    fn wrong(&self, what: String) {
        self.write(|record| record.wrong.push(what));
    }

    fn write<T>(&self, write: impl FnOnce(&mut Record) -> T) -> T {
        write(
            &mut self
                .shared
                .record
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner),
        )
    }
}

/// Shorter than `Retry-After`, so that more requests hit the outage.
async fn pause() {
    tokio::time::sleep(Duration::from_millis(100)).await;
}
