//! The rotation of a refresh token, whose outcome must be known.

use std::time::Duration;

use eventhub_guest::{Timestamp, sql};

use crate::domain::refresh::{NewToken, RefreshToken};
use crate::error::Error;
use crate::store::refresh;

/// The pauses before a rotation is tried again: 3 s in all, in which a database restarts. The whole
/// request has ten.
const RETRY_PAUSES_MS: [u64; 5] = [100, 200, 400, 800, 1_500];

/// Uses `old` up and stores `new` in its family; false where somebody else was quicker, with the
/// token or with a revocation.
///
/// # Errors
/// [`Error::Database`] where the outcome is not known after three seconds.
pub fn rotate_until_known(
    old: &RefreshToken,
    new: &NewToken,
    now: Timestamp,
) -> Result<bool, Error> {
    resolve_rotation(
        || refresh::rotate_token(old, new, now),
        || refresh::is_stored(new),
        std::thread::sleep,
    )
}

/// Where the connection broke, the rotation may have taken effect or not. A client that tries again
/// after it took effect would use its token a second time and lose its log-in. So the same rotation
/// is tried again until its outcome is known: one that took effect conflicts with itself, and its
/// new token is stored.
fn resolve_rotation(
    rotate: impl Fn() -> Result<(), sql::Error>,
    is_stored: impl Fn() -> Result<bool, sql::Error>,
    pause: impl Fn(Duration),
) -> Result<bool, Error> {
    let mut rotated = rotate();
    for pause_ms in RETRY_PAUSES_MS {
        if !matches!(rotated, Err(sql::Error::Unavailable(_))) {
            break;
        }
        pause(Duration::from_millis(pause_ms));
        rotated = match rotate() {
            Err(error) if error.is_conflict() => match is_stored() {
                Ok(stored) => return Ok(stored),
                Err(error) => Err(error),
            },
            other => other,
        };
    }
    match rotated {
        Ok(()) => Ok(true),
        Err(error) if error.is_conflict() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const CONFLICT: sql::Error = sql::Error::Conflict {
        statement: 0,
        affected: 0,
    };

    fn connection_lost() -> sql::Error {
        sql::Error::Unavailable("the connection was closed".into())
    }

    /// A database with one token; it does not answer some of the calls, counted from 0.
    struct Outage {
        away: Vec<u32>,
        /// Whether call 0 takes effect although it is not answered.
        done: bool,
        call: Cell<u32>,
        /// Whose rotation has used the token up.
        used_by: Cell<Option<&'static str>>,
        waited: Cell<Duration>,
    }

    const OURS: Option<&str> = Some("ours");

    impl Outage {
        fn new(
            away: impl IntoIterator<Item = u32>,
            done: bool,
            used_by: Option<&'static str>,
        ) -> Self {
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
            Err(connection_lost())
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
            resolve_rotation(
                || self.call(rotate),
                || self.call(|| Ok(self.used_by.get() == OURS)),
                pause,
            )
        }
    }

    #[test]
    fn a_log_in_survives_a_database_restart_during_rotation() {
        for done in [false, true] {
            for calls in 0..=RETRY_PAUSES_MS.len() as u32 {
                let database = Outage::new(0..calls, done, None);
                assert!(matches!(database.rotate(), Ok(true)), "{calls} {done}");
                assert_eq!(database.used_by.get(), OURS);
            }
        }
        // The rotation meets its own effect, and the question whose it is fails.
        for away in [vec![0, 2], vec![0, 2, 3], vec![0, 1, 3, 5]] {
            assert!(
                matches!(Outage::new(away.clone(), true, None).rotate(), Ok(true)),
                "{away:?}"
            );
        }
    }

    #[test]
    fn a_token_that_another_used_is_never_rotated() {
        for calls in 0..=RETRY_PAUSES_MS.len() as u32 {
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
    fn a_rotation_of_unknown_outcome_fails_within_three_seconds() {
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
    fn only_a_lost_connection_is_tried_again() {
        let is_stored = || panic!("the outcome is known");
        let pause = |_| panic!("there is nothing to wait for");
        assert!(matches!(
            resolve_rotation(|| Ok(()), is_stored, pause),
            Ok(true)
        ));
        assert!(matches!(
            resolve_rotation(|| Err(CONFLICT), is_stored, pause),
            Ok(false)
        ));
        assert!(matches!(
            resolve_rotation(
                || Err(sql::Error::Serialization("40001".into())),
                is_stored,
                pause
            ),
            Err(Error::Database(_))
        ));
    }
}
