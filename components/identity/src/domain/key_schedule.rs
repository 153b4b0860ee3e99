//! When a signing key is made, when it signs, and when it is deleted.
//!
//! A key signs from its `not_before` until that of the next generation. The next one is published
//! at least a day before it signs, so that every cache of the key set has it by then. An old
//! one stays published until its last token has expired.

use std::time::Duration;

use eventhub_guest::Timestamp;

/// How long an access token lives; its `expires_in`.
pub const ACCESS_TTL: Duration = Duration::from_secs(900);
/// The shortest time for which a key is published before it signs.
pub const LEAD: Duration = Duration::from_secs(86_400);
/// A key is made a day earlier than that, so that a night without ticks does no harm.
const MADE_BEFORE: Duration = Duration::from_secs(2 * 86_400);
/// A retired key stays published for a token's life, and an hour more for caches and clocks.
const RETENTION: Duration = Duration::from_secs(900 + 3_600);

/// The part of a key that the rules need.
pub trait ScheduledKey {
    fn generation(&self) -> i64;
    fn not_before(&self) -> Timestamp;
}

/// The key that signs now; none where none was made yet.
pub fn signing_key<K: ScheduledKey>(keys: &[K], now: Timestamp) -> Option<&K> {
    keys.iter()
        .filter(|key| key.not_before() <= now)
        .max_by_key(|key| key.generation())
}

/// The key to make now: its generation and when it starts to sign. None where the next one
/// exists, or its time has not come.
pub fn next_key<K: ScheduledKey>(
    keys: &[K],
    now: Timestamp,
    period: Duration,
) -> Option<(i64, Timestamp)> {
    let Some(newest) = keys.iter().max_by_key(|key| key.generation()) else {
        return Some((1, now));
    };
    let end = newest.not_before().plus(period);
    let is_time = newest.not_before() <= now && end.minus(MADE_BEFORE) <= now;
    is_time.then(|| (newest.generation() + 1, end.max(now.plus(LEAD))))
}

/// Whether every token of this key has expired.
pub fn is_retired<K: ScheduledKey>(key: &K, keys: &[K], now: Timestamp) -> bool {
    let next = keys
        .iter()
        .filter(|other| other.generation() > key.generation())
        .min_by_key(|other| other.generation());
    next.is_some_and(|next| next.not_before().plus(RETENTION) < now)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    struct Made {
        generation: i64,
        made: Timestamp,
        not_before: Timestamp,
    }

    impl ScheduledKey for Made {
        fn generation(&self) -> i64 {
            self.generation
        }
        fn not_before(&self) -> Timestamp {
            self.not_before
        }
    }

    proptest! {
        /// Ticks come at any distance, nights without any included.
        #[test]
        fn a_day_old_key_set_verifies_every_token_until_it_expires(
            days in 1u64..40,
            steps in prop::collection::vec(1u64..200_000, 1..120),
        ) {
            let period = Duration::from_secs(days * 86_400);
            let mut now = Timestamp::from_micros(0);
            let mut keys: Vec<Made> = vec![];
            let mut last_token: Vec<(i64, Timestamp)> = vec![];
            for step in steps {
                now = now.plus(Duration::from_secs(step));
                if let Some((generation, not_before)) = next_key(&keys, now, period) {
                    keys.push(Made { generation, made: now, not_before });
                }
                let all = keys.clone();
                keys.retain(|key| !is_retired(key, &all, now));

                let signs = signing_key(&keys, now).unwrap();
                prop_assert!(
                    signs.generation == 1 || now >= signs.made.plus(LEAD),
                    "a key signs before it was published for a day"
                );
                last_token.push((signs.generation, now));
                for (generation, at) in &last_token {
                    let valid = at.plus(ACCESS_TTL) >= now;
                    prop_assert!(
                        !valid || keys.iter().any(|key| key.generation == *generation),
                        "the key of a valid token is gone"
                    );
                }
                prop_assert!(keys.len() <= 3, "old keys pile up");
            }
        }
    }

    #[test]
    fn a_key_does_not_sign_for_ever() {
        let day = Duration::from_secs(86_400);
        let first = Made {
            generation: 1,
            made: Timestamp::from_micros(0),
            not_before: Timestamp::from_micros(0),
        };
        let at = |days: u32| Timestamp::from_micros(0).plus(day * days);
        assert_eq!(
            next_key(std::slice::from_ref(&first), at(27), day * 30),
            None
        );
        assert_eq!(
            next_key(std::slice::from_ref(&first), at(28), day * 30),
            Some((2, at(30)))
        );
        let keys = [
            first,
            Made {
                generation: 2,
                made: at(28),
                not_before: at(30),
            },
        ];
        assert_eq!(signing_key(&keys, at(29)).unwrap().generation, 1);
        assert_eq!(signing_key(&keys, at(30)).unwrap().generation, 2);
    }
}
