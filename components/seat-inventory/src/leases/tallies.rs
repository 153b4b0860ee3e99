//! How many places of sessions are taken, for listings: one round trip for all of them.

use eventhub_guest::redis::{self, Command, Item, Reply};

use super::{Error, State, read_state, session_key};
use crate::domain::occupancy::Taken;

/// As in the scripts: how old the claims that Redis has may be.
const LOADED_MS: i64 = 30_000;

/// Commands for each session.
const COMMANDS: usize = 5;

/// Places of a session that cannot be had.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// None where Redis has nothing fresh.
    pub claimed: Option<u32>,
    pub held: u32,
}

/// Reads the tallies of the sessions with these numbers, in order. `now_ms` tells which holds are
/// over.
///
/// # Errors
/// Redis does not answer.
pub fn read_tallies(numbers: &[u32], now_ms: i64) -> Result<Vec<Tally>, Error> {
    let commands: Vec<_> = numbers.iter().copied().flat_map(tally_commands).collect();
    let replies = redis::pipeline(&commands)?;
    let mut replies = replies.chunks(COMMANDS);
    let tally = |number: &u32| match replies.next() {
        Some([Ok(claimed), Ok(held), Ok(areas), Ok(loaded), Ok(due)]) => {
            // A hold is over and nobody has read the session since: reading the state ends it.
            if first_due(due).is_some_and(|due| due <= now_ms as f64)
                && let Ok(Ok(state)) = read_state(*number, 0).run()
            {
                return Tally::from_state(&state);
            }
            Tally::from_replies(claimed, held, areas, loaded, now_ms)
        }
        _ => Tally::default(),
    };
    Ok(numbers.iter().map(tally).collect())
}

fn tally_commands(number: u32) -> [Command; COMMANDS] {
    let word = |text: &str| text.as_bytes().to_vec();
    let key = |name| session_key(number, name);
    [
        vec![word("BITCOUNT"), key("claimed")],
        vec![word("BITCOUNT"), key("heldbits")],
        vec![word("HGETALL"), key("areas")],
        vec![word("HGET"), key("main"), word("loaded")],
        vec![
            word("ZRANGE"),
            key("due"),
            word("0"),
            word("0"),
            word("WITHSCORES"),
        ],
    ]
}

/// When the first hold is due, in ms.
fn first_due(reply: &Reply) -> Option<f64> {
    let score = reply.items().get(1).and_then(Item::text)?;
    score.parse().ok()
}

impl Tally {
    fn from_replies(
        claimed: &Reply,
        held: &Reply,
        areas: &Reply,
        loaded: &Reply,
        now_ms: i64,
    ) -> Self {
        let seats = |reply: &Reply| reply.int().unwrap_or(0).max(0) as u32;
        let (mut claimed, mut held) = (seats(claimed), seats(held));
        for pair in areas.items().chunks(2) {
            let [field, value] = pair else { continue };
            let value = value
                .text()
                .and_then(|value| value.split(':').next())
                .and_then(|number| number.parse::<u32>().ok());
            match field.text().and_then(|field| field.get(..2)) {
                Some("c:") => claimed += value.unwrap_or(0),
                Some("h:") => held += value.unwrap_or(0),
                _ => {}
            }
        }
        let loaded = loaded
            .bytes()
            .and_then(|text| std::str::from_utf8(text).ok())
            .and_then(|text| text.parse::<i64>().ok());
        Self {
            claimed: loaded
                .filter(|loaded| now_ms - loaded <= LOADED_MS)
                .map(|_| claimed),
            held,
        }
    }

    fn from_state(state: &State) -> Self {
        let ones = |bits: &[u8]| bits.iter().map(|byte| byte.count_ones()).sum::<u32>();
        let Taken {
            claimed,
            held,
            areas,
            ..
        } = &state.taken;
        let areas: u32 = areas.iter().map(|(_, taken)| taken).sum();
        Self {
            claimed: Some(ones(claimed)),
            held: ones(held) + areas,
        }
    }
}
