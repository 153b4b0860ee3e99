//! The workload as the configuration of `wash dev`, which reads components from files.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::workload::{Part, Workload};

/// The text of `.wash/config.yaml`; it contains secrets.
pub fn yaml(workload: &Workload, listen: SocketAddr) -> Result<String> {
    let (first, others) = workload
        .parts
        .split_first()
        .context("the workload has no component")?;
    let others = others.iter().map(component).collect::<Result<Vec<_>>>()?;
    Ok(serde_yaml::to_string(&json!({
        // The component is built already.
        "build": { "command": "true", "component_path": absolute_path(first)? },
        "dev": { "address": listen.to_string(), "components": others },
        "workload": { "environment": { "config": first.variables } },
    }))?)
}

fn component(part: &Part) -> Result<Value> {
    let environment = json!({ "config": part.variables });
    Ok(
        json!({ "name": part.name, "file": absolute_path(part)?, "poolSize": part.pool, "environment": environment, "allowedHosts": part.allowed_hosts }),
    )
}

fn absolute_path(part: &Part) -> Result<String> {
    let path = part
        .file
        .canonicalize()
        .with_context(|| format!("cannot find {}", part.file.display()))?;
    Ok(path.display().to_string())
}
