//! The ports of a component: its imports.

use eventhub_guest::bindings::eventhub::postgres::sql as postgres;
use eventhub_guest::bindings::eventhub::redis::commands::{self, Command, Reply};
use eventhub_guest::bindings::eventhub::websocket::topics;
use eventhub_guest::{redis, sql};

use crate::bindings::eventhub::seat_lock::lock;
use crate::bindings::eventhub::venue_layout::layouts;
use crate::ports::{Call, Ports, Rows};

/// The component's imports.
pub struct Capabilities;

const DATABASE: &str = "event_db";

impl Ports for Capabilities {
    fn transaction(&self, statements: &[sql::Statement]) -> Result<Vec<Rows>, sql::Error> {
        let options = sql::Options {
            isolation: sql::Isolation::ReadCommitted,
            retries: 3,
        };
        Ok(postgres::transaction(DATABASE, statements, options)?
            .into_iter()
            .map(Rows)
            .collect())
    }

    fn query(&self, statement: sql::Statement) -> Result<Rows, sql::Error> {
        Ok(Rows(postgres::query(DATABASE, &statement)?))
    }

    fn script(&self, call: &Call) -> Result<Reply, redis::Error> {
        commands::script(call.source, &call.keys, &call.args)
    }

    fn pipeline(
        &self,
        commands: &[Command],
    ) -> Result<Vec<Result<Reply, redis::Error>>, redis::Error> {
        commands::pipeline(commands)
    }

    fn notify(&self, topic: &str) {
        topics::notify(topic);
    }

    fn layout(&self, id: &str, version: u32) -> Result<layouts::Layout, layouts::Error> {
        layouts::get(id, Some(version))
    }

    fn load(&self, key: &str, document: &str) -> Result<lock::Loaded, lock::Error> {
        lock::load(key, document)
    }

    fn select(
        &self,
        key: &str,
        request: &lock::Request,
        occupied: &[u8],
        limit: u32,
    ) -> Result<lock::Selection, lock::Error> {
        lock::select(key, request, occupied, limit)
    }

    fn indexes(&self, key: &str, seats: &[String]) -> Result<Vec<u32>, lock::Error> {
        lock::indexes(key, seats)
    }

    fn keys_of(&self, key: &str, bits: &[u8]) -> Result<Vec<String>, lock::Error> {
        lock::keys_of(key, bits)
    }
}
