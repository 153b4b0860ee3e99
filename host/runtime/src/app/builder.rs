//! Builds an [`App`] from the components, capabilities and links of a manifest. Everything is
//! compiled, checked and linked here, so that mistakes are found before the first request.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use eventhub_link::{Link, LinkConfig};
use wasmtime::component::Linker;

use super::App;
use super::plan::{Binding, Fault, LinkEnds, Node, Plan, Target, plan};
use crate::instance::Template;
use crate::link::{Mismatch, link_dynamic, link_routes};
use crate::loaded::Loaded;
use crate::pool::{Pool, mebibytes};
use crate::state::{Environment, State};
use crate::{OutgoingHttp, PoolConfig, Runtime};

/// Defines a capability's interfaces in the linker of one component; the text is the component's
/// name. All calls must go through the link. It has the limits that the manifest gives for this
/// component and this capability.
pub type AddToLinker = Box<dyn Fn(&mut Linker<State>, &str, Arc<Link>) -> wasmtime::Result<()>>;

/// A component of the manifest.
#[derive(Debug, Clone, Default)]
pub struct ComponentSource {
    /// The name in the manifest's links.
    pub name: String,
    /// The component in its binary format.
    pub wasm: Vec<u8>,
    pub pool: PoolConfig,
    /// Its environment variables, which are its configuration.
    pub env: Vec<(String, String)>,
}

/// A link of the manifest.
#[derive(Debug, Clone, Default)]
pub struct LinkSpec {
    /// The calling component.
    pub source: String,
    /// A component, or a capability's package: `eventhub:redis`.
    pub target: String,
    /// The package whose interfaces are linked: `eventhub:booking`.
    pub package: String,
    pub config: LinkConfig,
}

/// Why the app could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The fault of the manifest's author. It lists all mistakes.
    #[error("{}", .0.iter().map(|fault| format!("- {fault}")).collect::<Vec<_>>().join("\n"))]
    Manifest(Vec<Fault>),
    /// The component's fault: it is no component, or it imports something that the capability does
    /// not have.
    #[error("{component} cannot be loaded: {source:#}")]
    Component {
        component: String,
        source: wasmtime::Error,
    },
}

/// Collects the parts of an app.
pub struct AppBuilder {
    runtime: Runtime,
    components: Vec<ComponentSource>,
    capabilities: BTreeMap<String, AddToLinker>,
    links: Vec<LinkSpec>,
    outgoing: Option<Arc<dyn OutgoingHttp>>,
}

impl AppBuilder {
    /// An app without any parts.
    pub fn new(runtime: &Runtime) -> Self {
        Self {
            runtime: runtime.clone(),
            components: Vec::new(),
            capabilities: BTreeMap::new(),
            links: Vec::new(),
            outgoing: None,
        }
    }

    /// Adds a component.
    pub fn component(&mut self, source: ComponentSource) -> &mut Self {
        self.components.push(source);
        self
    }

    /// Adds the provider of a package's interfaces (`eventhub:redis`). It is called once for each
    /// component that has a link to the package.
    pub fn capability(&mut self, package: &str, add_to_linker: AddToLinker) -> &mut Self {
        self.capabilities.insert(package.to_owned(), add_to_linker);
        self
    }

    /// Adds a link.
    pub fn link(&mut self, link: LinkSpec) -> &mut Self {
        self.links.push(link);
        self
    }

    /// Sets the sender of the requests that components make through `wasi:http/outgoing-handler`.
    /// Without a sender, the host refuses them.
    pub fn outgoing_http(&mut self, outgoing: Arc<dyn OutgoingHttp>) -> &mut Self {
        self.outgoing = Some(outgoing);
        self
    }

    /// Compiles, checks and links. This takes seconds when components are not in the cache, so do
    /// not call it on a thread that serves requests.
    ///
    /// # Errors
    /// All mistakes of the manifest at once, or the first component that cannot be loaded.
    pub fn build(&self) -> Result<App, BuildError> {
        let mut loaded = Vec::with_capacity(self.components.len());
        for source in &self.components {
            let component = self
                .runtime
                .compile(&source.wasm)
                .map_err(load_error(&source.name))?;
            loaded.push(Loaded::new(&source.name, component));
        }
        let Plan { order, bindings } = self.plan(&loaded)?;
        let mut base = Linker::new(self.runtime.engine());
        add_wasi(&mut base).map_err(load_error("wasi"))?;

        let mut loaded: Vec<Option<Loaded>> = loaded.into_iter().map(Some).collect();
        let mut pools: HashMap<usize, Arc<Pool>> = HashMap::new();
        let mut faults = Vec::new();
        for node in order {
            let Some(component) = loaded.get_mut(node).and_then(Option::take) else {
                continue;
            };
            let source = &self.components[node];
            let mut linker = base.clone();
            self.link_all(
                &mut linker,
                &component,
                &bindings[node],
                &pools,
                &mut faults,
            )?;
            if !faults.is_empty() {
                break;
            }
            let pool = self
                .pool(component, source, &linker)
                .map_err(load_error(&source.name))?;
            pools.insert(node, Arc::new(pool));
        }
        if !faults.is_empty() {
            return Err(BuildError::Manifest(faults));
        }
        Ok(App {
            pools: Arc::new(
                pools
                    .into_values()
                    .map(|pool| (pool.name().clone(), pool))
                    .collect(),
            ),
        })
    }

