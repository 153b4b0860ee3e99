//! `stripe-simulator`: the stand-in on its own, for those who do not start it with `eventhub up`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use eventhub_stripe_simulator::{Options, Simulator, WebhookEndpoint};

/// A stand-in for Stripe that speaks its protocol. Its controls are under /_simulator; the crate's
/// documentation lists them.
#[derive(Debug, Parser)]
#[command(name = "stripe-simulator", version)]
struct Arguments {
    /// Where to listen.
    #[arg(
        long,
        env = "STRIPE_SIMULATOR_LISTEN",
        default_value = "127.0.0.1:12111"
    )]
    listen: SocketAddr,
    /// The secret key to accept.
    #[arg(
        long,
        env = "STRIPE_SECRET_KEY",
        default_value = "sk_test_simulator",
        hide_env_values = true
    )]
    secret_key: String,
    /// The publishable key to accept.
    #[arg(
        long,
        env = "STRIPE_PUBLISHABLE_KEY",
        default_value = "pk_test_simulator"
    )]
    publishable_key: String,
    /// Where to send events; may be given more than once.
    #[arg(long, env = "STRIPE_WEBHOOK_URL", value_delimiter = ',')]
    webhook_url: Vec<String>,
    /// What to sign them with.
    #[arg(
        long,
        env = "STRIPE_WEBHOOK_SECRET",
        default_value = "whsec_simulator",
        hide_env_values = true
    )]
    webhook_secret: String,
    /// Which events to send; all by default.
    #[arg(long, value_delimiter = ',', default_value = "*")]
    events: Vec<String>,
    /// Where state survives a restart.
    #[arg(long, env = "STRIPE_SIMULATOR_STATE")]
    state_file: Option<PathBuf>,
    /// What links to the authentication page start with.
    #[arg(long)]
    public_url: Option<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let arguments = Arguments::parse();
    let endpoint = |url: String| WebhookEndpoint {
        url,
        secret: arguments.webhook_secret.clone(),
        enabled_events: arguments.events.clone(),
    };
    let webhook_endpoints = arguments
        .webhook_url
        .clone()
        .into_iter()
        .map(endpoint)
        .collect();
    let running = Simulator::start(Options {
        listen: arguments.listen,
        secret_key: arguments.secret_key,
        publishable_key: arguments.publishable_key,
        webhook_endpoints,
        state_file: arguments.state_file,
        public_url: arguments.public_url,
        ..Options::default()
    })
    .await?;
    wait_for_end().await?;
    running.shutdown().await;
    Ok(())
}

async fn wait_for_end() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}
