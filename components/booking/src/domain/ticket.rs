//! Tickets: the bytes of their QR payload, the keys that sign it, and the QR code as an SVG.
//! `docs/tickets.md` describes them for people who write scanners.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use eventhub_guest::ids::{BookingId, SessionId, TicketId};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use strum::{EnumString, IntoStaticStr};

/// The place that a ticket admits to: a seat, or one place of an area.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// Seat key: `A-1-14`.
    Seat(String),
    /// Area id: `floor`. An area id has no hyphen, a seat key has two.
    Area(String),
}

impl Place {
    /// The seat key or the area id.
    pub fn as_str(&self) -> &str {
        match self {
            Place::Seat(text) | Place::Area(text) => text,
        }
    }
}

/// Whether a ticket admits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, EnumString, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum TicketStatus {
    Valid,
    Used,
    Void,
}

/// The right to enter one session at one place.
#[derive(Clone, PartialEq, Debug)]
pub struct Ticket {
    pub id: TicketId,
    pub booking_id: BookingId,
    pub session_id: SessionId,
    pub place: Place,
    /// Rises with every ticket, and so distinguishes two tickets of one seat.
    pub serial: i64,
    pub status: TicketStatus,
    pub attendee_name: Option<String>,
}

/// Why tickets cannot be signed: the operator has to set a key. For the log.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    #[error("TICKET_SIGNING_KEY is not set")]
    Missing,
    #[error("TICKET_SIGNING_KEY must be the 32 bytes of an Ed25519 seed in base64url")]
    Seed,
    #[error("TICKET_RETIRED_KEYS must be Ed25519 public keys in base64url")]
    Retired,
}

/// A place whose name is longer than the 255 bytes that the payload has for it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the name of the place is longer than 255 bytes")]
pub struct PlaceTooLong;

/// The key that signs tickets, and the keys that signed earlier ones.
pub struct Keys {
    signing: SigningKey,
    retired: Vec<VerifyingKey>,
}

impl Keys {
    /// Parses the keys of the configuration.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn parse(seed: Option<&str>, retired: &[String]) -> Result<Self, KeyError> {
        let bytes = |text: &str| -> Option<[u8; 32]> {
            URL_SAFE_NO_PAD
                .decode(text.trim_end_matches('='))
                .ok()?
                .try_into()
                .ok()
        };
        let seed = bytes(seed.ok_or(KeyError::Missing)?).ok_or(KeyError::Seed)?;
        let retired = retired.iter().map(|text| {
            bytes(text)
                .and_then(|key| VerifyingKey::from_bytes(&key).ok())
                .ok_or(KeyError::Retired)
        });
        Ok(Self {
            signing: SigningKey::from_bytes(&seed),
            retired: retired.collect::<Result<_, _>>()?,
        })
    }

    /// `EH1.<content>.<signature>`. The same ticket always gives the same text.
    ///
    /// # Errors
    /// [`PlaceTooLong`].
    pub fn payload(&self, ticket: &Ticket) -> Result<String, PlaceTooLong> {
        let signed = format!("EH1.{}", URL_SAFE_NO_PAD.encode(encode_content(ticket)?));
        let signature = self.signing.sign(signed.as_bytes());
        Ok(format!(
            "{signed}.{}",
            URL_SAFE_NO_PAD.encode(signature.to_bytes())
        ))
    }

    /// A JSON Web Key Set (RFC 7517, RFC 8037): the signing key first.
    pub fn to_jwks(&self) -> Value {
        let current = self.signing.verifying_key();
        let keys = std::iter::once(&current).chain(&self.retired).map(|key| {
            let x = URL_SAFE_NO_PAD.encode(key.as_bytes());
            json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": key_id(key), "x": x})
        });
        json!({"keys": keys.collect::<Vec<_>>()})
    }
}

