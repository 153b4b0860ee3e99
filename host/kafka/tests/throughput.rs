//! How fast it is, on this machine: `cargo test --release -p eventhub-kafka --test throughput -- --ignored --nocapture`.

#![allow(clippy::unwrap_used)]

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use eventhub_kafka::{Consumer, ConsumerConfig, Delivery, Handler, HandlerError, Message, Outcome};
use support::{client, consumer, topic, unique};

const MESSAGES: usize = 400_000;

struct Count(AtomicUsize);

impl Handler for Count {
    async fn handle(&self, batch: Arc<Vec<Delivery>>) -> Result<Vec<Outcome>, HandlerError> {
        self.0.fetch_add(batch.len(), Ordering::Relaxed);
        Ok(vec![Outcome::Done; batch.len()])
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn messages_of_200_bytes_per_second() {
    let client = client();
    let topic = topic(&client, "fast", 12).await;
    let batch = |from: usize| -> Vec<Message> {
        let one = |n: usize| Message {
            topic: topic.clone(),
            key: Some(format!("bkg_{n}").into_bytes()),
            headers: vec![("id".into(), format!("{n:036}")), ("eventType".into(), "BookingCreated".into())],
            value: (0..200_u32).map(|byte| b'a' + ((byte * 31 + n as u32 * 17) % 26) as u8).collect(),
        };
        (from..from + 1_000).map(one).collect()
    };
    client.publish(&batch(0)).await.unwrap();
    let batches: Vec<_> = (1..MESSAGES / 1_000).map(|n| batch(n * 1_000)).collect();

    let started = Instant::now();
    let (batches, next) = (Arc::new(batches), Arc::new(AtomicUsize::new(0)));
    let publishers: Vec<_> = (0..16)
        .map(|_| {
            let (client, batches, next) = (client.clone(), batches.clone(), next.clone());
            tokio::spawn(async move {
                while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                    client.publish(batch).await.unwrap();
                }
            })
        })
        .collect();
    for publisher in publishers {
        publisher.await.unwrap();
    }
    println!("published {:.0}/s", (MESSAGES - 1_000) as f64 / started.elapsed().as_secs_f64());

    for max_batch in [100, 500] {
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let config = ConsumerConfig { max_batch, ..consumer(&unique("g"), &topic) };
        let started = Instant::now();
        let consumer = Consumer::start(&client, config, count.clone()).unwrap();
        while count.0.load(Ordering::Relaxed) < MESSAGES {
            tokio::time::sleep(Duration::from_millis(5)).await;
            assert!(started.elapsed() < Duration::from_secs(60), "{} came", count.0.load(Ordering::Relaxed));
        }
        println!("handled {:.0}/s in batches of {max_batch}", MESSAGES as f64 / started.elapsed().as_secs_f64());
        consumer.stop().await;
    }

    let mut times = Vec::new();
    for n in 0..200 {
        let started = Instant::now();
        client.publish(&batch(n)[..1]).await.unwrap();
        times.push(started.elapsed());
    }
    times.sort();
    println!("one message, linger 5 ms: p50 {:?}, p99 {:?}", times[100], times[198]);
}
