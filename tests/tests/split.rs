//! Services in processes of their own, which call each other over HTTP: the sale goes on while one
//! after the other is killed and started again, and nobody without the token can call one.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use eventhub_tests::audit::{all_seats, every_booking_ends, money_balances, no_seat_is_sold_twice};
use eventhub_tests::buyers::{Buyers, summary};
use eventhub_tests::fixtures::{layout, sale};
use eventhub_tests::story::a_buyer_gets_four_tickets;
use eventhub_tests::{Eventhub, State};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// `state.json` as it is now: a service that was started again has another pid.
fn state(eventhub: &Eventhub) -> Result<State> {
    Ok(serde_json::from_str(&std::fs::read_to_string(
        eventhub.home().join("state.json"),
    )?)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_goes_on_while_each_service_is_killed_and_restarted() -> Result<()> {
    let eventhub = Eventhub::start(&[("EVENTHUB_ON", "split")])?;
    let http = &eventhub.state.http;

    // The main path first, live feed included: its process asks the one of the seats.
    a_buyer_gets_four_tickets(&eventhub.state).await?;

    let (rows, seats) = (40, 50);
    let sale = sale(http, layout(rows, seats, 0)).await?;
    let buyers = Buyers::start(
        http,
        &eventhub.state.stripe,
        sale,
        all_seats(rows, seats),
        4,
    )
    .await?;
    for service in ["seat-inventory", "payment", "booking", "event"] {
        let pid = state(&eventhub)?.pids[service];
        kill(Pid::from_raw(pid as i32), Signal::SIGKILL)?;
        let killed = Instant::now();
        while state(&eventhub)?.pids[service] == pid {
            assert!(
                killed.elapsed() < Duration::from_secs(10),
                "{service} is not started again"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let recovered = buyers
            .confirmed_since(killed, 4, Duration::from_secs(30))
            .await
            .with_context(|| format!("{service} was killed"))?;
        println!("{service}: new bookings confirmed {recovered:?} after the kill");
    }
    let (record, _, _) = buyers.stop().await?;
    println!("{}", summary(&record));
    assert!(record.wrong.is_empty(), "{:#?}", record.wrong);
    let databases = &eventhub.state.postgres;
    every_booking_ends(databases, Duration::from_secs(30)).await?;
    no_seat_is_sold_twice(databases).await?;
    money_balances(databases, &eventhub.state.stripe).await?;
    who_is_not_known_is_refused(&eventhub).await
}

/// A service believes who calls it: so it listens to nobody without the token.
async fn who_is_not_known_is_refused(eventhub: &Eventhub) -> Result<()> {
    let config = std::fs::read_to_string(eventhub.home().join("split.toml"))?;
    let urls = config
        .split("[services.urls]")
        .nth(1)
        .context("split.toml has the services' addresses")?;
    let booking = urls
        .lines()
        .find_map(|line| line.strip_prefix("booking = "))
        .context("booking is somewhere")?
        .trim_matches('"');
    let client = reqwest::Client::new();
    for authorization in [None, Some("Bearer "), Some("Bearer guessed")] {
        let call = client
            .post(format!("{booking}/call/booking/routes/handle"))
            .body("forged");
        let call = authorization
            .into_iter()
            .fold(call, |call, value| call.header("authorization", value));
        assert_eq!(call.send().await?.status(), 401, "{authorization:?}");
    }
    Ok(())
}
