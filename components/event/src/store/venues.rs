//! Venues.

use eventhub_guest::creation::{self, Creation, Key};
use eventhub_guest::ids::{self as kinds, OrganizerId, VenueId};
use eventhub_guest::sql::{Error, Row, sql};

use super::DB;
use crate::domain::venue::{Address, Location, Venue};

const INSERT: &str = "INSERT INTO venues (id, organizer_id, name, time_zone, line1, city, postal_code, country, latitude, longitude, created_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
const FIND: &str = "SELECT * FROM venues WHERE id = $1";
/// Newest first.
const LIST: &str = "SELECT * FROM venues WHERE organizer_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3";

/// Inserts a venue, once for a key.
pub fn insert(venue: &Venue, key: Option<&Key>) -> Result<Creation<kinds::Venue>, Error> {
    let statement = sql(INSERT)
        .bind(venue.id)
        .bind(venue.organizer_id)
        .bind(venue.name.as_str())
        .bind(venue.time_zone.as_str())
        .bind(venue.address.line1.as_str())
        .bind(venue.address.city.as_str())
        .bind(venue.address.postal_code.as_str())
        .bind(venue.address.country.as_str())
        .bind(venue.location.map(|location| location.latitude))
        .bind(venue.location.map(|location| location.longitude))
        .bind(venue.created_at);
    creation::create(DB, key, venue.id, vec![statement.expect(1)])
}

/// A venue.
pub fn find(id: VenueId) -> Result<Option<Venue>, Error> {
    DB.optional(sql(FIND).bind(id))?
        .as_ref()
        .map(read_venue)
        .transpose()
}

/// Up to `limit` venues of an organizer, newest first, older than `before`.
pub fn list(
    organizer: OrganizerId,
    before: Option<VenueId>,
    limit: usize,
) -> Result<Vec<Venue>, Error> {
    let rows = DB.query(sql(LIST).bind(organizer).bind(before).bind(limit as i64))?;
    rows.iter().map(read_venue).collect()
}

/// The location of a row.
pub fn read_location(row: &Row) -> Result<Option<Location>, Error> {
    let latitude: Option<f64> = row.get("latitude")?;
    let longitude: Option<f64> = row.get("longitude")?;
    Ok(latitude
        .zip(longitude)
        .map(|(latitude, longitude)| Location {
            latitude,
            longitude,
        }))
}

fn read_venue(row: &Row) -> Result<Venue, Error> {
    Ok(Venue {
        id: row.get("id")?,
        organizer_id: row.get("organizer_id")?,
        name: row.get("name")?,
        time_zone: row.get("time_zone")?,
        address: Address {
            line1: row.get("line1")?,
            city: row.get("city")?,
            postal_code: row.get("postal_code")?,
            country: row.get("country")?,
        },
        location: read_location(row)?,
        created_at: row.get("created_at")?,
    })
}
