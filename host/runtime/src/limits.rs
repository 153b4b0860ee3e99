//! The memory limit of an instance. A guest that exceeds it is stopped at once: if `memory.grow`
//! failed instead, the guest would abort, which looks like a bug in the guest.

use wasmtime::ResourceLimiter;

/// Counts the bytes of all linear memories of one instance.
#[derive(Debug)]
pub(crate) struct Limits {
    pub used: usize,
    pub max: usize,
}

/// An instance asked for more memory than its limit.
#[derive(Debug, thiserror::Error)]
#[error("asked for {wanted} bytes of memory; the limit is {max}")]
pub(crate) struct MemoryExceeded {
    wanted: usize,
    max: usize,
}

/// The most references in a table; each takes 8 bytes.
const MAX_TABLE: usize = 20_000;

impl ResourceLimiter for Limits {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            // The module limits itself: `memory.grow` fails without an error of the host.
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
