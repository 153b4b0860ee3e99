//! What `GET /events` is asked: words, time, place; and where a page ends.

use eventhub_guest::ids::{EventId, OrganizerId};
use eventhub_guest::{Check, Timestamp};
use serde::{Deserialize, Serialize};

use super::venue::round_degrees;

const DEFAULT_RADIUS_KM: f64 = 50.0;
const MAX_RADIUS_KM: f64 = 1000.0;
const MAX_WORDS: usize = 200;
/// As long as a tag may be.
const MAX_TAG: usize = 40;
/// Kilometres of one degree of latitude, a little less than any: a box made by it is never too
/// small.
const KM_PER_DEGREE: f64 = 110.5;

/// In text as the API has it: `starts_at`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, strum::EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Sort {
    StartsAt,
    Relevance,
}

/// The parameters as the client sent them.
#[derive(Debug, Default)]
pub struct Parameters<'a> {
    pub words: Option<&'a str>,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    /// `52.52,13.405`
    pub near: Option<&'a str>,
    pub radius_km: Option<f64>,
    pub tag: Option<&'a str>,
    pub organizer: Option<OrganizerId>,
    pub sort: Option<&'a str>,
}

/// What to search for; all filters are joined by and.
#[derive(Debug, PartialEq)]
pub struct Search {
    pub words: Option<Words>,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub near: Option<Circle>,
    /// Lower case.
    pub tag: Option<String>,
    pub organizer: Option<OrganizerId>,
    pub sort: Sort,
}

/// Words as PostgreSQL's `websearch_to_tsquery` takes them, and the same with the last one as a
/// prefix.
#[derive(Debug, PartialEq)]
pub struct Words {
    pub text: String,
    /// For `to_tsquery`; none where the text uses operators, which a prefix would turn into their
    /// opposite.
    pub prefix: Option<String>,
}

#[derive(Debug, PartialEq, Clone, Copy)]
pub struct Circle {
    pub latitude: f64,
    pub longitude: f64,
    pub radius_km: f64,
}

/// Degrees; every point of the circle is within. Around a pole or across the date line it has all
/// longitudes.
#[derive(Debug, PartialEq, Clone, Copy)]
pub struct Bounds {
    pub latitude: (f64, f64),
    pub longitude: (f64, f64),
}

/// After which event a page goes on. Events are ordered by falling rank (0 where they are sorted by
/// start), start of their first session, id.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Position {
    pub sort: Sort,
    pub rank: i64,
    /// Microseconds.
    pub starts_at: i64,
    pub id: EventId,
}

impl Position {
    /// Whether this search can have given it: a client may send any cursor, and the database has
    /// its limits.
    pub fn belongs_to(&self, search: &Search) -> bool {
        const LATEST: i64 = 253_402_300_800_000_000;
        self.sort == search.sort
            && (0..1 << 40).contains(&self.rank)
            && (-LATEST..LATEST).contains(&self.starts_at)
    }
}

impl<'a> Parameters<'a> {
    /// All faults of the parameters.
    #[must_use]
    pub fn check(&self) -> Check {
        let mut check = Check::new();
        let is_short = |text: Option<&str>, max| text.is_none_or(|t| t.chars().count() <= max);
        check.that(
            is_short(self.trimmed_words(), MAX_WORDS),
            "/query/q",
            "too_long",
            format!("must have at most {MAX_WORDS} characters"),
        );
        check.that(
            is_short(self.tag, MAX_TAG),
            "/query/tag",
            "too_long",
            format!("must have at most {MAX_TAG} characters"),
        );
        let in_order = self.from.zip(self.to).is_none_or(|(from, to)| from < to);
        check.that(in_order, "/query/to", "out_of_order", "must be after from");
        let in_range = self
            .radius_km
            .is_none_or(|radius| radius > 0.0 && radius <= MAX_RADIUS_KM);
        check.that(
            in_range,
            "/query/radius_km",
            "out_of_range",
            format!("must be above 0, at most {MAX_RADIUS_KM}"),
        );
        check.that(
            self.near
                .is_none_or(|near| parse_coordinates(near).is_some()),
            "/query/near",
            "invalid",
            "must be latitude,longitude in degrees, such as 52.52,13.405",
        );
        check.that(
            self.radius_km.is_none() || self.near.is_some(),
            "/query/radius_km",
            "out_of_place",
            "means nothing without near",
        );
        check.that(
            self.sort.is_none_or(|sort| sort.parse::<Sort>().is_ok()),
            "/query/sort",
            "invalid",
            "must be starts_at or relevance",
        );
        check
    }

