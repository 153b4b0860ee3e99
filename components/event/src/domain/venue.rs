//! A venue: a place with an address and a time zone.

use eventhub_guest::ids::{OrganizerId, VenueId};
use eventhub_guest::validate::check_line;
use eventhub_guest::{Check, Timestamp};
use serde::{Deserialize, Serialize};

use super::country::is_country_code;

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
    address: Address,
    location: Option<Location>,
}

impl NewVenue {
    /// All faults of the body.
    #[must_use]
    pub fn check(&self) -> Check {
        let mut check = Check::new();
        check_line(&mut check, "/name", &self.name, 1, 200);
        check_line(&mut check, "/address/line1", &self.address.line1, 1, 200);
        check_line(&mut check, "/address/city", &self.address.city, 1, 100);
        check_line(
            &mut check,
            "/address/postal_code",
            &self.address.postal_code,
            0,
            20,
        );
        let country = is_country_code(&self.address.country);
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
        check
    }

    /// The venue of a checked body.
    #[must_use]
    pub fn into_venue(self, id: VenueId, now: Timestamp) -> Venue {
        Venue {
            id,
            organizer_id: self.organizer_id,
            name: self.name,
            time_zone: self.time_zone,
            address: self.address,
            location: self.location.map(|at| Location {
                latitude: round_degrees(at.latitude),
                longitude: round_degrees(at.longitude),
            }),
            created_at: now,
        }
    }
}

/// Rounds to the nearest tenth of a millimetre: PostgreSQL refuses to compute with the smallest
/// differences of a float.
pub fn round_degrees(number: f64) -> f64 {
    (number * 1e9).round() / 1e9
}

/// Whether the IANA time zone database has the name, in this very spelling.
fn is_time_zone(name: &str) -> bool {
    jiff::tz::TimeZone::get(name).is_ok_and(|zone| zone.iana_name() == Some(name))
}

#[cfg(test)]
mod tests {
    use eventhub_guest::json;
    use eventhub_guest::problem::Fault;
    use serde_json::{Value, json};

    use super::*;

    fn body() -> Value {
        json!({
            "organizer_id": OrganizerId::from_u128(1), "name": "Hall", "time_zone": "Europe/Berlin",
            "address": {"line1": "Street 1", "city": "Berlin", "postal_code": "10115", "country": "DE"},
            "location": {"latitude": 52.5, "longitude": 13},
        })
    }

    fn read(body: Value) -> Result<Venue, Vec<Fault>> {
        let parsed = json::parse::<NewVenue>(body.to_string().as_bytes());
        let new = parsed.map_err(|problem| problem.faults)?;
        new.check().finish().map_err(|problem| problem.faults)?;
        Ok(new.into_venue(VenueId::from_u128(2), Timestamp::from_micros(0)))
    }

    #[test]
    fn a_venue_needs_no_location() {
        assert_eq!(
            read(body()).unwrap().location,
            Some(Location {
                latitude: 52.5,
                longitude: 13.0
            })
        );
        let mut nowhere = body();
        nowhere.as_object_mut().unwrap().remove("location").unwrap();
        assert_eq!(read(nowhere).unwrap().location, None);
        let mut null = body();
        null["location"] = Value::Null;
        assert_eq!(read(null).unwrap().location, None);
    }

    #[test]
    fn locations_are_rounded_to_what_postgres_can_compare() {
        let mut tiny = body();
        tiny["location"] = json!({"latitude": 5e-324, "longitude": -13.40300000004});
        assert_eq!(
            read(tiny).unwrap().location,
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
            ("/location", json!([1.0, 2.0])),
            ("/location/latitude", json!(90.1)),
            ("/location/longitude", json!(-181)),
        ];
        for (pointer, value) in cases {
            let mut wrong = body();
            *wrong.pointer_mut(pointer).unwrap() = value.clone();
            let faults = read(wrong).unwrap_err();
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
