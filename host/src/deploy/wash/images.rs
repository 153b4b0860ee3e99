//! The components as OCI images in a registry, pushed by `wash oci push`. An image that the registry
//! has is not pushed again: its tag is the hash of the file.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use super::workload::{Part, Workload};
use crate::config::Wash;

/// Pushes the images that the registry does not have, and returns their number.
pub async fn push_images(workload: &Workload, config: &Wash) -> Result<usize> {
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(10))
        .build()?;
    let mut pushed = 0;
    for part in &workload.parts {
        // Under a common tag the registry may have an older file.
        if !config.tag.is_empty() || !exists(&client, part, config).await? {
            push_image(part, config).await?;
            pushed += 1;
        }
    }
    Ok(pushed)
}

async fn exists(client: &reqwest::Client, part: &Part, config: &Wash) -> Result<bool> {
    // A client without TLS cannot ask; pushing again does no harm.
    if !config.insecure_registry {
        return Ok(false);
    }
    let (registry, repository) = config
        .registry
        .split_once('/')
        .unwrap_or((&config.registry, ""));
    let path = format!("{repository}/{}", part.name);
    let url = format!(
        "http://{registry}/v2/{}/manifests/{}",
        path.trim_start_matches('/'),
        part.tag(config)
    );
    let answer = client
        .head(url)
        .header("accept", "application/vnd.oci.image.manifest.v1+json")
        .send()
        .await;
    let answer = answer
        .with_context(|| format!("the registry at {registry} does not answer (wash.registry)"))?;
    Ok(answer.status().is_success())
}

async fn push_image(part: &Part, config: &Wash) -> Result<()> {
    let image = part.image(config);
    let mut command = Command::new(&config.command);
    command
        .args(["oci", "push"])
        .env("RUST_BACKTRACE", "0")
        .kill_on_drop(true);
    if config.insecure_registry {
        command.arg("--insecure");
    }
    let output = command.arg(&image).arg(&part.file).output().await;
    let output = output.with_context(|| {
        format!(
            "cannot run `{}` (wash.command); install wash, or set the key",
            config.command
        )
    })?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).into_owned()
            + &String::from_utf8_lossy(&output.stdout);
        bail!("cannot push {image}: {}", text.trim());
    }
    Ok(())
}
