//! Rows in order of creation, found by id, listed newest first as Stripe lists.

use std::collections::HashMap;
use std::sync::Arc;

use crate::call::Page;
use crate::error::{ApiError, Result};

/// What a table needs to know of its rows.
pub trait Row {
    /// What "No such …" calls it.
    const NAME: &'static str;
    /// Its id.
    fn id(&self) -> &str;
    /// Seconds since 1970.
    fn created(&self) -> i64;
}

/// Rows in order of creation.
#[derive(Debug)]
pub struct Table<T> {
    rows: Vec<Arc<T>>,
    places: HashMap<String, usize>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            places: HashMap::new(),
        }
    }
}

impl<T: Row> Table<T> {
    /// The row, if there is one.
    pub fn find(&self, id: &str) -> Option<&Arc<T>> {
        self.rows.get(*self.places.get(id)?)
    }

    /// The row.
    ///
    /// # Errors
    /// 404 `resource_missing`, blaming `param`.
    pub fn get(&self, id: &str, param: &str) -> Result<&Arc<T>> {
        self.find(id)
            .ok_or_else(|| ApiError::missing(T::NAME, id, param))
    }

    /// Adds the row, or replaces the one of the same id in its place.
    pub fn put(&mut self, row: Arc<T>) {
        match self.places.get(row.id()) {
            Some(&place) => self.rows[place] = row,
            None => {
                self.places.insert(row.id().to_owned(), self.rows.len());
                self.rows.push(row);
            }
        }
    }

    /// All rows, oldest first.
    pub fn rows(&self) -> &[Arc<T>] {
        &self.rows
    }

    /// One page of all rows.
    ///
    /// # Errors
    /// 404 for a cursor that names nothing.
    pub fn page(&self, page: &Page) -> Result<(Vec<Arc<T>>, bool)> {
        let place = |id: &Option<String>, param| match id {
            None => Ok(None),
            Some(id) => self
                .places
                .get(id)
                .copied()
                .map(Some)
                .ok_or_else(|| ApiError::missing(T::NAME, id, param)),
        };
        let end = place(&page.starting_after, "starting_after")?.unwrap_or(self.rows.len());
        let start = place(&page.ending_before, "ending_before")?.map_or(0, |place| place + 1);
        // Times only rise, so nothing older need be looked at; a list of the last minute stays
        // cheap after a long load test.
        let start = start.max(self.rows.partition_point(|row| row.created() < page.from));
        let end = end.min(self.rows.partition_point(|row| row.created() <= page.to));
        Ok(cut(self.rows.get(start..end).unwrap_or(&[]), page))
    }
}

/// One page of rows that are in order of creation.
pub fn cut<T: Clone>(rows: &[T], page: &Page) -> (Vec<T>, bool) {
    let more = rows.len() > page.limit;
    let part = match (&page.ending_before, more) {
        (Some(_), true) => &rows[..page.limit],
        (None, true) => &rows[rows.len() - page.limit..],
        (_, false) => rows,
    };
    (part.iter().rev().cloned().collect(), more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Dated(String, i64);

    impl Row for Dated {
        const NAME: &'static str = "row";
        fn id(&self) -> &str {
            &self.0
        }
        fn created(&self) -> i64 {
            self.1
        }
    }

    fn ids((rows, more): (Vec<Arc<Dated>>, bool)) -> (String, bool) {
        (
            rows.iter()
                .map(|row| row.id())
                .collect::<Vec<_>>()
                .join(" "),
            more,
        )
    }

    #[test]
    fn pages_follow_each_other_without_gap_or_repetition_both_ways() {
        let mut table = Table::default();
        for n in 0..7 {
            table.put(Arc::new(Dated(n.to_string(), 100 + n)));
        }
        let all = || Page {
            limit: 3,
            starting_after: None,
            ending_before: None,
            from: i64::MIN,
            to: i64::MAX,
        };
        assert_eq!(ids(table.page(&all()).unwrap()), ("6 5 4".into(), true));
        let after = |id: &str| Page {
            starting_after: Some(id.into()),
            ..all()
        };
        assert_eq!(
            ids(table.page(&after("4")).unwrap()),
            ("3 2 1".into(), true)
        );
        assert_eq!(ids(table.page(&after("1")).unwrap()), ("0".into(), false));
        let before = Page {
            ending_before: Some("1".into()),
            ..all()
        };
        assert_eq!(ids(table.page(&before).unwrap()), ("4 3 2".into(), true));
        let dated = Page {
            from: 102,
            to: 103,
            ..all()
        };
        assert_eq!(ids(table.page(&dated).unwrap()), ("3 2".into(), false));
        assert_eq!(table.page(&after("x")).unwrap_err().status, 404);
    }
}
