//! Facts about __service__. Published by the service of that name.

use eventhub_guest::Id;
use eventhub_guest::ids::{Kind, UserId};
use serde::{Deserialize, Serialize};

/// A __resource__.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct __Resource__;

impl Kind for __Resource__ {
    const PREFIX: &'static str = "__prefix___";
}

/// Id of a __resource__.
pub type __Resource__Id = Id<__Resource__>;

/// Somebody wrote a __resource__.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct __Resource__Created {
    pub __resource___id: __Resource__Id,
    pub user_id: UserId,
}

facts! {
    "__resource__";
    /// Somebody wrote a __resource__.
    __Resource__Created keyed by __resource___id;
}

example!(__Resource__Created {
    __resource___id: __Resource__Id::from_u128(1),
    user_id: UserId::from_u128(2),
});
