//! What the service needs of the world, as one trait: the component's imports behind it in
//! production (`capabilities`), real servers in tests. Types are those of the WIT.

use eventhub_guest::bindings::eventhub::postgres::sql as postgres;
use eventhub_guest::bindings::eventhub::redis::commands::{Command, Reply};
use eventhub_guest::{redis, sql};

use crate::bindings::eventhub::seat_lock::lock;
use crate::bindings::eventhub::venue_layout::layouts;

/// One atomic call of a Redis script; every key it touches is named.
pub struct Call {
    pub source: &'static str,
    pub keys: Vec<Vec<u8>>,
    pub args: Vec<Vec<u8>>,
}

/// What a statement returned; columns are read by name.
pub struct Rows(pub postgres::Rows);

impl Rows {
    pub fn len(&self) -> usize {
        self.0.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.rows.is_empty()
    }

    /// # Errors
    /// [`sql::Error::Invalid`] where there is no such row or column, or it has another type.
    pub fn get<T: sql::FromValue>(&self, row: usize, column: &str) -> Result<T, sql::Error> {
        let at = self.0.columns.iter().position(|known| known == column);
        let value = at
            .zip(self.0.rows.get(row))
            .and_then(|(at, values)| values.get(at));
        let value =
            value.ok_or_else(|| sql::Error::Invalid(format!("no column {column} in row {row}")))?;
        T::from_value(value)
            .ok_or_else(|| sql::Error::Invalid(format!("column {column} is {value:?}")))
    }
}

/// The world.
pub trait Ports {
    /// All statements in one transaction of event_db.
    fn transaction(&self, statements: &[sql::Statement]) -> Result<Vec<Rows>, sql::Error>;
    fn script(&self, call: &Call) -> Result<Reply, redis::Error>;
    fn pipeline(
        &self,
        commands: &[Command],
    ) -> Result<Vec<Result<Reply, redis::Error>>, redis::Error>;
    /// Says that a live topic has something new.
    fn notify(&self, topic: &str);
    /// A version of a layout, with its document.
    fn layout(&self, id: &str, version: u32) -> Result<layouts::Layout, layouts::Error>;
    fn load(&self, key: &str, document: &str) -> Result<lock::Loaded, lock::Error>;
    fn select(
        &self,
        key: &str,
        request: &lock::Request,
        occupied: &[u8],
        limit: u32,
    ) -> Result<lock::Selection, lock::Error>;
    fn indexes(&self, key: &str, seats: &[String]) -> Result<Vec<u32>, lock::Error>;
    fn keys_of(&self, key: &str, bits: &[u8]) -> Result<Vec<String>, lock::Error>;

    /// One statement.
    fn query(&self, statement: sql::Statement) -> Result<Rows, sql::Error> {
        let rows = self.transaction(std::slice::from_ref(&statement))?;
        rows.into_iter()
            .next()
            .ok_or_else(|| sql::Error::Invalid("no result for the statement".into()))
    }
}
