//! A venue: a place with an address and a time zone.

use eventhub_guest::ids::{OrganizerId, VenueId};
use eventhub_guest::{Check, Problem, Timestamp};
use serde::{Deserialize, Serialize};

use super::country;
use crate::object;

#[derive(Serialize, Clone, PartialEq, Debug)]
pub struct Venue {
    pub id: VenueId,
    pub organizer_id: OrganizerId,
    pub name: String,
    pub time_zone: String,
    pub address: Address,
    pub location: Option<Location>,
    pub created_at: Timestamp,
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
pub struct Address {
    pub line1: String,
    pub city: String,
    pub postal_code: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

/// WGS 84, degrees.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
pub struct Location {
    pub latitude: f64,
    pub longitude: f64,
}

/// The body of `POST /venues`.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct NewVenue {
    pub organizer_id: OrganizerId,
    name: String,
    time_zone: String,
    #[serde(deserialize_with = "object::one")]
    address: Address,
    #[serde(default, deserialize_with = "object::present_one")]
    location: Option<Location>,
}

impl NewVenue {
    /// # Errors
    /// 422 with all faults.
    pub fn checked(self, id: VenueId, now: Timestamp) -> Result<Venue, Problem> {
        let mut check = Check::new();
        line(&mut check, "/name", &self.name, 1, 200);
        line(&mut check, "/address/line1", &self.address.line1, 1, 200);
        line(&mut check, "/address/city", &self.address.city, 1, 100);
        line(
            &mut check,
            "/address/postal_code",
            &self.address.postal_code,
            0,
            20,
        );
        let country = country::is_code(&self.address.country);
        check.that(
            country,
            "/address/country",
            "unknown",
            "must be an ISO 3166-1 alpha-2 code in capital letters, such as DE",
        );
        if let Some(location) = self.location {
            let (latitude, longitude) = (location.latitude, location.longitude);
            check.that(
                (-90.0..=90.0).contains(&latitude),
                "/location/latitude",
                "out_of_range",
                "must be -90 to 90",
            );
            check.that(
                (-180.0..=180.0).contains(&longitude),
                "/location/longitude",
                "out_of_range",
                "must be -180 to 180",
            );
        }
        check.that(
            is_time_zone(&self.time_zone),
            "/time_zone",
            "unknown",
            "must be a name of the IANA time zone database, such as Europe/Berlin",
        );
        check.finish()?;
        Ok(Venue {
            id,
            organizer_id: self.organizer_id,
            name: self.name,
            time_zone: self.time_zone,
            address: self.address,
            location: self.location.map(|at| Location {
                latitude: degrees(at.latitude),
                longitude: degrees(at.longitude),
            }),
            created_at: now,
        })
    }
}

/// To the nearest tenth of a millimetre: PostgreSQL refuses to compute with the least differences
/// that a float can tell.
pub fn degrees(number: f64) -> f64 {
    (number * 1e9).round() / 1e9
}

/// Whether the IANA database has it, in this very spelling.
fn is_time_zone(name: &str) -> bool {
    jiff::tz::TimeZone::get(name).is_ok_and(|zone| zone.iana_name() == Some(name))
}

/// A text of one line.
pub fn line(check: &mut Check, pointer: &str, text: &str, min: usize, max: usize) {
    check.text(pointer, text, min, max);
    check.that(
        !text.contains(['\n', '\t']),
        pointer,
        "invalid_character",
        "must be one line",
    );
}

#[cfg(test)]
mod tests {
    use eventhub_guest::json;
    use serde_json::{Value, json};

    use super::*;
    use crate::object::Object;

    fn body() -> Value {
        json!({
            "organizer_id": OrganizerId::from_u128(1), "name": "Hall", "time_zone": "Europe/Berlin",
            "address": {"line1": "Street 1", "city": "Berlin", "postal_code": "10115", "country": "DE"},
            "location": {"latitude": 52.5, "longitude": 13},
        })
    }

    fn check(body: Value) -> Result<Venue, Problem> {
        let Object(venue) = json::parse::<Object<NewVenue>>(body.to_string().as_bytes())?;
        venue.checked(VenueId::from_u128(2), Timestamp::from_micros(0))
    }

    #[test]
    fn a_venue_needs_no_location() {
        assert_eq!(
            check(body()).unwrap().location,
            Some(Location {
                latitude: 52.5,
                longitude: 13.0
            })
        );
        let mut nowhere = body();
        nowhere.as_object_mut().unwrap().remove("location").unwrap();
        assert_eq!(check(nowhere).unwrap().location, None);
    }

    #[test]
    fn no_location_is_so_near_to_another_that_postgres_cannot_tell_how_near() {
        let mut tiny = body();
        tiny["location"] = json!({"latitude": 5e-324, "longitude": -13.40300000004});
        assert_eq!(
            check(tiny).unwrap().location,
            Some(Location {
                latitude: 0.0,
                longitude: -13.403
            })
        );
    }

    #[test]
    fn each_wrong_member_is_named() {
        let cases = [
            ("/name", json!("")),
            ("/name", json!("a\nb")),
            ("/time_zone", json!("Europe/Atlantis")),
            ("/time_zone", json!("europe/berlin")),
            ("/time_zone", json!("")),
            ("/time_zone", json!("Etc/Unknown")),
            ("/time_zone", json!("+02:00")),
            ("/address", json!(["Street 1", "Berlin", "10115", "DE"])),
            ("/address/country", json!("UK")),
            ("/address/city", json!(" Berlin")),
            ("/location", json!(null)),
            ("/location", json!([1.0, 2.0])),
            ("/location/latitude", json!(90.1)),
            ("/location/longitude", json!(-181)),
        ];
        for (pointer, value) in cases {
            let mut wrong = body();
            *wrong.pointer_mut(pointer).unwrap() = value.clone();
            let faults = check(wrong).unwrap_err().faults;
            assert_eq!(
                faults
                    .iter()
                    .map(|fault| fault.pointer.as_str())
                    .collect::<Vec<_>>(),
                [pointer],
                "{value}"
            );
        }
    }
}
