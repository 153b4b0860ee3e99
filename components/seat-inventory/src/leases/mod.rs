//! The leases in Redis: the scripts, their calls, and what they answer. A new script is a file in
//! `scripts/`, a static in `scripts.rs` and a function here or in [`tallies`], which names what goes
//! in and what comes out.

mod call;
mod place;
pub mod record;
pub mod scripts;
pub mod tallies;

use eventhub_guest::ids::{BookingId, HoldId, UserId};
use eventhub_guest::redis;

use call::{Answer, Args};
pub use call::{ScriptCall, session_key};
pub use place::Place;
use record::Record;

use crate::domain::claims::{AreaClaim, Claims};
use crate::domain::hold::Hold;
use crate::domain::occupancy::Taken;

/// Why a call fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Redis does not answer, or refuses.
    #[error("redis: {0:?}")]
    Redis(redis::Error),
    /// An internal error.
    #[error(transparent)]
    Unexpected(#[from] Unexpected),
}

impl From<redis::Error> for Error {
    fn from(error: redis::Error) -> Self {
        Error::Redis(error)
    }
}

/// A script answered what it never answers: a bug, or other data under its keys.
#[derive(Debug, thiserror::Error)]
#[error("redis answered {0}")]
pub struct Unexpected(String);

/// What a new lease is to have.
pub struct Lease<'a> {
    pub id: HoldId,
    pub user: UserId,
    pub ttl_ms: i64,
    /// Most places of a user's live holds together.
    pub most: u32,
    /// The places, as [`record::write_places`] has them.
    pub places: &'a str,
    /// Indexes of the seats, in the order of the places.
    pub seats: &'a [u32],
    /// Area, quantity, capacity.
    pub areas: &'a [(String, u32, u32)],
}

/// What became of it.
#[derive(Debug, PartialEq)]
pub enum HoldOutcome {
    /// The claims must be loaded first; the script's clock in ms.
    Reload(i64),
    /// The sale is closed.
    Closed,
    /// The user has so many places already.
    Limit(u32),
    /// Other holds or claims have these places.
    Taken(Vec<Place>),
    /// Ended holds may have the places: sweep first.
    Sweep,
    Created {
        fence: i64,
        expires_ms: i64,
        chores: Chores,
    },
    /// The same hold was created before; it may be bound to a booking by now.
    Existing(Record),
    /// The id is that of a hold that has ended.
    IdReused,
}

/// What the caller is chosen to do afterwards, so that the hot path does not.
#[derive(Debug, PartialEq)]
pub struct Chores {
    /// Load the claims again before they are too old.
    pub refresh: bool,
    /// End the holds whose time is over.
    pub sweep: bool,
}

/// Holds places: all or none. `source` is `Protection::hold_script`.
pub fn hold_places(number: u32, source: &'static str, lease: &Lease) -> ScriptCall<HoldOutcome> {
    let mut args = Args::new()
        .id(lease.id)
        .id(lease.user)
        .int(lease.ttl_ms)
        .int(lease.most)
        .text(lease.places)
        .counted_seats(lease.seats);
    for (area, quantity, capacity) in lease.areas {
        args = args.text(area.as_str()).int(*quantity).int(*capacity);
    }
    args.call_source(number, source, |answer| match answer.word {
        "reload" => Ok(HoldOutcome::Reload(answer.int(0)?)),
        "closed" => Ok(HoldOutcome::Closed),
        "limit" => Ok(HoldOutcome::Limit(answer.int(0)? as u32)),
        "taken" => Ok(HoldOutcome::Taken(answer.places()?)),
        "sweep" => Ok(HoldOutcome::Sweep),
        "created" => Ok(HoldOutcome::Created {
            fence: answer.int(0)?,
            expires_ms: answer.int(1)?,
            chores: Chores {
                refresh: answer.int(2)? == 1,
                sweep: answer.int(3)? == 1,
            },
        }),
        "existing" => Ok(HoldOutcome::Existing(answer.record()?)),
        "id_reused" => Ok(HoldOutcome::IdReused),
        _ => Err(answer.unexpected()),
    })
}

