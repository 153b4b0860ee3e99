//! Form-encoded parameters as Stripe reads them: `metadata[booking_id]=…`, `expand[]=…`,
//! `expand[0]=…`.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::error::{ApiError, Result};

/// The decoded pairs of query and body, sorted by name; pairs of the same name keep their order.
#[derive(Debug, Default)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Decodes a query string and a form body.
    pub fn parse(query: &str, body: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(query.as_bytes()).chain(form_urlencoded::parse(body));
        let mut pairs: Vec<_> = pairs
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        Self(pairs)
    }

    /// A digest of all of them: two requests with the same one are the same request.
    pub fn fingerprint(&self) -> String {
        let mut digest = Sha256::new();
        for (name, value) in &self.0 {
            for part in [name, value] {
                digest.update((part.len() as u64).to_le_bytes());
                digest.update(part.as_bytes());
            }
        }
        hex::encode(&digest.finalize()[..16])
    }

    /// Takes a parameter away, such as the `key` of a browser.
    pub fn take(&mut self, name: &str) -> Option<String> {
        let place = self.0.iter().position(|(key, _)| key == name)?;
        Some(self.0.remove(place).1)
    }

    /// The value, empty ones included.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The value unless it is missing or empty.
    pub fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// The value as text of its own, unless it is missing or empty.
    pub fn text(&self, name: &str) -> Option<String> {
        self.filled(name).map(str::to_owned)
    }

    /// The value.
    ///
    /// # Errors
    /// 400 `parameter_missing` or `parameter_invalid_empty`.
    pub fn required(&self, name: &str) -> Result<&str> {
        match self.get(name) {
            None => Err(ApiError::parameter(
                Some("parameter_missing"),
                name,
                format!("Missing required param: {name}."),
            )),
            Some("") => Err(ApiError::parameter(
                Some("parameter_invalid_empty"),
                name,
                format!(
                    "You passed an empty string for '{name}'. We assume empty values are an attempt to unset a parameter; \
                     however '{name}' cannot be unset. You should remove '{name}' from your request or supply a non-empty value."
                ),
            )),
            Some(value) => Ok(value),
        }
    }

    /// The value as an integer.
    ///
    /// # Errors
    /// 400 `parameter_invalid_integer`.
    pub fn integer(&self, name: &str) -> Result<Option<i64>> {
        let Some(value) = self.filled(name) else {
            return Ok(None);
        };
        value.parse().map(Some).map_err(|_| {
            ApiError::parameter(
                Some("parameter_invalid_integer"),
                name,
                format!("Invalid integer: {value}"),
            )
        })
    }

    /// The value as a truth; missing is false.
    ///
    /// # Errors
    /// 400 for anything but `true` and `false`.
    pub fn flag(&self, name: &str) -> Result<bool> {
        match self.filled(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(value) => Err(ApiError::parameter(
                None,
                name,
                format!("Invalid boolean: {value}"),
            )),
        }
    }

    /// The value where only some are allowed.
    ///
    /// # Errors
    /// 400 naming those that are.
    pub fn choice<T: Copy>(&self, name: &str, choices: &[(&str, T)]) -> Result<Option<T>> {
        let Some(value) = self.filled(name) else {
            return Ok(None);
        };
        if let Some((_, choice)) = choices.iter().find(|(text, _)| *text == value) {
            return Ok(Some(*choice));
        }
        let names: Vec<_> = choices.iter().map(|(text, _)| *text).collect();
        Err(ApiError::parameter(
            None,
            name,
            format!("Invalid {name}: must be one of {}", names.join(", ")),
        ))
    }

    /// `name[]=a&name[]=b` or `name[0]=a&name[1]=b`, in that order.
    pub fn list(&self, name: &str) -> Vec<String> {
        let mut items: Vec<(u64, &str)> = Vec::new();
        for (key, value) in &self.0 {
            let Some(index) = inside(key, name) else {
                continue;
            };
            if index.is_empty() || index.bytes().all(|byte| byte.is_ascii_digit()) {
                items.push((index.parse().unwrap_or(0), value));
            }
        }
        items.sort_by_key(|(index, _)| *index);
        items
            .into_iter()
            .map(|(_, value)| value.to_owned())
            .collect()
    }

    /// `metadata[…]`, each value at most 500 characters, each name at most 40; an empty value
    /// means: remove it.
    ///
    /// # Errors
    /// 400 naming the one that is too long.
    pub fn metadata(&self) -> Result<BTreeMap<String, String>> {
        let mut map = BTreeMap::new();
        for (key, value) in &self.0 {
            let Some(name) = inside(key, "metadata") else {
                continue;
            };
            let refuse = |what: &str, most: usize| {
                ApiError::parameter(
                    None,
                    key,
                    format!("Metadata {what} can have up to {most} characters."),
                )
            };
            if name.chars().count() > 40 {
                return Err(refuse("keys", 40));
            }
            if value.chars().count() > 500 {
                return Err(refuse("values", 500));
            }
            map.insert(name.to_owned(), value.clone());
        }
        if map.len() > 50 {
            return Err(ApiError::parameter(
                None,
                "metadata",
                "You can have up to 50 metadata keys.",
            ));
        }
        Ok(map)
    }

    /// Refuses parameters whose first part is in none of the lists.
    ///
    /// # Errors
    /// 400 `parameter_unknown`.
    pub fn only(&self, allowed: &[&str]) -> Result<()> {
        for (key, _) in &self.0 {
            let name = key.split('[').next().unwrap_or(key);
            if !allowed.contains(&name) && name != "expand" {
                let message = format!("Received unknown parameter: {name}");
                return Err(ApiError::parameter(
                    Some("parameter_unknown"),
                    name,
                    message,
                ));
            }
        }
        Ok(())
    }
}

fn inside<'a>(key: &'a str, name: &str) -> Option<&'a str> {
    key.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_names_and_both_kinds_of_list_are_read() {
        let params = Params::parse(
            "expand[]=b&expand[]=a",
            b"metadata%5Bbooking_id%5D=bkg_1&enabled_events[1]=y&enabled_events[0]=x",
        );
        assert_eq!(params.list("expand"), ["b", "a"]);
        assert_eq!(params.list("enabled_events"), ["x", "y"]);
        assert_eq!(params.metadata().unwrap()["booking_id"], "bkg_1");
    }

    #[test]
    fn fingerprints_ignore_parameter_order_but_not_a_moved_byte() {
        let print = |body: &str| Params::parse("", body.as_bytes()).fingerprint();
        assert_eq!(
            print("amount=1&currency=eur"),
            print("currency=eur&amount=1")
        );
        assert_ne!(print("a=bc"), print("ab=c"));
    }

    #[test]
    fn faults_name_their_parameter() {
        let params = Params::parse("", b"amount=1x&currency=&confirm=yes&foo[bar]=1");
        assert_eq!(
            params.integer("amount").unwrap_err().code,
            Some("parameter_invalid_integer")
        );
        assert_eq!(
            params.required("currency").unwrap_err().code,
            Some("parameter_invalid_empty")
        );
        assert_eq!(
            params.required("nothing").unwrap_err().code,
            Some("parameter_missing")
        );
        assert!(params.flag("confirm").is_err());
        assert_eq!(
            params
                .only(&["amount", "currency", "confirm"])
                .unwrap_err()
                .param
                .as_deref(),
            Some("foo")
        );
    }
}
