//! The host itself: from the start of the process until it is ready, and what an idle instance of a
//! service costs.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use eventhub_tests::Served;
use eventhub_tests::eventhub::root;
use eventhub_tests::served::on_servers_of;

use super::median;
use crate::load::{self, Repeat};
use crate::report::{Better, Figure};
use crate::setting::{Setting, address, folder};

const STARTS: usize = 5;

/// A second host on the servers of the environment, the compiled components in the cache.
pub async fn ready(setting: &mut Setting) -> Result<Figure> {
    let variables = variables(setting)?;
    let mut times = vec![];
    for _ in 0..STARTS {
        let mut served = Served::start(&folder("host")?, &root()?.join("wadm.yaml"), &variables)?;
        times.push(served.ready_after.as_secs_f64() * 1000.0);
        served.terminate()?;
    }
    let note = format!(
        "median of {STARTS}, all components of wadm.yaml, from the start of the process to /readyz 200, servers running, compiled code in the cache"
    );
    Ok(Figure::new("host_ready", median(times), "ms", Better::Lower).note(note))
}

/// How much the process grows when many requests at once make many instances of the gateway and of
/// a service, by instance.
pub async fn memory(setting: &mut Setting) -> Result<Figure> {
    let mut variables = variables(setting)?;
    for limit in ["USER", "ADDRESS"] {
        variables.push((
            format!("EVENTHUB_ENVIRONMENT_API_GATEWAY_RATE_LIMIT_{limit}_PER_SECOND"),
            "0".into(),
        ));
    }
    let event = setting.environment()?.state.demo.event_id.clone();
    let served = Served::start(&folder("host")?, &root()?.join("wadm.yaml"), &variables)?;
    let request = Repeat(load::get(&format!("/api/v1/events/{event}"), &[])?);
    let load = |connections: usize| {
        let scripts = vec![request.clone(); connections];
        let host = address(&served.http);
        async move { load::run(host?, scripts, Duration::ZERO, Duration::from_secs(2)).await }
    };
    // One connection first: what a first request allocates once is no instance's.
    load(1).await?;
    let before = (resident(served.pid())?, instances(&served)?);
    load(256).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = (resident(served.pid())?, instances(&served)?);
    let more = after.1.saturating_sub(before.1);
    ensure!(
        more >= 16,
        "256 connections made only {more} more instances"
    );
    let mebibytes = after.0.saturating_sub(before.0) as f64 / 1024.0 / 1024.0 / more as f64;
    let note = format!(
        "resident memory of the host grew by {:.0} MiB with {more} instances more (gateway, event and what they call), connections included",
        mebibytes * more as f64
    );
    Ok(Figure::new("instance_memory", mebibytes, "MiB", Better::Lower).note(note))
}

fn variables(setting: &mut Setting) -> Result<Vec<(String, String)>> {
    Ok(on_servers_of(&setting.environment()?.state))
}

/// Bytes.
fn resident(pid: u32) -> Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .context("a process has VmRSS")?;
    let kibibytes: u64 = line
        .split_whitespace()
        .nth(1)
        .context("VmRSS has a value")?
        .parse()?;
    Ok(kibibytes * 1024)
}

fn instances(served: &Served) -> Result<u64> {
    let (_, metrics) = served.operators("/metrics")?;
    let lines = metrics
        .lines()
        .filter(|line| line.starts_with("eventhub_component_instances{"));
    Ok(lines
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum::<f64>() as u64)
}
