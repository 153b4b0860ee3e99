//! The linked components of a manifest, as the host calls them.

mod builder;
mod plan;

use std::collections::HashMap;
use std::sync::Arc;

pub use builder::{AddToLinker, AppBuilder, BuildError, ComponentSource, LinkSpec};
pub use plan::Fault;

use eventhub_bindings::http::{Request, Response};
use eventhub_bindings::kafka::{Delivery, Outcome};
use eventhub_bindings::timers::Tick;
use eventhub_bindings::websocket::{Page, Refusal, Subscription};

use crate::pool::Pool;
use crate::{CallContext, CallError, ComponentStats, Entries};

/// All components, ready to be called. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pools: Arc<HashMap<Arc<str>, Arc<Pool>>>,
}

impl App {
    /// Answers a request. When the component fails, the answer is a problem document.
    pub async fn handle(
        &self,
        component: &str,
        request: &Request,
        context: CallContext<'_>,
    ) -> Response {
        match self.try_handle(component, request, context).await {
            Ok(response) => response,
            Err(error) => error.to_response(context.request_id),
        }
    }

    /// Like [`Self::handle`], for callers that answer failures in their own way.
    ///
    /// # Errors
    /// The component did not answer. The failure has been logged.
    pub async fn try_handle(
        &self,
        component: &str,
        request: &Request,
        context: CallContext<'_>,
    ) -> Result<Response, CallError> {
        self.pool(component)?.handle(request, context).await
    }

    /// Like [`Self::handle`], but through `wasi:http/incoming-handler` even when the component has
    /// `routes`.
    pub async fn over_http(
        &self,
        component: &str,
        request: &Request,
        context: CallContext<'_>,
    ) -> Response {
        let answer = async { self.pool(component)?.over_http(request, context).await };
        answer
            .await
            .unwrap_or_else(|error| error.to_response(context.request_id))
    }

    /// Passes a batch of messages to a component's `events` export. Returns one outcome for each,
    /// in order.
    ///
    /// # Errors
    /// The component did not answer. Whether it handled the messages is unknown.
    pub async fn events(
        &self,
        component: &str,
        batch: &[Delivery],
        context: CallContext<'_>,
    ) -> Result<Vec<Outcome>, CallError> {
        self.pool(component)?.events(batch, context).await
    }

    /// Runs the periodic work of a component. The inner error is the component's own, for the log.
    ///
    /// # Errors
    /// The component did not answer.
    pub async fn tick(
        &self,
        component: &str,
        tick: &Tick,
    ) -> Result<Result<(), String>, CallError> {
        self.pool(component)?
            .tick(tick, CallContext::of_tick(tick))
            .await
    }

    /// Asks a component whether a client may listen, and to which topic.
    ///
    /// # Errors
    /// The component did not answer.
    pub async fn live_open(
        &self,
        component: &str,
        request: &Request,
        context: CallContext<'_>,
    ) -> Result<Result<Subscription, Refusal>, CallError> {
        self.pool(component)?.live_open(request, context).await
    }

    /// Reads the frames of a topic after `seq`. The inner error is the component's own, for the
    /// log.
    ///
    /// # Errors
    /// The component did not answer.
    pub async fn live_read(
        &self,
        component: &str,
        topic: &str,
        seq: u64,
        context: CallContext<'_>,
    ) -> Result<Result<Page, String>, CallError> {
        self.pool(component)?.live_read(topic, seq, context).await
    }

    /// Makes one instance of each component, so that the first requests find one and a component
    /// that cannot start is noticed.
    ///
    /// # Errors
    /// The first component that does not start.
    pub async fn warm(&self) -> Result<(), CallError> {
        for pool in self.pools.values() {
            pool.warm().await?;
        }
        Ok(())
    }

    /// The kinds of calls that a component accepts. None when there is no such component.
    pub fn entries(&self, component: &str) -> Option<Entries> {
        Some(self.pools.get(component)?.template.loaded.entries())
    }

    /// The names of all components.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.pools.keys().map(|name| &**name)
    }

    /// The instances of each component and their memory.
    pub fn stats(&self) -> Vec<ComponentStats> {
        let mut stats: Vec<_> = self.pools.values().map(|pool| pool.stats()).collect();
        stats.sort_by(|one, other| one.component.cmp(&other.component));
        stats
    }

    fn pool(&self, component: &str) -> Result<&Pool, CallError> {
        match self.pools.get(component) {
            Some(pool) => Ok(pool),
            None => Err(CallError::UnknownComponent {
                component: component.into(),
            }),
        }
    }
}
