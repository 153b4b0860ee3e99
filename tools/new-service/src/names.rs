//! The names of a service in every spelling that its files need.

use anyhow::{Result, bail};

/// All derived from the service's name.
pub struct Names {
    /// `reviews`
    pub service: String,
    /// `review`
    resource: String,
    /// `Review`
    resource_type: String,
}

impl Names {
    /// # Errors
    /// A name that is not one plural noun in small letters.
    pub fn parse(service: &str) -> Result<Self> {
        let Some(resource) = service.strip_suffix('s') else {
            bail!("the name must be a plural noun that ends in s, such as reviews");
        };
        let is_noun = (3..=24).contains(&resource.len())
            && resource.bytes().all(|byte| byte.is_ascii_lowercase());
        if !is_noun {
            bail!("the name must have 4 to 25 small letters of the alphabet, such as reviews");
        }
        let (first, rest) = resource.split_at(1);
        Ok(Self {
            service: service.into(),
            resource_type: first.to_uppercase() + rest,
            resource: resource.into(),
        })
    }

    /// Fills the placeholders of a text or a path.
    pub fn fill(&self, text: &str) -> String {
        text.replace("__service__", &self.service)
            .replace("__resource__", &self.resource)
            .replace("__Resource__", &self.resource_type)
            .replace("__prefix__", &self.resource[..3])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_in_every_spelling() {
        let names = Names::parse("reviews").unwrap();
        assert_eq!(
            names.fill("__service__ __resource__ __Resource__ __prefix___1"),
            "reviews review Review rev_1"
        );
    }

    #[test]
    fn names_that_are_no_plural_noun_are_refused() {
        for bad in ["", "s", "review", "Reviews", "my-reviews", "re1s", "../as"] {
            assert!(Names::parse(bad).is_err(), "{bad}");
        }
    }
}
