//! What can go wrong with Kafka outside of a component's call.

use rdkafka::{error::KafkaError, types::RDKafkaErrorCode};

use crate::PublishError;

/// Why the client, the administration or a consumer could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operator's fault: a key of the configuration that cannot be.
    #[error("Kafka is configured wrongly: {0}")]
    Config(String),
    /// Kafka's fault, or the network's: try again later.
    #[error("Kafka is unavailable: {0}")]
    Unavailable(String),
    /// The caller's fault: Kafka understood and refuses.
    #[error("Kafka refuses: {0}")]
    Refused(String),
}

impl From<KafkaError> for Error {
    fn from(error: KafkaError) -> Self {
        match error {
            KafkaError::ClientConfig(..) | KafkaError::ClientCreation(_) => Self::Config(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

/// The failure of one message, as the component hears of it.
pub(crate) fn publish_error(topic: &str, error: &KafkaError) -> PublishError {
    use RDKafkaErrorCode as Code;
    match error {
        KafkaError::MessageProduction(code) => match code {
            Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => PublishError::Invalid(format!("no topic `{topic}`")),
            Code::MessageSizeTooLarge | Code::InvalidMessageSize => PublishError::Invalid(format!("a message for `{topic}` is too large")),
            Code::InvalidMessage
            | Code::InvalidTopic
            | Code::InvalidRecord
            | Code::InvalidArgument
            | Code::PolicyViolation
            | Code::TopicAuthorizationFailed => PublishError::Invalid(format!("{topic}: {error}")),
            _ => PublishError::Unavailable(format!("{topic}: {error}")),
        },
        KafkaError::Nul(_) => PublishError::Invalid("a topic's name has a NUL in it".into()),
        _ => PublishError::Unavailable(format!("{topic}: {error}")),
    }
}
