//! The leases in Redis: calls of the scripts and what they answer, as types. No I/O; the ports run
//! a [`Call`].

pub mod scripts;

use eventhub_guest::ids::{BookingId, HoldId, UserId};
use eventhub_guest::redis::{Item, Reply};
use scripts::Script;

use crate::domain::hold::{Hold, Record};
use crate::domain::place::Place;
use crate::ports::Call;

/// A script answered what it never answers: a bug of ours, or somebody else's data under our keys.
#[derive(Debug, thiserror::Error)]
#[error("redis answered {0}")]
pub struct Unexpected(String);

/// The keys of a session, in the order of `keys.lua`. The hash tag keeps them on one node of a
/// cluster.
pub fn keys(number: u32) -> Vec<Vec<u8>> {
    [
        "main", "areas", "claimed", "sold", "heldbits", "due", "pending", "frames",
    ]
    .iter()
    .map(|name| key(number, name))
    .collect()
}

/// The key of one of them.
pub fn key(number: u32, name: &str) -> Vec<u8> {
    format!("{{{number}}}:{name}").into_bytes()
}

struct Args(Vec<Vec<u8>>);

impl Args {
    fn new() -> Self {
        Self(Vec::with_capacity(16))
    }

    fn text(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.0.push(text.into());
        self
    }

    fn id(self, id: impl std::fmt::Display) -> Self {
        self.text(id.to_string())
    }

    fn int(self, number: impl Into<i64>) -> Self {
        self.text(number.into().to_string())
    }

    fn seats(mut self, seats: &[u32]) -> Self {
        self.0
            .extend(seats.iter().map(|seat| seat.to_string().into_bytes()));
        self
    }

    fn areas(mut self, areas: &[AreaClaim]) -> Self {
        for area in areas {
            self = self
                .text(area.area.as_str())
                .int(area.claimed)
                .int(area.version);
        }
        self
    }

    fn call(self, number: u32, script: &'static Script) -> Call {
        self.call_text(number, script.text())
    }

    fn call_text(self, number: u32, source: &'static str) -> Call {
        Call {
            source,
            keys: keys(number),
            args: self.0,
        }
    }
}

/// How many places of an area Postgres has claimed, as of a version.
#[derive(Debug, Clone, PartialEq)]
pub struct AreaClaim {
    pub area: String,
    pub claimed: u32,
    pub version: i64,
}

/// What a new hold is to have.
pub struct NewHold<'a> {
    pub id: HoldId,
    pub user: UserId,
    pub ttl_ms: i64,
    /// Most places of a user's live holds together.
    pub most: u32,
    pub body: &'a str,
    pub seats: &'a [u32],
    /// Area, quantity, capacity.
    pub areas: &'a [(String, u32, u32)],
}

/// What became of it.
#[derive(Debug, PartialEq)]
pub enum Held {
    /// Load the claims first; the script's clock in ms.
    Reload(i64),
    /// The sale is.
    Closed,
    /// The user has so many places already.
    Limit(u32),
    Taken(Vec<Place>),
    /// Perhaps taken by holds that are over: sweep first.
    Sweep,
    Held {
        fence: i64,
        expires_ms: i64,
        chores: Chores,
    },
    /// This very hold was made before; it may serve a booking by now.
    Again(Record),
    /// The id is that of a hold that has ended.
    Spent,
}

/// What the caller is chosen to do besides, so that the hot path need not.
#[derive(Debug, PartialEq)]
pub struct Chores {
    /// Load again what is still good for a while.
    pub refresh: bool,
    /// End the holds that are over.
    pub sweep: bool,
}

/// `source` is `Protection::hold_script`.
pub fn hold(number: u32, source: &'static str, new: &NewHold) -> Call {
    let args = Args::new()
        .id(new.id)
        .id(new.user)
        .int(new.ttl_ms)
        .int(new.most)
        .text(new.body);
    let mut args = args.int(new.seats.len() as u32).seats(new.seats);
    for (area, quantity, capacity) in new.areas {
        args = args.text(area.as_str()).int(*quantity).int(*capacity);
    }
    args.call_text(number, source)
}

pub fn hold_answer(reply: &Reply) -> Result<Held, Unexpected> {
    let answer = Answer::of(reply)?;
    match answer.word {
        "reload" => Ok(Held::Reload(answer.int(0)?)),
        "closed" => Ok(Held::Closed),
        "limit" => Ok(Held::Limit(answer.int(0)? as u32)),
        "taken" => Ok(Held::Taken(answer.places()?)),
        "sweep" => Ok(Held::Sweep),
        "held" => {
            let chores = Chores {
                refresh: answer.int(2)? == 1,
                sweep: answer.int(3)? == 1,
            };
            Ok(Held::Held {
                fence: answer.int(0)?,
                expires_ms: answer.int(1)?,
                chores,
            })
        }
        "again" => Ok(Held::Again(answer.record()?)),
        "spent" => Ok(Held::Spent),
        _ => Err(answer.unexpected()),
    }
}

