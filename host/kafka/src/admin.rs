//! Creates topics. The broker does not create topics by itself, so a misspelt name is an error.

use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::types::RDKafkaErrorCode;

use crate::{Client, Error};

impl Client {
    /// Creates the topics that do not exist yet; `partitions` of 0 or less means the configured
    /// number. Existing topics are left as they are, so every node may call this at every start. A
    /// client without the right to create topics needs them to exist.
    ///
    /// # Errors
    /// [`Error::Refused`] when a topic's name is invalid; [`Error::Unavailable`] when the brokers
    /// do not answer, or when a topic is missing and could not be created.
    pub async fn ensure_topics<'a>(
        &self,
        topics: impl IntoIterator<Item = (&'a str, i32)>,
    ) -> Result<(), Error> {
        let config = self.config();
        let replication = config.replication;
        let partitions = |asked: i32| if asked > 0 { asked } else { config.partitions };
        let new: Vec<_> = topics
            .into_iter()
            .map(|(name, asked)| {
                NewTopic::new(
                    name,
                    partitions(asked),
                    TopicReplication::Fixed(replication),
                )
            })
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let admin: AdminClient<DefaultClientContext> = config.base().create()?;
        let options = AdminOptions::new()
            .request_timeout(Some(Duration::from_secs(10)))
            .operation_timeout(Some(Duration::from_secs(10)));
        let mut failure = None;
        for result in admin.create_topics(&new, &options).await? {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((topic, code @ RDKafkaErrorCode::InvalidTopic)) => {
                    return Err(Error::Refused(format!("topic `{topic}`: {code}")));
                }
                Err((topic, code)) => failure = Some(format!("topic `{topic}`: {code}")),
            }
        }
        let names: Vec<_> = new.iter().map(|topic| topic.name).collect();
        match failure {
            // Until every broker knows the topic, a consumer or producer may get "unknown topic".
            None => self.wait_for(&names, Duration::from_secs(10)).await,
            // Brokers check the right to create before they check whether the topic exists.
            Some(why) => self
                .wait_for(&names, Duration::ZERO)
                .await
                .map_err(|_| Error::Unavailable(why)),
        }
    }

    async fn wait_for(&self, topics: &[&str], within: Duration) -> Result<(), Error> {
        let names: Vec<String> = topics.iter().map(|name| (*name).to_owned()).collect();
        let config = self.config().base();
        let known = tokio::task::spawn_blocking(move || {
            let consumer: rdkafka::consumer::BaseConsumer = config.create()?;
            let deadline = std::time::Instant::now() + within;
            loop {
                let metadata = consumer_metadata(&consumer)?;
                let missing = names.iter().find(|name| {
                    !metadata.topics().iter().any(|topic| {
                        topic.name() == name.as_str()
                            && topic.error().is_none()
                            && topic
                                .partitions()
                                .iter()
                                .all(|partition| partition.leader() >= 0)
                    })
                });
                match missing {
                    None => return Ok(()),
                    Some(name) if std::time::Instant::now() > deadline => {
                        return Err(Error::Unavailable(format!(
                            "topic `{name}` has no leader yet"
                        )));
                    }
                    Some(_) => std::thread::sleep(Duration::from_millis(50)),
                }
            }
        });
        known
            .await
            .map_err(|error| Error::Unavailable(error.to_string()))?
    }
}

fn consumer_metadata<C: ClientContext + rdkafka::consumer::ConsumerContext>(
    consumer: &rdkafka::consumer::BaseConsumer<C>,
) -> Result<rdkafka::metadata::Metadata, Error> {
    use rdkafka::consumer::Consumer;
    Ok(consumer.fetch_metadata(None, Duration::from_secs(5))?)
}
