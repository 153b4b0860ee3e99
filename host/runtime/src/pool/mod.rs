//! The pool of one component. It lends an instance to one call at a time and reuses it. After a
//! call that fails, whatever the reason, its instance is dropped.

mod lease;
mod permits;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use eventhub_bindings::http::{Request, Response};
use eventhub_bindings::kafka::{Delivery, Outcome};
use eventhub_bindings::timers::Tick;
use eventhub_bindings::websocket::{Page, Refusal, Subscription};
use parking_lot::Mutex;
use tokio::sync::SemaphorePermit;
use tokio::time::{Instant, timeout_at};
use wasmtime::component::Val;

use self::lease::{Lease, Lent};
use self::permits::Permits;
use crate::instance::{Instance, Template};
use crate::meters::Meters;
use crate::{CallContext, CallError, PoolConfig};

pub(crate) struct Pool {
    pub template: Template,
    config: PoolConfig,
    /// The instance used last is lent first: its memory is warm, and the others can be dropped in
    /// quiet times. Boxed, since each call moves one out and in again.
    #[allow(clippy::vec_box)]
    idle: Mutex<Vec<Box<Instance>>>,
    permits: Permits,
    queued: AtomicUsize,
    meters: Meters,
}

/// The instances of one component at one point in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentStats {
    pub component: Arc<str>,
    /// Serving a call.
    pub busy: usize,
    pub idle: usize,
    /// Calls that wait for an instance.
    pub queued: usize,
    /// Linear memory of the idle instances together, bytes.
    pub idle_memory: usize,
    /// Calls that the idle instances have answered.
    pub idle_served: u64,
}

impl Pool {
    pub fn new(template: Template, config: PoolConfig) -> Self {
        let meters = Meters::new(&template.loaded.name);
        let permits = Permits::new(
            config.eager_instances,
            config.max_instances,
            Duration::from_millis(config.grow_after_ms),
        );
        Self {
            permits,
            idle: Mutex::default(),
            queued: AtomicUsize::new(0),
            template,
            config,
            meters,
        }
    }

    pub fn name(&self) -> &Arc<str> {
        &self.template.loaded.name
    }

    pub async fn handle(
        &self,
        request: &Request,
        context: CallContext<'_>,
    ) -> Result<Response, CallError> {
        if self.template.loaded.points.routes.is_none() {
            return self.over_http(request, context).await;
        }
        let mut lease = self.lend(context).await?;
        let Some(routes) = lease.instance.routes else {
            return Err(lease.not_exported("routes"));
        };
        let result = timeout_at(
            lease.deadline,
            routes.call_async(&mut lease.instance.store, (request,)),
        )
        .await;
        lease.settle(result).map(|(response,)| response)
    }

    pub async fn over_http(
        &self,
        request: &Request,
        context: CallContext<'_>,
    ) -> Result<Response, CallError> {
        let mut lease = self.lend(context).await?;
        let (deadline, template) = (lease.deadline, &self.template);
        match timeout_at(deadline, lease.instance.over_http(template, request)).await {
            Ok(None) => Err(lease.not_exported("wasi:http/incoming-handler")),
            Ok(Some(result)) => lease.settle(Ok(result)),
            Err(elapsed) => lease.settle(Err(elapsed)),
        }
    }

    pub async fn events(
        &self,
        batch: &[Delivery],
        context: CallContext<'_>,
    ) -> Result<Vec<Outcome>, CallError> {
        let mut lease = self.lend(context).await?;
        let Some(events) = lease.instance.events else {
            return Err(lease.not_exported("events"));
        };
        let result = timeout_at(
            lease.deadline,
            events.call_async(&mut lease.instance.store, (batch,)),
        )
        .await;
        lease.settle(result).map(|(outcomes,)| outcomes)
    }

    pub async fn tick(
        &self,
        tick: &Tick,
        context: CallContext<'_>,
    ) -> Result<Result<(), String>, CallError> {
        let mut lease = self.lend(context).await?;
        let Some(timers) = lease.instance.timers else {
            return Err(lease.not_exported("timers"));
        };
        let result = timeout_at(
            lease.deadline,
            timers.call_async(&mut lease.instance.store, (tick,)),
        )
        .await;
        lease.settle(result).map(|(result,)| result)
    }

    pub async fn live_open(
        &self,
        request: &Request,
        context: CallContext<'_>,
    ) -> Result<Result<Subscription, Refusal>, CallError> {
        let mut lease = self.lend(context).await?;
        let Some(open) = lease.instance.live_open else {
            return Err(lease.not_exported("live"));
        };
        let result = timeout_at(
            lease.deadline,
            open.call_async(&mut lease.instance.store, (request,)),
        )
        .await;
        lease.settle(result).map(|(result,)| result)
    }

    pub async fn live_read(
        &self,
        topic: &str,
        seq: u64,
        context: CallContext<'_>,
    ) -> Result<Result<Page, String>, CallError> {
        let mut lease = self.lend(context).await?;
        let Some(read) = lease.instance.live_read else {
            return Err(lease.not_exported("live"));
        };
        let result = timeout_at(
            lease.deadline,
            read.call_async(&mut lease.instance.store, (topic, seq)),
        )
        .await;
        lease.settle(result).map(|(result,)| result)
    }

