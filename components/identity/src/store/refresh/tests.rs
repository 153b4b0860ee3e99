//! What a rotation came to; and statements on the schema as the migrations make it, in a real
//! PostgreSQL.

use std::cell::Cell;

use eventhub_guest::testing::prepared;
use eventhub_testing::Postgres;

use super::*;

const CONFLICT: sql::Error = sql::Error::Conflict {
    statement: 0,
    affected: 0,
};

fn lost() -> sql::Error {
    sql::Error::Unavailable("the connection was closed".into())
}

/// A database with one token, that is away at some of its calls, counted from 0.
struct Outage {
    away: Vec<u32>,
    /// Whether call 0 takes effect, though it is not answered.
    done: bool,
    call: Cell<u32>,
    /// Which rotation has used the token up.
    used_by: Cell<Option<&'static str>>,
    waited: Cell<Duration>,
}

const OURS: Option<&str> = Some("ours");

impl Outage {
    fn new(away: impl IntoIterator<Item = u32>, done: bool, used_by: Option<&'static str>) -> Self {
        Self {
            away: away.into_iter().collect(),
            done,
            call: Cell::new(0),
            used_by: Cell::new(used_by),
            waited: Cell::default(),
        }
    }

    fn call<T>(&self, work: impl FnOnce() -> Result<T, sql::Error>) -> Result<T, sql::Error> {
        let call = self.call.replace(self.call.get() + 1);
        if !self.away.contains(&call) {
            return work();
        }
        if self.done && call == 0 {
            let _ = work();
        }
        Err(lost())
    }

    fn rotate(&self) -> Result<bool, Error> {
        let rotate = || match self.used_by.get() {
            None => {
                self.used_by.set(OURS);
                Ok(())
            }
            Some(_) => Err(CONFLICT),
        };
        let pause = |time| self.waited.set(self.waited.get() + time);
        settled(
            || self.call(rotate),
            || self.call(|| Ok(self.used_by.get() == OURS)),
            pause,
        )
    }
}

#[test]
fn a_client_keeps_its_log_in_when_the_database_restarts_in_its_rotation() {
    for done in [false, true] {
        for calls in 0..=PAUSES_MS.len() as u32 {
            let database = Outage::new(0..calls, done, None);
            assert!(matches!(database.rotate(), Ok(true)), "{calls} {done}");
            assert_eq!(database.used_by.get(), OURS);
        }
    }
    // It has met itself, and asks in vain whether it was it.
    for away in [vec![0, 2], vec![0, 2, 3], vec![0, 1, 3, 5]] {
        assert!(
            matches!(Outage::new(away.clone(), true, None).rotate(), Ok(true)),
            "{away:?}"
        );
    }
}

#[test]
fn a_token_that_another_has_used_is_never_taken_for_rotated() {
    for calls in 0..=PAUSES_MS.len() as u32 {
        assert!(
            matches!(
                Outage::new(0..calls, false, Some("another's")).rotate(),
                Ok(false)
            ),
            "{calls}"
        );
    }
}

#[test]
fn a_rotation_of_which_nothing_can_be_known_is_no_success_and_ends_within_the_time_of_the_request()
{
    for done in [false, true] {
        let database = Outage::new(0..100, done, None);
        assert!(matches!(
            database.rotate(),
            Err(Error::Database(sql::Error::Unavailable(_)))
        ));
        assert_eq!(database.waited.get(), Duration::from_secs(3));
    }
}

#[test]
fn only_a_lost_connection_leaves_a_rotation_in_doubt() {
    let is_stored = || panic!("it is known what became of it");
    let pause = |_| panic!("there is nothing to wait for");
    assert!(matches!(settled(|| Ok(()), is_stored, pause), Ok(true)));
    assert!(matches!(
        settled(|| Err(CONFLICT), is_stored, pause),
        Ok(false)
    ));
    assert!(matches!(
        settled(
            || Err(sql::Error::Serialization("40001".into())),
            is_stored,
            pause
        ),
        Err(Error::Database(_))
    ));
}

#[test]
fn tokens_go_once_they_have_expired_and_a_used_one_is_known_until_then() {
    let now = Timestamp::from_micros(1_800_000_000_000_000);
    let token = |hash: u8| NewToken {
        family: Family::new(),
        hash: vec![hash; 32],
        expires_at: now,
    };
    let postgres = Postgres::migrated("identity_db").unwrap();
    let run = |text: &str| {
        postgres
            .psql("identity_db", text)
            .unwrap()
            .trim()
            .to_string()
    };
    for text in [
        "INSERT INTO users (id, email, email_key, name, password_hash) VALUES (gen_random_uuid(), 'a@b.c', 'a@b.c', 'A', '')",
        // One family, living, of which far more tokens have expired than one statement deletes.
        "INSERT INTO refresh_families SELECT gen_random_uuid(), id, to_timestamp(1800000060) FROM users",
        "INSERT INTO refresh_tokens SELECT sha256(n::text::bytea), id, to_timestamp(1799999999), to_timestamp(1790000000) \
         FROM refresh_families, generate_series(1, 1500) n",
        "INSERT INTO refresh_tokens SELECT decode(repeat('01', 32), 'hex'), id, to_timestamp(1800000000), to_timestamp(1799999999) FROM refresh_families",
        "INSERT INTO refresh_tokens SELECT decode(repeat('02', 32), 'hex'), id, to_timestamp(1800000060), NULL FROM refresh_families",
    ] {
        run(text);
    }
    for left in ["502", "2"] {
        run(&prepared(&expired_tokens(now)));
        assert_eq!(run("SELECT count(*) FROM refresh_tokens"), left);
    }
    let found = [1, 2, 3].map(|hash| run(&prepared(&by_hash(&token(hash)))));
    assert_eq!(found, ["1", "1", ""]);
}
