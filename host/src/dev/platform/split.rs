//! `eventhub up --on split`: the gateway and each service in a process of its own. A process that ends
//! is started again, as a platform in production would do.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

use crate::config::Config;
use crate::dev::folder::Folder;
use crate::dev::process::{Process, free_port};
use crate::dev::state;
use crate::manifest::Manifest;

/// How often ended services are looked for.
const PAUSE: Duration = Duration::from_millis(500);
/// A service that ends so often within that time crashes in a loop.
const CRASHES: usize = 5;
const CRASH_WINDOW: Duration = Duration::from_secs(10);
/// The first start on a machine compiles the components.
const START: Duration = Duration::from_secs(300);

struct Service {
    name: String,
    admin: SocketAddr,
    process: Process,
    ends: Ends,
}

/// When a service has ended lately.
#[derive(Default)]
struct Ends(Vec<Instant>);

impl Ends {
    /// Counts an end. True when the service crashes in a loop, and starting it again is no use.
    fn crashes_in_a_loop(&mut self, now: Instant) -> bool {
        self.0.retain(|end| now.duration_since(*end) < CRASH_WINDOW);
        self.0.push(now);
        self.0.len() >= CRASHES
    }
}

/// The services of a manifest.
pub struct Processes {
    services: Vec<Service>,
    manifest: PathBuf,
    config: PathBuf,
    logs: PathBuf,
}

impl Processes {
    /// Starts all, the gateway last, and waits until they are ready. `config` is common to all.
    pub async fn start(folder: &Folder, manifest: &Manifest, config: &mut Config) -> Result<Self> {
        let entry = manifest
            .entry()
            .context("the manifest has no link from http-server to a component")?;
        for (service, listen) in &mut config.services.listen {
            // The configured port, unless another environment uses it.
            if TcpListener::bind(*listen).is_err() {
                listen.set_port(free_port()?);
            }
            config
                .services
                .urls
                .insert(service.clone(), format!("http://{listen}"));
        }
        config.services.token = format!("{:032x}", rand::random::<u128>());
        let file = folder.path.join("split.toml");
        state::write_text(&file, &toml::to_string(&toml::Table::try_from(&*config)?)?)?;
        let mut processes = Self {
            services: vec![],
            manifest: manifest.path.clone(),
            config: file,
            logs: folder.path.clone(),
        };
        for name in manifest.services() {
            let admin = SocketAddr::from(([127, 0, 0, 1], free_port()?));
            processes.add(name.into(), admin)?;
        }
        processes.add(entry.into(), config.admin.listen)?;
        for service in &mut processes.services {
            let ready = format!("http://{}/readyz", service.admin);
            let is_ready = async || {
                reqwest::get(&ready)
                    .await
                    .is_ok_and(|answer| answer.status().is_success())
            };
            service
                .process
                .wait_until(START, is_ready)
                .await
                .with_context(|| format!("service {}", service.name))?;
        }
        Ok(processes)
    }

    /// Name and pid of each.
    pub fn pids(&self) -> BTreeMap<String, u32> {
        self.services
            .iter()
            .map(|service| (service.name.clone(), service.process.pid()))
            .collect()
    }

    /// Starts ended services again, until it is dropped; `restarted` gets the pids after a restart.
    pub async fn supervise(
        &mut self,
        mut restarted: impl FnMut(&BTreeMap<String, u32>),
    ) -> Result<()> {
        loop {
            tokio::time::sleep(PAUSE).await;
            for at in 0..self.services.len() {
                let service = &mut self.services[at];
                if !service.process.has_ended() {
                    continue;
                }
                let (name, admin) = (service.name.clone(), service.admin);
                if service.ends.crashes_in_a_loop(Instant::now()) {
                    bail!(
                        "{name} crashes in a loop; its log is {}",
                        self.logs.join(format!("{name}.log")).display()
                    );
                }
                tracing::warn!(service = name, "a service has ended; starting it again");
                self.services[at].process = self.process(&name, admin)?;
                restarted(&self.pids());
            }
        }
    }

    /// Ends all in order.
    pub async fn stop(&mut self) {
        futures::future::join_all(
            self.services
                .iter_mut()
                .map(|service| service.process.stop()),
        )
        .await;
    }

    fn add(&mut self, name: String, admin: SocketAddr) -> Result<()> {
        let process = self.process(&name, admin)?;
        self.services.push(Service {
            name,
            admin,
            process,
            ends: Ends::default(),
        });
        Ok(())
    }

    fn process(&self, name: &str, admin: SocketAddr) -> Result<Process> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["serve", "--services", name])
            .arg("--manifest")
            .arg(&self.manifest)
            .arg("--config")
            .arg(&self.config);
        command.env("EVENTHUB_ADMIN_LISTEN", admin.to_string());
        Process::start(
            "a service",
            command,
            None,
            Signal::SIGTERM,
            self.logs.join(format!("{name}.log")),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of crashes, one every `every` milliseconds, after which a service is given up.
    fn given_up_at(every: u64) -> Option<u64> {
        let (mut ends, begin) = (Ends::default(), Instant::now());
        (1..=100).find(|end| ends.crashes_in_a_loop(begin + Duration::from_millis(end * every)))
    }

    #[test]
    fn only_a_service_that_crashes_in_a_loop_is_given_up_at() {
        assert_eq!((given_up_at(500), given_up_at(2_400)), (Some(5), Some(5)));
        assert_eq!((given_up_at(2_500), given_up_at(60_000)), (None, None));
    }

    #[test]
    fn services_that_are_killed_together_are_started_again() {
        let now = Instant::now();
        let mut services: Vec<Ends> = (0..7).map(|_| Ends::default()).collect();
        assert!(
            services
                .iter_mut()
                .all(|service| !service.crashes_in_a_loop(now))
        );
    }
}
