//! The facts that services publish through their outbox: one type each, shared by producer and
//! consumer. A consumer ignores members that it does not know, so a member may be added; to rename
//! or remove one is a new fact.
//!
//! Each file of `aggregates/` has the facts about one kind of thing; the build finds the files.
//! `docs/facts/` is generated from them.
//!
//! A fact says where to look, not what to believe: a consumer that gives something away for it (a
//! ticket, money) reads the owner's row first.

use eventhub_guest::outbox::Fact;

/// What the documentation says of a fact.
pub struct Description {
    pub name: &'static str,
    pub aggregate: &'static str,
    pub doc: &'static str,
}

/// Declares the facts of an aggregate: when each happens, and the member that is its key.
macro_rules! facts {
    ($aggregate:literal; $(#[doc = $doc:literal] $name:ident keyed by $($key:ident).+;)*) => {
        $(impl crate::Fact for $name {
            const NAME: &'static str = stringify!($name);
            const AGGREGATE: &'static str = $aggregate;

            fn key(&self) -> String {
                self.$($key).+.to_string()
            }
        })*

        /// The facts of this aggregate.
        pub(crate) const FACTS: &[crate::Description] = &[$(crate::Description {
            name: stringify!($name),
            aggregate: $aggregate,
            doc: $doc,
        }),*];

        /// One example of each fact and its round trip, for the tests.
        #[cfg(test)]
        pub(crate) fn round_trips() -> Vec<crate::tests::RoundTrip> {
            vec![$(crate::tests::round_trip::<$name>()),*]
        }
    };
}

/// An example of a fact with every member, for the tests and the documentation.
macro_rules! example {
    ($name:ident $($members:tt)*) => {
        #[cfg(test)]
        impl crate::tests::Example for $name {
            fn example() -> Result<Self, Box<dyn std::error::Error>> {
                Ok($name $($members)*)
            }
        }
    };
}

/// Facts that have the same members. The braces hold the example's.
macro_rules! same_members {
    ($details:ident $example:tt: $($name:ident)*) => {
        $(
            #[doc = concat!("See [`", stringify!($details), "`] for its members.")]
            #[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
            #[serde(transparent)]
            pub struct $name {
                pub details: $details,
            }

            impl From<$details> for $name {
                fn from(details: $details) -> Self {
                    Self { details }
                }
            }

            example!($name { details: $details $example });
        )*
    };
}

include!(concat!(env!("OUT_DIR"), "/aggregates.rs"));

#[cfg(test)]
mod tests;
