//! The same files on every host: each place runs the very components that our own host runs, and
//! the main job works there.
//!
//! One environment at a time, since each compiles all components for itself.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use eventhub_tests::story::{a_buyer_gets_four_tickets, the_event_is_cancelled};
use eventhub_tests::{Api, Eventhub};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// Whether sockets are served by the host itself.
#[derive(PartialEq)]
enum Sockets {
    Host,
    Sidecar,
}

async fn sells(on: &str, sockets: Sockets) -> Result<()> {
    let _turn = ONE_AT_A_TIME.lock().await;
    let started = Instant::now();
    let spin = spin()?;
    let eventhub = Eventhub::start(&[("EVENTHUB_ON", on), ("EVENTHUB_SPIN", &spin)])?;
    let ready = started.elapsed();
    let state = &eventhub.state;

    let started = Instant::now();
    let sold = a_buyer_gets_four_tickets(state).await?;
    the_event_is_cancelled(&sold).await?;
    println!(
        "{on}: ready in {ready:.1?}, sold and refunded in {:.1?}",
        started.elapsed()
    );

    let running: BTreeMap<_, _> = state
        .components
        .iter()
        .map(|component| (component.name.clone(), component.sha256.clone()))
        .collect();
    assert_eq!(running, built()?, "{on} runs other files than were built");
    let event = Api::anonymous(&state.http)
        .get(&format!("events/{}", state.demo.event_id))
        .await?
        .expect(200);
    let live_url = event["sessions"][0]["live_url"]
        .as_str()
        .context("a session has a live_url")?;
    let by_host = live_url.starts_with(&state.http.replace("http://", "ws://"));
    ensure!(
        by_host == (sockets == Sockets::Host),
        "{on}: sockets are at {live_url}, the API at {}",
        state.http
    );
    everybody_is_answered_in_a_rush(&state.http, &state.demo.session_id).await?;
    nobody_forges_a_call(&state.http).await
}

/// A host that makes an instance of each component for each request must have room for more than a
/// few.
async fn everybody_is_answered_in_a_rush(http: &str, session: &str) -> Result<()> {
    let reader = |_| async {
        let api = Api::anonymous(http);
        for _ in 0..3 {
            api.get(&format!("sessions/{session}/seats"))
                .await?
                .expect(200);
        }
        Ok(())
    };
    futures::future::try_join_all((0..32).map(reader))
        .await
        .map(drop)
}

/// Spin, where it is said where it is; otherwise what stands in for it, which lies beside our own
/// host.
fn spin() -> Result<String> {
    if let Ok(spin) = std::env::var("EVENTHUB_SPIN") {
        return Ok(spin);
    }
    let stand_in = eventhub_tests::eventhub::binary(&eventhub_tests::eventhub::root()?)?
        .with_file_name("eventhub-spin-stand-in");
    Ok(stand_in.display().to_string())
}

/// Name and sha256 of what `make build` left.
fn built() -> Result<BTreeMap<String, String>> {
    let folder = eventhub_tests::eventhub::root()?.join("target/components");
    let names = [
        "api-gateway",
        "booking",
        "event",
        "identity",
        "payment",
        "payment-stripe",
        "seat-inventory",
        "venue-layout",
    ];
    let hash = |name: &str| {
        Ok((
            name.to_string(),
            format!(
                "{:x}",
                Sha256::digest(std::fs::read(folder.join(format!("{name}.wasm")))?)
            ),
        ))
    };
    names.into_iter().map(hash).collect()
}

/// What the sidecar may call of the application, nobody else may, wherever the host serves it.
async fn nobody_forges_a_call(http: &str) -> Result<()> {
    let client = reqwest::Client::new();
    for path in [
        "booking/events/handle",
        "booking/timers/run",
        "seat-inventory/live/read",
        "booking/routes/handle",
        "payment/payments/refund",
    ] {
        for authorization in ["", "Bearer ", "Bearer guessed"] {
            let call = client
                .post(format!("{http}/call/{path}"))
                .header("authorization", authorization);
            let status = call
                .header(
                    "content-type",
                    "application/vnd.eventhub.call; version=0.1.0",
                )
                .body("forged")
                .send()
                .await?
                .status();
            ensure!(
                [401, 404].contains(&status.as_u16()),
                "{path} answers {status}"
            );
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_host_sells() -> Result<()> {
    sells("host", Sockets::Host).await
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_host_split_in_processes_sells() -> Result<()> {
    sells("split", Sockets::Host).await
}

#[tokio::test(flavor = "multi_thread")]
async fn wash_dev_sells() -> Result<()> {
    sells("wash-dev", Sockets::Sidecar).await
}

#[tokio::test(flavor = "multi_thread")]
async fn wash_host_sells() -> Result<()> {
    sells("wash", Sockets::Sidecar).await
}

#[tokio::test(flavor = "multi_thread")]
async fn wasmtime_serve_sells() -> Result<()> {
    sells("wasmtime", Sockets::Sidecar).await
}

#[tokio::test(flavor = "multi_thread")]
async fn spin_up_sells() -> Result<()> {
    sells("spin", Sockets::Sidecar).await
}

#[tokio::test(flavor = "multi_thread")]
async fn spin_up_sells_through_spins_own_interfaces() -> Result<()> {
    sells("spin-native", Sockets::Sidecar).await
}
