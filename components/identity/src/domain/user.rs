//! Accounts.

use eventhub_guest::Timestamp;
use eventhub_guest::ids::UserId;
use serde::Serialize;

/// An account as its owner sees it: `user` of the API.
#[derive(Debug, Clone, Serialize)]
pub struct User {
    pub id: UserId,
    pub email: String,
    pub name: String,
    pub locale: String,
    pub time_zone: String,
    pub roles: Vec<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    #[serde(skip)]
    pub version: i64,
}

/// A change of an account; a member that is none stays as it is.
#[derive(Debug, Default)]
pub struct ProfileChange {
    pub name: Option<String>,
    pub locale: Option<String>,
    pub time_zone: Option<String>,
}
