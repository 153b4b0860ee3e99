//! One instance of a component, with its functions resolved. It serves one call at a time and many
//! during its life.

use std::sync::Arc;
use std::time::Duration;

use eventhub_bindings::http::{Request, Response};
use eventhub_bindings::kafka::{Delivery, Outcome};
use eventhub_bindings::timers::Tick;
use eventhub_bindings::websocket::{Page, Refusal, Subscription};
use tokio::time::Instant;
use wasmtime::component::{ComponentNamedList, Func, InstancePre, Lift, Lower, TypedFunc};
use wasmtime::{Store, StoreContextMut, UpdateDeadline};
use wasmtime_wasi_http::p2::bindings::{Proxy, ProxyIndices};

use crate::computing::Clock;
use crate::error::DeadlinePassed;
use crate::loaded::Loaded;
use crate::state::{Environment, State};

/// A guest that the previous epoch callback, within this time, found computing has computed since
/// then. Any other guest has waited for the host in between, and need not yield.
const COMPUTING: Duration = Duration::from_millis(2);

/// A function that the host calls with types, where the component exports it.
type Entry<P, R> = Option<TypedFunc<P, R>>;

pub(crate) struct Instance {
    pub store: Store<State>,
    /// How many calls it has answered.
    pub served: u32,
    /// In the order of [`Loaded::functions`].
    pub functions: Vec<Func>,
    pub routes: Entry<(&'static Request,), (Response,)>,
    pub events: Entry<(&'static [Delivery],), (Vec<Outcome>,)>,
    pub timers: Entry<(&'static Tick,), (Result<(), String>,)>,
    pub live_open: Entry<(&'static Request,), (Result<Subscription, Refusal>,)>,
    pub live_read: Entry<(&'static str, u64), (Result<Page, String>,)>,
    /// Looked up at the first call.
    pub incoming: Option<Proxy>,
    /// For later look-ups.
    exports: wasmtime::component::Instance,
}

impl Instance {
    /// Answers through `wasi:http/incoming-handler`. None when the component does not export it.
    pub async fn over_http(
        &mut self,
        template: &Template,
        request: &Request,
    ) -> Option<wasmtime::Result<Response>> {
        let indices = template.incoming.as_ref()?;
        if self.incoming.is_none() {
            match indices.load(&mut self.store, &self.exports) {
                Ok(proxy) => self.incoming = Some(proxy),
                Err(error) => return Some(Err(error)),
            }
        }
        let proxy = self.incoming.as_ref()?;
        Some(crate::incoming::call(&mut self.store, proxy, request).await)
    }
}

/// What all instances of a component are made from. It holds all work that can be done ahead.
pub(crate) struct Template {
    pub loaded: Loaded,
    pub environment: Environment,
    pub pre: InstancePre<State>,
    pub incoming: Option<ProxyIndices>,
}

impl Template {
    pub fn new(
        loaded: Loaded,
        environment: Environment,
        pre: InstancePre<State>,
    ) -> wasmtime::Result<Self> {
        let incoming = loaded
            .points
            .incoming_handler
            .then(|| ProxyIndices::new(&pre))
            .transpose()?;
        Ok(Self {
            loaded,
            environment,
            pre,
            incoming,
        })
    }

    /// Makes an instance and runs its start functions. The caller enforces the deadline.
    pub async fn instantiate(
        &self,
        deadline: Instant,
        clock: Arc<Clock>,
    ) -> wasmtime::Result<Instance> {
        let mut store = Store::new(self.pre.engine(), State::new(&self.environment, clock));
        store.limiter(|state| &mut state.limits);
        store.epoch_deadline_callback(on_epoch);
        store.set_epoch_deadline(1);
        store.data_mut().call.deadline = deadline;
        let instance = self.pre.instantiate_async(&mut store).await?;

        let mut functions = Vec::with_capacity(self.loaded.functions.len());
        for index in &self.loaded.functions {
            functions.extend(instance.get_func(&mut store, index));
        }
        let points = &self.loaded.points;
        Ok(Instance {
            routes: typed_export(&mut store, &instance, points.routes.as_ref())?,
            events: typed_export(&mut store, &instance, points.events.as_ref())?,
            timers: typed_export(&mut store, &instance, points.timers.as_ref())?,
            live_open: typed_export(&mut store, &instance, points.live_open.as_ref())?,
            live_read: typed_export(&mut store, &instance, points.live_read.as_ref())?,
            incoming: None,
            exports: instance,
            functions,
            served: 0,
            store,
        })
    }
}

fn typed_export<P, R>(
    store: &mut Store<State>,
    instance: &wasmtime::component::Instance,
    index: Option<&wasmtime::component::ComponentExportIndex>,
) -> wasmtime::Result<Entry<P, R>>
where
    P: ComponentNamedList + Lower,
    R: ComponentNamedList + Lift,
{
    index
        .map(|index| instance.get_typed_func(store, index))
        .transpose()
}

/// Runs every millisecond in a computing guest: stops the guest at its deadline, and yields the
/// thread to other tasks.
fn on_epoch(mut store: StoreContextMut<'_, State>) -> wasmtime::Result<UpdateDeadline> {
    let call = &mut store.data_mut().call;
    let now = Instant::now();
    if now >= call.deadline {
        return Err(DeadlinePassed.into());
    }
    let computing = call.seen_at.is_some_and(|before| now - before <= COMPUTING);
    call.seen_at = Some(now);
    if !computing {
        return Ok(UpdateDeadline::Continue(1));
    }
    call.clock.touch(now);
    // Tokio's `yield_now` lets the I/O driver run before it polls this task again. A task that
    // wakes itself does not.
    Ok(UpdateDeadline::YieldCustom(
        1,
        Box::pin(tokio::task::yield_now()),
    ))
}
