//! Facts about people with an account. Published by the identity service.

use eventhub_guest::Timestamp;
use eventhub_guest::ids::UserId;
use serde::{Deserialize, Serialize};

/// Somebody made an account.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct UserSignedUp {
    pub user_id: UserId,
    pub email: String,
    pub name: String,
    pub created_at: Timestamp,
}

facts! {
    "user";
    /// Somebody made an account.
    UserSignedUp keyed by user_id;
}

example!(UserSignedUp {
    user_id: UserId::from_u128(2),
    email: "ada@example.org".into(),
    name: "Ada".into(),
    created_at: Timestamp::from_micros(0),
});
