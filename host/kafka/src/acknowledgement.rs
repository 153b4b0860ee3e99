//! Waits for many messages at once: the delivery reports of a batch share one counter instead of a
//! future each.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;
use parking_lot::Mutex;

use crate::Undelivered;

/// Shared by the messages of one batch. It starts with one mark for the publisher itself, so that
/// it cannot become complete while messages are still being added.
#[derive(Debug)]
pub(crate) struct Tally {
    open: AtomicUsize,
    error: Mutex<Option<Undelivered>>,
    waker: AtomicWaker,
}

impl Tally {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            open: AtomicUsize::new(1),
            error: Mutex::new(None),
            waker: AtomicWaker::new(),
        })
    }

    /// One more message is on its way.
    pub fn add(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    /// One message, or the publisher, is done. The first error is kept, but a retryable error
    /// replaces a final one: otherwise the retryable messages would count as refused.
    pub fn settle(&self, result: Result<(), Undelivered>) {
        if let Err(error) = result {
            let mut kept = self.error.lock();
            if kept
                .as_ref()
                .is_none_or(|kept| kept.is_final() && !error.is_final())
            {
                *kept = Some(error);
            }
        }
        if self.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.waker.wake();
        }
    }
}

/// Resolves when every message of a publication is settled, with the first error if one failed.
/// Dropping it does not cancel the publication: the messages are already in flight.
#[derive(Debug)]
#[must_use = "nothing is known to be published before it resolves"]
pub struct Acknowledgement(pub(crate) Arc<Tally>);

impl Future for Acknowledgement {
    type Output = Result<(), Undelivered>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let tally = &self.0;
        if tally.open.load(Ordering::Acquire) != 0 {
            tally.waker.register(context.waker());
            // The last report may have arrived between the check and the registration.
            if tally.open.load(Ordering::Acquire) != 0 {
                return Poll::Pending;
            }
        }
        Poll::Ready(tally.error.lock().take().map_or(Ok(()), Err))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_resolves_after_the_last_report_and_not_before() {
        let tally = Tally::new();
        tally.add();
        tally.add();
        let mut acknowledgement = Acknowledgement(tally.clone());
        tally.settle(Ok(()));
        tally.settle(Err(Undelivered::Unavailable("first".into())));
        assert!(
            futures::poll!(&mut acknowledgement).is_pending(),
            "one message is still open"
        );
        tally.settle(Err(Undelivered::Unavailable("second".into())));
        assert_eq!(
            acknowledgement.await,
            Err(Undelivered::Unavailable("first".into()))
        );
    }

    #[tokio::test]
    async fn a_refused_message_does_not_hide_a_retryable_failure() {
        let tally = Tally::new();
        tally.add();
        tally.settle(Err(Undelivered::Message("too large".into())));
        tally.settle(Err(Undelivered::Topic("no topic".into())));
        assert_eq!(
            Acknowledgement(tally).await,
            Err(Undelivered::Topic("no topic".into()))
        );
    }

    #[tokio::test]
    async fn a_waiter_is_woken_by_the_last_report() {
        let tally = Tally::new();
        let waiter = tokio::spawn(Acknowledgement(tally.clone()));
        tokio::task::yield_now().await;
        tally.settle(Ok(()));
        tokio::time::timeout(std::time::Duration::from_secs(5), waiter)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    }
}
