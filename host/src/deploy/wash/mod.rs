//! wasmCloud 2: `wash host` runs workloads on request over NATS. This module does what wasmCloud's own
//! operator does on Kubernetes: it pushes images, starts the workload on hosts of the lattice, and
//! waits until it serves.
//!
//! A new revision starts beside the old one, which stops when the new one serves. A deployment that
//! fails leaves the old revision as it was.

mod development;
mod images;
mod kubernetes;
mod lattice;
mod workload;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use lattice::{Host, Lattice, Record};
use workload::Workload;

use crate::config::Config;
use crate::manifest::Manifest;

/// The workload for Kubernetes.
pub fn kubernetes(manifest: &Manifest, config: &Config) -> Result<String> {
    kubernetes::yaml(&Workload::of(manifest, config)?)
}

/// The configuration of `wash dev`.
pub fn development(manifest: &Manifest, config: &Config) -> Result<String> {
    development::yaml(&Workload::of(manifest, config)?, config.http.listen)
}

/// The request that starts the workload on a host.
pub fn request(manifest: &Manifest, config: &Config) -> Result<String> {
    Ok(serde_json::to_string_pretty(
        &Workload::of(manifest, config)?.request(),
    )?)
}

/// Deploys, as soon as `enough` hosts have answered.
///
/// # Errors
/// The hosts that do not serve the workload; the others do.
pub async fn deploy(manifest: &Manifest, config: &Config, enough: Option<usize>) -> Result<()> {
    let workload = Workload::of(manifest, config)?;
    let id = workload.id();
    let lattice = Lattice::connect(&config.wash.nats).await?;
    let mut record = lattice.record(&workload.name).await?;
    println!("looking for hosts on {}", config.wash.nats);
    let hosts = lattice.hosts(enough).await?;
    if hosts.is_empty() {
        bail!(
            "no host answers on {}; start one: wash host --scheduler-nats-url {0} --allow-insecure-registries",
            config.wash.nats
        );
    }
    println!(
        "pushing {} components to {}",
        workload.parts.len(),
        config.wash.registry
    );
    let pushed = images::push_images(&workload, &config.wash).await?;
    println!(
        "{pushed} pushed, the registry had {}",
        workload.parts.len() - pushed
    );

    let running = running_hosts(&lattice, &hosts, &id).await;
    let chosen = choose_hosts(&hosts, &running, config.wash.replicas);
    for host in &chosen {
        record.add(host, &id);
    }
    // The record is written first, so that the next deployment knows every host that may run it.
    lattice.write(&workload.name, &record).await?;

    let mut states = Vec::new();
    for host in &chosen {
        println!("starting {id} on {host}");
        let state = start_workload(
            &lattice,
            host,
            &workload,
            running.contains(&host.id),
            Duration::from_millis(config.wash.patience_ms),
        )
        .await;
        if state.is_ok() {
            record.keep_only(&lattice, host, &id).await;
        }
        states.push((*host, state));
    }
    let failed = states.iter().filter(|(_, state)| state.is_err()).count();
    // Hosts that are no longer needed stop the workload, once the others serve.
    if failed == 0 {
        for host in hosts
            .iter()
            .filter(|host| !chosen.iter().any(|chosen| chosen.id == host.id))
        {
            record.keep_only(&lattice, host, "").await;
        }
    }
    record
        .workloads
        .retain(|_, workloads| !workloads.is_empty());
    lattice.write(&workload.name, &record).await?;
    report(&states, &record, &hosts);
    if failed > 0 {
        bail!(
            "{failed} of {} hosts do not serve {id}; what ran there before still does",
            states.len()
        );
    }
    Ok(())
}

/// Stops all workloads of that name. With `forget`, hosts that do not answer do not count.
pub async fn undeploy(name: &str, config: &Config, forget: bool) -> Result<()> {
    let lattice = Lattice::connect(&config.wash.nats).await?;
    let mut record = lattice.record(name).await?;
    if record.workloads.is_empty() {
        println!("nothing of {name} is deployed on {}", config.wash.nats);
        return Ok(());
    }
    println!("looking for hosts on {}", config.wash.nats);
    for host in &lattice.hosts(None).await? {
        record.keep_only(&lattice, host, "").await;
    }
    record
        .workloads
        .retain(|_, workloads| !workloads.is_empty());
    let silent: Vec<_> = record.workloads.keys().cloned().collect();
    if forget {
        record.workloads.clear();
    }
    lattice.write(name, &record).await?;
    if !record.workloads.is_empty() {
        bail!(
            "stopped everywhere but on hosts that do not answer: {} (--forget, if they are gone for good)",
            silent.join(", ")
        );
    }
    println!("{name} is stopped everywhere");
    Ok(())
}

/// The ids of the hosts that run this workload already.
async fn running_hosts(lattice: &Lattice, hosts: &[Host], id: &str) -> Vec<String> {
    let mut running = Vec::new();
    for host in hosts {
        match lattice.is_running(host, id).await {
            Ok(true) => running.push(host.id.clone()),
            Ok(false) => {}
            Err(error) => println!("{error}"),
        }
    }
    running
}

