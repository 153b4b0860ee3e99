//! `GET /events`: published events for everybody; all of an organizer's for its members who ask for
//! that organizer.

use eventhub_guest::http::Query;
use eventhub_guest::{Answer, Problem, Timestamp, json};
use serde::Serialize;

use super::{Call, view};
use crate::domain::search::{Parameters, Position, Search};
use crate::store;

/// The query parameters, those of paging included.
pub const PARAMETERS: [&str; 10] = [
    "q",
    "from",
    "to",
    "near",
    "radius_km",
    "tag",
    "organizer_id",
    "sort",
    "limit",
    "cursor",
];

pub fn list(call: &Call) -> Answer {
    let search = parse_search(call.query())?;
    let page = call.page::<Position>()?;
    if page.after.is_some_and(|after| !after.belongs_to(&search)) {
        return Err(Problem::invalid(
            "/query/cursor",
            "invalid",
            "must be a next_cursor of this list with the same sort",
        ));
    }
    let all = match (search.organizer, call.maybe_user()) {
        (Some(organizer), Some(user)) => call.context.role_of(organizer, user)?.is_some(),
        _ => false,
    };
    let found = store::search::search_events(&search, all, page.after, page.limit + 1)?;
    let tallies = view::count_places(call.context, found.iter().map(|found| &found.event));
    let now = Timestamp::now();
    let items = found.iter().map(|found| Item {
        view: view::EventView::new(&found.event, &tallies, now),
        position: found.position,
    });
    json::response(200, &page.list(items.collect(), |item| item.position)?)
}

#[derive(Serialize)]
#[serde(transparent)]
struct Item<'a> {
    view: view::EventView<'a>,
    #[serde(skip)]
    position: Position,
}

fn parse_search(query: &Query) -> Result<Search, Problem> {
    let parameters = Parameters {
        words: query.get("q"),
        from: query.parsed("from")?,
        to: query.parsed("to")?,
        near: query.get("near"),
        radius_km: query.parsed("radius_km")?,
        tag: query.get("tag"),
        organizer: query.parsed("organizer_id")?,
        sort: query.get("sort"),
    };
    parameters.check().finish()?;
    Ok(parameters.into_search())
}

#[cfg(test)]
mod tests {
    use eventhub_guest::ids::EventId;
    use eventhub_guest::{Request, http};

    use super::*;
    use crate::domain::search::Sort;

    fn parse(query: &str) -> Result<Search, Problem> {
        let request = Request {
            query: query.into(),
            ..http::request("GET", "/api/v1/events")
        };
        parse_search(&Query::parse(&request, &PARAMETERS)?)
    }

    #[test]
    fn words_are_sorted_by_relevance_by_default() {
        assert_eq!(parse("").unwrap().sort, Sort::StartsAt);
        assert_eq!(parse("q=x").unwrap().sort, Sort::Relevance);
        assert_eq!(parse("q=x&sort=starts_at").unwrap().sort, Sort::StartsAt);
        assert_eq!(parse("q=%20").unwrap().words, None);
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
    fn a_cursor_of_another_sort_or_out_of_range_is_refused() {
        let search = parse("q=x").unwrap();
        let position = Position {
            sort: Sort::Relevance,
            rank: 5,
            starts_at: 1,
            id: EventId::from_u128(1),
        };
        assert!(position.belongs_to(&search));
        assert!(!position.belongs_to(&parse("").unwrap()));
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
            assert!(!wrong.belongs_to(&search), "{wrong:?}");
        }
    }
}
