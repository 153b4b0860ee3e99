//! Nobody is sold a seat that another has: the races for real, and the same races with the
//! protection switched off.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use anyhow::Result;
use eventhub_tests::fixtures::{Sale, layout, sale};
use eventhub_tests::{Answer, Api, Eventhub};
use futures::future::join_all;
use serde_json::json;

async fn buyers(http: &str, count: usize) -> Result<Vec<Api>> {
    // Sign-ups cost a core 45 ms each: a few accounts, many clients of each would share a limit, so
    // one account per ten. One after the other: only the holds race.
    let mut accounts = vec![];
    for number in 0..count.div_ceil(10) {
        accounts.push(Api::sign_up(http, &format!("Racer {number}")).await?);
    }
    Ok((0..count)
        .map(|client| accounts[client % accounts.len()].clone())
        .collect())
}

async fn fight(
    sale: &Sale,
    clients: &[Api],
    wanted: impl Fn(usize) -> Vec<String>,
) -> Result<Vec<(Vec<String>, Answer)>> {
    let attempts = clients.iter().enumerate().map(|(number, client)| {
        let seats = wanted(number);
        async move {
            let names: Vec<&str> = seats.iter().map(String::as_str).collect();
            let answer = client.hold(&sale.session_id, &names).await?;
            Ok((seats, answer))
        }
    });
    join_all(attempts).await.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_clients_fight_for_one_seat_and_one_wins() -> Result<()> {
    let state = Eventhub::shared();
    let sale = sale(&state.http, layout(2, 20, 0)).await?;
    let clients = buyers(&state.http, 200).await?;
    let outcomes = fight(&sale, &clients, |_| vec!["A-1-1".into()]).await?;
    let winners = outcomes
        .iter()
        .filter(|(_, answer)| answer.status == 201)
        .count();
    assert_eq!(winners, 1);
    for (_, answer) in outcomes
        .into_iter()
        .filter(|(_, answer)| answer.status != 201)
    {
        let problem = answer.expect_problem(409, "seats_unavailable");
        assert_eq!(problem["unavailable"], json!(["A-1-1"]));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn overlapping_sets_of_four_are_held_whole_or_not_at_all() -> Result<()> {
    let state = Eventhub::shared();
    let sale = sale(&state.http, layout(1, 40, 0)).await?;
    let clients = buyers(&state.http, 200).await?;
    let set = |client: usize| {
        (0..4)
            .map(|offset| format!("A-1-{}", (client * 3 + offset * 5) % 40 + 1))
            .collect()
    };
    let outcomes = fight(&sale, &clients, set).await?;
    let mut owners: BTreeMap<String, usize> = BTreeMap::new();
    for (number, (seats, answer)) in outcomes.iter().enumerate() {
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
            // Some clients share an account, whose holds count together.
            409 | 422 => {}
            _ => panic!("{answer:#?}"),
        }
    }
    assert!(!owners.is_empty());
    // Nothing is half held: what the seats say is what the winners have.
    let seats = Api::anonymous(&state.http)
        .get(&format!("sessions/{}/seats", sale.session_id))
        .await?
        .expect(200);
    let held: Vec<&str> = seats["held"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|seat| seat.as_str())
        .collect();
    assert_eq!(held.len(), owners.len(), "{seats}");
    assert!(held.iter().all(|seat| owners.contains_key(*seat)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_protection_the_same_fight_has_many_winners() -> Result<()> {
    let unprotected = Eventhub::start(&[
        (
            "EVENTHUB_ENVIRONMENT_SEAT_INVENTORY_SEAT_LOCK_PROTECTION",
            "off",
        ),
        ("EVENTHUB_TEST", "1"),
    ])?;
    let http = &unprotected.state.http;
    let sale = sale(http, layout(2, 20, 0)).await?;
    let clients = buyers(http, 200).await?;
    let outcomes = fight(&sale, &clients, |_| vec!["A-1-1".into()]).await?;
    let winners = outcomes
        .iter()
        .filter(|(_, answer)| answer.status == 201)
        .count();
    assert!(
        winners > 1,
        "the test cannot tell protection from luck: {winners} winner"
    );
    Ok(())
}
