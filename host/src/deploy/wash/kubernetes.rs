//! The workload as a `WorkloadDeployment`, for wasmCloud's operator on Kubernetes. It contains no
//! secrets: each component that has some takes them from a Secret of its name.

use anyhow::Result;
use serde_json::{Value, json};

use super::workload::{Part, Workload, host_interfaces};

/// YAML, with a comment that lists the Secrets that it needs.
pub fn yaml(workload: &Workload) -> Result<String> {
    let mut text = String::from(
        "# Generated from wadm.yaml by `eventhub deploy --dry-run -o yaml`. It needs these Secrets in its namespace:\n",
    );
    for part in workload
        .parts
        .iter()
        .filter(|part| part.secrets().next().is_some())
    {
        text += &format!(
            "#   {}: {}\n",
            secret(workload, part),
            part.secrets().collect::<Vec<_>>().join(", ")
        );
    }
    text += &quote_booleans(&serde_yaml::to_string(&deployment(workload))?);
    Ok(text)
}

/// Kubernetes reads YAML 1.1, where these words are booleans; the writer here writes YAML 1.2, where
/// they are text.
const BOOLEANS: [&str; 6] = ["y", "n", "yes", "no", "on", "off"];

fn quote_booleans(yaml: &str) -> String {
    // The word is the whole value, not the last word of a sentence.
    let is_whole =
        |before: &str| before.ends_with(':') || before.trim_matches([' ', '-']).is_empty();
    let line = |line: &str| match line.rsplit_once(' ') {
        Some((before, word))
            if BOOLEANS.contains(&word.to_lowercase().as_str()) && is_whole(before) =>
        {
            format!("{before} '{word}'\n")
        }
        _ => format!("{line}\n"),
    };
    yaml.lines().map(line).collect()
}

fn deployment(workload: &Workload) -> Value {
    let components: Vec<Value> = workload
        .parts
        .iter()
        .map(|part| component(workload, part))
        .collect();
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
    let mut environment = json!({ "config": part.variables.iter().filter(|(name, _)| !secrets.contains(&name.as_str())).collect::<std::collections::BTreeMap<_, _>>() });
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

    #[test]
    fn words_that_are_booleans_in_yaml_1_1_are_quoted() {
        let yaml = quote_booleans(
            &serde_yaml::to_string(
                &json!({"protection": "on", "list": ["No", "true", "nothing", "go on"]}),
            )
            .unwrap(),
        );
        assert_eq!(
            yaml,
            "list:\n- 'No'\n- 'true'\n- nothing\n- go on\nprotection: 'on'\n"
        );
    }

    #[tokio::test]
    async fn secrets_are_named_and_their_values_left_out() {
        let (mut workload, _) = workload().await;
        workload.config.replicas = 2;
        let yaml = yaml(&workload).unwrap();
        assert!(!yaml.contains("t0ken") && !yaml.contains("seed"), "{yaml}");
        assert!(
            yaml.contains("#   eventhub-booking: TICKET_SIGNING_KEY\n"),
            "{yaml}"
        );
        let deployment: Value = serde_yaml::from_str(&yaml).unwrap();
        assert_eq!(deployment["spec"]["replicas"], 2);
        let booking = deployment["spec"]["template"]["spec"]["components"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["name"] == "booking")
            .unwrap();
        assert_eq!(
            booking["localResources"]["environment"]["secretFrom"][0]["name"],
            "eventhub-booking"
        );
    }
}