/// Ends so many holds that are over.
pub fn sweep(number: u32, most: u32) -> Call {
    Args::new().int(most).call(number, &scripts::SWEEP)
}

/// How many there were.
pub fn sweep_answer(reply: &Reply) -> Result<u32, Unexpected> {
    Ok(Answer::of(reply)?.int(0)? as u32)
}

/// Everything that is taken, at one moment.
#[derive(Debug, Default, PartialEq)]
pub struct State {
    pub now_ms: i64,
    pub seq: u64,
    pub refresh: bool,
    /// Reserved or sold.
    pub claimed: Vec<u8>,
    pub sold: Vec<u8>,
    /// By counted holds.
    pub held: Vec<u8>,
    /// Area and places taken; areas of which nothing was ever taken may be absent.
    pub areas: Vec<(String, u32)>,
}

/// `least_seq`: the feed goes on from at least there.
pub fn state(number: u32, least_seq: u64) -> Call {
    Args::new()
        .text(least_seq.to_string())
        .call(number, &scripts::STATE)
}

/// None where the claims must be loaded first; with the script's clock.
pub fn state_answer(reply: &Reply) -> Result<Result<State, i64>, Unexpected> {
    let answer = Answer::of(reply)?;
    match answer.word {
        "reload" => Ok(Err(answer.int(0)?)),
        "state" => {
            let bytes = |at| answer.bytes(at).map(<[u8]>::to_vec);
            let mut areas = vec![];
            for at in (6..answer.rest.len()).step_by(2) {
                areas.push((answer.text(at)?.to_string(), answer.int(at + 1)? as u32));
            }
            Ok(Ok(State {
                now_ms: answer.int(0)?,
                seq: answer.int(1)? as u64,
                refresh: answer.int(2)? == 1,
                claimed: bytes(3)?,
                sold: bytes(4)?,
                held: bytes(5)?,
                areas,
            }))
        }
        _ => Err(answer.unexpected()),
    }
}

/// What Postgres says is claimed.
#[derive(Debug, Default)]
pub struct Claims {
    /// Whether the sale is closed.
    pub closed: bool,
    pub claimed: Vec<u8>,
    pub sold: Vec<u8>,
    pub areas: Vec<AreaClaim>,
}

pub fn load(number: u32, as_of_ms: i64, claims: &Claims) -> Call {
    let args = Args::new()
        .int(as_of_ms)
        .text(claims.claimed.as_slice())
        .text(claims.sold.as_slice())
        .int(claims.closed);
    args.areas(&claims.areas).call(number, &scripts::LOAD)
}

/// Whether it was taken over; reading Postgres may have taken too long.
pub fn load_answer(reply: &Reply) -> Result<bool, Unexpected> {
    Ok(Answer::of(reply)?.word == "loaded")
}

/// What became of a hold that somebody wanted to change.
#[derive(Debug, PartialEq)]
pub enum Changed {
    /// No such hold of this user.
    Missing,
    /// Expired or released.
    Ended,
    /// Serves a booking (another one, where a booking asks).
    Booked,
    /// The sale is closed.
    Closed,
    Extended,
    Ok(Option<Record>),
}

pub fn extend(number: u32, id: HoldId, user: UserId, ttl_ms: i64) -> Call {
    Args::new()
        .id(id)
        .id(user)
        .int(ttl_ms)
        .call(number, &scripts::EXTEND)
}

pub fn release(number: u32, id: HoldId, user: UserId) -> Call {
    Args::new().id(id).id(user).call(number, &scripts::RELEASE)
}

/// The hold lasts `least_ms` at least, and until `until_ms` once the booking reserves.
pub fn claim(
    number: u32,
    id: HoldId,
    user: UserId,
    booking: BookingId,
    until_ms: i64,
    least_ms: i64,
) -> Call {
    Args::new()
        .id(id)
        .id(user)
        .id(booking)
        .int(until_ms)
        .int(least_ms)
        .call(number, &scripts::CLAIM)
}

pub fn changed_answer(reply: &Reply) -> Result<Changed, Unexpected> {
    let answer = Answer::of(reply)?;
    match answer.word {
        "missing" => Ok(Changed::Missing),
        "ended" => Ok(Changed::Ended),
        "booked" => Ok(Changed::Booked),
        "closed" => Ok(Changed::Closed),
        "extended" => Ok(Changed::Extended),
        "ok" if answer.rest.is_empty() => Ok(Changed::Ok(None)),
        "ok" => Ok(Changed::Ok(Some(answer.record()?))),
        _ => Err(answer.unexpected()),
    }
}

