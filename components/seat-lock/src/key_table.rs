//! Seat keys to seat indexes: open addressing over indexes alone, since the layout has the keys.
//! One probe and one comparison for a look-up: in WebAssembly, hashing by SipHash and comparing by
//! `memcmp` take longer than all the rest. Measure a change with the benchmark `seat_lock_wasm`.

/// A slot that has no seat.
const EMPTY: u32 = u32::MAX;

/// The table.
#[derive(Debug, Default)]
pub struct KeyTable {
    /// A power of two of them, at most half of them taken.
    slots: Vec<u32>,
}

impl KeyTable {
    /// An empty table for so many seats.
    pub fn with_room_for(seats: usize) -> Self {
        Self {
            slots: vec![EMPTY; (seats * 2).next_power_of_two()],
        }
    }

    /// The index under that key; `key_of` says what key an index has.
    pub fn find<'a>(&self, key: &[u8], key_of: impl Fn(u32) -> &'a [u8]) -> Option<u32> {
        self.probe(key)
            .map_while(|at| Some(self.slots[at]).filter(|&index| index != EMPTY))
            .find(|&index| equal_keys(key_of(index), key))
    }

    /// Adds a key. False where it is there already, and nothing changes.
    pub fn add<'a>(&mut self, key: &[u8], index: u32, key_of: impl Fn(u32) -> &'a [u8]) -> bool {
        for at in self.probe(key) {
            match self.slots[at] {
                EMPTY => {
                    self.slots[at] = index;
                    return true;
                }
                known if equal_keys(key_of(known), key) => return false,
                _ => {}
            }
        }
        false
    }

    /// The slots in which the key may be, in order.
    fn probe(&self, key: &[u8]) -> impl Iterator<Item = usize> + use<> {
        let mask = self.slots.len().wrapping_sub(1);
        let start = hash_key(key) as usize;
        (0..self.slots.len()).map(move |step| start.wrapping_add(step) & mask)
    }
}

/// Four bytes at a time, mixed by a multiplication, halves folded. Keys are an organizer's own:
/// contrived collisions harm nobody else.
fn hash_key(key: &[u8]) -> u32 {
    let (words, rest) = key.as_chunks();
    let mix = |hash: u64, word: u64| {
        (hash ^ word)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29)
    };
    let hash = words.iter().fold(key.len() as u64, |hash, word| {
        mix(hash, u32::from_le_bytes(*word).into())
    });
    let hash = mix(hash, read_tail(rest).into());
    (hash >> 32) as u32 ^ hash as u32
}

/// Up to three bytes as a number, without a loop: that would take longer than all the rest.
fn read_tail(bytes: &[u8]) -> u32 {
    match *bytes {
        [a] => a.into(),
        [a, b] => u16::from_le_bytes([a, b]).into(),
        [a, b, c] => u32::from_le_bytes([a, b, c, 0]),
        _ => 0,
    }
}

/// Keys are so short that calling a function to compare them takes longer than this.
fn equal_keys(one: &[u8], other: &[u8]) -> bool {
    let ((words, rest), (other_words, other_rest)) = (one.as_chunks(), other.as_chunks());
    let alike =
        |(one, other): (&[u8; 4], &[u8; 4])| u32::from_le_bytes(*one) == u32::from_le_bytes(*other);
    one.len() == other.len()
        && words.iter().zip(other_words).all(alike)
        && read_tail(rest) == read_tail(other_rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_equal_where_all_their_bytes_are() {
        let long = b"BALC.L-12.A-104";
        for len in 0..=long.len() {
            assert!(equal_keys(&long[..len], &long[..len]));
            for at in 0..len {
                let mut other = long[..len].to_vec();
                other[at] ^= 1;
                assert!(
                    !equal_keys(&long[..len], &other) && !equal_keys(&long[..len], &long[..at])
                );
            }
        }
    }

    #[test]
    fn every_key_is_found_and_no_other() {
        let keys: Vec<String> = (0..5_000)
            .map(|number| format!("A-{}-{}", number / 70, number % 70))
            .collect();
        let mut table = KeyTable::with_room_for(keys.len());
        for (index, key) in keys.iter().enumerate() {
            assert!(table.add(key.as_bytes(), index as u32, |index| {
                keys[index as usize].as_bytes()
            }));
        }
        let find = |key: &str| table.find(key.as_bytes(), |index| keys[index as usize].as_bytes());
        assert!(
            keys.iter()
                .enumerate()
                .all(|(index, key)| find(key) == Some(index as u32))
        );
        let mut again = KeyTable {
            slots: table.slots.clone(),
        };
        assert!(
            !again.add(b"A-3-1", 7, |index| keys[index as usize].as_bytes())
                && again.slots == table.slots
        );
        assert_eq!((find("A-0-70"), find("")), (None, None));
        assert_eq!(KeyTable::default().find(b"A-1-1", |_| b""), None);
    }
}
