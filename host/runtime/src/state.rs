//! The data of a store: what the host keeps for each instance.

use std::sync::Arc;

use tokio::time::Instant;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::computing::Clock;
use crate::limits::Limits;
use crate::outgoing::CurrentCall;
use crate::output::Lines;
use crate::{CallContext, OutgoingHttp};

/// The store data of an instance. Capabilities keep their state in their clients, not here.
pub struct State {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
    pub(crate) limits: Limits,
    pub(crate) call: CurrentCall,
}

/// What all instances of a component share.
pub(crate) struct Environment {
    pub component: Arc<str>,
    pub variables: Vec<(String, String)>,
    pub outgoing: Option<Arc<dyn OutgoingHttp>>,
    /// Bytes.
    pub max_memory: usize,
}

impl State {
    pub(crate) fn new(environment: &Environment, clock: Arc<Clock>) -> Self {
        let lines = Lines::new(environment.component.clone());
        // Guests get variables and output only: no arguments, no folders, no sockets.
        let wasi = WasiCtx::builder()
            .envs(&environment.variables)
            .stdout(lines.clone())
            .stderr(lines)
            .allow_tcp(false)
            .allow_udp(false)
            .build();
        Self {
            wasi,
            http: WasiHttpCtx::new(),
            table: ResourceTable::new(),
            limits: Limits {
                used: 0,
                max: environment.max_memory,
            },
            call: CurrentCall {
                component: environment.component.clone(),
                outgoing: environment.outgoing.clone(),
                request_id: String::new(),
                traceparent: String::new(),
                deadline: Instant::now(),
                seen_at: None,
                clock,
            },
        }
    }

    /// The name of the instance's component.
    pub fn component(&self) -> &str {
        &self.call.component
    }

    /// The call that the instance is serving.
    pub fn call(&self) -> CallContext<'_> {
        CallContext {
            request_id: &self.call.request_id,
            traceparent: &self.call.traceparent,
            deadline: Some(self.call.deadline),
        }
    }

    pub(crate) fn begin(&mut self, context: CallContext<'_>, deadline: Instant) {
        let call = &mut self.call;
        call.request_id.clear();
        call.request_id.push_str(context.request_id);
        call.traceparent.clear();
        call.traceparent.push_str(context.traceparent);
        call.deadline = deadline;
        call.seen_at = None;
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
            hooks: &mut self.call,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}
