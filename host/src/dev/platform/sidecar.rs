//! The sidecar in this process, for what a foreign host lacks: capabilities, messages, timers,
//! WebSockets.

use std::net::SocketAddr;

use anyhow::Result;

use crate::config::Config;
use crate::dev::process::port;
use crate::manifest::Manifest;
use crate::serve::Host;
use crate::split::Role;

/// Sets ports, the token and the address of the live feed. The components need them when they start.
pub fn prepare(config: &mut Config) -> Result<()> {
    let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
    config.services.token = format!("{:032x}", rand::random::<u128>());
    config.sidecar.listen = local(port("EVENTHUB_SIDECAR_PORT")?);
    config.wash.sidecar = format!("http://{}", config.sidecar.listen);
    let live = port("EVENTHUB_LIVE_PORT")?;
    let event = config.environment.entry("event".into()).or_default();
    event.insert("LIVE_URL".into(), format!("http://localhost:{live}"));
    Ok(())
}

/// Starts it. The application may start later: the sidecar repeats calls that fail.
pub async fn start(config: &Config, manifest: &Manifest) -> Result<Host> {
    let mut config = config.clone();
    let live = config
        .environment
        .get("event")
        .and_then(|event| event.get("LIVE_URL")?.rsplit_once(':')?.1.parse().ok());
    config.http.listen = SocketAddr::from(([0, 0, 0, 0], live.unwrap_or_default()));
    let host = Host::start(&mut config, manifest, &Role::Sidecar).await?;
    host.wait_until_ready().await?;
    Ok(host)
}