    /// The search of checked parameters.
    #[must_use]
    pub fn into_search(self) -> Search {
        let words = self.trimmed_words();
        let default_sort = if words.is_some() {
            Sort::Relevance
        } else {
            Sort::StartsAt
        };
        let near = self.near.and_then(parse_coordinates);
        Search {
            words: words.map(Words::new),
            from: self.from,
            to: self.to,
            near: near.map(|(latitude, longitude)| Circle {
                latitude,
                longitude,
                radius_km: self.radius_km.unwrap_or(DEFAULT_RADIUS_KM),
            }),
            tag: self.tag.map(str::to_lowercase),
            organizer: self.organizer,
            sort: self
                .sort
                .and_then(|sort| sort.parse().ok())
                .unwrap_or(default_sort),
        }
    }

    fn trimmed_words(&self) -> Option<&'a str> {
        let words = self.words.map(str::trim);
        words.filter(|words| !words.is_empty())
    }
}

fn parse_coordinates(text: &str) -> Option<(f64, f64)> {
    let (latitude, longitude) = text.split_once(',')?;
    let (latitude, longitude): (f64, f64) = (
        latitude.trim().parse().ok()?,
        longitude.trim().parse().ok()?,
    );
    ((-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude))
        .then_some((round_degrees(latitude), round_degrees(longitude)))
}

impl Words {
    fn new(text: &str) -> Self {
        let operators = text.contains('"')
            || text
                .split_whitespace()
                .any(|word| word.starts_with('-') || word.eq_ignore_ascii_case("or"));
        let words: Vec<_> = text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        let prefix = match words.split_last() {
            // Quoted words of letters and digits only: nothing in them is syntax.
            Some((last, others)) if !operators => {
                let others: String = others.iter().map(|word| format!("'{word}' & ")).collect();
                Some(format!("{others}'{last}':*"))
            }
            _ => None,
        };
        Self {
            text: text.to_string(),
            prefix,
        }
    }
}

impl Circle {
    pub fn bounds(&self) -> Bounds {
        let degrees = self.radius_km / KM_PER_DEGREE;
        let latitude = (
            (self.latitude - degrees).max(-90.0),
            (self.latitude + degrees).min(90.0),
        );
        // The circle is widest where it is nearest to a pole.
        let narrowest = latitude.0.abs().max(latitude.1.abs()).to_radians().cos();
        let wide = degrees / narrowest.max(1e-9);
        let longitude = (self.longitude - wide, self.longitude + wide);
        let whole = longitude.0 < -180.0 || longitude.1 > 180.0;
        Bounds {
            latitude,
            longitude: if whole { (-180.0, 180.0) } else { longitude },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_last_word_is_a_prefix_unless_there_are_operators() {
        let prefix = |text: &str| Words::new(text).prefix;
        assert_eq!(prefix("roc").unwrap(), "'roc':*");
        assert_eq!(
            prefix("it's rock&roll").unwrap(),
            "'it' & 's' & 'rock' & 'roll':*"
        );
        for text in ["rock -roll", "\"rock roll\"", "rock OR roll", "!!!", ""] {
            assert_eq!(prefix(text), None, "{text}");
        }
    }

    fn distance_km(from: (f64, f64), to: (f64, f64)) -> f64 {
        let (a, b) = (from.0.to_radians(), to.0.to_radians());
        let half = |x: f64| (x / 2.0).sin().powi(2);
        let h = half(b - a) + a.cos() * b.cos() * half((to.1 - from.1).to_radians());
        2.0 * 6371.0088 * h.sqrt().min(1.0).asin()
    }

    proptest! {
        #[test]
        fn every_point_of_the_circle_is_within_its_bounds(
            latitude in -90.0..=90.0f64, longitude in -180.0..=180.0f64, radius_km in 0.1..=MAX_RADIUS_KM, bearing in 0.0..6.3f64, part in 0.0..=0.9999f64,
        ) {
            let angle = radius_km * part / 6371.0088;
            let (from, turn) = (latitude.to_radians(), longitude.to_radians());
            let to = (from.sin() * angle.cos() + from.cos() * angle.sin() * bearing.cos()).clamp(-1.0, 1.0).asin();
            let east = turn + (bearing.sin() * angle.sin() * from.cos()).atan2(angle.cos() - from.sin() * to.sin());
            let point = (to.to_degrees(), (east.to_degrees() + 540.0).rem_euclid(360.0) - 180.0);
            prop_assume!(distance_km((latitude, longitude), point) <= radius_km);
            let bounds = Circle { latitude, longitude, radius_km }.bounds();
            let within = |(low, high): (f64, f64), at: f64| low - 1e-9 <= at && at <= high + 1e-9;
            prop_assert!(within(bounds.latitude, point.0) && within(bounds.longitude, point.1), "{point:?} {bounds:?}");
        }

        #[test]
        fn no_words_make_syntax_of_a_prefix_query(text: String) {
            let prefix = Words::new(&text).prefix.unwrap_or_default();
            prop_assert!(prefix.split(" & ").all(|word| word.is_empty() || word.trim_end_matches(":*").trim_matches('\'').chars().all(char::is_alphanumeric)));
        }
    }
}