/// Ends at most so many holds whose time is over; answers how many there were.
pub fn sweep_holds(number: u32, most: u32) -> ScriptCall<u32> {
    let args = Args::new().int(most);
    args.call(number, &scripts::SWEEP, |answer| Ok(answer.int(0)? as u32))
}

/// What is taken, at one moment.
#[derive(Debug, PartialEq)]
pub struct State {
    /// The script's clock.
    pub now_ms: i64,
    /// Number of the last frame of the live feed.
    pub seq: u64,
    /// Whether the caller is chosen to load the claims again.
    pub refresh: bool,
    pub taken: Taken,
}

/// Reads what is taken. The feed goes on from at least `least_seq`. `Err`, with the script's clock
/// in ms, where the claims must be loaded first.
pub fn read_state(number: u32, least_seq: u64) -> ScriptCall<Result<State, i64>> {
    let args = Args::new().text(least_seq.to_string());
    args.call(number, &scripts::STATE, |answer| match answer.word {
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
                taken: Taken {
                    claimed: bytes(3)?,
                    sold: bytes(4)?,
                    held: bytes(5)?,
                    areas,
                },
            }))
        }
        _ => Err(answer.unexpected()),
    })
}

/// Gives Redis the claims. `as_of_ms` is Redis' clock before they were read. Answers whether they
/// were accepted: reading them may have taken too long.
pub fn load_claims(number: u32, as_of_ms: i64, claims: &Claims) -> ScriptCall<bool> {
    let args = Args::new()
        .int(as_of_ms)
        .text(claims.claimed.as_slice())
        .text(claims.sold.as_slice())
        .int(claims.closed)
        .areas(&claims.areas);
    args.call(number, &scripts::LOAD, |answer| Ok(answer.word == "loaded"))
}

/// What became of a change of a hold.
#[derive(Debug, PartialEq)]
pub enum ChangeOutcome {
    /// The user has no such hold.
    Missing,
    /// It has expired or was released.
    Ended,
    /// It is bound to a booking (to another one, where a booking binds).
    Booked,
    /// The sale is closed.
    Closed,
    /// It was extended before.
    Extended,
    /// Done; the record where the script answers it.
    Changed(Option<Record>),
}

fn read_change(answer: &Answer) -> Result<ChangeOutcome, Unexpected> {
    match answer.word {
        "missing" => Ok(ChangeOutcome::Missing),
        "ended" => Ok(ChangeOutcome::Ended),
        "booked" => Ok(ChangeOutcome::Booked),
        "closed" => Ok(ChangeOutcome::Closed),
        "extended" => Ok(ChangeOutcome::Extended),
        "ok" if answer.rest.is_empty() => Ok(ChangeOutcome::Changed(None)),
        "ok" => Ok(ChangeOutcome::Changed(Some(answer.record()?))),
        _ => Err(answer.unexpected()),
    }
}

/// Gives a hold another term, once.
pub fn extend_hold(
    number: u32,
    id: HoldId,
    user: UserId,
    ttl_ms: i64,
) -> ScriptCall<ChangeOutcome> {
    let args = Args::new().id(id).id(user).int(ttl_ms);
    args.call(number, &scripts::EXTEND, read_change)
}

/// Ends a hold for its owner.
pub fn release_hold(number: u32, id: HoldId, user: UserId) -> ScriptCall<ChangeOutcome> {
    let args = Args::new().id(id).id(user);
    args.call(number, &scripts::RELEASE, read_change)
}

/// Binds a hold to a booking. It lasts `least_ms` at least, and until `until_ms` once the booking
/// reserves.
pub fn bind_hold(
    number: u32,
    id: HoldId,
    user: UserId,
    booking: BookingId,
    until_ms: i64,
    least_ms: i64,
) -> ScriptCall<ChangeOutcome> {
    let args = Args::new().id(id).id(user).id(booking);
    let args = args.int(until_ms).int(least_ms);
    args.call(number, &scripts::BIND, read_change)
}

