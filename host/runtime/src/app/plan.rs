//! Decides which component or capability satisfies each import. It works on names only, without any
//! wasm, and finds all mistakes of a manifest at once.

use std::collections::BTreeSet;

use crate::interface::InterfaceName;

/// A component, as far as links are concerned.
pub(crate) struct Node<'a> {
    pub name: &'a str,
    pub imports: Vec<&'a InterfaceName>,
    pub exports: Vec<&'a InterfaceName>,
}

/// The ends of a link of the manifest, and the package that it links.
pub(crate) struct LinkEnds<'a> {
    pub source: &'a str,
    pub target: &'a str,
    pub package: &'a str,
}

/// How one import is satisfied.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Binding {
    /// Index into the node's imports.
    pub import: usize,
    /// Index into the links of the manifest.
    pub link: usize,
    pub target: Target,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Index into the nodes, and into that node's exports.
    Component {
        node: usize,
        export: usize,
    },
    Capability,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The nodes, ordered so that each comes after every node that it calls.
    pub order: Vec<usize>,
    /// The bindings of each node.
    pub bindings: Vec<Vec<Binding>>,
}

/// One mistake in a manifest. Its author has to correct it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("two components are called {name}")]
    SameName { name: String },
    #[error("{first} and {second} both export {interface}; an interface has one exporter")]
    TwoExporters {
        interface: String,
        first: String,
        second: String,
    },
    #[error(
        "{component} imports {interface}, which {provider} provides, but no link of the manifest goes from {component} to {provider}"
    )]
    MissingLink {
        component: String,
        interface: String,
        provider: String,
    },
    #[error(
        "{component} imports {interface}, which no component exports and no capability provides"
    )]
    Unsatisfied {
        component: String,
        interface: String,
    },
    #[error("the link from {component} goes to {target}, which does not export {interface}")]
    NotExported {
        component: String,
        target: String,
        interface: String,
    },
    #[error(
        "a link goes from {source_component} to {target} for {package}: there is no component or capability {missing}"
    )]
    UnknownEnd {
        source_component: String,
        target: String,
        package: String,
        missing: String,
    },
    #[error("components call each other in a cycle: {}", path.join(" → "))]
    Cycle { path: Vec<String> },
    #[error("{component} and {target} have different types for {interface}: {detail}")]
    Mismatch {
        component: String,
        target: String,
        interface: String,
        detail: String,
    },
    #[error("the pools may have {wanted} instances together, but the engine only {available}")]
    TooManyInstances { wanted: u64, available: u64 },
}

/// Checks everything that follows from names alone.
pub(crate) fn plan(
    nodes: &[Node],
    capabilities: &BTreeSet<&str>,
    links: &[LinkEnds],
) -> Result<Plan, Vec<Fault>> {
    let mut faults = Vec::new();
    check_names(nodes, &mut faults);
    check_exporters(nodes, &mut faults);
    check_ends(nodes, capabilities, links, &mut faults);
    let bindings: Vec<Vec<Binding>> = nodes
        .iter()
        .map(|node| bind_imports(node, nodes, capabilities, links, &mut faults))
        .collect();
    let order = order_nodes(nodes, &bindings)
        .map_err(|cycle| faults.push(cycle))
        .unwrap_or_default();
    if faults.is_empty() {
        Ok(Plan { order, bindings })
    } else {
        Err(faults)
    }
}

fn check_names(nodes: &[Node], faults: &mut Vec<Fault>) {
    let mut known = BTreeSet::new();
    for node in nodes {
        if !known.insert(node.name) {
            faults.push(Fault::SameName {
                name: node.name.into(),
            });
        }
    }
}

fn check_exporters(nodes: &[Node], faults: &mut Vec<Fault>) {
    for (index, first) in nodes.iter().enumerate() {
        for second in &nodes[index + 1..] {
            for export in first.exports.iter().filter(|export| !export.is_wasi()) {
                if second.exports.contains(export) {
                    faults.push(Fault::TwoExporters {
                        interface: export.full().into(),
                        first: first.name.into(),
                        second: second.name.into(),
                    });
                }
            }
        }
    }
}

