//! The workload as a `WorkloadDeployment`, for wasmCloud's operator on Kubernetes. What is secret is not in it: each component that
//! has secrets takes them from a Secret of its name.

use super::workload::{Part, Workload, host_interfaces};
use anyhow::Result;
use serde_json::{Value, json};

/// YAML, with a word on the Secrets that it needs.
pub fn yaml(workload: &Workload) -> Result<String> {
    let mut text = String::from("# Made by `eventhub deploy --dry-run -o yaml` from wadm.yaml. It needs these Secrets in its namespace:\n");
    for part in workload.parts.iter().filter(|part| part.secrets().next().is_some()) {
        text += &format!("#   {}: {}\n", secret(workload, part), part.secrets().collect::<Vec<_>>().join(", "));
    }
    text += &serde_yaml::to_string(&deployment(workload))?;
    Ok(text)
}

fn deployment(workload: &Workload) -> Value {
    let components: Vec<Value> = workload.parts.iter().map(|part| component(workload, part)).collect();
    json!({
        "apiVersion": "runtime.wasmcloud.dev/v1alpha1",
        "kind": "WorkloadDeployment",
        "metadata": { "name": workload.name },
        "spec": {
            "replicas": workload.config.replicas.max(1),
            "deployPolicy": "RollingUpdate",
            "template": { "spec": { "components": components, "hostInterfaces": host_interfaces(&workload.config.hosts) } },
        },
    })
}

fn component(workload: &Workload, part: &Part) -> Value {
    let secrets: Vec<&str> = part.secrets().collect();
    let mut environment =
        json!({ "config": part.variables.iter().filter(|(name, _)| !secrets.contains(&name.as_str())).collect::<std::collections::BTreeMap<_, _>>() });
    if !secrets.is_empty() {
        environment["secretFrom"] = json!([{ "name": secret(workload, part) }]);
    }
    json!({
        "name": part.name,
        "image": part.image(&workload.config),
        "poolSize": part.pool,
        "localResources": { "environment": environment, "allowedHosts": part.allowed_hosts },
    })
}

fn secret(workload: &Workload, part: &Part) -> String {
    format!("{}-{}", workload.name, part.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::wash::workload::tests::workload;

    #[tokio::test]
    async fn secrets_are_named_and_never_told() {
        let (mut workload, _) = workload().await;
        workload.config.replicas = 2;
        let yaml = yaml(&workload).unwrap();
        assert!(!yaml.contains("t0ken") && !yaml.contains("seed"), "{yaml}");
        assert!(yaml.contains("#   eventhub-booking: TICKET_SIGNING_KEY\n"), "{yaml}");
        let deployment: Value = serde_yaml::from_str(&yaml).unwrap();
        assert_eq!(deployment["spec"]["replicas"], 2);
        let booking = deployment["spec"]["template"]["spec"]["components"].as_array().unwrap().iter().find(|one| one["name"] == "booking").unwrap();
        assert_eq!(booking["localResources"]["environment"]["secretFrom"][0]["name"], "eventhub-booking");
    }
}