    /// Any exported function; `function` is an index into [`Instance::functions`].
    pub async fn call(
        &self,
        function: usize,
        params: &[Val],
        results: &mut [Val],
        context: CallContext<'_>,
    ) -> Result<(), CallError> {
        let mut lease = self.lend(context).await?;
        let Some(function) = lease.instance.functions.get(function).copied() else {
            return Err(lease.not_exported("the function that was linked"));
        };
        let result = timeout_at(
            lease.deadline,
            function.call_async(&mut lease.instance.store, params, results),
        )
        .await;
        lease.settle(result)
    }

    /// Starts an instance when none is idle.
    pub async fn warm(&self) -> Result<(), CallError> {
        let lease = self.lend(CallContext::default()).await?;
        lease.settle(Ok(Ok(())))
    }

    pub fn stats(&self) -> ComponentStats {
        let idle = self.idle.lock();
        ComponentStats {
            component: self.name().clone(),
            busy: self.permits.in_use(),
            idle: idle.len(),
            queued: self.queued.load(Ordering::Relaxed),
            idle_memory: idle
                .iter()
                .map(|instance| instance.store.data().limits.used)
                .sum(),
            idle_served: idle.iter().map(|instance| u64::from(instance.served)).sum(),
        }
    }

    async fn lend(&self, context: CallContext<'_>) -> Result<Lease<'_>, CallError> {
        let started = Instant::now();
        let latest = started + self.config.deadline();
        let deadline = context
            .deadline
            .map_or(latest, |deadline| deadline.min(latest));
        let failed = |error: CallError| {
            self.report(&error, context);
            error
        };
        let permit = self.acquire_permit(deadline).await.map_err(failed)?;
        let idle = self.idle.lock().pop();
        let mut instance = match idle {
            Some(instance) => instance,
            None => self.start(deadline, started).await.map_err(failed)?,
        };
        instance.store.data_mut().begin(context, deadline);
        instance.store.set_epoch_deadline(1);
        Ok(Lease {
            instance: Lent {
                instance: Some(instance),
                pool: self,
            },
            deadline,
            started,
            permit: Some(permit),
        })
    }

    /// Drops the idle instance that has not been used for longest.
    fn drop_coldest(&self) {
        let mut idle = self.idle.lock();
        if !idle.is_empty() {
            let forgotten = idle.remove(0);
            drop(idle);
            self.meters.recycled.increment(1);
            drop(forgotten);
        }
    }

    async fn acquire_permit(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, CallError> {
        if let Some(permit) = self.permits.try_acquire() {
            return Ok(permit);
        }
        let overloaded = || CallError::Overloaded {
            component: self.name().clone(),
        };
        let queued = Queued::enter(self);
        if queued.ahead >= self.config.max_queued as usize {
            return Err(overloaded());
        }
        self.permits.acquire(deadline).await.ok_or_else(overloaded)
    }

    async fn start(&self, deadline: Instant, started: Instant) -> Result<Box<Instance>, CallError> {
        let component = self.name();
        match timeout_at(
            deadline,
            self.template
                .instantiate(deadline, self.permits.computing.enlist()),
        )
        .await
        {
            Ok(Ok(instance)) => {
                self.meters.started.increment(1);
                Ok(Box::new(instance))
            }
            Ok(Err(error)) => Err(
                match CallError::from_wasm(component, &error, started.elapsed()) {
                    CallError::Trap { component, .. } => CallError::Start {
                        component,
                        reason: format!("{error:#}"),
                    },
                    other => other,
                },
            ),
            Err(_) => Err(CallError::Deadline {
                component: component.clone(),
                after: started.elapsed(),
            }),
        }
    }

    /// Counts and logs a failed call. Nothing else logs it.
    fn report(&self, error: &CallError, context: CallContext<'_>) {
        self.meters.failed(error.kind());
        let backtrace = if let CallError::Trap { backtrace, .. } = error {
            backtrace.as_str()
        } else {
            ""
        };
        let (component, kind) = (&**self.name(), error.kind());
        let (request_id, trace_id) = (context.request_id, context.trace_id());
        match error {
            // Overload must not flood the log; the metrics count it.
            CallError::Overloaded { .. } => {
                tracing::debug!(component, request_id, trace_id, kind, "{error}")
            }
            _ => tracing::error!(component, request_id, trace_id, kind, backtrace, "{error}"),
        }
    }
}

struct Queued<'a> {
    pool: &'a Pool,
    ahead: usize,
}

impl<'a> Queued<'a> {
    fn enter(pool: &'a Pool) -> Self {
        Self {
            pool,
            ahead: pool.queued.fetch_add(1, Ordering::Relaxed),
        }
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.pool.queued.fetch_sub(1, Ordering::Relaxed);
    }
}

/// In bytes.
pub(crate) fn mebibytes(number: u64) -> usize {
    usize::try_from(number.saturating_mul(1024 * 1024)).unwrap_or(usize::MAX)
}