/// The first four bytes of the key's SHA-256, in hexadecimal.
fn key_id(key: &VerifyingKey) -> String {
    Sha256::digest(key.as_bytes())[..4]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Ticket id, session id (16 bytes each), the place's length and text, serial (8 bytes, big
/// endian).
fn encode_content(ticket: &Ticket) -> Result<Vec<u8>, PlaceTooLong> {
    let place = ticket.place.as_str().as_bytes();
    let length = u8::try_from(place.len()).map_err(|_| PlaceTooLong)?;
    let mut bytes = Vec::with_capacity(41 + place.len());
    bytes.extend(ticket.id.as_u128().to_be_bytes());
    bytes.extend(ticket.session_id.as_u128().to_be_bytes());
    bytes.push(length);
    bytes.extend(place);
    bytes.extend(ticket.serial.to_be_bytes());
    Ok(bytes)
}

impl Ticket {
    /// Where its QR code is.
    pub fn svg_url(&self) -> String {
        format!("/api/v1/tickets/{}/qr.svg", self.id)
    }

    /// As the API shows it. A void ticket has no payload.
    pub fn view(&self, payload: Option<String>) -> Value {
        let mut view = json!({
            "id": self.id,
            "booking_id": self.booking_id,
            "session_id": self.session_id,
            "status": self.status,
            "attendee_name": self.attendee_name,
            "qr": payload.map(|payload| json!({"payload": payload, "svg_url": self.svg_url()})),
        });
        let (member, place) = match &self.place {
            Place::Seat(seat) => ("seat", seat),
            Place::Area(area) => ("area", area),
        };
        view[member] = json!(place);
        view
    }
}

/// The payload as a QR code: error correction M, four modules of quiet zone (ISO/IEC 18004).
///
/// # Errors
/// The payload is too long for a code, which no ticket's is.
pub fn render_qr_svg(payload: &str) -> Result<String, qrcode::types::QrError> {
    let code = qrcode::QrCode::with_error_correction_level(payload, qrcode::EcLevel::M)?;
    Ok(code
        .render::<qrcode::render::svg::Color>()
        .min_dimensions(320, 320)
        .quiet_zone(true)
        .build())
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signature, Verifier as _};
    use proptest::prelude::*;

    use super::*;

    const SEED: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    fn ticket(place: Place, serial: i64) -> Ticket {
        Ticket {
            id: TicketId::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0001),
            booking_id: BookingId::from_u128(1),
            session_id: SessionId::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0002),
            place,
            serial,
            status: TicketStatus::Valid,
            attendee_name: None,
        }
    }

    /// What a scanner does, written from `docs/tickets.md` alone.
    fn scan(payload: &str, keys: &Value) -> Option<(u128, u128, String, i64)> {
        let (signed, signature) = payload.rsplit_once('.')?;
        let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
        let valid = keys["keys"].as_array()?.iter().any(|key| {
            let bytes: Option<[u8; 32]> = URL_SAFE_NO_PAD
                .decode(key["x"].as_str().unwrap_or(""))
                .ok()
                .and_then(|x| x.try_into().ok());
            bytes
                .and_then(|x| VerifyingKey::from_bytes(&x).ok())
                .is_some_and(|key| key.verify(signed.as_bytes(), &signature).is_ok())
        });
        if !valid {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(signed.strip_prefix("EH1.")?).ok()?;
        let length = usize::from(*bytes.get(32)?);
        let number = |range: std::ops::Range<usize>| {
            Some(u128::from_be_bytes(bytes.get(range)?.try_into().ok()?))
        };
        let place = String::from_utf8(bytes.get(33..33 + length)?.to_vec()).ok()?;
        let serial = i64::from_be_bytes(bytes.get(33 + length..)?.try_into().ok()?);
        Some((number(0..16)?, number(16..32)?, place, serial))
    }

    #[test]
    fn the_documented_vectors_hold() {
        let keys = Keys::parse(Some(SEED), &[]).unwrap();
        let document = include_str!("../../../../docs/tickets.md");
        let jwks = keys.to_jwks();
        for expected in [
            jwks["keys"][0]["x"].as_str().unwrap(),
            jwks["keys"][0]["kid"].as_str().unwrap(),
            SEED,
        ] {
            assert!(document.contains(expected), "{expected}");
        }
        for (place, serial) in [
            (Place::Seat("A-1-14".into()), 1),
            (Place::Area("floor".into()), 4_294_967_296),
        ] {
            let payload = keys.payload(&ticket(place, serial)).unwrap();
            assert!(document.contains(&payload), "{payload}");
        }
    }

    proptest! {
        #[test]
        fn a_scanner_reads_a_ticket_and_refuses_a_changed_one(
            id: u128,
            session: u128,
            serial in 0i64..,
            place in "[A-Z0-9.]{1,8}-[A-Z0-9.]{1,8}-[A-Z0-9.]{1,8}",
            flip in 0usize..1000,
        ) {
            let keys = Keys::parse(Some(SEED), &[]).unwrap();
            let jwks = keys.to_jwks();
            let ticket = Ticket {
                id: TicketId::from_u128(id),
                session_id: SessionId::from_u128(session),
                ..ticket(Place::Seat(place.clone()), serial)
            };
            let payload = keys.payload(&ticket).unwrap();
            prop_assert_eq!(scan(&payload, &jwks), Some((id, session, place, serial)));
            let mut bytes = payload.clone().into_bytes();
            let at = flip % (bytes.len() - 1);
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            prop_assert_eq!(scan(&String::from_utf8(bytes).unwrap(), &jwks), None);
        }
    }

    #[test]
    fn a_retired_key_is_accepted_and_an_unknown_one_is_not() {
        let other = "IAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
        let old = Keys::parse(Some(other), &[]).unwrap();
        let payload = old
            .payload(&ticket(Place::Area("floor".into()), 3))
            .unwrap();
        assert_eq!(
            scan(&payload, &Keys::parse(Some(SEED), &[]).unwrap().to_jwks()),
            None
        );
        let retired = old.to_jwks()["keys"][0]["x"].as_str().unwrap().to_string();
        assert!(
            scan(
                &payload,
                &Keys::parse(Some(SEED), &[retired]).unwrap().to_jwks()
            )
            .is_some()
        );
    }

    #[test]
    fn a_bad_key_is_distinguished_from_a_missing_one() {
        assert_eq!(Keys::parse(None, &[]).err(), Some(KeyError::Missing));
        assert_eq!(Keys::parse(Some("AAEC"), &[]).err(), Some(KeyError::Seed));
        assert_eq!(
            Keys::parse(Some(SEED), &["!".into()]).err(),
            Some(KeyError::Retired)
        );
    }

    #[test]
    fn a_ticket_shows_its_seat_or_area_and_a_void_one_no_code() {
        let seat = ticket(Place::Seat("A-1-14".into()), 1).view(Some("EH1".into()));
        assert_eq!(
            (&seat["seat"], seat.get("area"), &seat["qr"]["payload"]),
            (&json!("A-1-14"), None, &json!("EH1"))
        );
        let area = ticket(Place::Area("floor".into()), 1).view(None);
        assert_eq!(
            (area.get("seat"), &area["area"], &area["qr"]),
            (None, &json!("floor"), &Value::Null)
        );
    }

    #[test]
    fn the_qr_code_is_an_svg() {
        let payload = Keys::parse(Some(SEED), &[])
            .unwrap()
            .payload(&ticket(Place::Seat("A-1-14".into()), 1))
            .unwrap();
        let svg = render_qr_svg(&payload).unwrap();
        assert!(svg.contains("<svg") && svg.ends_with("</svg>"));
    }
}
