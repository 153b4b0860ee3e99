//! One call of a script: its keys and arguments, and how its answer is read.

use eventhub_guest::redis::{self, Item, Reply};

use super::place::Place;
use super::record::Record;
use super::scripts::Script;
use super::{Error, Unexpected};
use crate::domain::claims::AreaClaim;

/// One atomic call of a Redis script, which answers a `T`. Every key that it touches is named.
pub struct ScriptCall<T> {
    pub source: &'static str,
    pub keys: Vec<Vec<u8>>,
    pub args: Vec<Vec<u8>>,
    read: fn(&Answer) -> Result<T, Unexpected>,
}

impl<T> ScriptCall<T> {
    /// Runs it.
    ///
    /// # Errors
    /// Redis does not answer, refuses, or answers what the script never does.
    pub fn run(&self) -> Result<T, Error> {
        let reply = redis::script(self.source, &self.keys, &self.args)?;
        Ok(self.read_reply(&reply)?)
    }

    /// Reads what the script has answered to somebody who runs it in another way.
    ///
    /// # Errors
    /// The script never answers that.
    pub fn read_reply(&self, reply: &Reply) -> Result<T, Unexpected> {
        (self.read)(&Answer::parse(reply)?)
    }
}

/// The keys of a session, in the order of `keys.lua`. The hash tag keeps them on one node of a
/// cluster.
fn session_keys(number: u32) -> Vec<Vec<u8>> {
    [
        "main", "areas", "claimed", "sold", "heldbits", "due", "pending", "frames",
    ]
    .iter()
    .map(|name| session_key(number, name))
    .collect()
}

/// One key of the session with that number: `{7}:main`.
pub fn session_key(number: u32, name: &str) -> Vec<u8> {
    format!("{{{number}}}:{name}").into_bytes()
}

/// The arguments of a call.
pub struct Args(Vec<Vec<u8>>);

impl Args {
    pub fn new() -> Self {
        Self(Vec::with_capacity(16))
    }

    pub fn text(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.0.push(text.into());
        self
    }

    pub fn id(self, id: impl std::fmt::Display) -> Self {
        self.text(id.to_string())
    }

    pub fn int(self, number: impl Into<i64>) -> Self {
        self.text(number.into().to_string())
    }

    pub fn seats(mut self, seats: &[u32]) -> Self {
        self.0
            .extend(seats.iter().map(|seat| seat.to_string().into_bytes()));
        self
    }

    /// How many seats there are, and the seats.
    pub fn counted_seats(self, seats: &[u32]) -> Self {
        self.int(seats.len() as u32).seats(seats)
    }

    pub fn areas(mut self, areas: &[AreaClaim]) -> Self {
        for area in areas {
            self = self
                .text(area.area.as_str())
                .int(area.claimed)
                .int(area.version);
        }
        self
    }

    /// A call of the script for the session with that number.
    pub fn call<T>(
        self,
        number: u32,
        script: &'static Script,
        read: fn(&Answer) -> Result<T, Unexpected>,
    ) -> ScriptCall<T> {
        self.call_source(number, script.text(), read)
    }

    /// The same with the script's text.
    pub fn call_source<T>(
        self,
        number: u32,
        source: &'static str,
        read: fn(&Answer) -> Result<T, Unexpected>,
    ) -> ScriptCall<T> {
        ScriptCall {
            source,
            keys: session_keys(number),
            args: self.0,
            read,
        }
    }
}

/// What a script answers: a flat array that begins with a word.
pub struct Answer<'a> {
    pub word: &'a str,
    pub rest: &'a [Item],
}

impl<'a> Answer<'a> {
    fn parse(reply: &'a Reply) -> Result<Self, Unexpected> {
        let (first, rest) = reply.items().split_first().unzip();
        match (first.and_then(Item::text), rest) {
            (Some(word), Some(rest)) => Ok(Self { word, rest }),
            _ => Err(Unexpected(format!("{reply:?}"))),
        }
    }

    pub fn unexpected(&self) -> Unexpected {
        Unexpected(format!("{} {:?}", self.word, self.rest))
    }

    pub fn int(&self, at: usize) -> Result<i64, Unexpected> {
        self.rest
            .get(at)
            .and_then(Item::int)
            .ok_or_else(|| self.unexpected())
    }

    pub fn bytes(&self, at: usize) -> Result<&'a [u8], Unexpected> {
        self.rest
            .get(at)
            .and_then(Item::bytes)
            .ok_or_else(|| self.unexpected())
    }

    pub fn text(&self, at: usize) -> Result<&'a str, Unexpected> {
        self.rest
            .get(at)
            .and_then(Item::text)
            .ok_or_else(|| self.unexpected())
    }

    pub fn record(&self) -> Result<Record, Unexpected> {
        Record::parse(self.text(0)?).ok_or_else(|| self.unexpected())
    }

    pub fn places(&self) -> Result<Vec<Place>, Unexpected> {
        let places = (0..self.rest.len())
            .map(|at| Place::parse(self.text(at)?).ok_or_else(|| self.unexpected()));
        places.collect()
    }
}
