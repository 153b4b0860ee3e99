//! Obstacles that stop a booking at a certain step, so that a test can break something right there.
//! The product does not need hooks for this: a lock in its database stops the booking, or the
//! provider does.

use anyhow::Result;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::cluster::Cluster;

/// The kind of obstacle.
#[derive(Debug, Clone, Copy)]
pub enum Obstacle {
    /// No obstacle: the host is killed as soon as the step is seen.
    Nothing,
    /// A lock blocks all writes to this table of this database, until a statement with this
    /// beginning waits for it.
    Table(&'static str, &'static str, &'static str),
    /// The same, once the provider, which takes a second, has received the request.
    TableWhileProviderIsAsked(&'static str, &'static str, &'static str),
    /// The provider executes calls with this path, but sends neither an answer nor a webhook.
    Provider(&'static str),
    /// The provider sends no webhooks.
    Webhooks,
}

impl Obstacle {
    /// Whether the saga of a booking has reached the obstacle.
    pub async fn is_reached(self, cluster: &Cluster, booking: &str) -> Result<bool> {
        Ok(match self {
            Obstacle::Nothing => true,
            Obstacle::Table(database, _, statement)
            | Obstacle::TableWhileProviderIsAsked(database, _, statement) => {
                let waiting = "SELECT count(*) > 0 FROM pg_stat_activity \
                               WHERE datname = current_database() AND wait_event_type = 'Lock' AND starts_with(ltrim(query), $1)";
                sqlx::query_scalar(waiting)
                    .bind(statement)
                    .fetch_one(&mut cluster.database(database).await?)
                    .await?
            }
            Obstacle::Provider(_) | Obstacle::Webhooks => {
                let intents = cluster.stripe.intents_of(booking).await?;
                let status = intents
                    .first()
                    .and_then(|intent| intent["status"].as_str())
                    .unwrap_or_default();
                match self {
                    Obstacle::Provider("/cancel") => status == "canceled",
                    Obstacle::Provider("/v1/refunds") => {
                        cluster.stripe.get("/v1/refunds?limit=1").await?["data"][0]["payment_intent"]
                            == intents[0]["id"]
                    }
                    Obstacle::Webhooks => status == "succeeded",
                    _ => !intents.is_empty(),
                }
            }
        })
    }
}

/// An obstacle in place, to be removed again.
pub struct Barrier {
    /// An open transaction that holds the lock.
    connection: Option<PgConnection>,
}

impl Barrier {
    /// Puts the obstacle in place.
    pub async fn before(cluster: &Cluster, obstacle: Obstacle) -> Result<Self> {
        let mut barrier = Self { connection: None };
        match obstacle {
            Obstacle::Nothing => {}
            Obstacle::Table(database, table, _) => {
                barrier.connection = Some(cluster.database(database).await?);
                barrier.lock(table).await?;
            }
            Obstacle::TableWhileProviderIsAsked(database, ..) => {
                barrier.connection = Some(cluster.database(database).await?);
                cluster
                    .stripe
                    .disturb("latency", json!({"milliseconds": 1500}))
                    .await?;
            }
            Obstacle::Provider(path) => {
                cluster
                    .stripe
                    .disturb(
                        "faults",
                        json!({"kind": "hang", "path": path, "method": "POST", "count": 1000}),
                    )
                    .await?;
                cluster
                    .stripe
                    .disturb("webhooks", json!({"paused": true}))
                    .await?;
            }
            Obstacle::Webhooks => {
                cluster
                    .stripe
                    .disturb("webhooks", json!({"paused": true}))
                    .await?
            }
        }
        Ok(barrier)
    }

    /// Blocks all other writes to the table, but not reads.
    pub async fn lock(&mut self, table: &str) -> Result<()> {
        if let Some(connection) = &mut self.connection {
            connection.execute("BEGIN").await?;
            connection
                .execute(AssertSqlSafe(format!(
                    "LOCK TABLE {table} IN EXCLUSIVE MODE"
                )))
                .await?;
        }
        Ok(())
    }

    /// Ends the open statements of the killed host without effect.
    pub async fn forget_who_waits(&mut self) -> Result<()> {
        if let Some(connection) = &mut self.connection {
            let forget = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
            connection.execute(forget).await?;
        }
        Ok(())
    }

    pub async fn lift(self) -> Result<()> {
        if let Some(mut connection) = self.connection {
            connection.execute("COMMIT").await?;
            connection.close().await?;
        }
        Ok(())
    }
}
