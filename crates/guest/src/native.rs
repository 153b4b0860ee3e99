//! The capabilities of a service that runs natively, in a test: a [`Backend`] takes the host's
//! place. Each thread has its own, so that tests can run in parallel.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::Timestamp;
use crate::bindings::eventhub::kafka::{producer, types as kafka};
use crate::bindings::eventhub::postgres::sql;
use crate::bindings::eventhub::redis::commands as redis;

/// The host's side of a component's capabilities, with the types of the WIT.
pub trait Backend {
    fn query(&self, database: &str, statement: &sql::Statement) -> Result<sql::Rows, sql::Error>;
    fn transaction(
        &self,
        database: &str,
        statements: &[sql::Statement],
        options: sql::Options,
    ) -> Result<Vec<sql::Rows>, sql::Error>;
    fn execute(&self, command: &redis::Command) -> Result<redis::Reply, redis::Error>;
    fn pipeline(
        &self,
        commands: &[redis::Command],
    ) -> Result<Vec<Result<redis::Reply, redis::Error>>, redis::Error>;
    fn script(
        &self,
        source: &str,
        keys: &[Vec<u8>],
        args: &[Vec<u8>],
    ) -> Result<redis::Reply, redis::Error>;
    fn publish(&self, messages: &[kafka::Message]) -> Result<(), producer::Error>;
    fn notify(&self, topic: &str);
}

thread_local! {
    static BACKEND: RefCell<Option<Rc<dyn Backend>>> = const { RefCell::new(None) };
    static CLOCK: Cell<Option<Timestamp>> = const { Cell::new(None) };
    static VARIABLES: RefCell<BTreeMap<String, String>> = const { RefCell::new(BTreeMap::new()) };
}

/// Sets this thread's backend.
pub fn set_backend(backend: Rc<dyn Backend>) {
    BACKEND.set(Some(backend));
}

/// Sets this thread's clock; none is the system clock.
pub fn set_clock(now: Option<Timestamp>) {
    CLOCK.set(now);
}

/// Sets a configuration variable of this thread, over the process's own. A service reads its
/// configuration once per thread, so set it before the first call.
pub fn set_variable(name: &str, value: &str) {
    VARIABLES.with_borrow_mut(|variables| variables.insert(name.into(), value.into()));
}

/// This thread's variable, if a test has set it.
pub(crate) fn variable(name: &str) -> Option<String> {
    VARIABLES.with_borrow(|variables| variables.get(name).cloned())
}

/// This thread's clock, if a test has set it.
pub(crate) fn clock() -> Option<Timestamp> {
    CLOCK.get()
}

/// Calls this thread's backend.
///
/// # Panics
/// When the thread has no backend: the code under test uses a capability, so its test must set one.
pub(crate) fn with_backend<T>(call: impl FnOnce(&dyn Backend) -> T) -> T {
    let backend = BACKEND.with_borrow(Clone::clone);
    let Some(backend) = backend else {
        panic!("this thread has no backend: call eventhub_guest::native::set_backend first");
    };
    call(&*backend)
}
