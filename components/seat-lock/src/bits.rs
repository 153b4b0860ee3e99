//! A string of bits as Redis' SETBIT has it: bit i is bit 7-(i mod 8) of byte i/8. What is beyond its end is zero.

/// Borrowed bits.
#[derive(Clone, Copy)]
pub struct Bits<'a>(pub &'a [u8]);

impl<'a> Bits<'a> {
    pub fn get(self, index: u32) -> bool {
        self.0.get(index as usize / 8).is_some_and(|byte| byte >> (7 - index % 8) & 1 == 1)
    }

    /// The first bit from `from` on, and before `end`, that has this value; `end` where none has. Looks at a byte at a time:
    /// what is free in a hall that sells is short, and WebAssembly has no instruction that turns larger words round.
    pub fn find(self, value: bool, from: u32, end: u32) -> u32 {
        let mut at = from;
        while at < end {
            let (byte, len) = (self.0.get(at as usize / 8).copied().unwrap_or_default(), 8 - at % 8);
            // The bits from `at` on, the first one highest.
            let word = u32::from(byte) << (24 + at % 8);
            let others = if value { word.leading_zeros() } else { word.leading_ones() }.min(len);
            at += others;
            if others < len {
                break;
            }
        }
        at.min(end)
    }

    /// The indexes of the bits that are set, rising.
    pub fn ones(self) -> impl Iterator<Item = u32> + 'a {
        self.0
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte != 0)
            .flat_map(|(at, &byte)| (0..8).filter(move |bit| byte >> (7 - bit) & 1 == 1).map(move |bit| at as u32 * 8 + bit))
    }
}

/// Sets a bit, growing the string as needed.
pub fn set(bits: &mut Vec<u8>, index: u32) {
    let byte = index as usize / 8;
    if bits.len() <= byte {
        bits.resize(byte + 1, 0);
    }
    bits[byte] |= 0x80 >> (index % 8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_bits_is_that_of_redis() {
        // SETBIT k 0 1, SETBIT k 9 1 makes the bytes 80 40.
        let mut bits = vec![];
        set(&mut bits, 0);
        set(&mut bits, 9);
        assert_eq!(bits, [0x80, 0x40]);
        assert_eq!(Bits(&bits).ones().collect::<Vec<_>>(), [0, 9]);
        assert!(Bits(&bits).get(9) && !Bits(&bits).get(8) && !Bits(&bits).get(1000));
    }

    #[test]
    fn the_next_bit_is_the_one_that_a_search_bit_by_bit_finds() {
        // Words that are full, empty and mixed, and an end in the middle of one.
        let mut bits = vec![0xff; 20];
        bits.extend([0; 20]);
        bits.extend((0..27).map(|byte: u8| byte.wrapping_mul(151)));
        let all = Bits(&bits);
        for value in [true, false] {
            for end in [0, 1, 159, 160, 400, 536, 700] {
                for from in 0..600 {
                    let expected = (from..end).find(|&index| all.get(index) == value).unwrap_or(end.max(from).min(end));
                    assert_eq!(all.find(value, from, end), expected, "{value} from {from} to {end}");
                }
            }
        }
    }
}
