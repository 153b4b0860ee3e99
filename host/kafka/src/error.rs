//! The errors of the Kafka capability.

use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

use crate::PublishError;

/// Why a call of the client, the administration or a consumer failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operator's fault: an invalid setting.
    #[error("Kafka is configured wrongly: {0}")]
    Config(String),
    /// Kafka's fault, or the network's: try again later.
    #[error("Kafka is unavailable: {0}")]
    Unavailable(String),
    /// The caller's fault: an invalid topic name.
    #[error("Kafka refuses: {0}")]
    Refused(String),
}

impl From<KafkaError> for Error {
    fn from(error: KafkaError) -> Self {
        match error {
            KafkaError::ClientConfig(..) | KafkaError::ClientCreation(_) => {
                Self::Config(error.to_string())
            }
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

/// Why a message is not in Kafka.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undelivered {
    /// The message's fault: it is too large, malformed, or for an invalid topic name. Kafka will
    /// never accept it.
    #[error("{0}")]
    Message(String),
    /// The topic's fault: it does not exist, or it is not writable. The operator of Kafka can
    /// change that.
    #[error("{0}")]
    Topic(String),
    /// Kafka's fault: the in-sync replicas did not all acknowledge in time.
    #[error("{0}")]
    Unavailable(String),
}

impl Undelivered {
    pub(crate) fn of(topic: &str, error: &KafkaError) -> Self {
        use RDKafkaErrorCode as Code;
        match error {
            KafkaError::MessageProduction(code) => match code {
                Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => {
                    Self::Topic(format!("no topic `{topic}`"))
                }
                Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed => {
                    Self::Topic(format!("{topic}: {error}"))
                }
                Code::MessageSizeTooLarge | Code::InvalidMessageSize => {
                    Self::Message(format!("a message for `{topic}` is too large"))
                }
                Code::InvalidMessage
                | Code::InvalidTopic
                | Code::InvalidRecord
                | Code::InvalidArgument
                | Code::PolicyViolation => Self::Message(format!("{topic}: {error}")),
                _ => Self::Unavailable(format!("{topic}: {error}")),
            },
            KafkaError::Nul(_) => Self::Message("a topic's name has a NUL in it".into()),
            _ => Self::Unavailable(format!("{topic}: {error}")),
        }
    }

    /// Whether a retry is pointless, whatever is done to Kafka.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Message(_))
    }
}

/// To a component, a topic's fault is as final as its message's.
impl From<Undelivered> for PublishError {
    fn from(error: Undelivered) -> Self {
        match error {
            Undelivered::Message(why) | Undelivered::Topic(why) => Self::Invalid(why),
            Undelivered::Unavailable(why) => Self::Unavailable(why),
        }
    }
}
