//! A hold's id says which session it belongs to, so that `GET /holds/{id}` finds it without a look-up: a UUIDv7 whose low 32 bits
//! are the session's number. What is left (41 random bits in a millisecond) is no secret; the owner is always checked.

use eventhub_guest::ids::HoldId;

const NUMBER: u128 = 0xffff_ffff;

/// A new id for a hold of the session with that number.
pub fn new(number: u32) -> HoldId {
    HoldId::from_u128(HoldId::new().as_u128() & !NUMBER | u128::from(number))
}

/// The number of the session.
pub fn session_number(id: HoldId) -> u32 {
    (id.as_u128() & NUMBER) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_tells_the_session_and_stays_a_uuid_v7() {
        for number in [0, 1, 77, u32::MAX] {
            let id = new(number);
            assert_eq!(session_number(id.to_string().parse().unwrap()), number);
            let uuid = uuid::Uuid::from_u128(id.as_u128());
            assert_eq!((uuid.get_version_num(), uuid.get_variant()), (7, uuid::Variant::RFC4122));
        }
    }

    #[test]
    fn ids_of_one_session_and_millisecond_differ() {
        let ids: std::collections::HashSet<_> = (0..10_000).map(|_| new(1)).collect();
        assert_eq!(ids.len(), 10_000);
    }
}
