"""What there is for the routes to be about: lists of ids and the like, each under the name that
openapi.toml has for it.
"""

from api import Api
from gateway import form


def draft(organizer, organizer_id, venue, layout):
    event = {
        "organizer_id": organizer_id,
        "venue_id": venue,
        "layout_id": layout,
        "title": "A draft",
        "currency": "EUR",
        "categories": [
            {"id": "stalls", "name": "Stalls", "price": 4500},
            {"id": "balcony", "name": "Balcony", "price": 2500},
        ],
        "sessions": [{"starts_at": "2031-05-01T18:00:00Z", "ends_at": "2031-05-01T21:00:00Z"}],
    }
    return organizer.post("events", event, expect=201)


def build(url, state):
    """The organizer's token, and the lists. All is the organizer's own, for what others have is
    404.
    """
    accounts, stripe = state["demo"], state["stripe"]
    organizer = Api(url).log_in(accounts["organizer"])
    demo = organizer.get(f"events/{accounts['event_id']}")
    home, venue = demo["organizer_id"], demo["venue_id"]
    # With the categories of the document's own example of an event.
    seats = [{"id": str(seat), "x": seat * 60, "y": 0} for seat in range(1, 21)]
    sections = [
        {"id": each[0], "name": each, "category": each, "rows": [{"id": "1", "seats": seats}]}
        for each in ("stalls", "balcony")
    ]
    layout = organizer.post(
        "layouts", {"venue_id": venue, "name": "Hall", "layout": {"sections": sections}}, expect=201
    )["id"]
    drafts = [draft(organizer, home, venue, layout) for _ in range(3)]

    # One buyer may hold ten seats of a session.
    shows = [organizer.sell() for _ in range(5)]
    holds = [organizer.hold(show, f"A-1-{seat}") for show in shows[:2] for seat in range(1, 11)]
    bookings = [organizer.book(hold) for hold in holds[:4]]
    intent = bookings[0]["payment"]["client_secret"].split("_secret")[0]
    form(
        f"/v1/payment_intents/{intent}/confirm", stripe["secret_key"], payment_method="pm_card_visa"
    ).send(stripe["url"])
    organizer.booking_in(bookings[0]["id"], "confirmed")

    users = [Api(url).sign_up(f"User {number}").user for number in range(12)]
    for user in users[:6]:
        organizer.post(
            f"organizers/{home}/members", {"email": user["email"], "role": "viewer"}, expect=201
        )
    # Each works once.
    logins = [Api(url).post("auth/login", accounts["buyer"]) for _ in range(20)]

    def ids(resources):
        return [resource["id"] for resource in resources]

    return organizer, {
        "organizers": [home],
        "venue": [venue],
        "layout": [layout],
        "venues": [venue, shows[0]["venue_id"]],
        "layouts": [layout, demo["layout_id"]],
        "events": ids([demo, *shows, *drafts]),
        "to_cancel": ids(
            [
                draft(organizer, home, venue, layout),
                draft(organizer, home, venue, layout),
                organizer.sell(),
                organizer.sell(),
            ]
        ),
        "sessions": [show["sessions"][0]["id"] for show in shows[2:]],
        "holds": ids(holds[4:10]),
        "to_book": ids(holds[10:]),
        "bookings": ids(bookings),
        "tickets": ids(organizer.get(f"bookings/{bookings[0]['id']}/tickets")["items"]),
        "members": ids(users[:6]),
        "accounts": [user["email"] for user in users[6:]],
        "email": [accounts["organizer"]["email"]],
        "password": [accounts["organizer"]["password"]],
        "refresh_tokens": [login["refresh_token"] for login in logins],
        "versions": ["*", '"v1"'],
    }
