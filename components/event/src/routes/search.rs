//! `GET /events`: published events for everybody; all of an organizer's for its members who ask for
//! that organizer.

use eventhub_guest::http::Query;
use eventhub_guest::page::{self, Page};
use eventhub_guest::router::Answer;
use eventhub_guest::{Params, Problem, Request, Timestamp, auth, json};
use serde::Serialize;

use super::view;
use crate::domain::search::{PARAMETERS, Position, Search};
use crate::{ports, store};

pub fn search(request: &Request, _: &Params) -> Answer {
    let known: Vec<_> = PARAMETERS.into_iter().chain(page::PARAMETERS).collect();
    let query = Query::parse(request, &known)?;
    let search = Search::parse(&query)?;
    let page = Page::<Position>::parse(&query)?;
    if page.after.is_some_and(|after| !after.is_of(&search)) {
        return Err(Problem::invalid(
            "/query/cursor",
            "invalid",
            "must be a next_cursor of this list with the same sort",
        ));
    }
    let all = match (search.organizer, auth::maybe_user(request)) {
        (Some(organizer), Some(user)) => ports::role(organizer, user)?.is_some(),
        _ => false,
    };
    let found = store::search::search(&search, all, page.after, page.limit + 1)?;
    let tallies = view::count(found.iter().map(|found| &found.event));
    let now = Timestamp::now();
    let items = found.iter().map(|found| Item {
        view: view::view(&found.event, &tallies, now),
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