fn check_ends(
    nodes: &[Node],
    capabilities: &BTreeSet<&str>,
    links: &[LinkEnds],
    faults: &mut Vec<Fault>,
) {
    let is_component = |name: &str| nodes.iter().any(|node| node.name == name);
    for link_ends in links {
        let unknown = if !is_component(link_ends.source) {
            link_ends.source
        } else if !is_component(link_ends.target) && !capabilities.contains(link_ends.target) {
            link_ends.target
        } else {
            continue;
        };
        faults.push(Fault::UnknownEnd {
            source_component: link_ends.source.into(),
            target: link_ends.target.into(),
            package: link_ends.package.into(),
            missing: unknown.into(),
        });
    }
}

fn bind_imports(
    node: &Node,
    nodes: &[Node],
    capabilities: &BTreeSet<&str>,
    links: &[LinkEnds],
    faults: &mut Vec<Fault>,
) -> Vec<Binding> {
    let mut bindings = Vec::new();
    for (import, interface) in node
        .imports
        .iter()
        .enumerate()
        .filter(|(_, interface)| !interface.is_wasi())
    {
        let component = || node.name.to_owned();
        let mine = |link_ends: &&LinkEnds| {
            link_ends.source == node.name && link_ends.package == interface.package()
        };
        let Some((link, link_ends)) = links
            .iter()
            .enumerate()
            .find(|(_, link_ends)| mine(link_ends))
        else {
            let exporter = nodes
                .iter()
                .find(|other| other.exports.contains(interface))
                .map(|other| other.name);
            let provider = exporter.or_else(|| capabilities.get(interface.package()).copied());
            let interface = interface.full().to_owned();
            faults.push(match provider {
                Some(provider) => Fault::MissingLink {
                    component: component(),
                    interface,
                    provider: provider.into(),
                },
                None => Fault::Unsatisfied {
                    component: component(),
                    interface,
                },
            });
            continue;
        };
        let target = match nodes
            .iter()
            .position(|other| other.name == link_ends.target)
        {
            Some(other) => nodes[other]
                .exports
                .iter()
                .position(|export| export == interface)
                .map(|export| Target::Component {
                    node: other,
                    export,
                }),
            // `check_ends` has reported the unknown target.
            None if !capabilities.contains(link_ends.target) => continue,
            None => (link_ends.target == interface.package()).then_some(Target::Capability),
        };
        match target {
            Some(target) => bindings.push(Binding {
                import,
                link,
                target,
            }),
            None => faults.push(Fault::NotExported {
                component: component(),
                target: link_ends.target.into(),
                interface: interface.full().into(),
            }),
        }
    }
    bindings
}

