"""Debezium's outbox event router beside our own reader, on the same outbox tables: consumers cannot tell the two apart.

Each follows the write-ahead log with slots of its own and publishes to topics of its own. Compared are topic, partition, key,
value, the contract's headers and the timestamp of every message, and the order of the messages of each key.
"""

import json
import sys
import time
import urllib.request
import uuid

import psycopg
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from api import Api
from debezium_rows import DEBEZIUM_LOSES, SAME_BYTES, SAME_JSON, text
from environment import CHECKOUT, Environment, free_port, say, setting, wait_until
from gateway import form

DATABASES = ["identity_db", "event_db", "booking_db", "payment_db"]
# The services' own aggregates, and two of this check.
AGGREGATES = ["user", "event", "booking", "payment", "parcel", "batch"]
OURS, DEBEZIUMS = "outbox.event.", "check.event."
# Both sides have as many as `[kafka] partitions` says.
PARTITIONS = 12
HEADERS = ("id", "eventType", "tracingspancontext")
CONTEXT = "traceparent=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def client(kafka, **more):
    return {"bootstrap.servers": kafka, "log_level": 0, **more}


def create_topics(kafka, names):
    """The broker makes none by itself, and Debezium asks for none."""
    admin = AdminClient(client(kafka))
    missing = [name for name in names if name not in admin.list_topics(timeout=10).topics]
    for done in admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in missing]).values() if missing else ():
        done.result()


def fill(template, **values):
    content = (CHECKOUT / "tests/external" / template).read_text()
    for name, value in values.items():
        content = content.replace(f"@{name}@", str(value))
    return content


