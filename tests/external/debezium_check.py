"""Debezium's outbox event router beside our own reader, on the same outbox tables: consumers cannot
tell the two apart.

Each follows the write-ahead log with slots of its own and publishes to topics of its own. Compared
are topic, partition, key, value, the contract's headers and the timestamp of every message, and the
order of the messages of each key.
"""

import json
import sys
import urllib.request
import uuid

import psycopg
from api import Api
from debezium_messages import PARTITIONS, compare, create_topics, ends, read
from debezium_rows import DEBEZIUM_LOSES, SAME_BYTES, SAME_JSON, text
from environment import CHECKOUT, Environment, free_port, say, setting, wait_until
from gateway import form

DATABASES = ["identity_db", "event_db", "booking_db", "payment_db"]
# The services' own aggregates, and two of this check.
AGGREGATES = ["user", "event", "booking", "payment", "parcel", "batch"]
OURS, DEBEZIUMS = "outbox.event.", "check.event."
CONTEXT = "traceparent=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def fill(template, **values):
    content = (CHECKOUT / "tests/external" / template).read_text()
    for name, value in values.items():
        content = content.replace(f"@{name}@", str(value))
    return content


def start_debezium(environment, state, plugins):
    """Kafka Connect with a connector per database; the function returned says what has become of
    them.
    """
    say("starting Kafka Connect with Debezium")
    port, home = free_port(), environment.home
    worker = fill(
        "debezium-worker.properties", KAFKA=state["kafka"], HOME=home, PORT=port, PLUGINS=plugins
    )
    (home / "worker.properties").write_text(worker)
    for database in DATABASES:
        postgres_port = state["postgres"][database].rsplit(":", 1)[1].split("/")[0]
        (home / f"{database}.properties").write_text(
            fill("debezium.properties", DATABASE=database, POSTGRES_PORT=postgres_port)
        )

    def run():
        """Whether all run; a failed one ends the check."""
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{port}/connectors?expand=status", timeout=5
            ) as response:
                connectors = json.load(response)
        except OSError:
            return False
        states = [
            part["state"]
            for each in connectors.values()
            for part in [each["status"]["connector"], *each["status"]["tasks"]]
        ]
        if "FAILED" in states:
            raise SystemExit(f"a connector has failed: {json.dumps(connectors)}")
        return states == ["RUNNING"] * 2 * len(DATABASES)

    java = [
        "java",
        "-Xmx512m",
        "-XX:+UseSerialGC",
        "-Dlog4j2.level=WARN",
        "org.apache.kafka.connect.cli.ConnectStandalone",
    ]
    # The star reaches Java unexpanded: in the environment no shell sees it.
    classes = {"CLASSPATH": f"{setting('EVENTHUB_KAFKA_LIBS')}/*"}
    environment.start(
        "connect",
        [*java, "worker.properties", *(f"{each}.properties" for each in DATABASES)],
        run,
        classes,
        folder=home,
    )
    return run


def insert(connection, key, kind, payload, context=None, aggregate="parcel"):
    """One outbox row, in a transaction of its own unless there is one; its id."""
    id = str(uuid.uuid4())
    connection.execute(
        "INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, tracingspancontext) "
        "VALUES (%s, %s, %s, %s, %s::jsonb, %s)",
        (id, aggregate, key, kind, payload, context),
    )
    return id


def write_rows(connection):
    """Every shape of row, alone and together, and what must not be published at all. What Debezium
    loses, by id.
    """
    for number, payload in enumerate(SAME_BYTES):
        insert(
            connection,
            f"key {number % 5} ü€",
            "SameBytes",
            text(payload),
            CONTEXT if number % 2 else None,
        )
    for payload in SAME_JSON:
        insert(connection, "key", "SameJson", text(payload))
    losses = {
        insert(connection, "key", "Lost", text(payload)): lost for payload, lost in DEBEZIUM_LOSES
    }
    with connection.transaction():
        for number in range(100):
            insert(
                connection,
                f"k{number % 3}",
                "Together",
                json.dumps({"n": number, "none": None}),
                aggregate="batch",
            )
    with connection.transaction(force_rollback=True):
        insert(connection, "k1", "RolledBack", "{}", aggregate="batch")
    # Only what is inserted is an event; cleaning the table up is not.
    connection.execute("UPDATE outbox SET type = 'Changed' WHERE aggregateid = 'k1'")
    connection.execute("DELETE FROM outbox WHERE aggregateid = 'k2'")
    for number in range(20):
        insert(connection, f"last {number}", "Last", '{"last": true}', CONTEXT, aggregate="batch")
    return losses


def live_the_services(state):
    """A booking of seats and one of places without, paid, and given back with their event: rows as
    the services write them.
    """
    url, stripe = state["http"].replace("localhost", "127.0.0.1"), state["stripe"]
    organizer, buyer = Api(url).sign_up("Otto Organizer"), Api(url).sign_up("Bea Ünicode")
    event = organizer.sell()
    places = {"areas": [{"area": "floor", "quantity": 2}]}
    holds = [
        buyer.hold(event, "A-1-1", "A-1-2"),
        buyer.post(f"sessions/{event['sessions'][0]['id']}/holds", places, expect=201),
    ]
    bookings = [buyer.book(hold) for hold in holds]
    for booking in bookings:
        intent = booking["payment"]["client_secret"].split("_secret")[0]
        for card in ("pm_card_visa_chargeDeclined", "pm_card_visa"):
            form(
                f"/v1/payment_intents/{intent}/confirm", stripe["secret_key"], payment_method=card
            ).send(stripe["url"])
        buyer.booking_in(booking["id"], "confirmed")
    organizer.post(f"events/{event['id']}/cancel", {"reason": "The singer is ill."})
    for booking in bookings:
        buyer.booking_in(booking["id"], "refunded")


def rows(state):
    """Aggregate → rows in the outbox tables."""
    counts = dict.fromkeys(AGGREGATES, 0)
    for database in DATABASES:
        with psycopg.connect(state["postgres"][database]) as connection:
            for aggregate, count in connection.execute(
                "SELECT aggregatetype, count(*) FROM outbox GROUP BY 1"
            ):
                counts[aggregate] += count
    return counts


def main(plugins):
    with Environment() as environment:
        state = environment.up()
        kafka = state["kafka"]
        create_topics(
            kafka, [side + aggregate for aggregate in AGGREGATES for side in (OURS, DEBEZIUMS)]
        )
        create_topics(kafka, [f"__debezium-heartbeat.{database}" for database in DATABASES])
        debezium_runs = start_debezium(environment, state, plugins)
        with psycopg.connect(state["postgres"]["booking_db"], autocommit=True) as connection:
            slots = (
                "SELECT count(*) FROM pg_replication_slots "
                "WHERE slot_name LIKE 'debezium_%%' AND active"
            )
            wait_until(
                "Debezium follows the logs",
                lambda: connection.execute(slots, ()).fetchone()[0] == len(DATABASES),
            )
            before, starts = (
                rows(state),
                {aggregate: ends(kafka, OURS + aggregate) for aggregate in AGGREGATES},
            )
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
            debeziums = read(
                kafka, DEBEZIUMS + aggregate, dict.fromkeys(range(PARTITIONS), 0), count
            )
            debezium_runs()
            if len(ours) != count or not count:
                differences.append(
                    f"{aggregate}: {count} rows were inserted, and ours has {len(ours)} messages"
                )
            differences += compare(aggregate, ours, debeziums, losses)
    if differences:
        raise SystemExit("\n".join(differences))
    print(f"Debezium and our reader published the same {sum(counts.values())} messages: {counts}")


main(*sys.argv[1:])
