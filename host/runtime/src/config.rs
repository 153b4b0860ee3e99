//! How the engine and the pools are configured.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The engine: one per process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineConfig {
    /// How many instances all components together may have; their pools must fit into it. Each one
    /// reserves about 12 GiB of address space (no memory): with a limit on that (`ulimit -v`),
    /// lower it.
    pub max_instances: u32,
    /// Where compiled components are kept; made with mode 0700. None: compiled at every start,
    /// which takes seconds.
    pub cache_dir: Option<PathBuf>,
    /// Tells `perf` the names of compiled functions, in `/tmp/perf-<pid>.map`.
    pub perf_map: bool,
}

/// The instances of one component, and what one call may use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PoolConfig {
    /// How many calls this component serves at once, at most; each one takes an instance of its
    /// own. The manifest says it, not the configuration.
    #[serde(skip)]
    pub max_instances: u32,
    /// So many are made as calls come; more only when a call has waited for
    /// [`Self::grow_after_ms`].
    pub eager_instances: u32,
    /// How long a call waits for an instance that is in use before there is one more.
    /// Milliseconds.
    pub grow_after_ms: u64,
    /// How many more calls may wait for an instance. Beyond it a call is refused as overloaded.
    pub max_queued: u32,
    /// The longest a call may take, waiting included. Milliseconds.
    pub deadline_ms: u64,
    /// The most linear memory that an instance may have. MiB.
    pub memory_mb: u64,
    /// An instance is replaced after this many calls: a leak in a guest stays small.
    pub recycle_after: u32,
    /// An instance that has grown beyond this is replaced after the call. MiB.
    pub recycle_memory_mb: u64,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            max_instances: 1_000,
            cache_dir: None,
            perf_map: false,
        }
    }
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            max_instances: 64,
            eager_instances: 8,
            grow_after_ms: 50,
            max_queued: 4_096,
            deadline_ms: 30_000,
            memory_mb: 128,
            recycle_after: 100_000,
            recycle_memory_mb: 64,
        }
    }
}

impl PoolConfig {
    /// [`Self::deadline_ms`] as a duration.
    pub fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms)
    }
}
