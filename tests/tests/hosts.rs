//! Two hosts on the same servers, as in production: they sell the same seats, show the same live
//! feed, and when one is killed the other takes over what it did.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use eventhub_tests::audit::{all_seats, every_booking_ends, money_balances, no_seat_is_sold_twice};
use eventhub_tests::buyers::{Buyers, summary};
use eventhub_tests::fixtures::{layout, sale};
use eventhub_tests::live::Live;
use eventhub_tests::{Api, Cluster, Served};
use futures::future::join_all;

/// The databases whose outbox a host relays just now.
fn relays(host: &Served) -> Result<BTreeSet<String>> {
    let (status, metrics) = host.operators("/metrics")?;
    ensure!(status == 200, "/metrics answered {status}");
    let active = metrics.lines().filter_map(|line| {
        line.strip_prefix("eventhub_cdc_active{database=\"")?
            .strip_suffix("\"} 1")
    });
    Ok(active.map(str::to_string).collect())
}

/// Partitions of the consumer group that a host has just now: 12 of each of 3 topics in all.
fn partitions(host: &Served) -> Result<u32> {
    let (_, metrics) = host.operators("/metrics")?;
    let assigned = metrics.lines().filter_map(|line| {
        line.strip_prefix("eventhub_kafka_assigned_partitions{")?
            .rsplit(' ')
            .next()?
            .parse::<f64>()
            .ok()
    });
    Ok(assigned.sum::<f64>() as u32)
}

