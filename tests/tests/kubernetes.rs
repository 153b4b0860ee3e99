//! The `WorkloadDeployment` that `eventhub deploy` generates for `deploy/kubernetes`: it has every
//! component of the manifest with its variables, and the fields and types of the operator's custom
//! resource (`runtime.wasmcloud.dev/v1alpha1`, of wasmCloud 2), and no others.

#![allow(dead_code)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use eventhub_manifest::Manifest;
use eventhub_tests::eventhub::{binary, root};
use serde::Deserialize;

type Map = BTreeMap<String, String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WorkloadDeployment {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Spec {
    replicas: Option<i32>,
    deploy_policy: Option<String>,
    template: Template,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Template {
    annotations: Option<Map>,
    labels: Option<Map>,
    spec: Workload,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Workload {
    components: Vec<Component>,
    host_interfaces: Vec<HostInterface>,
    host_selector: Option<Map>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Component {
    name: String,
    image: String,
    image_pull_policy: Option<String>,
    image_pull_secret: Option<Reference>,
    pool_size: Option<i32>,
    max_invocations: Option<i32>,
    max_concurrency: Option<i32>,
    local_resources: Option<LocalResources>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct LocalResources {
    allowed_hosts: Option<Vec<String>>,
    config: Option<Map>,
    environment: Option<Environment>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Environment {
    config: Option<Map>,
    config_from: Option<Vec<Reference>>,
    secret_from: Option<Vec<Reference>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reference {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct HostInterface {
    namespace: String,
    package: String,
    interfaces: Vec<String>,
    version: Option<String>,
    name: Option<String>,
    config: Option<Map>,
}

#[test]
fn the_deployment_has_the_manifest_in_the_operators_types() -> Result<()> {
    let root = root()?;
    let mut command = Command::new(binary(&root)?);
    command
        .args([
            "deploy",
            "--dry-run",
            "-o",
            "yaml",
            "--config",
            "deploy/kubernetes/eventhub.toml",
        ])
        .current_dir(&root);
    let output = command.output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout)?;
    let deployment: WorkloadDeployment = serde_yaml::from_str(&text)?;
    assert_eq!(
        (deployment.api_version.as_str(), deployment.kind.as_str()),
        ("runtime.wasmcloud.dev/v1alpha1", "WorkloadDeployment")
    );
    let workload = deployment.spec.template.spec;
    let manifest = Manifest::read(&root.join("wadm.yaml"))?;
    let names: Vec<_> = workload
        .components
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    let expected = ["application-server"]
        .into_iter()
        .chain(manifest.components.iter().map(|one| one.name.as_str()))
        .chain(["capabilities-client"]);
    assert!(expected.eq(names.iter().copied()), "{names:?}");
    let packages: BTreeSet<_> = workload
        .host_interfaces
        .iter()
        .map(|one| (&one.namespace, &one.package))
        .collect();
    assert_eq!(
        packages.len(),
        workload.host_interfaces.len(),
        "one unnamed entry a package"
    );
    assert!(
        workload
            .host_interfaces
            .iter()
            .all(|one| !one.interfaces.is_empty())
    );
    for component in &workload.components {
        assert!(
            component
                .image
                .ends_with(&format!("/{}:0.1.0", component.name)),
            "{}",
            component.image
        );
        let resources = component
            .local_resources
            .as_ref()
            .context("each component has resources")?;
        let environment = resources
            .environment
            .as_ref()
            .context("each component has an environment")?;
        let known = manifest.component(&component.name).into_iter();
        for (name, value) in known.flat_map(|known| &known.environment) {
            let set = environment
                .config
                .iter()
                .find_map(|config| config.get(name));
            ensure!(
                set == Some(value) || set.is_none() && environment.secret_from.is_some(),
                "{} has {name} = {set:?}, not {value:?}",
                component.name
            );
        }
        for host in resources.allowed_hosts.iter().flatten() {
            ensure!(
                !host.contains('/') && !host.is_empty(),
                "{host} is a host with an optional port"
            );
        }
    }
    Ok(())
}