/// Refuses holds and bindings from here on.
pub fn close_sale(number: u32) -> ScriptCall<()> {
    Args::new().call(number, &scripts::CLOSE, |_| Ok(()))
}

/// Before a booking claims seats: nobody else may hold them, and nobody else can from here on.
/// Answers the seats that others hold.
pub fn guard_seats(number: u32, id: HoldId, seats: &[u32]) -> ScriptCall<Vec<Place>> {
    let args = Args::new().id(id).seats(seats);
    args.call(number, &scripts::GUARD, |answer| match answer.word {
        "clear" => Ok(vec![]),
        "taken" => answer.places(),
        _ => Err(answer.unexpected()),
    })
}

/// What the database has just done to the places of a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Settlement {
    Reserved,
    Sold,
}

/// After the database has claimed or sold the places of a booking.
pub fn settle_claims(
    number: u32,
    settlement: Settlement,
    id: HoldId,
    seats: &[u32],
    areas: &[AreaClaim],
) -> ScriptCall<()> {
    let args = Args::new()
        .text(<&str>::from(settlement))
        .id(id)
        .counted_seats(seats)
        .areas(areas);
    args.call(number, &scripts::SETTLE, |_| Ok(()))
}

/// The seats of a booking that has ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ReturnedSeats {
    /// Those that the database says are free, by the index that their claim had.
    pub free: Vec<u32>,
    /// Those that nobody has ever claimed; only the booking's own lease on them ends.
    pub unclaimed: Vec<u32>,
}

/// After the database has freed the places of a booking; ends its hold.
pub fn release_claims(
    number: u32,
    id: HoldId,
    booking: BookingId,
    seats: &ReturnedSeats,
    areas: &[AreaClaim],
) -> ScriptCall<()> {
    let args = Args::new()
        .id(id)
        .id(booking)
        .counted_seats(&seats.free)
        .counted_seats(&seats.unclaimed)
        .areas(areas);
    args.call(number, &scripts::UNCLAIM, |_| Ok(()))
}

/// Frames of the live feed, as the script writes them.
#[derive(Debug, PartialEq)]
pub enum Feed {
    /// The log does not reach back to the number asked for.
    Lost,
    /// Sequence number of the last frame, and the frames up to it.
    Frames(u64, Vec<String>),
}

/// Reads the frames after a sequence number.
pub fn read_feed(number: u32, after: u64) -> ScriptCall<Feed> {
    let args = Args::new().text(after.to_string());
    args.call(number, &scripts::FEED, |answer| match answer.word {
        "lost" => Ok(Feed::Lost),
        "frames" => {
            let frames = (1..answer.rest.len()).map(|at| answer.text(at).map(str::to_string));
            Ok(Feed::Frames(
                answer.int(0)? as u64,
                frames.collect::<Result<_, _>>()?,
            ))
        }
        _ => Err(answer.unexpected()),
    })
}

/// Reads a hold as it is now by Redis' clock.
///
/// # Errors
/// Redis does not answer, or has no record of ours there.
pub fn find_hold(number: u32, id: HoldId) -> Result<Option<Hold>, Error> {
    let record = vec![
        b"HGET".to_vec(),
        session_key(number, "main"),
        id.to_string().into_bytes(),
    ];
    let replies = redis::pipeline(&[vec![b"TIME".to_vec()], record])?;
    let [Ok(time), Ok(record)] = &replies[..] else {
        return Err(redis::Error::Unavailable(format!("{replies:?}")).into());
    };
    let time_part = |at: usize| {
        let part = time.items().get(at).and_then(redis::Item::text);
        part.and_then(|text| text.parse::<i64>().ok())
    };
    let (Some(seconds), Some(micros)) = (time_part(0), time_part(1)) else {
        return Err(Unexpected(format!("{time:?}")).into());
    };
    let Some(text) = record.bytes() else {
        return Ok(None);
    };
    let parsed = std::str::from_utf8(text).ok().and_then(Record::parse);
    let parsed = parsed.ok_or_else(|| Unexpected(format!("{record:?}")))?;
    Ok(Some(parsed.at(id, seconds * 1000 + micros / 1000)))
}
