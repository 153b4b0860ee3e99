//! What calls components besides HTTP: consumed Kafka messages, timers; and the relays that fill
//! Kafka.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use eventhub_bindings::timers::Tick;
use eventhub_cdc as cdc;
use eventhub_kafka::{Client, Consumer, ConsumerConfig, Delivery, Handler, HandlerError, Outcome};
use eventhub_runtime::{CallContext, Code};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::config::Config;
use crate::manifest::{Capability, Manifest, Trigger};

/// How long the start waits for the topics.
const TOPICS: Duration = Duration::from_secs(3);

/// All that runs until the host stops.
pub struct Triggers {
    stop: CancellationToken,
    consumers: Vec<Consumer>,
    tasks: Vec<JoinHandle<()>>,
}

impl Triggers {
    pub async fn start(config: &Config, manifest: &Manifest, app: &Arc<App>) -> Result<Self> {
        let mut triggers = Self {
            stop: CancellationToken::new(),
            consumers: vec![],
            tasks: vec![],
        };
        for trigger in &manifest.triggers {
            match trigger.capability {
                Capability::Kafka => triggers.consume(config, manifest, trigger, app).await?,
                Capability::Scheduler => triggers.schedule(trigger, app)?,
                _ => {}
            }
        }
        if config.cdc.enabled && app.kafka.is_some() {
            triggers.relay(config, app)?;
        }
        Ok(triggers)
    }

    /// Ends in order: what was consumed is finished, offsets are committed, relays confirm what
    /// Kafka has.
    pub async fn stop(self) {
        self.stop.cancel();
        let consumers = self.consumers.into_iter().map(Consumer::stop);
        let tasks = self.tasks.into_iter().map(async |task| drop(task.await));
        tokio::join!(
            futures::future::join_all(consumers),
            futures::future::join_all(tasks)
        );
    }

    async fn consume(
        &mut self,
        config: &Config,
        manifest: &Manifest,
        trigger: &Trigger,
        app: &Arc<App>,
    ) -> Result<()> {
        let client = app
            .kafka
            .clone()
            .context("the manifest links kafka, which is not configured")?;
        let property = |name: &str| {
            trigger
                .properties
                .get(name)
                .with_context(|| format!("the link kafka → {} has no {name}", trigger.component))
        };
        let consumer = ConsumerConfig {
            group: property("group")?.clone(),
            topics: property("topics")?
                .split(',')
                .map(|topic| topic.trim().to_string())
                .collect(),
            drain_ms: config.http.drain_ms,
            ..config.kafka.consumer.clone()
        };
        // Facts of every aggregate have a topic, also those that nobody consumes here.
        let mut topics: Vec<String> = manifest
            .aggregates
            .iter()
            .map(|aggregate| format!("{}{aggregate}", cdc::TOPIC_PREFIX))
            .collect();
        topics.extend(consumer.topics.iter().cloned());
        topics.extend(
            consumer
                .topics
                .iter()
                .map(|topic| format!("{topic}{}", consumer.dead_letter_suffix)),
        );
        topics.sort();
        topics.dedup();
        // The topics come first, so that the consumer finds them at once. A Kafka that is away must
        // not hold up everything else, though.
        let mut making = tokio::spawn(create_topics(client.clone(), topics, self.stop.clone()));
        if tokio::time::timeout(TOPICS, &mut making).await.is_err() {
            tracing::warn!(
                group = consumer.group,
                "Kafka does not answer; the topics will be created when it does"
            );
            self.tasks.push(making);
        }
        let handler = Arc::new(Component {
            app: app.clone(),
            name: trigger.component.clone(),
        });
        self.consumers
            .push(Consumer::start(&client, consumer, handler)?);
        Ok(())
    }

