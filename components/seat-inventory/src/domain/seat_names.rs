//! The keys of a layout's seats by index, as JSON texts one after the other, so that a list of
//! thousands is written without asking seat-lock for each; and the bits that stand for seats.

/// All seat keys of a layout.
pub struct SeatNames {
    json: String,
    ends: Vec<u32>,
}

impl SeatNames {
    /// Keys in the order of their indexes.
    pub fn new(keys: &[String]) -> Result<Self, serde_json::Error> {
        let mut names = Self {
            json: String::new(),
            ends: Vec::with_capacity(keys.len()),
        };
        for key in keys {
            names.json.push_str(&serde_json::to_string(key)?);
            names.ends.push(names.json.len() as u32);
        }
        names.json.shrink_to_fit();
        Ok(names)
    }

    /// The key as JSON: `"A-1-14"`, with the quotes.
    pub fn json(&self, index: u32) -> Option<&str> {
        let end = *self.ends.get(index as usize)? as usize;
        let start = if index == 0 {
            0
        } else {
            self.ends[index as usize - 1] as usize
        };
        self.json.get(start..end)
    }

    /// The keys of the seats whose bit is set, as a JSON array.
    pub fn list(&self, bits: &[u8]) -> String {
        let mut text = String::from("[");
        for index in ones(bits) {
            let Some(name) = self.json(index) else { break };
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(name);
        }
        text.push(']');
        text
    }
}

/// The places of the bits that are set, rising; the first bit is the highest of the first byte, as
/// Redis has it.
pub fn ones(bits: &[u8]) -> impl Iterator<Item = u32> + '_ {
    bits.iter()
        .enumerate()
        .filter(|(_, byte)| **byte != 0)
        .flat_map(|(at, &byte)| {
            (0..8)
                .filter(move |bit| byte >> (7 - bit) & 1 == 1)
                .map(move |bit| at as u32 * 8 + bit)
        })
}

/// Sets a bit, growing the bits as needed.
pub fn set(bits: &mut Vec<u8>, at: u32) {
    let byte = at as usize / 8;
    if bits.len() <= byte {
        bits.resize(byte + 1, 0);
    }
    bits[byte] |= 0x80 >> (at % 8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_the_keys_whose_bits_are_set() {
        let keys: Vec<String> = (0..10).map(|at| format!("A-1-{at}")).collect();
        let names = SeatNames::new(&keys).unwrap();
        assert_eq!(
            names.list(&[0b1000_0001, 0b0111_1111]),
            r#"["A-1-0","A-1-7","A-1-9"]"#
        );
        assert_eq!(names.list(&[]), "[]");
        assert_eq!((names.json(9), names.json(10)), (Some("\"A-1-9\""), None));
    }
}
