//! A hold's id says which session it belongs to, so that `GET /holds/{id}` finds it without a
//! look-up: a UUIDv7 whose low 32 bits are the session's number. The rest (41 random bits in a
//! millisecond) is no secret; the owner is always checked.

use eventhub_guest::Timestamp;
use eventhub_guest::ids::{HoldId, UserId};
use sha2::{Digest, Sha256};

const NUMBER: u128 = 0xffff_ffff;
/// What a derived id hashes: 24 bits of the milliseconds (4.7 hours), and all that is random
/// elsewhere.
const HASHED: u128 = 0xff_ffff << 80 | 0xfff << 64 | 0x3fff_ffff << 32;

/// An id for a hold of the session with that number, from a new id of any session.
pub fn number_id(id: HoldId, number: u32) -> HoldId {
    HoldId::from_u128(id.as_u128() & !NUMBER | u128::from(number))
}

/// The id of the hold that a request with this key creates. It is derived, so that the request
/// finds its hold when it is repeated because the answer was lost. A key that is used again after a
/// day names another hold. The price is that a repetition just after 4.7 hours are full does not
/// find its own.
pub fn derive_id(number: u32, user: UserId, key: &str, body: &[u8], now: Timestamp) -> HoldId {
    let user = user.as_u128().to_be_bytes();
    let digest = Sha256::new()
        .chain_update(user)
        .chain_update((key.len() as u64).to_be_bytes())
        .chain_update(key)
        .chain_update(body)
        .finalize();
    let hash = digest
        .iter()
        .take(16)
        .fold(0, |hash, byte| hash << 8 | u128::from(*byte));
    let shape = (now.millis() as u128) << 80 | 0x7 << 76 | 0b10 << 62;
    HoldId::from_u128(shape & !HASHED | hash & HASHED | u128::from(number))
}

/// The number of the session.
pub fn session_number(id: HoldId) -> u32 {
    (id.as_u128() & NUMBER) as u32
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_id_carries_its_session_and_is_a_uuid_v7() {
        for number in [0, 1, 77, u32::MAX] {
            let id = number_id(HoldId::new(), number);
            assert_eq!(session_number(id.to_string().parse().unwrap()), number);
            let uuid = uuid::Uuid::from_u128(id.as_u128());
            assert_eq!(
                (uuid.get_version_num(), uuid.get_variant()),
                (7, uuid::Variant::RFC4122)
            );
        }
    }

    #[test]
    fn only_a_repeated_request_derives_the_same_id() {
        let (user, noon) = (
            UserId::from_u128(5),
            Timestamp::from_micros(1_795_694_400_000_000),
        );
        let id =
            |number, user, key, body: &str, now| derive_id(number, user, key, body.as_bytes(), now);
        let first = id(77, user, "key", "{}", noon);
        assert_eq!(
            id(77, user, "key", "{}", noon.plus(Duration::from_secs(60))),
            first
        );
        assert_eq!(session_number(first), 77);
        let uuid = uuid::Uuid::from_u128(first.as_u128());
        assert_eq!(
            (uuid.get_version_num(), uuid.get_variant()),
            (7, uuid::Variant::RFC4122)
        );
        let hours = uuid
            .get_timestamp()
            .map(|time| time.to_unix().0.abs_diff(1_795_694_400) / 3600);
        assert!(
            hours.is_some_and(|hours| hours < 5),
            "ids no longer rise with the days"
        );
        let day = Duration::from_secs(86_400);
        let others = [
            id(78, user, "key", "{}", noon),
            id(77, UserId::from_u128(6), "key", "{}", noon),
            id(77, user, "key2", "{}", noon),
            id(77, user, "key", "2{}", noon),
            id(77, user, "key", "{}", noon.plus(day)),
        ];
        assert_eq!(others.iter().filter(|other| **other == first).count(), 0);
    }

    #[test]
    fn ids_of_one_session_and_millisecond_differ() {
        let ids: std::collections::HashSet<_> =
            (0..10_000).map(|_| number_id(HoldId::new(), 1)).collect();
        assert_eq!(ids.len(), 10_000);
    }
}