/// The API of one host instead of the balancer's.
fn through(api: &Api, host: &Served) -> Api {
    Api {
        base: host.http.clone(),
        ..api.clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_outbox_has_one_reader_and_a_second_host_takes_over() -> Result<()> {
    let mut cluster = Cluster::shared(2, &[]).await?;
    // A host is ready before its relays have the slots.
    let started = Instant::now();
    let (first, all) = loop {
        let (first, second) = (relays(&cluster.hosts[0])?, relays(&cluster.hosts[1])?);
        assert!(
            first.is_disjoint(&second),
            "read twice: {first:?} {second:?}"
        );
        let all: BTreeSet<String> = first.union(&second).cloned().collect();
        if all.len() == 4 {
            break (first, all);
        }
        ensure!(
            started.elapsed() < Duration::from_secs(60),
            "only these outboxes have a reader: {all:?}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let (victim, survivor) = if first.contains("booking_db") {
        (0, 1)
    } else {
        (1, 0)
    };

    // In the middle of a rebalance a kill costs another session of the consumer group.
    let started = Instant::now();
    loop {
        let shares = [
            partitions(&cluster.hosts[0])?,
            partitions(&cluster.hosts[1])?,
        ];
        if shares[0] > 0 && shares[1] > 0 && shares[0] + shares[1] == 36 {
            break;
        }
        ensure!(
            started.elapsed() < Duration::from_secs(60),
            "the hosts do not share the partitions: {shares:?}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    let (rows, seats) = (40, 50);
    let sale = sale(&cluster.http, layout(rows, seats, 0)).await?;
    let live_url = format!(
        "{}/api/v1/sessions/{}/live",
        cluster.hosts[survivor].http.replace("http://", "ws://"),
        sale.session_id
    );
    let (mut live, _) = Live::connect(&live_url, None).await?;
    // It fails at the first gap in the sequence. Nothing may change for a while: all buyers wait
    // for the survivor.
    live.patience = Duration::from_secs(30);
    let watching = tokio::spawn(async move {
        loop {
            live.frame().await?;
        }
        #[allow(unreachable_code)]
        Ok::<(), anyhow::Error>(())
    });
    let started = Instant::now();
    let buyers = Buyers::start(
        &cluster.http,
        &cluster.stripe,
        sale,
        all_seats(rows, seats),
        8,
    )
    .await?;
    buyers
        .confirmed_since(started, 16, Duration::from_secs(30))
        .await?;

    tokio::task::block_in_place(|| cluster.hosts[victim].kill())?;
    let killed = Instant::now();
    let recovered = buyers
        .confirmed_since(killed, 8, Duration::from_secs(30))
        .await?;
    while relays(&cluster.hosts[survivor])? != all {
        ensure!(
            killed.elapsed() < Duration::from_secs(30),
            "the survivor relays only {:?}",
            relays(&cluster.hosts[survivor])?
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(
        !watching.is_finished(),
        "the live feed of the survivor ended: {:?}",
        watching.await
    );
    while partitions(&cluster.hosts[survivor])? != 36 {
        ensure!(
            killed.elapsed() < Duration::from_secs(30),
            "the survivor has only {} partitions",
            partitions(&cluster.hosts[survivor])?
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // The killed host comes back beside it.
    cluster.crash(victim)?;
    assert!(relays(&cluster.hosts[victim])?.is_empty(), "two readers");
    let returned = Instant::now();
    buyers
        .confirmed_since(returned, 8, Duration::from_secs(30))
        .await?;

    let (record, _, _) = buyers.stop().await?;
    watching.abort();
    println!(
        "new bookings confirmed {recovered:?} after the kill; {}",
        summary(&record)
    );
    assert!(record.wrong.is_empty(), "{:#?}", record.wrong);
    every_booking_ends(&cluster.databases, Duration::from_secs(30)).await?;
    assert!(
        record
            .bought
            .iter()
            .all(|bought| bought.status == "confirmed"),
        "{}",
        summary(&record)
    );
    no_seat_is_sold_twice(&cluster.databases).await?;
    money_balances(&cluster.databases, &cluster.stripe).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_live_feed_shows_holds_of_another_host_without_a_gap() -> Result<()> {
    let cluster = Cluster::shared(2, &[]).await?;
    let sale = sale(&cluster.http, layout(2, 20, 0)).await?;
    let [here, there] = [&cluster.hosts[0], &cluster.hosts[1]];
    let live_url = format!(
        "{}/api/v1/sessions/{}/live",
        there.http.replace("http://", "ws://"),
        sale.session_id
    );
    let (mut live, snapshot) = Live::connect(&live_url, None).await?;
    assert_eq!(snapshot["type"], "snapshot");
    let buyer = Api::sign_up(&cluster.http, "Hanna Here").await?;
    let mut seen = vec![];
    for (number, host) in [here, there, here, here, there, here]
        .into_iter()
        .enumerate()
    {
        let seat = format!("A-1-{}", number + 1);
        through(&buyer, host)
            .hold(&sale.session_id, &[&seat])
            .await?
            .expect(201);
        let held = Instant::now();
        live.until(&seat, "held")
            .await
            .with_context(|| format!("{seat}, held through {}", host.http))?;
        seen.push(held.elapsed());
    }
    // The topic is read once a second where nobody on this host says that it has changed.
    seen.sort();
    assert!(
        seen[seen.len() / 2] < Duration::from_secs(3),
        "seen after {seen:?}"
    );
    assert!(
        seen.iter().all(|after| *after < Duration::from_secs(15)),
        "seen after {seen:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hosts_that_race_for_the_same_seats_have_one_winner_each() -> Result<()> {
    let cluster = Cluster::shared(2, &[]).await?;
    let sale = sale(&cluster.http, layout(1, 20, 0)).await?;
    let mut accounts = vec![];
    for number in 0..20 {
        accounts.push(Api::sign_up(&cluster.http, ["Ann", "Ben", "Cat", "Dan"][number % 4]).await?);
    }
    // Each wants two neighbours, at the same time through both hosts.
    let attempts = (0..120).map(|number| {
        let (buyer, session) = (
            through(&accounts[number % 20], &cluster.hosts[number % 2]),
            sale.session_id.clone(),
        );
        let seats = [
            format!("A-1-{}", number % 20 + 1),
            format!("A-1-{}", (number + 1) % 20 + 1),
        ];
        async move {
            let answer = buyer.hold(&session, &[&seats[0], &seats[1]]).await?;
            anyhow::Ok((seats, answer))
        }
    });
    let mut owners: BTreeMap<String, usize> = BTreeMap::new();
    for (number, attempt) in join_all(attempts).await.into_iter().enumerate() {
        let (seats, answer) = attempt?;
        match answer.status {
            201 => {
                for seat in seats {
                    assert_eq!(
                        owners.insert(seat.clone(), number),
                        None,
                        "{seat} has two holders"
                    );
                }
            }
            409 => assert_eq!(answer.body["code"], "seats_unavailable"),
            _ => panic!("{answer:#?}"),
        }
    }
    // What both hosts say is held is what the winners have.
    for host in &cluster.hosts {
        let seats = Api::anonymous(&host.http)
            .get(&format!("sessions/{}/seats", sale.session_id))
            .await?
            .expect(200);
        let held: BTreeSet<&str> = seats["held"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|seat| seat.as_str())
            .collect();
        assert_eq!(
            held,
            owners.keys().map(String::as_str).collect(),
            "{}",
            host.http
        );
    }
    Ok(())
}
