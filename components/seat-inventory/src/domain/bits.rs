//! Strings of bits that stand for seats by index. The first bit is the highest of the first byte,
//! as Redis has it; bits beyond the end are zero.

/// The indexes of the bits that are set, rising.
pub fn iter_ones(bits: &[u8]) -> impl Iterator<Item = u32> + '_ {
    bits.iter()
        .enumerate()
        .filter(|(_, byte)| **byte != 0)
        .flat_map(|(at, &byte)| {
            (0..8)
                .filter(move |bit| byte >> (7 - bit) & 1 == 1)
                .map(move |bit| at as u32 * 8 + bit)
        })
}

/// Sets a bit, growing the string as needed.
pub fn set_bit(bits: &mut Vec<u8>, at: u32) {
    let byte = at as usize / 8;
    if bits.len() <= byte {
        bits.resize(byte + 1, 0);
    }
    bits[byte] |= 0x80 >> (at % 8);
}
