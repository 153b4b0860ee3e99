use std::error::Error;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::*;

/// A fact with every member.
pub trait Example: Sized {
    fn example() -> Result<Self, Box<dyn Error>>;
}

/// A fact as its consumers read it, and as it reads after a consumer has parsed it.
pub struct RoundTrip {
    name: &'static str,
    sent: Value,
    read_back: Value,
}

/// The example with a member that nobody knows, read and written again.
pub fn round_trip<F: Fact + Example>() -> RoundTrip {
    let sent = serde_json::to_value(F::example().unwrap()).unwrap();
    let mut extended = sent.clone();
    extended["a_new_member"] = json!(1);
    let read: F = serde_json::from_value(extended).unwrap();
    RoundTrip {
        name: F::NAME,
        sent,
        read_back: serde_json::to_value(&read).unwrap(),
    }
}

#[test]
fn every_fact_reads_back_as_itself() {
    for RoundTrip {
        name,
        sent,
        read_back,
    } in round_trips()
    {
        assert_eq!(read_back, sent, "{name}");
    }
}

#[test]
fn a_payload_fits_a_kafka_connect_schema() {
    for RoundTrip { name, sent, .. } in round_trips() {
        for (member, value) in sent.as_object().unwrap() {
            assert!(!value.is_null(), "{name}.{member} is null");
            assert_ne!(value, &json!([]), "{name}.{member} is an empty list");
        }
    }
}

#[test]
fn members_that_are_null_may_be_missing() {
    let mut value = serde_json::to_value(PaymentSucceeded::example().unwrap()).unwrap();
    value.as_object_mut().unwrap().remove("reason");
    let read: PaymentSucceeded = serde_json::from_value(value).unwrap();
    assert_eq!(read.details.reason, None);
}

/// The page of one aggregate, as it should be.
fn page(facts: &[Description], trips: &[RoundTrip]) -> String {
    let aggregate = facts[0].aggregate;
    let mut page = format!(
        "# Facts: {aggregate}\n\n\
         Topic `outbox.event.{aggregate}`. Generated from `crates/facts/src/aggregates/{aggregate}.rs` by\n\
         `UPDATE_DOCS=1 cargo test --release -p eventhub-facts`; [operations](../operations.md) describes\n\
         the message.\n\n| fact | when | members |\n|---|---|---|\n"
    );
    for fact in facts {
        let trip = trips.iter().find(|trip| trip.name == fact.name).unwrap();
        let members = trip.sent.as_object().unwrap().keys();
        let members: Vec<_> = members.map(|member| format!("`{member}`")).collect();
        let (name, doc) = (fact.name, fact.doc.trim());
        page += &format!("| `{name}` | {doc} | {} |\n", members.join(" "));
    }
    page
}

#[test]
fn the_pages_of_facts_are_up_to_date() {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/facts"));
    let trips = round_trips();
    for facts in ALL {
        let file = folder.join(format!("{}.md", facts[0].aggregate));
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&file, page(facts, &trips)).unwrap();
        }
        let written = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(
            written,
            page(facts, &trips),
            "run it again with UPDATE_DOCS=1"
        );
    }
}
