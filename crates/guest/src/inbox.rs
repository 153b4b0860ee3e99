//! Facts that a service consumes: the form of a message, and the table `inbox`, in which a consumer
//! records each handled message in the transaction of its effect.

use crate::bindings::eventhub::kafka::types::Message;
use crate::outbox::{Fact, TOPIC_PREFIX};
use crate::sql::{Statement, sql};

/// A message with a fact, whose payload is not parsed yet.
#[derive(Debug)]
pub struct Envelope<'a> {
    /// The fact's id, the same in every publication.
    pub id: u128,
    name: &'a str,
    aggregate: &'a str,
    payload: &'a [u8],
}

/// Why a message can never be read: it goes to the dead letters.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    #[error("the header id is missing or is not a UUID")]
    Id,
    #[error("the header eventType is missing")]
    Name,
    #[error("topic {0} does not carry facts")]
    Topic(String),
    #[error("the payload of {name} cannot be read: {cause}")]
    Payload { name: &'static str, cause: String },
}

impl<'a> Envelope<'a> {
    /// Reads the headers of a message.
    ///
    /// # Errors
    /// A header is missing, or the topic does not carry facts.
    pub fn open(message: &'a Message) -> Result<Self, Error> {
        let header = |name: &str| {
            let mut headers = message.headers.iter();
            headers
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.as_str())
        };
        let id = header("id").and_then(|text| uuid::Uuid::parse_str(text).ok());
        let topic = &message.topic;
        Ok(Self {
            id: id.ok_or(Error::Id)?.as_u128(),
            name: header("eventType").ok_or(Error::Name)?,
            aggregate: topic
                .strip_prefix(TOPIC_PREFIX)
                .ok_or_else(|| Error::Topic(topic.clone()))?,
            payload: &message.value,
        })
    }

    /// The kind of aggregate: `booking`.
    pub fn aggregate(&self) -> &'a str {
        self.aggregate
    }

    /// The fact, if it is an `F`. Members unknown to `F` are ignored.
    ///
    /// # Errors
    /// It is an `F`, and its payload does not parse as one.
    pub fn fact<F: Fact>(&self) -> Result<Option<F>, Error> {
        if self.name != F::NAME || self.aggregate != F::AGGREGATE {
            return Ok(None);
        }
        serde_json::from_slice(self.payload)
            .map(Some)
            .map_err(|error| Error::Payload {
                name: F::NAME,
                cause: error.to_string(),
            })
    }
}

/// Records that a fact is handled; `inbox_pkey` refuses a fact that is already recorded.
pub fn record_handled(id: u128) -> Statement {
    sql("INSERT INTO inbox (event_id) VALUES ($1)")
        .bind(crate::ids::EventId::from_u128(id))
        .expect(1)
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    struct ThingMade {
        thing: String,
    }

    impl Fact for ThingMade {
        const NAME: &'static str = "ThingMade";
        const AGGREGATE: &'static str = "thing";

        fn key(&self) -> String {
            self.thing.clone()
        }
    }

    fn message(topic: &str, headers: &[(&str, &str)], value: &str) -> Message {
        let headers = headers.iter();
        Message {
            topic: topic.into(),
            key: None,
            headers: headers
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .collect(),
            value: value.into(),
        }
    }

    const ID: (&str, &str) = ("id", "0198c0de-0000-7000-8000-000000000001");
    const KIND: (&str, &str) = ("eventType", "ThingMade");

    #[test]
    fn a_fact_is_read_and_unknown_members_are_ignored() {
        let message = message(
            "outbox.event.thing",
            &[ID, KIND],
            r#"{"thing":"a","new":1}"#,
        );
        let envelope = Envelope::open(&message).unwrap();
        assert_eq!(envelope.id, 0x0198_c0de_0000_7000_8000_0000_0000_0001);
        assert_eq!(envelope.fact(), Ok(Some(ThingMade { thing: "a".into() })));
    }

    #[test]
    fn another_fact_is_none() {
        let other = message(
            "outbox.event.thing",
            &[ID, ("eventType", "ThingLost")],
            "{}",
        );
        assert_eq!(
            Envelope::open(&other).unwrap().fact::<ThingMade>(),
            Ok(None)
        );
        let elsewhere = message("outbox.event.other", &[ID, KIND], "{}");
        assert_eq!(
            Envelope::open(&elsewhere).unwrap().fact::<ThingMade>(),
            Ok(None)
        );
    }

    #[test]
    fn messages_without_headers_or_payload_are_errors() {
        let open = |message: &Message| Envelope::open(message).unwrap_err();
        assert_eq!(
            open(&message("outbox.event.thing", &[KIND], "{}")),
            Error::Id
        );
        assert_eq!(
            open(&message("outbox.event.thing", &[ID], "{}")),
            Error::Name
        );
        assert!(matches!(
            open(&message("things", &[ID, KIND], "{}")),
            Error::Topic(_)
        ));
        let empty = message("outbox.event.thing", &[ID, KIND], "{}");
        let error = Envelope::open(&empty).unwrap().fact::<ThingMade>();
        assert!(matches!(error, Err(Error::Payload { .. })), "{error:?}");
    }
}
