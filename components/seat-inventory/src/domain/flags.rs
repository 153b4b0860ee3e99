//! What is special about a seat.

/// As the contract names them; bit i of a seat's flags is flag i.
const NAMES: [&str; 4] = ["accessible", "companion", "restricted_view", "aisle"];

/// The flags of one seat, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(pub u8);

impl Flags {
    /// Names that the contract does not have are ignored.
    pub fn from_names<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let bits = names.filter_map(|name| NAMES.iter().position(|known| *known == name));
        Self(bits.fold(0, |flags, bit| flags | 1 << bit))
    }

    /// In the order of the contract.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES
            .into_iter()
            .enumerate()
            .filter(move |(bit, _)| self.0 >> bit & 1 == 1)
            .map(|(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_keep_their_names() {
        let flags = Flags::from_names(["aisle", "unheard_of", "accessible"].into_iter());
        assert_eq!(flags, Flags(0b1001));
        assert_eq!(flags.names().collect::<Vec<_>>(), ["accessible", "aisle"]);
    }
}
