//! `make bench-hosts`: the same components on every host that runs them, one after the other:
//! reading the seats of a session, and holding four. A table only; it compares hosts, not versions.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use eventhub_tests::Eventhub;

use super::holds::{Holder, Seats};
use crate::load::{self, Outcome, Repeat};
use crate::setting::{Hall, address, progress};
use crate::tokens::Signer;

const PLACES: [&str; 5] = ["host", "split", "wash-dev", "wash", "wasmtime"];
const CONNECTIONS: usize = 16;
const WARM_UP: Duration = Duration::from_secs(2);
const ROWS: usize = 300;
const SESSIONS: usize = 10;
/// Not what is measured here.
const UNLIMITED: [(&str, &str); 2] = [
    (
        "EVENTHUB_ENVIRONMENT_API_GATEWAY_RATE_LIMIT_USER_PER_SECOND",
        "0",
    ),
    (
        "EVENTHUB_ENVIRONMENT_API_GATEWAY_RATE_LIMIT_ADDRESS_PER_SECOND",
        "0",
    ),
];

/// Measures each and prints the table.
pub async fn all(length: Duration) -> Result<()> {
    let mut measured: Vec<(&str, Outcome, Outcome)> = vec![];
    for on in PLACES {
        progress(on);
        let (read, hold) = one(on, length).await.with_context(|| format!("on {on}"))?;
        measured.push((on, read, hold));
    }
    println!("\n{CONNECTIONS} connections; ratios to our own host in this run\n");
    println!(
        "{:<10} {:>12} {:>7} {:>9} {:>14} {:>7} {:>9} {:>7}",
        "on", "seats /s", "ratio", "p99 ms", "hold of 4 /s", "ratio", "p99 ms", "errors"
    );
    let (own_read, own_hold) = (measured[0].1.per_second, measured[0].2.per_second);
    for (on, read, hold) in &measured {
        println!(
            "{on:<10} {:>12.0} {:>7.2} {:>9.1} {:>14.0} {:>7.2} {:>9.1} {:>7}",
            read.per_second,
            read.per_second / own_read,
            read.p99_ms,
            hold.per_second,
            hold.per_second / own_hold,
            hold.p99_ms,
            read.errors + hold.errors,
        );
    }
    Ok(())
}

async fn one(on: &str, length: Duration) -> Result<(Outcome, Outcome)> {
    let environment: Vec<_> = [("EVENTHUB_ON", on)].into_iter().chain(UNLIMITED).collect();
    let eventhub = Eventhub::start(&environment)?;
    let state = &eventhub.state;
    let gateway = address(&state.http)?;
    let request = load::get(
        &format!("/api/v1/sessions/{}/seats", state.demo.session_id),
        &[],
    )?;
    let read = load::run(gateway, vec![Repeat(request); CONNECTIONS], WARM_UP, length).await?;

    let hall = Hall::open(&state.http, ROWS, SESSIONS).await?;
    let signer = Signer::of_environment(&state.postgres["identity_db"]).await?;
    let seats = Arc::new(Seats::new(
        &hall,
        hall.sessions.clone(),
        signer.bearers(hall.seats() / 100)?,
    ));
    let scripts = (0..CONNECTIONS)
        .map(|_| Holder {
            seats: seats.clone(),
        })
        .collect();
    let hold = load::run(gateway, scripts, WARM_UP, length).await?;
    anyhow::ensure!(
        seats.left() > 0,
        "all seats were held before the time was over: more sessions are needed"
    );
    Ok((read, hold))
}
