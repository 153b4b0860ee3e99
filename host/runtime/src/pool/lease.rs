//! An instance on loan. When its call ends, the lease decides whether the instance is used again.

use tokio::sync::SemaphorePermit;
use tokio::time::Instant;
use tokio::time::error::Elapsed;

use super::{Pool, mebibytes};
use crate::CallError;
use crate::instance::Instance;

/// An instance lent to one call, and the permit of that call. The order of the fields matters: the
/// instance is dropped before its permit, so that there are never more instances than permits.
pub(super) struct Lease<'a> {
    pub instance: Lent<'a>,
    pub deadline: Instant,
    pub started: Instant,
    /// Present until the lease ends.
    pub permit: Option<SemaphorePermit<'a>>,
}

/// Only [`Lease::settle`] gives the instance back to the pool. When the future of a call is
/// dropped, so is its instance.
pub(super) struct Lent<'a> {
    pub instance: Option<Box<Instance>>,
    pub pool: &'a Pool,
}

impl Lease<'_> {
    /// Ends the call: the instance goes back if it may be used again.
    pub fn settle<R>(
        mut self,
        result: Result<wasmtime::Result<R>, Elapsed>,
    ) -> Result<R, CallError> {
        let pool = self.instance.pool;
        let after = self.started.elapsed();
        pool.meters.seconds.record(after.as_secs_f64());
        let error = match result {
            Ok(Ok(value)) => {
                pool.meters.ok.increment(1);
                self.give_back();
                return Ok(value);
            }
            Ok(Err(error)) => CallError::from_wasm(pool.name(), &error, after),
            Err(_) => CallError::Deadline {
                component: pool.name().clone(),
                after,
            },
        };
        pool.report(&error, self.instance.store.data().call());
        self.instance.discard();
        Err(error)
    }

    pub fn not_exported(mut self, export: &'static str) -> CallError {
        let pool = self.instance.pool;
        let error = CallError::NotExported {
            component: pool.name().clone(),
            export,
        };
        pool.report(&error, self.instance.store.data().call());
        self.give_back();
        error
    }

    fn give_back(&mut self) {
        let pool = self.instance.pool;
        self.instance.give_back();
        if let Some(permit) = self.permit.take()
            && !pool.permits.give_back(permit)
        {
            pool.drop_coldest();
        }
    }
}

impl Lent<'_> {
    fn give_back(&mut self) {
        let Some(mut instance) = self.instance.take() else {
            return;
        };
        let pool = self.pool;
        instance.served += 1;
        let used = instance.store.data().limits.used;
        if instance.served >= pool.config.recycle_after
            || used > mebibytes(pool.config.recycle_memory_mb)
        {
            pool.meters.recycled.increment(1);
            return;
        }
        pool.idle.lock().push(instance);
    }

    fn discard(&mut self) {
        if self.instance.take().is_some() {
            self.pool.meters.dropped.increment(1);
        }
    }
}

impl std::ops::Deref for Lent<'_> {
    type Target = Instance;

    #[allow(clippy::expect_used)]
    fn deref(&self) -> &Instance {
        self.instance
            .as_deref()
            .expect("lent until it is given back, which ends the lease")
    }
}

impl std::ops::DerefMut for Lent<'_> {
    #[allow(clippy::expect_used)]
    fn deref_mut(&mut self) -> &mut Instance {
        self.instance
            .as_deref_mut()
            .expect("lent until it is given back, which ends the lease")
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        // Neither given back nor discarded: the caller dropped the call.
        if self.instance.is_some() {
            self.pool.meters.cancelled.increment(1);
            self.discard();
        }
    }
}
