//! The service's entry in `wadm.yaml`: a component with its links, the gateway's link to it, and the
//! scheduler's. The file is edited as text, so that its comments stay.

use anyhow::{Context, Result, bail};

use crate::names::Names;

const COMPONENT: &str = "    - name: __service__
      type: component
      properties:
        image: file://target/components/__service__.wasm
      traits:
        - type: spreadscaler
          properties: { instances: 16 }
        - type: link
          properties:
            target:
              name: postgres
              config: [{ name: __service__-postgres, properties: { database: __service___db, outbox: __resource__ } }]
            namespace: eventhub
            package: postgres
            interfaces: [sql]

";

const ROUTES: &str = "        - type: link
          properties:
            target: { name: __service__ }
            namespace: eventhub
            package: __service__
            interfaces: [routes]
";

const TIMER: &str = "        - type: link
          properties:
            source: { config: [{ name: __service__-timer, properties: { interval_ms: \"60000\" } }] }
            target: { name: __service__ }
            namespace: eventhub
            package: __service__
            interfaces: [timers]
";

/// What stands between the components and the capability providers.
const PROVIDERS: &str = "    # Capability providers";

/// The manifest with the service.
///
/// # Errors
/// The manifest has a component of that name, or is not laid out as this tool expects.
pub fn add_service(manifest: &str, names: &Names) -> Result<String> {
    if manifest.contains(&format!("- name: {}\n", names.service)) {
        bail!("wadm.yaml has a component {} already", names.service);
    }
    let gateway = end_of_entry(manifest, "api-gateway")?;
    let with_routes = insert(manifest, gateway, &names.fill(ROUTES));
    let scheduler = end_of_entry(&with_routes, "scheduler")?;
    let with_timer = insert(&with_routes, scheduler, &names.fill(TIMER));
    let providers = with_timer
        .find(PROVIDERS)
        .context("wadm.yaml has no comment `# Capability providers`")?;
    Ok(insert(&with_timer, providers, &names.fill(COMPONENT)))
}

fn insert(text: &str, at: usize, more: &str) -> String {
    format!("{}{more}{}", &text[..at], &text[at..])
}

/// Where the last line of an entry ends: its next line is empty, a comment of the list, or another
/// entry.
fn end_of_entry(manifest: &str, name: &str) -> Result<usize> {
    let begin = format!("    - name: {name}\n");
    let start = manifest
        .find(&begin)
        .with_context(|| format!("wadm.yaml has no entry {name}"))?
        + begin.len();
    let mut end = start;
    for line in manifest[start..].split_inclusive('\n') {
        if !line.starts_with("      ") {
            break;
        }
        end += line.len();
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = include_str!("../../../wadm.yaml");

    #[test]
    fn the_entry_is_added_and_nothing_else_changes() {
        let names = Names::parse("reviews").unwrap();
        let entered = add_service(MANIFEST, &names).unwrap();
        let added = entered.lines().count() - MANIFEST.lines().count();
        let parts = [COMPONENT, ROUTES, TIMER].map(|part| part.lines().count());
        assert_eq!(added, parts.iter().sum::<usize>());
        let mut kept = entered.lines();
        for line in MANIFEST.lines() {
            assert!(kept.any(|known| known == line), "{line}");
        }
    }

    #[test]
    fn a_service_is_entered_once() {
        let names = Names::parse("reviews").unwrap();
        let entered = add_service(MANIFEST, &names).unwrap();
        assert!(add_service(&entered, &names).is_err());
    }
}
