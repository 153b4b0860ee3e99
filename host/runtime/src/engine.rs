//! The engine of the process: pooling allocator, epochs, compiled code. One thread advances the
//! epoch for all instances.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
    ProfilingStrategy, WasmBacktraceDetails,
};

use crate::cache::Cache;
use crate::config::EngineConfig;

/// How often the epoch advances: the granularity of yields and deadlines.
const TICK: Duration = Duration::from_millis(1);

/// The engine and its compiled code. Cheap to clone.
#[derive(Clone)]
pub struct Runtime {
    engine: Engine,
    cache: Arc<Cache>,
    config: Arc<EngineConfig>,
}

impl Runtime {
    /// Reserves address space for the pools and starts the ticker thread, which ends with the last
    /// clone.
    ///
    /// # Errors
    /// The system refuses the address space or the cache folder. The text says which.
    pub fn new(config: EngineConfig) -> wasmtime::Result<Self> {
        let engine = Engine::new(&engine_config(&config))?;
        let cache = Arc::new(Cache::new(config.cache_dir.as_deref(), &engine)?);
        let ticking = engine.weak();
        thread::Builder::new().name("epoch".into()).spawn(move || {
            while let Some(engine) = ticking.upgrade() {
                engine.increment_epoch();
                drop(engine);
                thread::sleep(TICK);
            }
        })?;
        Ok(Self {
            engine,
            cache,
            config: Arc::new(config),
        })
    }

    /// Wasmtime's engine, for linkers.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn config(&self) -> &EngineConfig {
        &self.config
    }

    /// Compiles a component, or reads its code from the cache.
    pub(crate) fn compile(&self, wasm: &[u8]) -> wasmtime::Result<wasmtime::component::Component> {
        self.cache.compile(&self.engine, wasm)
    }
}

fn engine_config(config: &EngineConfig) -> Config {
    let instances = config.max_instances;
    let mut pooling = PoolingAllocationConfig::new();
    // A component has one module with a memory and a table, and two shims with a table. A component
    // composed of two has twice as many. Unused reservations cost address space only.
    pooling
        .total_component_instances(instances)
        .total_stacks(instances)
        .total_core_instances(instances.saturating_mul(16))
        .total_memories(instances.saturating_mul(3))
        .total_tables(instances.saturating_mul(8))
        .max_memories_per_component(8)
        .max_tables_per_component(32);

    let mut engine = Config::new();
    if config.perf_map {
        engine.profiler(ProfilingStrategy::PerfMap);
    }
    engine
        .wasm_component_model(true)
        .concurrency_support(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pooling))
        .epoch_interruption(true)
        .cranelift_opt_level(OptLevel::Speed)
        // The names of functions, from the name section, are enough to find a trap.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable);
    engine
}
