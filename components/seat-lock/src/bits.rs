//! A string of bits as Redis' SETBIT has it: bit i is bit 7-(i mod 8) of byte i/8. What is beyond
//! its end is zero.

/// Borrowed bits.
#[derive(Clone, Copy)]
pub struct Bits<'a>(pub &'a [u8]);

impl<'a> Bits<'a> {
    pub fn get(self, index: u32) -> bool {
        self.0
            .get(index as usize / 8)
            .is_some_and(|byte| byte >> (7 - index % 8) & 1 == 1)
    }

    /// The bits from `from` on, the first one highest: as many as the second number says, at least
    /// 57.
    pub fn word(self, from: u32) -> (u64, u32) {
        let rest = self.0.get(from as usize / 8..).unwrap_or_default();
        let bytes = rest.first_chunk().copied().unwrap_or_else(|| {
            let mut bytes = [0; 8];
            bytes[..rest.len()].copy_from_slice(rest);
            bytes
        });
        (u64::from_be_bytes(bytes) << (from % 8), 64 - from % 8)
    }

    /// The indexes of the bits that are set, rising.
    pub fn ones(self) -> impl Iterator<Item = u32> + 'a {
        self.0
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte != 0)
            .flat_map(|(at, &byte)| {
                (0..8)
                    .filter(move |bit| byte >> (7 - bit) & 1 == 1)
                    .map(move |bit| at as u32 * 8 + bit)
            })
    }
}

/// Sets a bit, growing the string as needed.
pub fn set_bit(bits: &mut Vec<u8>, index: u32) {
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
        set_bit(&mut bits, 0);
        set_bit(&mut bits, 9);
        assert_eq!(bits, [0x80, 0x40]);
        assert_eq!(Bits(&bits).ones().collect::<Vec<_>>(), [0, 9]);
        assert!(Bits(&bits).get(9) && !Bits(&bits).get(8) && !Bits(&bits).get(1000));
    }

    #[test]
    fn a_word_has_the_bits_and_zeros_beyond_the_end() {
        let bytes: Vec<u8> = (0..20).map(|byte: u8| byte.wrapping_mul(151)).collect();
        for from in 0..200 {
            let (word, len) = Bits(&bytes).word(from);
            assert!(len >= 57);
            for bit in 0..len {
                assert_eq!(
                    word << bit >> 63 == 1,
                    Bits(&bytes).get(from + bit),
                    "{bit} from {from}"
                );
            }
        }
    }
}
