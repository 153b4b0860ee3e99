//! How many sockets each address has.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::Arc;

use eventhub_edge::address::bucket;
use parking_lot::Mutex;

pub(crate) struct Addresses {
    /// 0: no limit.
    limit: usize,
    /// Only addresses with open sockets have an entry.
    counts: Mutex<HashMap<String, usize>>,
}

impl Addresses {
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            counts: Mutex::default(),
        })
    }

    /// Counts one more socket of this client. `None` when its address has reached the limit.
    pub fn take(self: &Arc<Self>, client: IpAddr) -> Option<Share> {
        let bucket = bucket(Some(client));
        let mut counts = self.counts.lock();
        let count = counts.get(&bucket).copied().unwrap_or_default();
        if self.limit != 0 && count >= self.limit {
            return None;
        }
        counts.insert(bucket.clone(), count + 1);
        Some(Share {
            addresses: self.clone(),
            bucket,
        })
    }
}

/// One counted socket of an address. Dropping it uncounts the socket.
pub(crate) struct Share {
    addresses: Arc<Addresses>,
    bucket: String,
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Entry::Occupied(mut count) = self
            .addresses
            .counts
            .lock()
            .entry(std::mem::take(&mut self.bucket))
        {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_dropped_share_is_free_and_leaves_no_entry() {
        let addresses = Addresses::new(2);
        let (first, second) = (
            addresses.take(ip("192.0.2.1")),
            addresses.take(ip("192.0.2.1")),
        );
        assert!(first.is_some() && second.is_some() && addresses.take(ip("192.0.2.1")).is_none());
        drop(first);
        let third = addresses.take(ip("192.0.2.1"));
        assert!(third.is_some() && addresses.take(ip("192.0.2.1")).is_none());
        drop((second, third));
        assert!(addresses.counts.lock().is_empty());
    }

    #[test]
    fn one_ipv6_network_counts_as_one_address() {
        let addresses = Addresses::new(1);
        let _one = addresses.take(ip("192.0.2.1")).unwrap();
        let _other = addresses.take(ip("192.0.2.2")).unwrap();
        let _customer = addresses.take(ip("2001:db8:1:2::1")).unwrap();
        assert!(addresses.take(ip("2001:db8:1:2:3:4:5:6")).is_none());
        assert!(addresses.take(ip("2001:db8:1:3::1")).is_some());
    }

    #[test]
    fn without_a_limit_one_address_has_any_number() {
        let addresses = Addresses::new(0);
        let shares: Vec<_> = (0..5_000)
            .map_while(|_| addresses.take(ip("192.0.2.1")))
            .collect();
        assert_eq!(shares.len(), 5_000);
    }

    /// How many one address had at the same time, at most.
    fn peak_of_concurrent_sockets(limit: usize) -> usize {
        let (addresses, held, most) = (
            Addresses::new(limit),
            AtomicUsize::new(0),
            AtomicUsize::new(0),
        );
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..5_000 {
                        let Some(share) = addresses.take(ip("192.0.2.1")) else {
                            continue;
                        };
                        most.fetch_max(held.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::yield_now();
                        held.fetch_sub(1, Ordering::SeqCst);
                        drop(share);
                    }
                });
            }
        });
        assert!(addresses.counts.lock().is_empty());
        most.into_inner()
    }

    #[test]
    fn concurrent_sockets_never_exceed_the_limit() {
        assert_eq!(peak_of_concurrent_sockets(3), 3);
        assert!(
            peak_of_concurrent_sockets(0) > 3,
            "without a limit they would"
        );
    }
}
