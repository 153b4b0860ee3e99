//! Cursor paging: `?limit=` (1–100, default 20) `&cursor=` → `{"items": […], "next_cursor": …}`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::http::Query;
use crate::problem::Problem;

/// What the client asked for. `C` is the position after which to go on, for example a time and an
/// id.
pub struct Page<C> {
    /// 1 to 100. Ask the database for one more, to know whether there is a next page.
    pub limit: usize,
    pub after: Option<C>,
}

/// The parameters that [`Page::parse`] reads, for the list of known ones.
pub const PARAMETERS: [&str; 2] = ["limit", "cursor"];

impl<C: Serialize + DeserializeOwned> Page<C> {
    /// # Errors
    /// 422 for a limit that is not 1–100, or a cursor that this API did not give.
    pub fn parse(query: &Query) -> Result<Self, Problem> {
        let limit = query.parsed::<usize>("limit")?.unwrap_or(20);
        if !(1..=100).contains(&limit) {
            return Err(Problem::invalid(
                "/query/limit",
                "out_of_range",
                "must be 1 to 100",
            ));
        }
        let decode = |text: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
            serde_json::from_slice(&bytes).ok()
        };
        let after = match query.get("cursor") {
            None => None,
            Some(text) => Some(decode(text).ok_or_else(|| {
                Problem::invalid(
                    "/query/cursor",
                    "invalid",
                    "must be a next_cursor of this list",
                )
            })?),
        };
        Ok(Self { limit, after })
    }

    /// The list's body from up to `limit + 1` items; `position` says where an item stands.
    pub fn list<T>(
        &self,
        mut items: Vec<T>,
        position: impl Fn(&T) -> C,
    ) -> Result<List<T>, Problem> {
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        let next_cursor = match items.last().filter(|_| more) {
            None => None,
            Some(last) => Some(
                URL_SAFE_NO_PAD
                    .encode(serde_json::to_vec(&position(last)).map_err(Problem::internal)?),
            ),
        };
        Ok(List { items, next_cursor })
    }
}

/// The body of a list.
#[derive(Serialize, Debug)]
pub struct List<T> {
    pub items: Vec<T>,
    pub next_cursor: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_page_has_no_cursor_and_the_others_lead_on() {
        let page = Page::<u32> {
            limit: 2,
            after: None,
        };
        assert_eq!(page.list(vec![1, 2], |n| *n).unwrap().next_cursor, None);
        let first = page.list(vec![1, 2, 3], |n| *n).unwrap();
        assert_eq!(first.items, [1, 2]);
        let bytes = URL_SAFE_NO_PAD.decode(first.next_cursor.unwrap()).unwrap();
        assert_eq!(serde_json::from_slice::<u32>(&bytes).unwrap(), 2);
    }
}
