//! The machine of the measurements.

use std::fmt;

use serde::Serialize;

#[derive(Serialize, Clone, Debug)]
pub struct Machine {
    pub cpu: String,
    pub cores: usize,
    pub memory_gib: f64,
    pub kernel: String,
    /// One-minute load average before the first measurement: a busy machine distorts the figures.
    pub load_before: f64,
    /// The load generator and the servers share these cores.
    pub generator: &'static str,
}

impl Machine {
    pub fn look() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_once(':'))
                .map(|(_, value)| value.trim().to_string())
                .unwrap_or_default()
        };
        let memory: f64 = field(&read("/proc/meminfo"), "MemTotal")
            .split(' ')
            .next()
            .and_then(|kib| kib.parse().ok())
            .unwrap_or_default();
        Self {
            cpu: field(&read("/proc/cpuinfo"), "model name"),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_gib: (memory / 1024.0 / 1024.0 * 10.0).round() / 10.0,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_string(),
            load_before: read("/proc/loadavg")
                .split(' ')
                .next()
                .and_then(|load| load.parse().ok())
                .unwrap_or_default(),
            generator: "on the same cores",
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cpu,
            cores,
            memory_gib,
            kernel,
            load_before,
            generator,
        } = self;
        write!(
            f,
            "{cores} cores of {cpu}, {memory_gib} GiB, Linux {kernel}; load before {load_before}; generator {generator}"
        )
    }
}
