//! Seat keys to seat indexes: open addressing over indexes alone, since the layout has the keys. One probe and one comparison a
//! look-up; comparing strings in a search is what WebAssembly is slowest at.

/// A slot that has no seat.
const EMPTY: u32 = u32::MAX;

#[derive(Debug, Default)]
pub struct KeyTable {
    /// A power of two of them, at most half of them taken.
    slots: Vec<u32>,
}

impl KeyTable {
    pub fn with_room_for(seats: usize) -> Self {
        Self { slots: vec![EMPTY; (seats * 2).next_power_of_two()] }
    }

    /// The index under that key; `key_of` says what key an index has.
    pub fn find<'a>(&self, key: &str, key_of: impl Fn(u32) -> &'a str) -> Option<u32> {
        self.probe(key).map_while(|at| Some(self.slots[at]).filter(|&index| index != EMPTY)).find(|&index| key_of(index) == key)
    }

    /// Adds a key. False where it is there already, and nothing changes.
    pub fn add<'a>(&mut self, key: &str, index: u32, key_of: impl Fn(u32) -> &'a str) -> bool {
        for at in self.probe(key) {
            match self.slots[at] {
                EMPTY => {
                    self.slots[at] = index;
                    return true;
                }
                known if key_of(known) == key => return false,
                _ => {}
            }
        }
        false
    }

    /// The slots in which the key may be, in order.
    fn probe(&self, key: &str) -> impl Iterator<Item = usize> + use<> {
        let mask = self.slots.len().wrapping_sub(1);
        let start = hash(key) as usize;
        (0..self.slots.len()).map(move |step| start.wrapping_add(step) & mask)
    }
}

/// FNV-1a of the bytes, its halves folded. Keys are an organizer's own: nobody else suffers from collisions that they contrive.
fn hash(key: &str) -> u32 {
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash >> 32) as u32 ^ hash as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_found_and_no_other() {
        let keys: Vec<String> = (0..5_000).map(|number| format!("A-{}-{}", number / 70, number % 70)).collect();
        let mut table = KeyTable::with_room_for(keys.len());
        for (index, key) in keys.iter().enumerate() {
            assert!(table.add(key, index as u32, |index| &keys[index as usize]));
        }
        let find = |key: &str| table.find(key, |index| &keys[index as usize]);
        assert!(keys.iter().enumerate().all(|(index, key)| find(key) == Some(index as u32)));
        let mut again = KeyTable { slots: table.slots.clone() };
        assert!(!again.add("A-3-1", 7, |index| &keys[index as usize]) && again.slots == table.slots);
        assert_eq!((find("A-0-70"), find("")), (None, None));
        assert_eq!(KeyTable::default().find("A-1-1", |_| ""), None);
    }
}
