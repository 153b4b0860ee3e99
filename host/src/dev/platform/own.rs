//! Our own host, in this process. With `--watch` it swaps in components as they are rebuilt: the
//! servers and their data stay, what runs is finished, and requests of that moment are refused for
//! about a second.

use std::time::{Duration, SystemTime};

use anyhow::Result;

use crate::config::Config;
use crate::manifest::Manifest;
use crate::serve::Host;
use crate::split::Role;

/// How often the components' files are looked at.
const INTERVAL: Duration = Duration::from_millis(250);

/// A running host, and what it is started with.
pub struct Own {
    host: Option<Host>,
    manifest: Manifest,
    config: Config,
    watches: bool,
}

impl Own {
    /// Starts the host, and waits until every server that components need answers.
    pub async fn start(manifest: &Manifest, config: &Config, watches: bool) -> Result<Self> {
        let mut own = Self {
            host: None,
            manifest: manifest.clone(),
            config: config.clone(),
            watches,
        };
        own.host = Some(own.start_host().await?);
        Ok(own)
    }

    async fn start_host(&self) -> Result<Host> {
        let host = Host::start(&mut self.config.clone(), &self.manifest, &Role::Whole).await?;
        host.wait_until_ready().await?;
        Ok(host)
    }

    /// Never returns; swaps in components that have changed, where it watches them.
    pub async fn supervise(&mut self) -> Result<()> {
        if !self.watches {
            return std::future::pending().await;
        }
        let mut served = self.file_times();
        loop {
            tokio::time::sleep(INTERVAL).await;
            let now = self.file_times();
            // A file that is being written changes again at the next look.
            tokio::time::sleep(INTERVAL).await;
            if now == served || now != self.file_times() {
                continue;
            }
            served = now;
            if let Some(host) = self.host.take() {
                host.drain().await;
            }
            match self.start_host().await {
                Ok(host) => {
                    self.host = Some(host);
                    tracing::info!("swapped in the components that were rebuilt");
                }
                Err(error) => {
                    tracing::error!(
                        error.cause = %format!("{error:#}"),
                        "cannot serve what was rebuilt; waiting for the next change"
                    );
                }
            }
        }
    }

    fn file_times(&self) -> Vec<Option<SystemTime>> {
        let components = self.manifest.components.iter();
        components
            .map(|component| component.file.metadata().ok()?.modified().ok())
            .collect()
    }

    pub async fn stop(self) {
        if let Some(host) = self.host {
            host.drain().await;
        }
    }
}
