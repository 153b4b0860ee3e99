//! The limit on what an instance may grow to. Passing it ends the call at once: a guest that is
//! told "no" by `memory.grow` would abort anyway, and then nobody could tell that from a bug.

use wasmtime::ResourceLimiter;

/// Counts the linear memories of one instance together.
#[derive(Debug)]
pub(crate) struct Limits {
    pub used: usize,
    pub max: usize,
}

/// An instance wanted more memory than it may have.
#[derive(Debug, thiserror::Error)]
#[error("wanted {wanted} bytes of memory, may have {max}")]
pub(crate) struct MemoryExceeded {
    wanted: usize,
    max: usize,
}

/// References, of 8 bytes each.
const MAX_TABLE: usize = 20_000;

impl ResourceLimiter for Limits {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            // More than the module declares for itself: its own affair.
            return Ok(false);
        }
        let wanted = self.used.saturating_add(desired.saturating_sub(current));
        if wanted > self.max {
            return Err(MemoryExceeded {
                wanted,
                max: self.max,
            }
            .into());
        }
        self.used = wanted;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= MAX_TABLE)
    }
}
