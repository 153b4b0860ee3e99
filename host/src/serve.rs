//! `eventhub serve`: everything started in order, and ended in order on SIGTERM.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::admin::{self, Admin, Readiness};
use crate::app::{App, Endpoint};
use crate::config::Config;
use crate::live::Live;
use crate::manifest::Manifest;
use crate::server::{self, Server};
use crate::split::{ProcessPlan, Role, plan_process};
use crate::triggers::Triggers;

/// A running host.
pub struct Host {
    app: Arc<App>,
    live: Live,
    readiness: Arc<Readiness>,
    /// Ends the listeners.
    stop: CancellationToken,
    servers: Vec<JoinHandle<Result<()>>>,
    triggers: Triggers,
    /// How long running work may take to finish.
    drain: Duration,
}

/// Work that still runs so long after its time to finish, because a server that it waits for is
/// away, ends with the process.
const CUT_OFF: Duration = Duration::from_millis(1_500);

impl Host {
    /// Links the components of the manifest that this role has, and starts to serve. A server that
    /// does not answer yet is no error: `/readyz` reports it.
    pub async fn start(config: &mut Config, manifest: &Manifest, role: &Role) -> Result<Self> {
        let started = Instant::now();
        let metrics = admin::metrics()?;
        let ProcessPlan {
            manifest,
            endpoints,
        } = plan_process(manifest.clone(), role, config)?;
        let mut bound = vec![];
        for (address, endpoint) in endpoints {
            let key = if matches!(endpoint, Endpoint::Rpc(_)) {
                "services.listen or sidecar.listen"
            } else {
                "http.listen"
            };
            bound.push((server::bind(address, key).await?, endpoint));
        }
        let operators = server::bind(config.admin.listen, "admin.listen").await?;
        let app = Arc::new(App::build(config, &manifest).await?);
        let live = Live::new(&manifest, app.clone());
        let (readiness, stop) = (Arc::new(Readiness::default()), CancellationToken::new());
        let admin = Arc::new(Admin {
            app: app.clone(),
            readiness: readiness.clone(),
            metrics,
        });
        tokio::spawn(admin.run(operators, stop.clone()));
        let triggers = Triggers::start(config, &manifest, &app).await?;
        let servers = bound.into_iter().map(|(listener, endpoint)| {
            let server = Arc::new(Server {
                app: app.clone(),
                live: live.clone(),
                config: config.http.clone(),
                endpoint,
            });
            tokio::spawn(server.run(listener, stop.clone()))
        });
        let servers = servers.collect();
        tracing::info!(http.listen = %config.http.listen, admin.listen = %config.admin.listen, started.ms = started.elapsed().as_millis() as u64, "serving {role} of {}", manifest.name);
        Ok(Self {
            app,
            live,
            readiness,
            stop,
            servers,
            triggers,
            drain: Duration::from_millis(config.http.drain_ms),
        })
    }

    /// Waits until every server that components need answers.
    pub async fn wait_until_ready(&self) -> Result<()> {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let failures = self.app.failures().await;
            if failures.is_empty() {
                return Ok(());
            }
            if Instant::now() > end {
                bail!("not ready after a minute: {failures:?}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Stops accepting, finishes running work, closes sockets. It takes at most ten seconds, even
    /// when a server is away.
    pub async fn drain(self) {
        tracing::info!("draining");
        self.readiness.drain();
        self.stop.cancel();
        let end = async {
            tokio::join!(
                futures::future::join_all(self.servers),
                self.triggers.stop(),
                self.live.close()
            )
        };
        let Ok((servers, (), ())) = tokio::time::timeout(self.drain + CUT_OFF, end).await else {
            return tracing::warn!("some work did not end in time; it ends with the process");
        };
        for error in servers.into_iter().flatten().filter_map(Result::err) {
            tracing::error!(error.cause = %format!("{error:#}"), "a server ended with an error");
        }
    }
}

/// Runs until SIGINT or SIGTERM.
pub async fn serve(config: &mut Config, manifest: &Manifest, role: &Role) -> Result<()> {
    let mut signals = Signals::listen()?;
    let host = tokio::select! {
        host = Host::start(config, manifest, role) => host.with_context(|| format!("cannot serve {}", manifest.path.display()))?,
        () = signals.wait() => return Ok(()),
    };
    signals.wait().await;
    host.drain().await;
    Ok(())
}

/// SIGINT and SIGTERM. Listen before anything is started: until then they end the process at once.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// Completes at the next of them.
    pub async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
