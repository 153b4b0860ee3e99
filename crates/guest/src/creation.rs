//! A request with an Idempotency-Key creates its resource once: the key is stored in the
//! transaction of the creation, so that a repeated request finds the resource even when the gateway
//! has no record of the key. Ids are always new, since lists are sorted by them. For databases with
//! the table `creation_keys`.

use sha2::{Digest, Sha256};

use crate::ids::{Id, Kind, UserId};
use crate::problem::Problem;
use crate::sql::{Database, Error, Statement, sql};
use crate::{Request, http};

/// A key, its owner, and the request sent with it.
pub struct Key {
    user: UserId,
    text: String,
    request: Vec<u8>,
}

/// The outcome of a creation.
#[derive(Debug, PartialEq)]
pub enum Creation<K: Kind> {
    New,
    /// The same request has created this before.
    Existing(Id<K>),
    /// Another request has used this key.
    KeyReused,
}

impl Key {
    /// The key of a request, if it has one. The gateway has checked its form.
    pub fn of(request: &Request, user: UserId) -> Option<Self> {
        let text = http::header(request, "idempotency-key")?.to_string();
        let parts = [request.path.as_bytes(), &[0], &request.body];
        let hash = parts
            .into_iter()
            .fold(Sha256::new(), |hash, part| hash.chain_update(part))
            .finalize();
        Some(Self {
            user,
            text,
            request: hash.to_vec(),
        })
    }

    /// Inserts the key; `creation_keys_pkey` refuses a used key.
    pub fn insert<K: Kind>(&self, id: Id<K>) -> Statement {
        sql("INSERT INTO creation_keys (user_id, key, request, created_id) VALUES ($1, $2, $3, $4)")
            .bind(self.user)
            .bind(self.text.as_str())
            .bind(self.request.clone())
            .bind(id)
            .expect(1)
    }

    /// Selects the creation of the key: `request`, `created_id`.
    pub fn select(&self) -> Statement {
        sql("SELECT request, created_id FROM creation_keys WHERE user_id = $1 AND key = $2")
            .bind(self.user)
            .bind(self.text.as_str())
    }

    fn compare<K: Kind>(&self, request: &[u8], made: Id<K>) -> Creation<K> {
        if request == self.request {
            Creation::Existing(made)
        } else {
            Creation::KeyReused
        }
    }
}

/// Runs the statements that create `id`, once per key.
pub fn create<K: Kind>(
    database: Database,
    key: Option<&Key>,
    id: Id<K>,
    statements: Vec<Statement>,
) -> Result<Creation<K>, Error> {
    let Some(key) = key else {
        return database.transaction(&statements).map(|_| Creation::New);
    };
    let statements: Vec<_> = std::iter::once(key.insert(id)).chain(statements).collect();
    match database.transaction(&statements) {
        Ok(_) => Ok(Creation::New),
        Err(error) if error.violates("creation_keys_pkey") => {
            let row = database.one(key.select())?;
            Ok(key.compare(&row.get::<Vec<u8>>("request")?, row.get("created_id")?))
        }
        Err(error) => Err(error),
    }
}

impl<K: Kind> Creation<K> {
    /// The id created before, for the answer; none if the creation is new.
    ///
    /// # Errors
    /// 422 if another request has used the key.
    pub fn existing(self) -> Result<Option<Id<K>>, Problem> {
        match self {
            Creation::New => Ok(None),
            Creation::Existing(id) => Ok(Some(id)),
            Creation::KeyReused => Err(Problem::key_reused()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Layout, Venue, VenueId};
    use crate::problem::Code;

    fn key(path: &str, body: &str) -> Key {
        let request = Request {
            headers: vec![("idempotency-key".into(), "k".into())],
            body: body.into(),
            ..http::request("POST", path)
        };
        Key::of(&request, UserId::from_u128(1)).unwrap()
    }

    #[test]
    fn a_key_of_another_request_is_refused() {
        let first = key("/venues", "{}");
        assert_eq!(
            key("/venues", "{}").compare(&first.request, VenueId::from_u128(7)),
            Creation::Existing(VenueId::from_u128(7))
        );
        for (path, body) in [("/venues", "{ }"), ("/layouts", "{}"), ("/venues{", "}")] {
            assert_eq!(
                key(path, body).compare::<Venue>(&first.request, VenueId::from_u128(7)),
                Creation::KeyReused,
                "{path} {body}"
            );
        }
        assert_eq!(
            Creation::<Layout>::KeyReused.existing().unwrap_err().code,
            Code::IdempotencyKeyReused
        );
    }
}
