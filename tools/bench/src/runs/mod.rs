//! The measurements, a file each, in the order in which they run.

mod booking;
mod fanout;
mod holds;
mod host;
mod http;
mod kafka;
mod kernels;
pub mod places;
mod relay;

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::machine::Machine;
use crate::report::{self, Figure};
use crate::setting::{Setting, progress};

/// What to run, and for how long.
pub struct Plan {
    pub names: Vec<String>,
    pub seconds: u64,
    pub booking_seconds: u64,
}

const NAMES: [&str; 12] = [
    "noop",
    "gateway_noop",
    "saga_wasm",
    "seat_lock_wasm",
    "hold4",
    "booking_confirmed",
    "kafka_produce",
    "kafka_handle",
    "cdc_relay",
    "ws_fanout",
    "host_ready",
    "instance_memory",
];

/// Runs all that is wanted; writes and prints what was measured, also when a later run fails.
pub async fn all(plan: &Plan, out: &Path) -> Result<()> {
    if let Some(unknown) = plan
        .names
        .iter()
        .find(|name| !NAMES.contains(&name.as_str()))
    {
        bail!(
            "there is no benchmark {unknown}; there are {}",
            NAMES.join(" ")
        );
    }
    let machine = Machine::look();
    let length = Duration::from_secs(plan.seconds.max(1));
    let mut setting = Setting::default();
    let mut figures: Vec<Figure> = vec![];
    let mut failures = vec![];
    for name in NAMES
        .into_iter()
        .filter(|name| plan.names.is_empty() || plan.names.iter().any(|wanted| wanted == name))
    {
        progress(name);
        let figure = match name {
            "noop" => http::noop(length).await,
            "gateway_noop" => http::gateway_noop(length).await,
            "saga_wasm" => kernels::saga().await,
            "seat_lock_wasm" => kernels::seat_lock().await,
            "hold4" => holds::hold4(&mut setting, length).await,
            "booking_confirmed" => {
                booking::confirmed(
                    &mut setting,
                    Duration::from_secs(plan.booking_seconds.max(1)),
                )
                .await
            }
            "kafka_produce" => kafka::produce(&mut setting).await,
            "kafka_handle" => kafka::handle(&mut setting).await,
            "cdc_relay" => relay::cdc(&mut setting).await,
            "ws_fanout" => fanout::sockets(&mut setting).await,
            "host_ready" => host::ready(&mut setting).await,
            _ => host::memory(&mut setting).await,
        };
        match figure {
            Ok(figure) => figures.push(figure),
            Err(error) => failures.push(format!("{name}: {error:#}")),
        }
        report::write(out, &machine, &figures)?;
    }
    report::print(&machine, &figures);
    if failures.is_empty() {
        Ok(())
    } else {
        bail!("not measured: {}", failures.join("; "))
    }
}

/// The one in the middle; of an even number the upper one.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