/// Puts callees before callers, or reports the cycle that makes this impossible.
fn order_nodes(nodes: &[Node], bindings: &[Vec<Binding>]) -> Result<Vec<usize>, Fault> {
    fn visit(
        node: usize,
        nodes: &[Node],
        bindings: &[Vec<Binding>],
        path: &mut Vec<usize>,
        order: &mut Vec<usize>,
    ) -> Result<(), Fault> {
        if order.contains(&node) {
            return Ok(());
        }
        if let Some(start) = path.iter().position(|other| *other == node) {
            let path = path[start..]
                .iter()
                .chain([&node])
                .map(|node| nodes[*node].name.to_owned())
                .collect();
            return Err(Fault::Cycle { path });
        }
        path.push(node);
        for binding in &bindings[node] {
            if let Target::Component { node: callee, .. } = binding.target {
                visit(callee, nodes, bindings, path, order)?;
            }
        }
        path.pop();
        order.push(node);
        Ok(())
    }
    let mut order = Vec::with_capacity(nodes.len());
    for node in 0..nodes.len() {
        visit(node, nodes, bindings, &mut Vec::new(), &mut order)?;
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Given(&'static str, Vec<InterfaceName>, Vec<InterfaceName>);

    fn component(name: &'static str, imports: &[&str], exports: &[&str]) -> Given {
        let parse = |names: &[&str]| {
            names
                .iter()
                .map(|name| InterfaceName::parse(name).unwrap())
                .collect()
        };
        Given(name, parse(imports), parse(exports))
    }

    fn planned(
        given: &[Given],
        links: &[(&'static str, &'static str, &'static str)],
    ) -> Result<Plan, Vec<String>> {
        let nodes: Vec<_> = given
            .iter()
            .map(|Given(name, imports, exports)| Node {
                name,
                imports: imports.iter().collect(),
                exports: exports.iter().collect(),
            })
            .collect();
        let links: Vec<_> = links
            .iter()
            .map(|(source, target, package)| LinkEnds {
                source,
                target,
                package,
            })
            .collect();
        plan(&nodes, &BTreeSet::from(["eventhub:redis"]), &links)
            .map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }

    const BOOKING: &str = "eventhub:booking/routes@0.1.0";
    const REDIS: &str = "eventhub:redis/commands@0.1.0";
    const STDERR: &str = "wasi:cli/stderr@0.2.6";

    #[test]
    fn imports_are_bound_and_callees_come_first() {
        let given = [
            component("gateway", &[BOOKING, REDIS, STDERR], &[]),
            component("booking", &[], &[BOOKING]),
        ];
        let links = [
            ("gateway", "booking", "eventhub:booking"),
            ("gateway", "eventhub:redis", "eventhub:redis"),
        ];
        let plan = planned(&given, &links).unwrap();
        assert_eq!(plan.order, [1, 0]);
        let target = Target::Component { node: 1, export: 0 };
        assert_eq!(
            plan.bindings[0],
            [
                Binding {
                    import: 0,
                    link: 0,
                    target
                },
                Binding {
                    import: 1,
                    link: 1,
                    target: Target::Capability
                }
            ]
        );
    }

    #[test]
    fn a_missing_link_is_refused_and_its_provider_named() {
        let given = [
            component("gateway", &[BOOKING, REDIS], &[]),
            component("booking", &[], &[BOOKING]),
        ];
        let faults = planned(&given, &[]).unwrap_err();
        assert_eq!(faults.len(), 2, "all faults at once: {faults:?}");
        assert!(
            faults[0].contains("no link of the manifest goes from gateway to booking"),
            "{faults:?}"
        );
        assert!(
            faults[1].contains(REDIS) && faults[1].contains("gateway to eventhub:redis"),
            "{faults:?}"
        );
    }

    #[test]
    fn an_import_without_a_provider_is_refused() {
        let faults = planned(&[component("gateway", &[BOOKING], &[])], &[]).unwrap_err();
        assert!(
            faults[0].contains("gateway imports eventhub:booking/routes@0.1.0, which no component"),
            "{faults:?}"
        );
    }

    #[test]
    fn two_exporters_of_one_interface_are_refused() {
        let given = [
            component("one", &[], &[BOOKING, STDERR]),
            component("two", &[], &[BOOKING, STDERR]),
        ];
        let faults = planned(&given, &[]).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(
            faults[0].contains("one and two both export eventhub:booking/routes@0.1.0"),
            "{faults:?}"
        );
    }

    #[test]
    fn a_cycle_is_refused_and_shown() {
        let given = [
            component("a", &["x:b/i"], &["x:a/i"]),
            component("b", &["x:c/i"], &["x:b/i"]),
            component("c", &["x:b/i"], &["x:c/i"]),
        ];
        let links = [("a", "b", "x:b"), ("b", "c", "x:c"), ("c", "b", "x:b")];
        let faults = planned(&given, &links).unwrap_err();
        assert_eq!(faults, ["components call each other in a cycle: b → c → b"]);
    }

    #[test]
    fn a_link_to_a_wrong_or_unknown_target_is_refused() {
        let given = [
            component("gateway", &[BOOKING], &[]),
            component("event", &[], &[]),
        ];
        let faults = planned(&given, &[("gateway", "event", "eventhub:booking")]).unwrap_err();
        assert!(
            faults[0].contains("event, which does not export eventhub:booking/routes@0.1.0"),
            "{faults:?}"
        );
        let faults = planned(&given, &[("gateway", "bookings", "eventhub:booking")]).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(
            faults[0].contains("no component or capability bookings"),
            "{faults:?}"
        );
        let faults =
            planned(&given, &[("gateway", "eventhub:redis", "eventhub:booking")]).unwrap_err();
        assert!(faults[0].contains("does not export"), "{faults:?}");
    }
}