    fn plan(&self, loaded: &[Loaded]) -> Result<Plan, BuildError> {
        let nodes: Vec<_> = loaded
            .iter()
            .map(|loaded| Node {
                name: &loaded.name,
                imports: loaded
                    .imports
                    .iter()
                    .map(|interface| &interface.name)
                    .collect(),
                exports: loaded
                    .exports
                    .iter()
                    .map(|interface| &interface.name)
                    .collect(),
            })
            .collect();
        let capabilities: BTreeSet<_> = self.capabilities.keys().map(String::as_str).collect();
        let ends: Vec<_> = self
            .links
            .iter()
            .map(|link| LinkEnds {
                source: &link.source,
                target: &link.target,
                package: &link.package,
            })
            .collect();
        let planned = plan(&nodes, &capabilities, &ends);

        let wanted: u64 = self
            .components
            .iter()
            .map(|source| u64::from(source.pool.max_instances.max(1)))
            .sum();
        let available = u64::from(self.runtime.config().max_instances);
        let crowded = (wanted > available).then_some(Fault::TooManyInstances { wanted, available });
        match (planned, crowded) {
            (Ok(plan), None) => Ok(plan),
            (planned, crowded) => {
                let faults = planned.err().into_iter().flatten().chain(crowded).collect();
                Err(BuildError::Manifest(faults))
            }
        }
    }

    /// Defines all imports of one component. The pools of its callees exist already.
    fn link_all(
        &self,
        linker: &mut Linker<State>,
        component: &Loaded,
        bindings: &[Binding],
        pools: &HashMap<usize, Arc<Pool>>,
        faults: &mut Vec<Fault>,
    ) -> Result<(), BuildError> {
        let mut links: HashMap<usize, Arc<Link>> = HashMap::new();
        for binding in bindings {
            let spec = &self.links[binding.link];
            let import = &component.imports[binding.import];
            let first = !links.contains_key(&binding.link);
            let link = links
                .entry(binding.link)
                .or_insert_with(|| Link::new(&component.name, &spec.target, spec.config.clone()))
                .clone();
            match binding.target {
                // A capability defines all of its interfaces at once.
                Target::Capability if !first => {}
                Target::Capability => {
                    if let Some(add_to_linker) = self.capabilities.get(&spec.target) {
                        add_to_linker(linker, &component.name, link)
                            .map_err(load_error(&component.name))?;
                    }
                }
                Target::Component { node, export } => {
                    let Some(callee) = pools.get(&node) else {
                        continue;
                    };
                    if import.name.interface() == "routes" {
                        link_routes(linker, &import.name, callee.clone(), link)
                            .map_err(load_error(&component.name))?;
                        continue;
                    }
                    let export = &callee.template.loaded.exports[export];
                    let linked = link_dynamic(linker, import, export, callee, &link)
                        .map_err(load_error(&component.name))?;
                    faults.extend(linked.err().map(|mismatch| Fault::Mismatch {
                        component: component.name.to_string(),
                        target: spec.target.clone(),
                        interface: import.name.full().to_owned(),
                        detail: match mismatch {
                            Mismatch::Missing(function) => format!("{function} is not exported"),
                            Mismatch::Types(function) => format!("the types of {function} differ"),
                        },
                    }));
                }
            }
        }
        Ok(())
    }

    fn pool(
        &self,
        loaded: Loaded,
        source: &ComponentSource,
        linker: &Linker<State>,
    ) -> wasmtime::Result<Pool> {
        let pre = linker.instantiate_pre(&loaded.component)?;
        let environment = Environment {
            component: loaded.name.clone(),
            variables: source.env.clone(),
            outgoing: self.outgoing.clone(),
            max_memory: mebibytes(source.pool.memory_mb),
        };
        Ok(Pool::new(
            Template::new(loaded, environment, pre)?,
            source.pool.clone(),
        ))
    }
}

fn add_wasi(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)
}

fn load_error(component: &str) -> impl Fn(wasmtime::Error) -> BuildError {
    let component = component.to_owned();
    move |source| BuildError::Component {
        component: component.clone(),
        source,
    }
}
