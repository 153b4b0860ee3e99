//! The relay's work in the database besides reading the log: the publication, the slot, and the
//! pruning of the table.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures::{TryStreamExt, pin_mut};
use metrics::{Gauge, counter, gauge};
use tokio_postgres::{Client, NoTls};

use crate::event::Event;
use crate::session::Relay;
use crate::{Error, Options};

/// The number of rows deleted, or published from the table, at a time.
const CHUNK: i64 = 10_000;

/// An ordinary connection. While it lives it holds the right to relay the database: an advisory
/// lock named after the slot.
pub(crate) struct Control {
    client: Client,
    slot: String,
}

impl Control {
    /// Connects and takes the right to relay.
    ///
    /// # Errors
    /// [`Error::Busy`] when another reader has it.
    pub async fn acquire(
        config: &tokio_postgres::Config,
        options: &Options,
    ) -> Result<Self, Error> {
        let mut config = config.clone();
        config
            .application_name("eventhub-cdc")
            .connect_timeout(Duration::from_secs(5));
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the relay's connection ended");
            }
        });
        let slot = options.slot();
        let lock = client
            .query_one(
                "SELECT pg_try_advisory_lock(hashtextextended($1, 0))",
                &[&slot],
            )
            .await?;
        if lock.get(0) {
            Ok(Self { client, slot })
        } else {
            Err(Error::Busy)
        }
    }

    /// Creates the publication and the slot when they are missing.
    ///
    /// A new slot begins where the log is now; rows older than that are published from the table
    /// first. The slot gets its name only after that, so that a restart after a crash in between
    /// begins again. A slot whose log Postgres has discarded (`max_slot_wal_keep_size`) is replaced
    /// in the same way: the rows still in the table are published, some of them again.
    pub async fn prepare(&self, options: &Options, relay: &mut Relay) -> Result<(), Error> {
        let (client, slot, publication) = (&self.client, &self.slot, &options.publication);
        let row = client
            .query_one("SELECT to_regclass('public.outbox') IS NOT NULL", &[])
            .await?;
        if !row.get::<_, bool>(0) {
            return Err(Error::Postgres(
                "there is no table public.outbox yet".into(),
            ));
        }
        if client
            .query_opt(
                "SELECT 1 FROM pg_publication WHERE pubname = $1",
                &[publication],
            )
            .await?
            .is_none()
        {
            let create = format!(
                "CREATE PUBLICATION {publication} FOR TABLE public.outbox WITH (publish = 'insert')"
            );
            client.batch_execute(&create).await?;
        }

        // A crash may have left this slot behind. It is unused, since we have the lock, and it
        // would retain the log for ever.
        let fresh = format!("{slot}_new");
        let leftover = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1";
        client.execute(leftover, &[&fresh]).await?;
        let found = "SELECT wal_status FROM pg_replication_slots WHERE slot_name = $1";
        if let Some(row) = client.query_opt(found, &[slot]).await? {
            if row.get::<_, Option<&str>>(0) != Some("lost") {
                return Ok(());
            }
            tracing::error!(
                database = options.database,
                slot,
                "Postgres discarded the slot's log; the slot is rebuilt from the table"
            );
            client
                .execute("SELECT pg_drop_replication_slot($1)", &[slot])
                .await?;
        }
        client
            .execute(
                "SELECT pg_create_logical_replication_slot($1, 'pgoutput')",
                &[&fresh],
            )
            .await?;
        self.publish_table(relay).await?;
        client
            .execute(
                "SELECT pg_copy_logical_replication_slot($1, $2)",
                &[&fresh, slot],
            )
            .await?;
        client.execute(leftover, &[&fresh]).await?;
        tracing::info!(
            database = options.database,
            slot,
            "the replication slot was created"
        );
        Ok(())
    }

    async fn publish_table(&self, relay: &mut Relay) -> Result<(), Error> {
        // `cmin` is the position of a row's statement in its transaction.
        let sql = "SELECT id::text, aggregatetype, aggregateid, type, payload::text, \
                   floor(extract(epoch FROM occurred_at_us) * 1000)::bigint, tracingspancontext \
                   FROM public.outbox ORDER BY occurred_at_us, cmin::text::bigint, ctid";
        let rows = self
            .client
            .query_raw(sql, std::iter::empty::<&str>())
            .await?;
        pin_mut!(rows);
        let (mut publication, mut count) = (relay.publication(), 0);
        while let Some(row) = rows.try_next().await? {
            let event = Event {
                id: row.try_get(0)?,
                aggregate_type: row.try_get(1)?,
                aggregate_id: row.try_get(2)?,
                event_type: row.try_get(3)?,
                payload: row.try_get(4)?,
                occurred_at_ms: row.try_get(5)?,
                tracing_span_context: row.try_get(6)?,
            };
            relay.push(&event, &mut publication).await?;
            count += 1;
            if count % CHUNK == 0 {
                relay.settle(
                    std::mem::replace(&mut publication, relay.publication())
                        .finish()
                        .await,
                )?;
            }
        }
        relay.settle(publication.finish().await)
    }

    /// Measures the lag and deletes old rows, until the connection breaks. `published_until` is the
    /// commit time, in microseconds since the Unix epoch, up to which all is in Kafka: younger
    /// rows stay, however old they are.
    pub async fn look_after(self, options: Options, published_until: Arc<AtomicI64>) -> Error {
        let lag = gauge!("eventhub_cdc_lag_bytes", "database" => options.database.clone());
        let prune_every = Duration::from_secs(options.config.prune_seconds.max(1));
        let mut pruned = tokio::time::Instant::now();
        let mut tick = tokio::time::interval(Duration::from_secs(2).min(prune_every));
        loop {
            tick.tick().await;
            let prune = options.config.keep_minutes > 0 && pruned.elapsed() >= prune_every;
            let round = async {
                self.measure(&lag).await?;
                if prune {
                    self.prune(&options, published_until.load(Ordering::Relaxed))
                        .await?;
                }
                Ok(())
            };
            match tokio::time::timeout(Duration::from_secs(60), round).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return error,
                Err(_) => return Error::Postgres("no answer for 60 s".into()),
            }
            if prune {
                pruned = tokio::time::Instant::now();
            }
        }
    }

    async fn measure(&self, lag: &Gauge) -> Result<(), Error> {
        let sql = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint \
                   FROM pg_replication_slots WHERE slot_name = $1";
        if let Some(row) = self.client.query_opt(sql, &[&self.slot]).await? {
            lag.set(row.get::<_, Option<i64>>(0).unwrap_or(0) as f64);
        }
        Ok(())
    }

    async fn prune(&self, options: &Options, published_until: i64) -> Result<(), Error> {
        let sql = "DELETE FROM public.outbox WHERE ctid = ANY (ARRAY(SELECT ctid FROM public.outbox WHERE occurred_at_us < \
                   least((now() AT TIME ZONE 'utc') - make_interval(mins => $1), \
                   to_timestamp($2::double precision / 1e6) AT TIME ZONE 'utc') LIMIT $3))";
        let keep = i32::try_from(options.config.keep_minutes).unwrap_or(i32::MAX);
        let pruned = counter!("eventhub_cdc_pruned_total", "database" => options.database.clone());
        loop {
            let deleted = self
                .client
                .execute(sql, &[&keep, &(published_until as f64), &CHUNK])
                .await?;
            pruned.increment(deleted);
            if deleted < CHUNK as u64 {
                return Ok(());
            }
        }
    }
}
