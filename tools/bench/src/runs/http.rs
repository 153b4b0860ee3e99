//! What the host costs: an answer of a hundred bytes through one component, and through the gateway
//! and one component, against plain hyper. Host and baseline take turns, so that a machine that
//! grows slow grows slow for both.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use eventhub_testing::Redis;

use super::median;
use crate::load::{self, Outcome, Repeat, Script};
use crate::native::Native;
use crate::report::{Better, Figure};
use crate::setting::{address, folder, serve};
use crate::tokens::Signer;

const CONNECTIONS: usize = 64;
const WARM_UP: Duration = Duration::from_secs(1);
const TURNS: usize = 3;

pub async fn noop(length: Duration) -> Result<Figure> {
    let served = serve("noop", &[])?;
    compare(
        "noop",
        address(&served.http)?,
        Repeat(load::get("/", &[])?),
        length,
    )
    .await
}

/// A token, routing, and the link to a service; no rate limit, which would measure Redis.
pub async fn gateway_noop(length: Duration) -> Result<Figure> {
    let (redis, signer) = (Redis::start()?, Signer::own());
    let config = folder("gateway")?.join("config.toml");
    let unlimited = "RATE_LIMIT_USER_PER_SECOND = \"0\"\nRATE_LIMIT_ADDRESS_PER_SECOND = \"0\"";
    std::fs::write(
        &config,
        format!(
            "[environment.bench]\nJWKS = '{}'\n[environment.api-gateway]\n{unlimited}\n",
            signer.key_set()
        ),
    )?;
    let served = serve(
        "gateway",
        &[
            ("EVENTHUB_REDIS_URL", redis.url()),
            ("EVENTHUB_CONFIG", config.display().to_string()),
        ],
    )?;
    let bearer = signer.bearer()?;
    let request = load::get(
        "/api/v1/events/evt_01jdg3v0000000000000000000",
        &[("authorization", &bearer)],
    )?;
    compare(
        "gateway_noop",
        address(&served.http)?,
        Repeat(request),
        length,
    )
    .await
}

async fn compare(
    name: &'static str,
    host: SocketAddr,
    script: Repeat,
    length: Duration,
) -> Result<Figure> {
    let native = Native::start(&["native-answer"])?;
    let baseline = Repeat(load::get("/", &[])?);
    let mut turns: Vec<(Outcome, Outcome)> = vec![];
    for _ in 0..TURNS {
        turns.push((
            measure(host, &script, length).await?,
            measure(native.address, &baseline, length).await?,
        ));
    }
    Ok(figure_of(name, "plain hyper", &turns))
}

async fn measure<S: Script + Clone>(
    address: SocketAddr,
    script: &S,
    length: Duration,
) -> Result<Outcome> {
    load::run(address, vec![script.clone(); CONNECTIONS], WARM_UP, length).await
}

/// Medians of the turns; the ratio is the median of each turn's own.
pub fn figure_of(name: &'static str, baseline: &str, turns: &[(Outcome, Outcome)]) -> Figure {
    let of =
        |value: fn(&Outcome) -> f64| median(turns.iter().map(|(host, _)| value(host)).collect());
    let native = median(turns.iter().map(|(_, native)| native.per_second).collect());
    let ratio = median(
        turns
            .iter()
            .map(|(host, native)| host.per_second / native.per_second)
            .collect(),
    );
    Figure::new(name, of(|outcome| outcome.per_second), "/s", Better::Higher)
        .against(baseline, native)
        .ratio(ratio)
        .percentiles(of(|outcome| outcome.p50_ms), of(|outcome| outcome.p99_ms))
        .errors(
            turns
                .iter()
                .map(|(host, native)| host.errors + native.errors)
                .sum(),
        )
}
