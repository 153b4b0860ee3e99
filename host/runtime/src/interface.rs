//! Names of interfaces, as components spell them: `eventhub:booking/routes@0.1.0`.

use std::fmt;

/// A parsed interface name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct InterfaceName {
    full: String,
    slash: usize,
    at: usize,
}

impl InterfaceName {
    /// None when the name is not that of an interface in a package: a bare function, for example.
    pub fn parse(name: &str) -> Option<Self> {
        let slash = name.find('/')?;
        let at = name[slash..].find('@').map_or(name.len(), |at| slash + at);
        name[..slash].contains(':').then(|| Self {
            full: name.to_owned(),
            slash,
            at,
        })
    }

    /// `eventhub:booking/routes@0.1.0`
    pub fn full(&self) -> &str {
        &self.full
    }

    /// `eventhub:booking`
    pub fn package(&self) -> &str {
        &self.full[..self.slash]
    }

    /// `routes`
    pub fn interface(&self) -> &str {
        &self.full[self.slash + 1..self.at]
    }

    /// Whether it is an interface of WASI, which the host itself provides.
    pub fn is_wasi(&self) -> bool {
        self.full.starts_with("wasi:")
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_with_and_without_a_version() {
        let name = InterfaceName::parse("eventhub:seat-inventory/live@0.1.0").unwrap();
        assert_eq!(
            (name.package(), name.interface()),
            ("eventhub:seat-inventory", "live")
        );
        let name = InterfaceName::parse("a:b/c").unwrap();
        assert_eq!((name.package(), name.interface()), ("a:b", "c"));
        assert!(InterfaceName::parse("handle").is_none());
        assert!(InterfaceName::parse("a/b").is_none());
        assert!(
            InterfaceName::parse("wasi:cli/stderr@0.2.6")
                .unwrap()
                .is_wasi()
        );
    }
}
