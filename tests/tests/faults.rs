//! What breaks while seats are sold: Redis loses everything, servers restart, the host is killed.

use anyhow::Result;
use eventhub_tests::fixtures::{id, layout, sale};
use eventhub_tests::{Api, Eventhub};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn flushing_redis_in_the_middle_of_a_sale_sells_no_seat_twice() -> Result<()> {
    let state = Eventhub::shared();
    let sale = sale(&state.http, layout(2, 20, 0)).await?;
    let first = Api::sign_up(&state.http, "Fay First").await?;
    let second = Api::sign_up(&state.http, "Sam Second").await?;

    let paid = first.hold(&sale.session_id, &["A-1-1", "A-1-2"]).await?.expect(201);
    let booking = first.book(&id(&paid)).await?.expect(202);
    let booking = first.booking_in(&id(&booking), &["awaiting_payment"]).await?;
    assert_eq!(state.stripe.pay(&booking, "pm_card_visa").await?.0, 200);
    first.booking_in(&id(&booking), &["confirmed"]).await?;
    let unpaid = first.hold(&sale.session_id, &["A-1-3"]).await?.expect(201);
    let unpaid = first.book(&id(&unpaid)).await?.expect(202);
    let unpaid = first.booking_in(&id(&unpaid), &["awaiting_payment"]).await?;
    let only_held = first.hold(&sale.session_id, &["A-1-4"]).await?.expect(201);

    let mut redis = redis::Client::open(state.redis.as_str())?.get_multiplexed_async_connection().await?;
    redis::cmd("FLUSHALL").query_async::<()>(&mut redis).await?;

    // Sold and reserved seats are still theirs; what was only held may be had by another.
    for seat in ["A-1-1", "A-1-2", "A-1-3"] {
        second.hold(&sale.session_id, &[seat]).await?.expect_problem(409, "seats_unavailable");
    }
    let taken = second.hold(&sale.session_id, &["A-1-4"]).await?.expect(201);
    let late = first.book(&id(&only_held)).await?;
    assert!(matches!(late.status, 404 | 410), "{late:#?}");
    assert_eq!(state.stripe.pay(&unpaid, "pm_card_visa").await?.0, 200);
    first.booking_in(&id(&unpaid), &["confirmed"]).await?;
    let other = second.book(&id(&taken)).await?.expect(202);
    let other = second.booking_in(&id(&other), &["awaiting_payment"]).await?;
    assert_eq!(state.stripe.pay(&other, "pm_card_visa").await?.0, 200);
    second.booking_in(&id(&other), &["confirmed"]).await?;
    assert_eq!(double_sold(&state.postgres["booking_db"]).await?, 0);
    Ok(())
}

async fn double_sold(url: &str) -> Result<i64> {
    let pool = sqlx::PgPool::connect(url).await?;
    let query =
        "SELECT count(*) FROM (SELECT session_id, seat FROM tickets WHERE status <> 'void' AND seat IS NOT NULL GROUP BY 1, 2 HAVING count(*) > 1) twice";
    Ok(sqlx::query_scalar(query).fetch_one(&pool).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn after_kill_9_at_any_moment_every_booking_ends_and_the_money_balances() -> Result<()> {
    let mut eventhub = Eventhub::start(&[])?;
    let http = eventhub.state.http.clone();
    let sale = sale(&http, layout(10, 20, 0)).await?;
    let buyer = Api::sign_up(&http, "Kim Kill").await?;
    let mut bookings: BTreeSet<String> = BTreeSet::new();
    // The host is killed so long after a step has begun: from "nothing yet" to "all done", a different place each time.
    for (round, delay) in [0u64, 8, 20, 45].into_iter().enumerate() {
        for pay in [false, true] {
            let seat = format!("A-{}-{}", round + 1, if pay { 2 } else { 1 });
            let hold = buyer.hold(&sale.session_id, &[&seat]).await?.expect(201);
            if pay {
                let booking = buyer.book(&id(&hold)).await?.expect(202);
                bookings.insert(id(&booking));
                let booking = buyer.booking_in(&id(&booking), &["awaiting_payment"]).await?;
                let stripe = eventhub.state.stripe.clone();
                // The simulator ends with the host: the answer may be lost, the money may have been taken all the same.
                let paying = tokio::spawn(async move { stripe.pay(&booking, "pm_card_visa").await });
                tokio::time::sleep(Duration::from_millis(delay)).await;
                eventhub.kill()?;
                let _ = paying.await;
            } else {
                let (client, hold) = (buyer.clone(), id(&hold));
                let booking = tokio::spawn(async move { client.book(&hold).await });
                tokio::time::sleep(Duration::from_millis(delay)).await;
                eventhub.kill()?;
                if let Ok(Ok(answer)) = booking.await
                    && answer.status == 202
                {
                    bookings.insert(id(&answer.body));
                }
            }
            eventhub.start_again()?;
        }
    }
    // Those that wait for their buyer are paid or given up; all others must get there by themselves.
    let started = Instant::now();
    loop {
        let mut open = vec![];
        for booking in &bookings {
            let booking = buyer.get(&format!("bookings/{booking}")).await?.expect(200);
            match booking["status"].as_str() {
                Some("confirmed" | "cancelled" | "expired" | "failed" | "refunded") => {}
                Some("awaiting_payment") if booking["payment"]["client_secret"].is_string() => {
                    let (status, intent) = eventhub.state.stripe.pay(&booking, "pm_card_visa").await?;
                    assert!(status == 200 || intent["error"]["payment_intent"]["status"] == "succeeded", "{status} {intent}");
                    open.push(booking);
                }
                _ => open.push(booking),
            }
        }
        if open.is_empty() {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "not ended 30 s after the last restart: {open:#?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    money_balances(&eventhub).await?;
    assert_eq!(double_sold(&eventhub.state.postgres["booking_db"]).await?, 0);
    Ok(())
}

/// Captured at the provider = confirmed + refunded, to the minor unit.
async fn money_balances(eventhub: &Eventhub) -> Result<()> {
    let (mut captured, mut after) = (0, None::<String>);
    loop {
        let from = after.as_ref().map(|id| format!("&starting_after={id}")).unwrap_or_default();
        let page: Value = eventhub.state.stripe.get(&format!("/v1/payment_intents?limit=100{from}")).await?;
        let intents = page["data"].as_array().cloned().unwrap_or_default();
        captured += intents.iter().filter_map(|intent| intent["amount_received"].as_i64()).sum::<i64>();
        after = intents.last().map(id);
        if page["has_more"] != true {
            break;
        }
    }
    let pool = sqlx::PgPool::connect(&eventhub.state.postgres["booking_db"]).await?;
    let sum = "SELECT coalesce(sum(total), 0)::bigint FROM bookings WHERE status IN ('confirmed', 'refunded', 'refunding')";
    let accounted: i64 = sqlx::query_scalar(sum).fetch_one(&pool).await?;
    assert_eq!(captured, accounted);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_everything_within_ten_seconds_and_leaves_no_process() -> Result<()> {
    let mut eventhub = Eventhub::start(&[])?;
    let pids = eventhub.state.pids.clone();
    let took = eventhub.terminate()?;
    // The servers' own shutdown comes after the host's ten seconds.
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert!(!eventhub.home().join("state.json").exists());
    for (name, pid) in pids {
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "{name} still runs");
    }
    Ok(())
}
