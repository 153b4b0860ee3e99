//! The payment provider at its worst: it does not answer, answers with errors, tells too early, too
//! late, in the wrong order or not at all. One booking is one payment all the same, and nobody
//! keeps a ticket without its money.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use eventhub_tests::audit::{every_booking_ends, money_balances, no_seat_is_sold_twice};
use eventhub_tests::fixtures::{Sale, id, layout, sale};
use eventhub_tests::stripe::intent_of;
use eventhub_tests::{Api, Cluster, webhook};
use serde_json::{Value, json};

const RECOVERY: Duration = Duration::from_secs(30);

/// Somebody who has just booked a seat.
struct Case {
    sale: Sale,
    buyer: Api,
    id: String,
}

impl Case {
    async fn booked(cluster: &Cluster) -> Result<Self> {
        let sale = sale(&cluster.http, layout(1, 4, 0)).await?;
        let buyer = Api::sign_up(&cluster.http, "Paula Pays").await?;
        let hold = id(&buyer.hold(&sale.session_id, &["A-1-1"]).await?.expect(201));
        let id = id(&buyer.book(&hold).await?.expect(202));
        Ok(Self { sale, buyer, id })
    }

    async fn reaches(&self, status: &str) -> Result<Value> {
        self.buyer.booking_in(&self.id, &[status]).await
    }

    /// The booking that waits for its payment, and its intent.
    async fn awaiting(&self, cluster: &Cluster) -> Result<(Value, Value)> {
        let booking = self.reaches("awaiting_payment").await?;
        let secret = booking["payment"]["client_secret"]
            .as_str()
            .context("no client_secret")?
            .to_string();
        let intent = cluster
            .stripe
            .get(&format!("/v1/payment_intents/{}", intent_of(&secret)))
            .await?;
        Ok((booking, intent))
    }

    /// A confirmed booking, paid with that card, and its intent.
    async fn paid(cluster: &Cluster, card: &str) -> Result<(Self, Value)> {
        let case = Self::booked(cluster).await?;
        let (booking, intent) = case.awaiting(cluster).await?;
        ensure!(
            cluster.stripe.pay(&booking, card).await?.0 == 200,
            "{card} does not pay"
        );
        case.reaches("confirmed").await?;
        Ok((case, intent))
    }

    async fn cancel_event(&self) -> Result<()> {
        let cancel = format!("events/{}/cancel", self.sale.event_id);
        self.sale
            .organizer
            .post(&cancel, json!({"reason": "The singer is ill."}))
            .await?
            .expect(200);
        Ok(())
    }

    async fn live_tickets(&self) -> Result<usize> {
        let tickets = self
            .buyer
            .get(&format!("bookings/{}/tickets", self.id))
            .await?
            .expect(200);
        Ok(tickets["items"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|ticket| ticket["status"] != "void")
            .count())
    }
}

async fn calm() -> Result<tokio::sync::MappedMutexGuard<'static, Cluster>> {
    let cluster = Cluster::shared(1, &[]).await?;
    cluster.stripe.calm().await?;
    Ok(cluster)
}