    fn schedule(&mut self, trigger: &Trigger, app: &Arc<App>) -> Result<()> {
        let interval = trigger
            .properties
            .get("interval_ms")
            .and_then(|text| text.parse().ok());
        let interval: u64 = interval.with_context(|| {
            format!(
                "the link scheduler → {} has no interval_ms",
                trigger.component
            )
        })?;
        let interval = Duration::from_millis(interval.max(10));
        let number = |text: &String| text.parse().ok().filter(|number| (1..=64).contains(number));
        let at_once: u32 = match trigger.properties.get("at_once") {
            None => 1,
            Some(text) => number(text).with_context(|| {
                format!(
                    "at_once of the link scheduler → {} must be 1 to 64, not {text}",
                    trigger.component
                )
            })?,
        };
        for nth in 0..at_once {
            // Spread over the interval.
            self.tick(trigger, app, interval * nth / at_once, interval);
        }
        Ok(())
    }

    fn tick(&mut self, trigger: &Trigger, app: &Arc<App>, offset: Duration, interval: Duration) {
        let (app, component, stop) = (app.clone(), trigger.component.clone(), self.stop.clone());
        self.tasks.push(tokio::spawn(async move {
            let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + offset, interval);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = ticks.tick() => {}
                    () = stop.cancelled() => return,
                }
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as i64;
                let traceparent = format!("00-{:032x}-{:016x}-01", rand::random::<u128>(), rand::random::<u64>());
                let tick = Tick { now, traceparent };
                // A call that failed has been logged by the runtime.
                if let Ok(Err(error)) = app.components.tick(&component, &tick).await {
                    tracing::warn!(component, error.cause = %error, "a timer failed; the next tick does its work");
                }
            }
        }));
    }

    fn relay(&mut self, config: &Config, app: &Arc<App>) -> Result<()> {
        if config.cdc.databases.is_empty() {
            return Ok(());
        }
        let client = cdc::producer(&config.kafka)?;
        for database in &config.cdc.databases {
            let url = config.postgres.databases.get(database).with_context(|| {
                format!("cdc.databases names {database}; no link to postgres in the manifest does")
            })?;
            let options = cdc::Options {
                config: config.cdc.clone(),
                ..cdc::Options::new(database, url)
            };
            let (service, handle) = cdc::Service::new(options, client.clone())?;
            app.watch(handle);
            self.tasks
                .push(tokio::spawn(service.run(self.stop.clone())));
        }
        Ok(())
    }
}

/// Creates the topics; tries until all exist.
async fn create_topics(client: Client, topics: Vec<String>, stop: CancellationToken) {
    loop {
        let made = tokio::select! {
            made = client.ensure_topics(topics.iter().map(|topic| (topic.as_str(), 0))) => made,
            () = stop.cancelled() => return,
        };
        match made {
            Ok(()) => return,
            Err(error @ eventhub_kafka::Error::Refused(_)) => {
                return tracing::error!(error.cause = %error, "cannot create topics");
            }
            Err(error) => tracing::warn!(error.cause = %error, "cannot create topics yet"),
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(5)) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// The `events` export of a component, as the consumer calls it.
struct Component {
    app: Arc<App>,
    name: String,
}

impl Handler for Component {
    async fn handle(&self, batch: Arc<Vec<Delivery>>) -> Result<Vec<Outcome>, HandlerError> {
        let traceparent = batch
            .first()
            .and_then(|first| traceparent(&first.message.headers))
            .unwrap_or_default()
            .to_string();
        let context = CallContext {
            traceparent: &traceparent,
            ..CallContext::default()
        };
        match self
            .app
            .components
            .events(&self.name, &batch, context)
            .await
        {
            Ok(outcomes) => Ok(outcomes),
            Err(error) if error.code() == Code::Internal => {
                Err(HandlerError::Failed(error.to_string()))
            }
            Err(error) => Err(HandlerError::Unavailable(error.to_string())),
        }
    }
}

/// The outbox has it in Java's properties form: `traceparent=00-…`.
fn traceparent(headers: &[(String, String)]) -> Option<&str> {
    let context = headers
        .iter()
        .find(|(name, _)| name == "tracingspancontext")
        .map(|(_, value)| value.as_str())?;
    context
        .lines()
        .find_map(|line| line.strip_prefix("traceparent="))
}
