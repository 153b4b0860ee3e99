//! `eventhub up --on split`: the gateway and each service in a process of its own. One that ends is
//! started again, as the platform that runs them in production would.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

use crate::config::Config;
use crate::dev::folder::Folder;
use crate::dev::process::{Process, free_port};
use crate::dev::state;

/// How often it is looked for services that have ended.
const PAUSE: Duration = Duration::from_millis(500);
/// A service that ends so often in that time goes in a circle.
const ENDS: usize = 5;
const CIRCLE: Duration = Duration::from_secs(10);
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
    /// It has ended once more; whether starting it again is of no use.
    fn goes_in_a_circle(&mut self, now: Instant) -> bool {
        self.0.retain(|end| now.duration_since(*end) < CIRCLE);
        self.0.push(now);
        self.0.len() >= ENDS
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
    /// Starts all, the gateway last, and waits until they are ready. `config` is what they have in
    /// common.
    pub async fn start(folder: &Folder, manifest: &Path, config: &mut Config) -> Result<Self> {
        for (service, listen) in &mut config.services.listen {
            // The seed's ports, unless another environment has them.
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
            manifest: manifest.into(),
            config: file,
            logs: folder.path.clone(),
        };
        let names: Vec<String> = config.services.listen.keys().cloned().collect();
        for name in names {
            let admin = SocketAddr::from(([127, 0, 0, 1], free_port()?));
            processes.add(name, admin)?;
        }
        processes.add("api-gateway".into(), config.admin.listen)?;
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

    /// Starts again what has ended, until it is dropped; `restarted` is told the pids then.
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
                if service.ends.goes_in_a_circle(Instant::now()) {
                    bail!(
                        "{name} keeps ending; its log is {}",
                        self.logs.join(format!("{name}.log")).display()
                    );
                }
                tracing::warn!(service = name, "a service has ended and is started again");
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

    /// After how many ends it is given up, where it ends every so many milliseconds.
    fn given_up(every: u64) -> Option<u64> {
        let (mut ends, begin) = (Ends::default(), Instant::now());
        (1..=100).find(|end| ends.goes_in_a_circle(begin + Duration::from_millis(end * every)))
    }

    #[test]
    fn a_service_that_goes_in_a_circle_is_given_up_and_one_that_is_killed_now_and_then_is_not() {
        assert_eq!((given_up(500), given_up(2_400)), (Some(5), Some(5)));
        assert_eq!((given_up(2_500), given_up(60_000)), (None, None));
    }

    #[test]
    fn services_that_are_killed_together_are_each_started_again() {
        let now = Instant::now();
        let mut services: Vec<Ends> = (0..7).map(|_| Ends::default()).collect();
        assert!(
            services
                .iter_mut()
                .all(|service| !service.goes_in_a_circle(now))
        );
    }
}