def start_debezium(environment, state, plugins):
    """Kafka Connect with a connector per database; the function returned says what has become of them."""
    say("starting Kafka Connect with Debezium")
    port, home = free_port(), environment.home
    worker = fill("debezium-worker.properties", KAFKA=state["kafka"], HOME=home, PORT=port, PLUGINS=plugins)
    (home / "worker.properties").write_text(worker)
    for database in DATABASES:
        postgres_port = state["postgres"][database].rsplit(":", 1)[1].split("/")[0]
        (home / f"{database}.properties").write_text(fill("debezium.properties", DATABASE=database, POSTGRES_PORT=postgres_port))

    def run():
        """Whether all run; a failed one ends the check."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/connectors?expand=status", timeout=5) as response:
                connectors = json.load(response)
        except OSError:
            return False
        states = [part["state"] for each in connectors.values() for part in [each["status"]["connector"], *each["status"]["tasks"]]]
        if "FAILED" in states:
            raise SystemExit(f"a connector has failed: {json.dumps(connectors)}")
        return states == ["RUNNING"] * 2 * len(DATABASES)

    java = ["java", "-Xmx512m", "-XX:+UseSerialGC", "-Dlog4j2.level=WARN", "org.apache.kafka.connect.cli.ConnectStandalone"]
    # The star reaches Java unexpanded: in the environment no shell sees it.
    classes = {"CLASSPATH": f"{setting('EVENTHUB_KAFKA_LIBS')}/*"}
    environment.start("connect", [*java, "worker.properties", *(f"{each}.properties" for each in DATABASES)], run, classes, folder=home)
    return run


def insert(connection, key, kind, payload, context=None, aggregate="parcel"):
    """One outbox row, in a transaction of its own unless there is one; its id."""
    id = str(uuid.uuid4())
    connection.execute(
        "INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, tracingspancontext) VALUES (%s, %s, %s, %s, %s::jsonb, %s)",
        (id, aggregate, key, kind, payload, context),
    )
    return id


def write_rows(connection):
    """Every shape of row, alone and together, and what must not be published at all. What Debezium loses, by id."""
    for number, payload in enumerate(SAME_BYTES):
        insert(connection, f"key {number % 5} ü€", "SameBytes", text(payload), CONTEXT if number % 2 else None)
    for payload in SAME_JSON:
        insert(connection, "key", "SameJson", text(payload))
    losses = {insert(connection, "key", "Lost", text(payload)): lost for payload, lost in DEBEZIUM_LOSES}
    with connection.transaction():
        for number in range(100):
            insert(connection, f"k{number % 3}", "Together", json.dumps({"n": number, "none": None}), aggregate="batch")
    with connection.transaction(force_rollback=True):
        insert(connection, "k1", "RolledBack", "{}", aggregate="batch")
    # Only what is inserted is an event; cleaning the table up is not.
    connection.execute("UPDATE outbox SET type = 'Changed' WHERE aggregateid = 'k1'")
    connection.execute("DELETE FROM outbox WHERE aggregateid = 'k2'")
    for number in range(20):
        insert(connection, f"last {number}", "Last", '{"last": true}', CONTEXT, aggregate="batch")
    return losses


def live_the_services(state):
    """A booking of seats and one of places without, paid, and given back with their event: rows as the services write them."""
    url, stripe = state["http"].replace("localhost", "127.0.0.1"), state["stripe"]
    organizer, buyer = Api(url).sign_up("Otto Organizer"), Api(url).sign_up("Bea Ünicode")
    event = organizer.sell()
    places = {"areas": [{"area": "floor", "quantity": 2}]}
    holds = [buyer.hold(event, "A-1-1", "A-1-2"), buyer.post(f"sessions/{event['sessions'][0]['id']}/holds", places, expect=201)]
    bookings = [buyer.book(hold) for hold in holds]
    for booking in bookings:
        intent = booking["payment"]["client_secret"].split("_secret")[0]
        for card in ("pm_card_visa_chargeDeclined", "pm_card_visa"):
            form(f"/v1/payment_intents/{intent}/confirm", stripe["secret_key"], payment_method=card).send(stripe["url"])
        buyer.booking_in(booking["id"], "confirmed")
    organizer.post(f"events/{event['id']}/cancel", {"reason": "The singer is ill."})
    for booking in bookings:
        buyer.booking_in(booking["id"], "refunded")


def ends(kafka, topic):
    """Where each partition of a topic ends now."""
    consumer = Consumer(client(kafka, **{"group.id": "check"}))
    found = {partition: consumer.get_watermark_offsets(TopicPartition(topic, partition), 10)[1] for partition in range(PARTITIONS)}
    consumer.close()
    return found


def read(kafka, topic, starts, count):
    """The messages of a topic from there on: as many as are expected, and what comes within three seconds more."""
    consumer = Consumer(client(kafka, **{"group.id": "check", "enable.auto.commit": False}))
    consumer.assign([TopicPartition(topic, partition, offset) for partition, offset in starts.items()])
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
    """Of the contract. Debezium writes a context that is null as a header without a value: to a consumer no context either way."""
    return {name: value.decode() for name, value in message.headers() or [] if name in HEADERS and value is not None}


def compare(topic, ours, debeziums, losses):
    """How the messages of one topic differ."""
    differences = []
    others = {headers_of(message)["id"]: message for message in debeziums}
    for message in ours:
        headers = headers_of(message)
        what, other = f"{topic} {headers['eventType']} {message.value().decode()}", others.pop(headers["id"], None)
        if other is None:
            differences.append(f"{what}: Debezium does not have it")
            continue
        value, expected = json.loads(other.value()), losses.get(headers["id"], json.loads(message.value()))
        same_bytes = value != json.loads(message.value()) or headers["eventType"] == "SameJson" or other.value() == message.value()
        for part, same in {
            "key": other.key() == message.key(),
            "partition": other.partition() == message.partition(),
            "timestamp": other.timestamp() == message.timestamp(),
            "headers": headers_of(other) == headers,
            "value": value == expected,
            "bytes": same_bytes,
        }.items():
            if not same:
                differences.append(f"{what}: Debezium's {part} is another: {other.key()} {other.value()} {other.headers()} {other.timestamp()}")
    differences += [f"{topic}: only Debezium has {message.value()}" for message in others.values()]

    def order(side):
        keys = {}
        for message in side:
            keys.setdefault(message.key(), []).append(headers_of(message)["id"])
        return keys

    if order(ours) != order(debeziums):
        differences.append(f"{topic}: messages of a key come in another order")
    # What Debezium says of itself is no part of the contract.
    extra = {name for message in debeziums for name, _ in message.headers() if name not in HEADERS and not name.startswith("__debezium.")}
    return differences + [f"{topic}: Debezium has a header {name}" for name in sorted(extra)]


def rows(state):
    """Aggregate → rows in the outbox tables."""
    counts = dict.fromkeys(AGGREGATES, 0)
    for database in DATABASES:
        with psycopg.connect(state["postgres"][database]) as connection:
            for aggregate, count in connection.execute("SELECT aggregatetype, count(*) FROM outbox GROUP BY 1"):
                counts[aggregate] += count
    return counts


def main(plugins):
    with Environment() as environment:
        state = environment.up()
        kafka = state["kafka"]
        create_topics(kafka, [side + aggregate for aggregate in AGGREGATES for side in (OURS, DEBEZIUMS)])
        create_topics(kafka, [f"__debezium-heartbeat.{database}" for database in DATABASES])
        debezium_runs = start_debezium(environment, state, plugins)
        with psycopg.connect(state["postgres"]["booking_db"], autocommit=True) as connection:
            slots = "SELECT count(*) FROM pg_replication_slots WHERE slot_name LIKE 'debezium_%%' AND active"
            wait_until("Debezium follows the logs", lambda: connection.execute(slots, ()).fetchone()[0] == len(DATABASES))
            before, starts = rows(state), {aggregate: ends(kafka, OURS + aggregate) for aggregate in AGGREGATES}
            say("writing outbox rows, and living through two bookings")
            losses = write_rows(connection)
            live_the_services(state)
        counts = {aggregate: count - before[aggregate] for aggregate, count in rows(state).items()}
        # A third of the batch was deleted after it had been an event.
        counts["batch"] += 33
        say("reading what both published")
        differences = []
        for aggregate, count in counts.items():
            ours = read(kafka, OURS + aggregate, starts[aggregate], count)
            debeziums = read(kafka, DEBEZIUMS + aggregate, dict.fromkeys(range(PARTITIONS), 0), count)
            debezium_runs()
            if len(ours) != count or not count:
                differences.append(f"{aggregate}: {count} rows were inserted, and ours has {len(ours)} messages")
            differences += compare(aggregate, ours, debeziums, losses)
    if differences:
        raise SystemExit("\n".join(differences))
    print(f"Debezium and our reader published the same {sum(counts.values())} messages: {counts}")


main(*sys.argv[1:])
