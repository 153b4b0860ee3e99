//! Parameters and results in bytes: [postcard](https://postcard.jamesmunns.com/wire-format), a tuple of the parameters, or the
//! result. Both sides are written from the same WIT, whose version is part of the call's path.

use crate::server::Refusal;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The `content-type` of parameters and results.
pub const MEDIA_TYPE: &str = "application/vnd.eventhub.call";
/// A batch of messages or a layout of 20 MB, and what is around it.
pub const MAX_BYTES: usize = 32 * 1024 * 1024;

/// # Errors
/// [`Refusal::Unreadable`]
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    postcard::from_bytes(bytes).map_err(|error| Refusal::Unreadable(error.to_string()))
}

/// # Errors
/// [`Refusal::Unreadable`]; no value of the WIT is such.
pub fn write<T: Serialize>(value: &T) -> Result<Vec<u8>, Refusal> {
    postcard::to_allocvec(value).map_err(|error| Refusal::Unreadable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_nothing_else_is() {
        let value = (String::from("bkg_1"), vec![0u8, 255], Some(-1i64), Err::<(), String>("no".into()));
        let bytes = write(&value).unwrap();
        assert_eq!(read::<(String, Vec<u8>, Option<i64>, Result<(), String>)>(&bytes).unwrap(), value);
        assert!(read::<(String, Vec<u8>)>(&bytes[..2]).is_err());
    }
}