/// Chooses the hosts: first those that run the workload already, then those with the least load. 0
/// replicas: all hosts.
fn choose_hosts<'a>(hosts: &'a [Host], running: &[String], replicas: usize) -> Vec<&'a Host> {
    let mut hosts: Vec<&Host> = hosts.iter().collect();
    hosts.sort_by(|one, other| {
        let runs = |host: &Host| running.contains(&host.id);
        runs(other)
            .cmp(&runs(one))
            .then(one.system_cpu_usage.total_cmp(&other.system_cpu_usage))
            .then(one.id.cmp(&other.id))
    });
    if replicas > hosts.len() {
        println!(
            "{replicas} replicas are wanted, but {} hosts answer; each runs one",
            hosts.len()
        );
    }
    hosts.truncate(if replicas == 0 { usize::MAX } else { replicas });
    hosts
}

async fn start_workload(
    lattice: &Lattice,
    host: &Host,
    workload: &Workload,
    is_running: bool,
    patience: Duration,
) -> Result<&'static str> {
    if !is_running {
        lattice.start(host, &workload.request()).await?;
    }
    let served = wait_until_served(host, &workload.own_host(), patience).await;
    if served.is_err() && !is_running {
        lattice.stop(host, &workload.id()).await?;
    }
    served
}

/// Waits until a request gets through: to a service of this revision (an older one may run beside it
/// until it is stopped, and serve the same names), and from there through the sidecar to a database.
async fn wait_until_served(host: &Host, name: &str, patience: Duration) -> Result<&'static str> {
    if host.http_port == 0 {
        return Ok("running; the host does not report its HTTP port");
    }
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(10))
        .build()?;
    let end = Instant::now() + patience;
    loop {
        let mut reached = None;
        for address in [host.hostname.as_str(), "127.0.0.1"] {
            let url = format!("http://{address}:{}/api/v1/events?limit=1", host.http_port);
            if let Ok(answer) = client.get(url).header("host", name).send().await {
                reached = Some(answer);
                break;
            }
        }
        let answer = match reached {
            Some(answer) if answer.status().is_success() => return Ok("serving"),
            Some(answer) => format!(
                "{}: {}",
                answer.status(),
                answer.text().await.unwrap_or_default()
            ),
            None => {
                return Ok(
                    "running; this machine cannot reach the host to check whether it serves",
                );
            }
        };
        if Instant::now() > end {
            bail!("it runs but does not serve: {answer}; is the sidecar up?");
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

impl Record {
    fn add(&mut self, host: &Host, id: &str) {
        let workloads = self.workloads.entry(host.id.clone()).or_default();
        if !workloads.iter().any(|known| known == id) {
            workloads.push(id.into());
        }
    }

    /// Stops all other workloads that were started on the host.
    async fn keep_only(&mut self, lattice: &Lattice, host: &Host, id: &str) {
        let Some(workloads) = self.workloads.get_mut(&host.id) else {
            return;
        };
        let mut kept = Vec::new();
        for workload in workloads.drain(..) {
            if workload == id {
                kept.push(workload);
            } else if let Err(error) = lattice.stop(host, &workload).await {
                println!("cannot stop {workload}: {error}");
                kept.push(workload);
            } else {
                println!("stopped {workload} on {host}");
            }
        }
        *workloads = kept;
    }
}

fn report(states: &[(&Host, Result<&'static str>)], record: &Record, hosts: &[Host]) {
    println!();
    for (host, state) in states {
        match state {
            Ok(state) => println!("  {host}  port {}  {state}", host.http_port),
            Err(error) => println!("  {host}  port {}  FAILED: {error:#}", host.http_port),
        }
    }
    for gone in record
        .workloads
        .keys()
        .filter(|id| !hosts.iter().any(|host| host.id == **id))
    {
        println!("  {gone}  does not answer any more; its workloads are not counted");
    }
    println!();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(id: &str, cpu: f64) -> Host {
        Host {
            id: id.into(),
            hostname: id.into(),
            system_cpu_usage: cpu,
            http_port: 0,
        }
    }

    #[test]
    fn a_workload_stays_and_a_dead_hosts_share_goes_to_the_idlest() {
        let hosts = [host("a", 90.0), host("b", 10.0), host("c", 50.0)];
        let ids = |chosen: Vec<&Host>| {
            chosen
                .into_iter()
                .map(|host| host.id.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(ids(choose_hosts(&hosts, &["a".into()], 2)), ["a", "b"]);
        assert_eq!(ids(choose_hosts(&hosts[1..], &[], 2)), ["b", "c"]);
        assert_eq!(choose_hosts(&hosts, &[], 0).len(), 3, "everywhere");
        assert_eq!(
            choose_hosts(&hosts, &[], 5).len(),
            3,
            "never two on one host"
        );
    }
}
