//! What `GET /events` is asked: words, time, place; and where a page ends.

use eventhub_guest::http::Query;
use eventhub_guest::ids::{EventId, OrganizerId};
use eventhub_guest::{Check, Problem, Timestamp};
use serde::{Deserialize, Serialize};

use super::venue::degrees;

const DEFAULT_RADIUS_KM: f64 = 50.0;
const MAX_RADIUS_KM: f64 = 1000.0;
const MAX_WORDS: usize = 200;
/// As long as a tag may be.
const MAX_TAG: usize = 40;
/// Kilometres of one degree of latitude, a little less than any: a box made by it is never too
/// small.
const KM_PER_DEGREE: f64 = 110.5;

/// Query parameters beside those of paging.
pub const PARAMETERS: [&str; 8] = [
    "q",
    "from",
    "to",
    "near",
    "radius_km",
    "tag",
    "organizer_id",
    "sort",
];

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    StartsAt,
    Relevance,
}

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
    pub fn is_of(&self, search: &Search) -> bool {
        const LATEST: i64 = 253_402_300_800_000_000;
        self.sort == search.sort
            && (0..1 << 40).contains(&self.rank)
            && (-LATEST..LATEST).contains(&self.starts_at)
    }
}

impl Search {
    /// # Errors
    /// 422 with all faults.
    pub fn parse(query: &Query) -> Result<Self, Problem> {
        let mut check = Check::new();
        let text = query
            .get("q")
            .map(str::trim)
            .filter(|text| !text.is_empty());
        let short = text.is_none_or(|text| text.chars().count() <= MAX_WORDS);
        check.that(
            short,
            "/query/q",
            "too_long",
            format!("must have at most {MAX_WORDS} characters"),
        );
        let tag = query.get("tag");
        let short = tag.is_none_or(|tag| tag.chars().count() <= MAX_TAG);
        check.that(
            short,
            "/query/tag",
            "too_long",
            format!("must have at most {MAX_TAG} characters"),
        );
        let from: Option<Timestamp> = query.parsed("from")?;
        let to: Option<Timestamp> = query.parsed("to")?;
        let in_order = from.zip(to).is_none_or(|(from, to)| from < to);
        check.that(in_order, "/query/to", "out_of_order", "must be after from");
        let radius_km: Option<f64> = query.parsed("radius_km")?;
        let in_range = radius_km.is_none_or(|radius| radius > 0.0 && radius <= MAX_RADIUS_KM);
        check.that(
            in_range,
            "/query/radius_km",
            "out_of_range",
            format!("must be above 0, at most {MAX_RADIUS_KM}"),
        );
        let near = query.get("near").map(coordinates);
        check.that(
            near != Some(None),
            "/query/near",
            "invalid",
            "must be latitude,longitude in degrees, such as 52.52,13.405",
        );
        let lonely = radius_km.is_some() && near.is_none();
        check.that(
            !lonely,
            "/query/radius_km",
            "out_of_place",
            "means nothing without near",
        );
        let sort = match query.get("sort") {
            None if text.is_some() => Sort::Relevance,
            None | Some("starts_at") => Sort::StartsAt,
            Some("relevance") => Sort::Relevance,
            Some(_) => {
                check.that(
                    false,
                    "/query/sort",
                    "invalid",
                    "must be starts_at or relevance",
                );
                Sort::StartsAt
            }
        };
        let organizer = query.parsed("organizer_id")?;
        check.finish()?;
        let circle = |(latitude, longitude)| Circle {
            latitude,
            longitude,
            radius_km: radius_km.unwrap_or(DEFAULT_RADIUS_KM),
        };
        Ok(Self {
            words: text.map(Words::new),
            from,
            to,
            near: near.flatten().map(circle),
            tag: tag.map(str::to_lowercase),
            organizer,
            sort,
        })
    }
}

fn coordinates(text: &str) -> Option<(f64, f64)> {
    let (latitude, longitude) = text.split_once(',')?;
    let (latitude, longitude): (f64, f64) = (
        latitude.trim().parse().ok()?,
        longitude.trim().parse().ok()?,
    );
    ((-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude))
        .then_some((degrees(latitude), degrees(longitude)))
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
    use eventhub_guest::{Request, http};
    use proptest::prelude::*;

    use super::*;

    fn parse(query: &str) -> Result<Search, Problem> {
        let request = Request {
            query: query.into(),
            ..http::request("GET", "/api/v1/events")
        };
        Search::parse(&Query::parse(&request, &PARAMETERS)?)
    }

    #[test]
    fn words_are_sorted_by_relevance_unless_asked_otherwise() {
        assert_eq!(parse("").unwrap().sort, Sort::StartsAt);
        assert_eq!(parse("q=x").unwrap().sort, Sort::Relevance);
        assert_eq!(parse("q=x&sort=starts_at").unwrap().sort, Sort::StartsAt);
        assert_eq!(parse("q=%20").unwrap().words, None);
    }

    #[test]
    fn the_last_word_is_a_prefix_and_operators_are_left_to_postgres() {
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

    #[test]
    fn wrong_parameters_are_named() {
        let cases = [
            ("from=yesterday", "/query/from"),
            (
                "from=2030-01-02T00:00:00Z&to=2030-01-01T00:00:00Z",
                "/query/to",
            ),
            ("near=91,0", "/query/near"),
            ("near=52.5", "/query/near"),
            ("near=NaN,1", "/query/near"),
            ("near=1,2&radius_km=0", "/query/radius_km"),
            ("near=1,2&radius_km=NaN", "/query/radius_km"),
            ("near=1,2&radius_km=1e999", "/query/radius_km"),
            ("radius_km=5", "/query/radius_km"),
            ("sort=price", "/query/sort"),
            ("organizer_id=org_1", "/query/organizer_id"),
            ("colour=red", "/query/colour"),
            ("tag=a%00", "/query/tag"),
        ];
        for (query, pointer) in cases {
            let faults = parse(query).unwrap_err().faults;
            assert_eq!(
                faults
                    .iter()
                    .map(|fault| fault.pointer.as_str())
                    .collect::<Vec<_>>(),
                [pointer],
                "{query}"
            );
        }
    }

    #[test]
    fn a_cursor_of_another_sort_or_beyond_the_databases_limits_is_refused() {
        let search = parse("q=x").unwrap();
        let position = Position {
            sort: Sort::Relevance,
            rank: 5,
            starts_at: 1,
            id: EventId::from_u128(1),
        };
        assert!(position.is_of(&search));
        assert!(!position.is_of(&parse("").unwrap()));
        for wrong in [
            Position {
                rank: i64::MIN,
                ..position
            },
            Position {
                starts_at: i64::MAX,
                ..position
            },
        ] {
            assert!(!wrong.is_of(&search), "{wrong:?}");
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
