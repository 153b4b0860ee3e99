"""Payloads that are hard to publish in the same way twice, and what is known to come out
differently.

Debezium does not copy a payload: it makes a Kafka Connect schema of it and writes that.
`crates/guest/src/outbox.rs` says what services keep to, so that nothing is lost on that way.
"""

import json

# Byte for byte the same.
SAME_BYTES = [
    # What services write: flat, members of all types, ids and times as text.
    {
        "booking_id": "bkg_01jdg3v0000000000000000000",
        "amount": 4500,
        "currency": "EUR",
        "paid": True,
        "at": "2026-05-01T18:30:00Z",
    },
    {},
    # Null members go, at every level; what is around them stays.
    {"a": None},
    {"a": None, "b": None, "c": 1},
    {"n": 1, "seats": ["A-1", "A-2"], "who": None},
    {"outer": {"none": None, "inner": {"none": None, "kept": "x"}}},
    {"outer": {"inner": {"none": None}}},
    {"list": [1, None, 2], "texts": ["x", None]},
    # Nested.
    {
        "seats": [
            {"seat": "A-1-14", "price": {"amount": 4500, "currency": "EUR"}, "flags": ["aisle"]}
        ]
    },
    {"seats": [{"seat": "A-1-14", "row": 1}, {"seat": "A-1-15", "row": 2}]},
    {"deep": {"er": {"and": {"deep": {"er": [[["x"]]]}}}}},
    # Unicode, and what JSON escapes.
    {"name": "Zoë Ærøskøbing 日本語", "key ü": "ß"},
    {"quoted": 'she said "no" \\ and left', "lines": "one\ntwo\r\n\tthree", "slash": "a/b"},
    {"controls": "\b\f\u0001\u007f", "separators": "\u2028\u2029", "html": "<&'>"},
    {"a b": "blank", "a-b": 1, "a.b": 2, "null": "null", "true": "true"},
    # Numbers.
    {
        "zero": 0,
        "negative": -1,
        "int": 2147483647,
        "long": 2147483648,
        "max": 9223372036854775807,
        "min": -9223372036854775808,
    },
    {"latitude": 52.5176, "half": 0.5, "negative": -0.25},
    # No object at all: a text, and no payload.
    "text",
    17,
    None,
]

# The same JSON in other bytes: Debezium escapes what is beyond the basic plane, and writes numbers
# as Java does.
SAME_JSON = [
    {"name": "😀", "😀": 1},
    {"control": "\u001f"},
    {"price": 12345678.5, "tiny": 0.00001, "tail": 1.50},
]

# What no service may write, and what Debezium makes of it; our reader copies it as it is.
DEBEZIUM_LOSES = [
    # It cannot tell of what an empty list would be.
    ({"areas": [], "n": 1}, {"n": 1}),
    # Elements get the members of all of them.
    ({"seats": [{"a": 1}, {"b": "x"}]}, {"seats": [{"a": 1, "b": None}, {"a": None, "b": "x"}]}),
    # A list of different things it passes on as text, together with all that is around it.
    ({"mixed": [1, "x"], "n": 1}, '{"n": 1, "mixed": [1, "x"]}'),
    # And it stops for good at a list in place of an object, and at a whole number beyond 64 bits:
    # those cannot be shown here.
]


def text(payload):
    return None if payload is None else json.dumps(payload, ensure_ascii=False)
