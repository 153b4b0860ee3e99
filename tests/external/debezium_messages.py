"""Messages of Kafka: read from where a topic ended before, and what tells those of Debezium from
ours.
"""

import json
import time

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

# Both sides have as many as `[kafka] partitions` says.
PARTITIONS = 12
HEADERS = ("id", "eventType", "tracingspancontext")


def client(kafka, **more):
    return {"bootstrap.servers": kafka, "log_level": 0, **more}


def create_topics(kafka, names):
    """The broker makes none by itself, and Debezium asks for none."""
    admin = AdminClient(client(kafka))
    missing = [name for name in names if name not in admin.list_topics(timeout=10).topics]
    for done in (
        admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in missing]).values()
        if missing
        else ()
    ):
        done.result()


def ends(kafka, topic):
    """Where each partition of a topic ends now."""
    consumer = Consumer(client(kafka, **{"group.id": "check"}))
    found = {
        partition: consumer.get_watermark_offsets(TopicPartition(topic, partition), 10)[1]
        for partition in range(PARTITIONS)
    }
    consumer.close()
    return found


def read(kafka, topic, starts, count):
    """The messages of a topic from there on: as many as are expected, and what comes within three
    seconds more.
    """
    consumer = Consumer(client(kafka, **{"group.id": "check", "enable.auto.commit": False}))
    consumer.assign(
        [TopicPartition(topic, partition, offset) for partition, offset in starts.items()]
    )
    messages, end = [], time.monotonic() + 60
    while time.monotonic() < end:
        message = consumer.poll(0.5)
        if message is not None and message.error() is None:
            messages.append(message)
            if len(messages) == count:
                end = time.monotonic() + 3
    consumer.close()
    return messages


def headers_of(message):
    """Of the contract. Debezium writes a context that is null as a header without a value: to a
    consumer no context either way.
    """
    return {
        name: value.decode()
        for name, value in message.headers() or []
        if name in HEADERS and value is not None
    }


def compare(topic, ours, debeziums, losses):
    """How the messages of one topic differ."""
    differences = []
    others = {headers_of(message)["id"]: message for message in debeziums}
    for message in ours:
        headers = headers_of(message)
        what, other = (
            f"{topic} {headers['eventType']} {message.value().decode()}",
            others.pop(headers["id"], None),
        )
        if other is None:
            differences.append(f"{what}: Debezium does not have it")
            continue
        value, expected = (
            json.loads(other.value()),
            losses.get(headers["id"], json.loads(message.value())),
        )
        same_bytes = (
            value != json.loads(message.value())
            or headers["eventType"] == "SameJson"
            or other.value() == message.value()
        )
        for part, same in {
            "key": other.key() == message.key(),
            "partition": other.partition() == message.partition(),
            "timestamp": other.timestamp() == message.timestamp(),
            "headers": headers_of(other) == headers,
            "value": value == expected,
            "bytes": same_bytes,
        }.items():
            if not same:
                differences.append(
                    f"{what}: Debezium's {part} is another: {other.key()} {other.value()} "
                    f"{other.headers()} {other.timestamp()}"
                )
    differences += [f"{topic}: only Debezium has {message.value()}" for message in others.values()]

    def order(side):
        keys = {}
        for message in side:
            keys.setdefault(message.key(), []).append(headers_of(message)["id"])
        return keys

    if order(ours) != order(debeziums):
        differences.append(f"{topic}: messages of a key come in another order")
    # What Debezium says of itself is no part of the contract.
    extra = {
        name
        for message in debeziums
        for name, _ in message.headers()
        if name not in HEADERS and not name.startswith("__debezium.")
    }
    return differences + [f"{topic}: Debezium has a header {name}" for name in sorted(extra)]
