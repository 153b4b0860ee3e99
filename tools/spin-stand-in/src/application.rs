//! The components of an application: composed, compiled once, instantiated for each request.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};

use anyhow::{Context, Result, bail};
use http_body_util::BodyExt;
use hyper::header::HOST;
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::oneshot;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use crate::hosts::{AllowedHosts, chained};
use crate::manifest::Manifest;
use crate::{postgres, redis};

/// A loaded application.
pub struct Application {
    engine: Engine,
    components: HashMap<String, Loaded>,
    routes: Vec<(String, String)>,
    client: Client<HttpConnector, Pin<Box<WasiBody>>>,
    /// The client for requests between components.
    itself: OnceLock<Weak<Application>>,
}

struct Loaded {
    pre: ProxyPre<State>,
    environment: Vec<(String, String)>,
    allowed: AllowedHosts,
    pools: postgres::Pools,
}

impl Application {
    /// Composes and compiles all components.
    ///
    /// # Errors
    /// Anything that Spin would refuse at start.
    pub fn load(
        manifest: &Manifest,
        variables: &[(String, String)],
        environment: &[(String, String)],
    ) -> Result<Arc<Self>> {
        let engine = Engine::default();
        let linker = linker(&engine).map_err(told)?;
        let mut components = HashMap::new();
        for (name, described) in &manifest.component {
            let wasm = manifest.composed(name)?;
            let compiled = Component::new(&engine, wasm)
                .and_then(|component| ProxyPre::new(linker.instantiate_pre(&component)?));
            let pre = compiled
                .map_err(told)
                .with_context(|| format!("component {name}"))?;
            let hosts = described
                .allowed_outbound_hosts
                .iter()
                .map(|host| manifest.resolved(host, variables))
                .collect::<Result<Vec<_>>>()?;
            let own = described
                .environment
                .iter()
                .map(|(name, value)| (name.clone(), value.clone()));
            let environment = own.chain(environment.iter().cloned()).collect();
            let loaded = Loaded {
                pre,
                environment,
                allowed: AllowedHosts::parse(&hosts)?,
                pools: postgres::Pools::default(),
            };
            components.insert(name.clone(), loaded);
        }
        let client = Client::builder(TokioExecutor::new()).build_http();
        let application = Arc::new(Self {
            engine,
            components,
            routes: manifest.routes()?,
            client,
            itself: OnceLock::new(),
        });
        let _ = application.itself.set(Arc::downgrade(&application));
        Ok(application)
    }

    /// The component whose route matches a path: exact routes come before wildcard routes, longer
    /// ones before shorter ones.
    pub fn component_of(&self, path: &str) -> Option<&str> {
        let exact = self.routes.iter().find(|(route, _)| route == path);
        let below = || {
            let prefixes = self
                .routes
                .iter()
                .filter_map(|(route, component)| Some((route.strip_suffix("/...")?, component)));
            let fitting = prefixes.filter(|(prefix, _)| {
                path.strip_prefix(prefix)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            });
            fitting
                .max_by_key(|(prefix, _)| prefix.len())
                .map(|(_, component)| component)
        };
        exact
            .map(|(_, component)| component)
            .or_else(below)
            .map(String::as_str)
    }

    /// One request to a component, in an instance of its own.
    ///
    /// # Errors
    /// The component does not exist, or it trapped before it answered.
    pub async fn handle(
        self: &Arc<Self>,
        name: &str,
        mut request: Request<WasiBody>,
    ) -> Result<Response<WasiBody>> {
        let loaded = self
            .components
            .get(name)
            .with_context(|| format!("there is no component {name}"))?;
        if let Some(value) = request
            .uri()
            .authority()
            .and_then(|authority| authority.as_str().parse().ok())
        {
            request.headers_mut().entry(HOST).or_insert(value);
        }
        let mut store = Store::new(
            &self.engine,
            State::new(name, loaded, self.itself.get().cloned().unwrap_or_default()),
        );
        let (sender, receiver) = oneshot::channel();
        let mut http = store.data_mut().http();
        let incoming = http
            .new_incoming_request(Scheme::Http, request)
            .map_err(told)?;
        let out = http.new_response_outparam(sender).map_err(told)?;
        let proxy = loaded
            .pre
            .instantiate_async(&mut store)
            .await
            .map_err(told)?;
        // The guest keeps writing the body after it has answered.
        let guest = tokio::spawn(async move {
            proxy
                .wasi_http_incoming_handler()
                .call_handle(&mut store, incoming, out)
                .await
        });
        match receiver.await {
            Ok(answer) => answer.map_err(|code| anyhow::anyhow!("{name} answered with {code:?}")),
            Err(_) => match guest.await? {
                Ok(()) => bail!("{name} set no answer"),
                Err(trap) => Err(told(trap)),
            },
        }
    }
}

/// The known interfaces that Spin 4 provides.
fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    postgres::add_to_linker(&mut linker)?;
    redis::add_to_linker(&mut linker)?;
    Ok(linker)
}

fn told(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:?}")
}

/// The state of an instance.
pub struct State {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
    calls: Calls,
    pools: postgres::Pools,
}

/// The outgoing requests of an instance.
struct Calls {
    component: String,
    allowed: AllowedHosts,
    application: Weak<Application>,
}

impl State {
    fn new(name: &str, loaded: &Loaded, application: Weak<Application>) -> Self {
        Self {
            wasi: WasiCtx::builder()
                .envs(&loaded.environment)
                .inherit_stdout()
                .inherit_stderr()
                .build(),
            http: WasiHttpCtx::new(),
            table: ResourceTable::new(),
            calls: Calls {
                component: name.into(),
                allowed: loaded.allowed.clone(),
                application,
            },
            pools: loaded.pools.clone(),
        }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.calls,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}

impl postgres::View for State {
    fn may_connect(&self, url: &str) -> bool {
        url.starts_with("postgres://") && self.calls.allowed.allow(url)
    }

    fn pools(&self) -> &postgres::Pools {
        &self.pools
    }
}

impl redis::View for State {
    fn may_connect(&self, url: &str) -> bool {
        url.starts_with("redis://") && self.calls.allowed.allow(url)
    }
}

type Connection = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for Calls {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        _: Option<RequestOptions>,
        _sent: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Connection), Error>> + Send> {
        let url = request.uri().to_string();
        let Some(application) = self
            .application
            .upgrade()
            .filter(|_| self.allowed.allow(&url))
        else {
            eprintln!("{}: {url} is not among the allowed hosts", self.component);
            return Box::new(async { Err(Error::HttpRequestDenied) });
        };
        Box::new(async move {
            let callee = request
                .uri()
                .authority()
                .and_then(|authority| chained(authority.as_str()))
                .map(str::to_string);
            let response = match callee {
                Some(callee) => application
                    .handle(&callee, request)
                    .await
                    .map_err(|error| {
                        eprintln!("{callee}: {error:#}");
                        Error::InternalError(Some(error.to_string()))
                    })?,
                None => application
                    .client
                    .request(request.map(Box::pin))
                    .await
                    .map_err(internal)?
                    .map(|body| body.map_err(internal).boxed_unsync()),
            };
            let driver: Connection = Box::new(async { Ok(()) });
            Ok((response, driver))
        })
    }
}

pub fn internal(error: impl std::fmt::Display) -> Error {
    Error::InternalError(Some(error.to_string()))
}