async fn audit(cluster: &Cluster) -> Result<()> {
    every_booking_ends(&cluster.databases, RECOVERY).await?;
    no_seat_is_sold_twice(&cluster.databases).await?;
    money_balances(&cluster.databases, &cluster.stripe).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_before_the_answer_to_our_call_is_kept_and_applied() -> Result<()> {
    let cluster = calm().await?;
    cluster.stripe.disturb("faults", json!({"kind": "hang", "path": "/v1/payment_intents", "method": "POST", "hang_ms": 8000})).await?;
    let case = Case::booked(&cluster).await?;
    let end = Instant::now() + RECOVERY;
    let intent = loop {
        match cluster.stripe.intents_of(&case.id).await?.pop() {
            Some(intent) => break id(&intent),
            None => ensure!(Instant::now() < end, "the provider was not asked"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let (status, paid) = cluster
        .stripe
        .post(
            &format!("/v1/payment_intents/{intent}/confirm"),
            &[("payment_method", "pm_card_visa")],
        )
        .await?;
    assert_eq!((status, paid["status"].as_str()), (200, Some("succeeded")));
    let waits =
        "SELECT count(*) = 1 FROM webhook_events WHERE intent_id = $1 AND applied_at IS NULL";
    let mut database = cluster.database("payment_db").await?;
    while !sqlx::query_scalar::<_, bool>(waits)
        .bind(&intent)
        .fetch_one(&mut database)
        .await?
    {
        ensure!(Instant::now() < end, "the webhook was not kept");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    case.reaches("confirmed").await?;
    assert_eq!(case.live_tickets().await?, 1);
    audit(&cluster).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_of_which_no_webhook_tells_is_found() -> Result<()> {
    let cluster = calm().await?;
    let case = Case::booked(&cluster).await?;
    let (booking, _) = case.awaiting(&cluster).await?;
    cluster
        .stripe
        .disturb("webhooks", json!({"paused": true}))
        .await?;
    assert_eq!(cluster.stripe.pay(&booking, "pm_card_visa").await?.0, 200);
    case.reaches("confirmed").await?;
    cluster
        .stripe
        .disturb("webhooks", json!({"duplicates": 5}))
        .await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(case.live_tickets().await?, 1);
    audit(&cluster).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_is_told_before_its_payment_leaves_no_ticket() -> Result<()> {
    let cluster = calm().await?;
    let case = Case::booked(&cluster).await?;
    let (booking, intent) = case.awaiting(&cluster).await?;
    cluster
        .stripe
        .disturb("webhooks", json!({"paused": true}))
        .await?;
    assert_eq!(cluster.stripe.pay(&booking, "pm_card_visa").await?.0, 200);
    // Somebody gives it back by hand, at the provider's dashboard.
    let (status, refund) = cluster
        .stripe
        .post("/v1/refunds", &[("payment_intent", &id(&intent))])
        .await?;
    assert_eq!(
        (status, refund["status"].as_str()),
        (200, Some("succeeded"))
    );
    assert_eq!(
        cluster
            .stripe
            .tell(&cluster.http, &webhook::event("refund.updated", &refund))
            .await?,
        200
    );
    assert_eq!(
        cluster
            .stripe
            .tell(&cluster.http, &webhook::succeeded(&intent))
            .await?,
        200
    );
    case.reaches("refunded").await?;
    assert_eq!(case.live_tickets().await?, 0);
    audit(&cluster).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_failure_webhook_takes_no_ticket_away() -> Result<()> {
    let cluster = calm().await?;
    let case = Case::booked(&cluster).await?;
    let (booking, _) = case.awaiting(&cluster).await?;
    cluster
        .stripe
        .disturb("webhooks", json!({"paused": true}))
        .await?;
    let (status, declined) = cluster
        .stripe
        .pay(&booking, "pm_card_visa_chargeDeclined")
        .await?;
    assert_eq!(status, 402);
    let failed = webhook::event(
        "payment_intent.payment_failed",
        &declined["error"]["payment_intent"],
    );
    let (status, paid) = cluster.stripe.pay(&booking, "pm_card_visa").await?;
    assert_eq!(status, 200);
    assert_eq!(
        cluster
            .stripe
            .tell(&cluster.http, &webhook::succeeded(&paid))
            .await?,
        200
    );
    case.reaches("confirmed").await?;
    assert_eq!(cluster.stripe.tell(&cluster.http, &failed).await?, 200);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let booking = case
        .buyer
        .get(&format!("bookings/{}", case.id))
        .await?
        .expect(200);
    assert_eq!(
        (booking["status"].as_str(), &booking["failure"]),
        (Some("confirmed"), &Value::Null)
    );
    assert_eq!(case.live_tickets().await?, 1);
    audit(&cluster).await
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_provider_answers_it_is_asked_for_one_payment() -> Result<()> {
    let cluster = calm().await?;
    let mut cases = vec![];
    for kind in [
        "error_before",
        "error_after",
        "no_answer",
        "rate_limit",
        "error_kept",
    ] {
        cluster
            .stripe
            .disturb(
                "faults",
                json!({"kind": kind, "path": "/v1/payment_intents", "method": "POST"}),
            )
            .await?;
        let case = Case::booked(&cluster).await?;
        let struck = Instant::now();
        while faults(&cluster).await? > 0 {
            ensure!(
                struck.elapsed() < RECOVERY,
                "{kind}: the provider was not asked"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        cases.push((kind, case));
    }
    for (kind, case) in &cases {
        let (booking, _) = case.awaiting(&cluster).await.context(*kind)?;
        assert_eq!(
            cluster.stripe.pay(&booking, "pm_card_visa").await?.0,
            200,
            "{kind}"
        );
        case.reaches("confirmed").await?;
        assert_eq!(
            cluster.stripe.intents_of(&case.id).await?.len(),
            1,
            "{kind}"
        );
    }
    audit(&cluster).await
}

async fn faults(cluster: &Cluster) -> Result<usize> {
    let answer: Value = reqwest::get(format!("{}/_simulator/faults", cluster.stripe.url))
        .await?
        .json()
        .await?;
    Ok(answer["faults"].as_array().map_or(0, Vec::len))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_is_made_once_whatever_the_provider_answers() -> Result<()> {
    let cluster = calm().await?;
    // What the provider does to the first call for the refund; the card, which says how its refunds
    // end.
    for (kind, card) in [
        ("no_answer", "pm_card_visa"),
        ("error_after", "pm_card_visa"),
        ("error_kept", "pm_card_visa"),
        ("", "pm_card_pendingRefund"),
    ] {
        if !kind.is_empty() {
            cluster
                .stripe
                .disturb(
                    "faults",
                    json!({"kind": kind, "path": "/v1/refunds", "method": "POST"}),
                )
                .await?;
        }
        let (case, intent) = given_back(&cluster, card).await?;
        case.reaches("refunded").await.context(kind)?;
        assert_eq!(refunds(&cluster, &intent).await?.len(), 1, "{kind}");
        assert_eq!(case.live_tickets().await?, 0, "{kind}");
    }
    audit(&cluster).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_seems_done_and_fails_later_is_tried_again() -> Result<()> {
    // Of its own: refunds of this card fail for ever, so that these books never balance.
    let cluster = Cluster::start(1, &[]).await?;
    let (_, intent) = given_back(&cluster, "pm_card_refundFail").await?;
    let cancelled = Instant::now();
    while refunds(&cluster, &intent).await?.len() < 2 {
        ensure!(
            cancelled.elapsed() < 2 * RECOVERY,
            "the money is the buyer's and stays with us: {:#?}",
            refunds(&cluster, &intent).await?
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// A confirmed booking whose event is cancelled, and its intent.
async fn given_back(cluster: &Cluster, card: &str) -> Result<(Case, Value)> {
    let (case, intent) = Case::paid(cluster, card).await?;
    case.cancel_event().await?;
    Ok((case, intent))
}

async fn refunds(cluster: &Cluster, intent: &Value) -> Result<Vec<Value>> {
    let refunds = cluster
        .stripe
        .get(&format!("/v1/refunds?payment_intent={}", id(intent)))
        .await?;
    Ok(refunds["data"].as_array().cloned().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partial_refund_keeps_the_ticket_a_cancel_pays_the_rest() -> Result<()> {
    let cluster = calm().await?;
    // The card says whether a refund is done at once or later.
    for card in ["pm_card_visa", "pm_card_pendingRefund"] {
        let (case, intent) = Case::paid(&cluster, card).await?;
        assert_eq!(
            cluster
                .stripe
                .post(
                    "/v1/refunds",
                    &[("payment_intent", &id(&intent)), ("amount", "1000")]
                )
                .await?
                .0,
            200,
            "{card}"
        );
        // Long enough for the simulator's pending refunds to end.
        tokio::time::sleep(Duration::from_secs(4)).await;
        let now = case
            .buyer
            .get(&format!("bookings/{}", case.id))
            .await?
            .expect(200);
        assert_eq!(
            (now["status"].as_str(), case.live_tickets().await?),
            (Some("confirmed"), 1),
            "{card}"
        );
        case.cancel_event().await?;
        case.reaches("refunded").await.context(card)?;
        let amounts: Vec<_> = refunds(&cluster, &intent)
            .await?
            .iter()
            .map(|refund| refund["amount"].as_i64())
            .collect();
        assert_eq!(amounts, [Some(3500), Some(1000)], "{card}");
    }
    audit(&cluster).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fully_refunded_payment_of_a_cancelled_event_is_refunded() -> Result<()> {
    let cluster = calm().await?;
    let (case, intent) = Case::paid(&cluster, "pm_card_visa").await?;
    // In two parts, neither of which is the whole.
    for part in ["1000", "3500"] {
        assert_eq!(
            cluster
                .stripe
                .post(
                    "/v1/refunds",
                    &[("payment_intent", &id(&intent)), ("amount", part)]
                )
                .await?
                .0,
            200,
            "{part}"
        );
    }
    case.cancel_event().await?;
    case.reaches("refunded").await?;
    assert_eq!(refunds(&cluster, &intent).await?.len(), 2);
    audit(&cluster).await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_webhooks_that_were_applied_a_month_ago_are_forgotten() -> Result<()> {
    let cluster = calm().await?;
    let mut database = cluster.database("payment_db").await?;
    let insert = "INSERT INTO webhook_events (provider, event_id, kind, intent_id, received_at, applied_at) VALUES \
        ('stripe', 'evt_forgettable', 'x', NULL, now() - interval '32 days', now() - interval '31 days'), \
        ('stripe', 'evt_applied_lately', 'x', NULL, now() - interval '32 days', now() - interval '29 days'), \
        ('stripe', 'evt_never_applied', 'x', 'pi_of_nobody', now() - interval '32 days', NULL)";
    sqlx::query(insert).execute(&mut database).await?;
    let ids = "SELECT event_id FROM webhook_events WHERE received_at < now() - interval '30 days' ORDER BY event_id";
    let started = Instant::now();
    loop {
        let left: Vec<String> = sqlx::query_scalar(ids).fetch_all(&mut database).await?;
        assert!(left.len() >= 2, "{left:?}");
        if left == ["evt_applied_lately", "evt_never_applied"] {
            return Ok(());
        }
        ensure!(started.elapsed() < RECOVERY, "not forgotten: {left:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