/// Holds and claims are refused from here on.
pub fn close(number: u32) -> Call {
    Args::new().call(number, &scripts::CLOSE)
}

pub fn guard(number: u32, id: HoldId, seats: &[u32]) -> Call {
    Args::new()
        .id(id)
        .seats(seats)
        .call(number, &scripts::GUARD)
}

/// The seats that others hold.
pub fn guard_answer(reply: &Reply) -> Result<Vec<Place>, Unexpected> {
    let answer = Answer::of(reply)?;
    match answer.word {
        "clear" => Ok(vec![]),
        "taken" => answer.places(),
        _ => Err(answer.unexpected()),
    }
}

/// What Postgres has just done to the places of a booking.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Settled {
    Reserved,
    Sold,
}

pub fn settle(number: u32, what: Settled, id: HoldId, seats: &[u32], areas: &[AreaClaim]) -> Call {
    let word = if what == Settled::Sold {
        "sold"
    } else {
        "reserved"
    };
    let args = Args::new()
        .text(word)
        .id(id)
        .int(seats.len() as u32)
        .seats(seats)
        .areas(areas);
    args.call(number, &scripts::SETTLE)
}

pub fn unclaim(
    number: u32,
    id: HoldId,
    booking: BookingId,
    seats: &[u32],
    areas: &[AreaClaim],
) -> Call {
    let args = Args::new()
        .id(id)
        .id(booking)
        .int(seats.len() as u32)
        .seats(seats)
        .areas(areas);
    args.call(number, &scripts::UNCLAIM)
}

/// Frames of the live feed, as the script writes them.
#[derive(Debug, PartialEq)]
pub enum Feed {
    /// The log does not reach back to the number asked for.
    Lost,
    /// Sequence number of the last frame, and the frames up to it.
    Frames(u64, Vec<String>),
}

pub fn feed(number: u32, after: u64) -> Call {
    Args::new()
        .text(after.to_string())
        .call(number, &scripts::FEED)
}

pub fn feed_answer(reply: &Reply) -> Result<Feed, Unexpected> {
    let answer = Answer::of(reply)?;
    match answer.word {
        "lost" => Ok(Feed::Lost),
        "frames" => {
            let frames = (1..answer.rest.len()).map(|at| answer.text(at).map(str::to_string));
            Ok(Feed::Frames(
                answer.int(0)? as u64,
                frames.collect::<Result<_, _>>()?,
            ))
        }
        _ => Err(answer.unexpected()),
    }
}

/// Redis' clock in ms, and a hold as it is now.
pub fn hold_from(id: HoldId, time: &Reply, record: &Reply) -> Result<Option<Hold>, Unexpected> {
    let number = |at: usize| {
        time.items()
            .get(at)
            .and_then(Item::text)
            .and_then(|text| text.parse::<i64>().ok())
    };
    let (Some(seconds), Some(micros)) = (number(0), number(1)) else {
        return Err(Unexpected(format!("{time:?}")));
    };
    let Some(text) = record.bytes() else {
        return Ok(None);
    };
    let text = std::str::from_utf8(text).ok();
    let record = text
        .and_then(Record::parse)
        .ok_or_else(|| Unexpected(format!("{record:?}")))?;
    Ok(Some(record.at(id, seconds * 1000 + micros / 1000)))
}

/// A flat array that begins with a word.
struct Answer<'a> {
    word: &'a str,
    rest: &'a [Item],
}

impl<'a> Answer<'a> {
    fn of(reply: &'a Reply) -> Result<Self, Unexpected> {
        match reply.items().split_first() {
            Some((first, rest)) if first.text().is_some() => Ok(Self {
                word: first.text().unwrap_or_default(),
                rest,
            }),
            _ => Err(Unexpected(format!("{reply:?}"))),
        }
    }

    fn unexpected(&self) -> Unexpected {
        Unexpected(format!("{} {:?}", self.word, self.rest))
    }

    fn int(&self, at: usize) -> Result<i64, Unexpected> {
        self.rest
            .get(at)
            .and_then(Item::int)
            .ok_or_else(|| self.unexpected())
    }

    fn bytes(&self, at: usize) -> Result<&'a [u8], Unexpected> {
        self.rest
            .get(at)
            .and_then(Item::bytes)
            .ok_or_else(|| self.unexpected())
    }

    fn text(&self, at: usize) -> Result<&'a str, Unexpected> {
        self.rest
            .get(at)
            .and_then(Item::text)
            .ok_or_else(|| self.unexpected())
    }

    fn record(&self) -> Result<Record, Unexpected> {
        Record::parse(self.text(0)?).ok_or_else(|| self.unexpected())
    }

    fn places(&self) -> Result<Vec<Place>, Unexpected> {
        let places = (0..self.rest.len())
            .map(|at| Place::parse(self.text(at)?).ok_or_else(|| self.unexpected()));
        places.collect()
    }
}
