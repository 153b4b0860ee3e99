//! `make bench`: EventHub's performance on this machine, each figure beside a baseline of the same
//! run if it has one. Each file in `runs` is a run; the baselines are in `native`.

mod load;
mod machine;
mod native;
mod report;
mod runs;
mod setting;
mod tokens;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures EventHub. Build first (`make bench` does).
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Only these: noop gateway_noop hold4 booking_confirmed kafka_produce kafka_handle cdc_relay
    /// ws_fanout saga_wasm seat_lock_wasm host_ready instance_memory.
    names: Vec<String>,
    /// The folder of the results.
    #[arg(long, default_value = "target/bench.json")]
    out: PathBuf,
    /// Seconds of each measurement of `noop`, `gateway_noop` and `hold4`; there are three, and
    /// three of the baseline.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Seconds of `booking_confirmed`.
    #[arg(long, default_value_t = 60)]
    booking_seconds: u64,
}

#[derive(Subcommand)]
enum Command {
    /// The same components on our own host, split, under wash dev, wash host and wasmtime serve.
    Hosts,
    /// Plain hyper, answering a hundred bytes. Started by the benchmark itself.
    #[command(hide = true)]
    NativeAnswer(native::answer::Options),
    /// Holds of seats with axum and redis. Started by the benchmark itself.
    #[command(hide = true)]
    NativeHolds(native::holds::Options),
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_env_filter("warn,sqlx=error")
        .with_writer(std::io::stderr)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match arguments.command {
            Some(Command::NativeAnswer(options)) => native::answer::serve(options).await,
            Some(Command::NativeHolds(options)) => native::holds::serve(options).await,
            Some(Command::Hosts) => {
                runs::places::all(std::time::Duration::from_secs(arguments.seconds.max(1))).await
            }
            None => {
                let plan = runs::Plan {
                    names: arguments.names,
                    seconds: arguments.seconds,
                    booking_seconds: arguments.booking_seconds,
                };
                runs::all(&plan, &arguments.out).await
            }
        }
    })
}
