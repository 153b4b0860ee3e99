//! `eventhub up --on split`: the gateway and each service in a process of its own. One that ends is started again, as the platform
//! that runs them in production would.

use crate::config::Config;
use crate::dev::folder::Folder;
use crate::dev::process::{Process, free_port};
use crate::dev::state;
use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// So long a service that ended stays down, lest it be started in a circle.
const PAUSE: Duration = Duration::from_millis(500);
/// The first start on a machine compiles the components.
const START: Duration = Duration::from_secs(120);

struct Service {
    name: String,
    admin: SocketAddr,
    process: Process,
}

/// The services of a manifest.
pub struct Processes {
    services: Vec<Service>,
    manifest: PathBuf,
    config: PathBuf,
    logs: PathBuf,
}

impl Processes {
    /// Starts all, the gateway last, and waits until they are ready. `config` is what they have in common.
    pub async fn start(folder: &Folder, manifest: &Path, config: &mut Config) -> Result<Self> {
        for (service, listen) in &mut config.services.listen {
            // The seed's ports, unless another environment has them.
            if TcpListener::bind(*listen).is_err() {
                listen.set_port(free_port()?);
            }
            config.services.urls.insert(service.clone(), format!("http://{listen}"));
        }
        config.services.token = format!("{:032x}", rand::random::<u128>());
        let file = folder.path.join("split.toml");
        state::write_text(&file, &toml::to_string(&toml::Table::try_from(&*config)?)?)?;
        let mut processes = Self { services: vec![], manifest: manifest.into(), config: file, logs: folder.path.clone() };
        let names: Vec<String> = config.services.listen.keys().cloned().collect();
        for name in names {
            let admin = SocketAddr::from(([127, 0, 0, 1], free_port()?));
            processes.add(name, admin)?;
        }
        processes.add("api-gateway".into(), config.admin.listen)?;
        for service in &mut processes.services {
            let ready = format!("http://{}/readyz", service.admin);
            let is_ready = async || reqwest::get(&ready).await.is_ok_and(|answer| answer.status().is_success());
            service.process.wait_until(START, is_ready).await.with_context(|| format!("service {}", service.name))?;
        }
        Ok(processes)
    }

    /// Name and pid of each.
    pub fn pids(&self) -> BTreeMap<String, u32> {
        self.services.iter().map(|service| (service.name.clone(), service.process.pid())).collect()
    }

    /// Starts again what has ended, until it is dropped; `restarted` is told the pids then.
    pub async fn supervise(&mut self, mut restarted: impl FnMut(&BTreeMap<String, u32>)) -> Result<()> {
        let mut last = Instant::now();
        loop {
            tokio::time::sleep(PAUSE).await;
            for at in 0..self.services.len() {
                if !self.services[at].process.has_ended() {
                    continue;
                }
                let (name, admin) = (self.services[at].name.clone(), self.services[at].admin);
                if last.elapsed() < PAUSE / 2 {
                    bail!("{name} keeps ending; its log is {}", self.logs.join(format!("{name}.log")).display());
                }
                last = Instant::now();
                tracing::warn!(service = name, "a service has ended and is started again");
                self.services[at].process = self.process(&name, admin)?;
                restarted(&self.pids());
            }
        }
    }

    /// Ends all in order.
    pub async fn stop(&mut self) {
        futures::future::join_all(self.services.iter_mut().map(|service| service.process.stop())).await;
    }

    fn add(&mut self, name: String, admin: SocketAddr) -> Result<()> {
        let process = self.process(&name, admin)?;
        self.services.push(Service { name, admin, process });
        Ok(())
    }

    fn process(&self, name: &str, admin: SocketAddr) -> Result<Process> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["serve", "--services", name]).arg("--manifest").arg(&self.manifest).arg("--config").arg(&self.config);
        command.env("EVENTHUB_ADMIN_LISTEN", admin.to_string());
        Process::start("a service", command, None, Signal::SIGTERM, self.logs.join(format!("{name}.log")))
    }
}
