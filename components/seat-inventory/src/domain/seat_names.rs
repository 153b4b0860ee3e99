//! The keys of a layout's seats by index, as JSON texts one after the other, so that a list of
//! thousands is written without asking seat-lock for each.

use super::bits::iter_ones;

/// All seat keys of a layout.
pub struct SeatNames {
    json: String,
    ends: Vec<u32>,
}

impl SeatNames {
    /// Keys in the order of their indexes.
    ///
    /// # Errors
    /// A key cannot be written as JSON.
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
        for index in iter_ones(bits) {
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
