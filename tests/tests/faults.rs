//! What breaks at once while seats are sold: Redis loses everything, or the whole machine goes
//! down.

use std::time::{Duration, Instant};

use anyhow::Result;
use eventhub_tests::audit::{money_balances, no_seat_is_sold_twice};
use eventhub_tests::fixtures::{id, layout, sale};
use eventhub_tests::{Api, Eventhub};

#[tokio::test(flavor = "multi_thread")]
async fn flushing_redis_in_the_middle_of_a_sale_sells_no_seat_twice() -> Result<()> {
    let state = Eventhub::shared();
    let sale = sale(&state.http, layout(2, 20, 0)).await?;
    let first = Api::sign_up(&state.http, "Fay First").await?;
    let second = Api::sign_up(&state.http, "Sam Second").await?;

    let paid = first
        .hold(&sale.session_id, &["A-1-1", "A-1-2"])
        .await?
        .expect(201);
    let booking = first.book(&id(&paid)).await?.expect(202);
    let booking = first
        .booking_in(&id(&booking), &["awaiting_payment"])
        .await?;
    assert_eq!(state.stripe.pay(&booking, "pm_card_visa").await?.0, 200);
    first.booking_in(&id(&booking), &["confirmed"]).await?;
    let unpaid = first.hold(&sale.session_id, &["A-1-3"]).await?.expect(201);
    let unpaid = first.book(&id(&unpaid)).await?.expect(202);
    let unpaid = first
        .booking_in(&id(&unpaid), &["awaiting_payment"])
        .await?;
    let only_held = first.hold(&sale.session_id, &["A-1-4"]).await?.expect(201);

    let mut redis = redis::Client::open(state.redis.as_str())?
        .get_multiplexed_async_connection()
        .await?;
    redis::cmd("FLUSHALL").query_async::<()>(&mut redis).await?;

    // Sold and reserved seats are still theirs; what was only held may be had by another.
    for seat in ["A-1-1", "A-1-2", "A-1-3"] {
        second
            .hold(&sale.session_id, &[seat])
            .await?
            .expect_problem(409, "seats_unavailable");
    }
    let taken = second.hold(&sale.session_id, &["A-1-4"]).await?.expect(201);
    let late = first.book(&id(&only_held)).await?;
    assert!(matches!(late.status, 404 | 410), "{late:#?}");
    assert_eq!(state.stripe.pay(&unpaid, "pm_card_visa").await?.0, 200);
    first.booking_in(&id(&unpaid), &["confirmed"]).await?;
    let other = second.book(&id(&taken)).await?.expect(202);
    let other = second
        .booking_in(&id(&other), &["awaiting_payment"])
        .await?;
    assert_eq!(state.stripe.pay(&other, "pm_card_visa").await?.0, 200);
    second.booking_in(&id(&other), &["confirmed"]).await?;
    no_seat_is_sold_twice(&state.postgres).await
}

#[tokio::test(flavor = "multi_thread")]
async fn bookings_end_and_money_balances_after_kill_9_of_everything() -> Result<()> {
    let mut eventhub = Eventhub::start(&[])?;
    let http = eventhub.state.http.clone();
    let sale = sale(&http, layout(10, 20, 0)).await?;
    let buyer = Api::sign_up(&http, "Kim Kill").await?;
    // Killed so long after a step has begun, somewhere between "nothing yet" and "all done";
    // `crashes.rs` kills at each place.
    for (round, delay) in [8u64, 30].into_iter().enumerate() {
        for pay in [false, true] {
            let seat = format!("A-{}-{}", round + 1, if pay { 2 } else { 1 });
            let hold = buyer.hold(&sale.session_id, &[&seat]).await?.expect(201);
            if pay {
                let booking = buyer.book(&id(&hold)).await?.expect(202);
                let booking = buyer
                    .booking_in(&id(&booking), &["awaiting_payment"])
                    .await?;
                let stripe = eventhub.state.stripe.clone();
                // The simulator ends with the host: the answer may be lost, the money may have been
                // taken all the same.
                let paying =
                    tokio::spawn(async move { stripe.pay(&booking, "pm_card_visa").await });
                tokio::time::sleep(Duration::from_millis(delay)).await;
                eventhub.kill()?;
                let _ = paying.await;
            } else {
                let (client, hold) = (buyer.clone(), id(&hold));
                let booking = tokio::spawn(async move { client.book(&hold).await });
                tokio::time::sleep(Duration::from_millis(delay)).await;
                eventhub.kill()?;
                let _ = booking.await;
            }
            eventhub.start_again()?;
        }
    }
    // Those that wait for their buyer are paid or given up; all others must get there by
    // themselves.
    let started = Instant::now();
    loop {
        let mut open = vec![];
        // Also those whose answer was lost.
        let bookings = buyer.get("bookings?limit=100").await?.expect(200);
        for booking in bookings["items"].as_array().into_iter().flatten() {
            match booking["status"].as_str() {
                Some("confirmed" | "cancelled" | "expired" | "failed" | "refunded") => {}
                Some("awaiting_payment") if booking["payment"]["client_secret"].is_string() => {
                    let (status, intent) =
                        eventhub.state.stripe.pay(booking, "pm_card_visa").await?;
                    assert!(
                        status == 200 || intent["error"]["payment_intent"]["status"] == "succeeded",
                        "{status} {intent}"
                    );
                    open.push(booking.clone());
                }
                _ => open.push(booking.clone()),
            }
        }
        if open.is_empty() {
            break;
        }
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "not ended 30 s after the last restart: {open:#?}"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    money_balances(&eventhub.state.postgres, &eventhub.state.stripe).await?;
    no_seat_is_sold_twice(&eventhub.state.postgres).await
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_every_process_in_time() -> Result<()> {
    let mut eventhub = Eventhub::start(&[])?;
    let pids = eventhub.state.pids.clone();
    let took = eventhub.terminate()?;
    // The servers' own shutdown comes after the host's ten seconds.
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert!(!eventhub.home().join("state.json").exists());
    for (name, pid) in pids {
        assert!(
            !std::path::Path::new(&format!("/proc/{pid}")).exists(),
            "{name} still runs"
        );
    }
    Ok(())
}
