//! Parameters and results as bytes in the format
//! [postcard](https://postcard.jamesmunns.com/wire-format): a tuple of the parameters, or the
//! result. Both sides are generated from the same WIT, whose version is part of the `content-type`.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::server::Refusal;

/// The `content-type` of parameters and results. Its parameter `version` is the WIT package's.
pub const MEDIA_TYPE: &str = "application/vnd.eventhub.call";
/// The prefix of every call's path, `/call/<package>/<interface>/<function>`. A path has only
/// letters, digits and hyphens, which every host's router passes unchanged.
pub const PREFIX: &str = "/call/";
/// The largest body: a batch of messages or a layout of 20 MB, and its envelope.
pub const MAX_BYTES: usize = 32 * 1024 * 1024;

/// Path and `content-type` of a call: `eventhub:booking/events@0.1.0`, `handle` →
/// `/call/booking/events/handle`, `…; version=0.1.0`.
pub fn address(interface: &str, function: &str) -> (String, String) {
    let (name, version) = interface.split_once('@').unwrap_or((interface, ""));
    let name = name.split_once(':').map_or(name, |(_, name)| name);
    (
        format!("{PREFIX}{name}/{function}"),
        format!("{MEDIA_TYPE}; version={version}"),
    )
}

/// Interface and function of a call: [`address`] read backwards.
pub fn called<'a>(path: &'a str, content_type: &str) -> Option<(String, &'a str)> {
    let (name, function) = path.strip_prefix(PREFIX)?.rsplit_once('/')?;
    let version = content_type
        .strip_prefix(MEDIA_TYPE)?
        .trim_start_matches([';', ' '])
        .strip_prefix("version=")?;
    Some((format!("eventhub:{name}@{version}"), function))
}

/// # Errors
/// [`Refusal::Unreadable`]
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    postcard::from_bytes(bytes).map_err(|error| Refusal::Unreadable(error.to_string()))
}

/// # Errors
/// [`Refusal::Unreadable`], which no value of the WIT causes.
pub fn write<T: Serialize>(value: &T) -> Result<Vec<u8>, Refusal> {
    postcard::to_allocvec(value).map_err(|error| Refusal::Unreadable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_a_plain_path_and_says_its_version() {
        let (path, content_type) = address("eventhub:seat-inventory/live@0.1.0", "open");
        assert_eq!(path, "/call/seat-inventory/live/open");
        assert_eq!(
            called(&path, &content_type),
            Some(("eventhub:seat-inventory/live@0.1.0".into(), "open"))
        );
        for other in ["", "application/json", MEDIA_TYPE] {
            assert_eq!(called(&path, other), None, "{other}");
        }
    }

    #[test]
    fn what_is_written_is_read_again_and_nothing_else_is() {
        let value = (
            String::from("bkg_1"),
            vec![0u8, 255],
            Some(-1i64),
            Err::<(), String>("no".into()),
        );
        let bytes = write(&value).unwrap();
        assert_eq!(
            read::<(String, Vec<u8>, Option<i64>, Result<(), String>)>(&bytes).unwrap(),
            value
        );
        assert!(read::<(String, Vec<u8>)>(&bytes[..2]).is_err());
    }
}
