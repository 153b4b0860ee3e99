"""A client of the API, as a buyer or an organizer would write it, and what the checks do with it:
sell, hold, book.

It says what it expected and what came instead; a check that goes on after a wrong answer would only
fail later, and darker.
"""

import json
import secrets
import urllib.error
import urllib.request

from environment import wait_until


class Api:
    """One user, or nobody in particular."""

    def __init__(self, base, token=None):
        self.base, self.token, self.user = base, token, None

    def sign_up(self, name):
        body = {
            "email": f"{secrets.token_hex(8)}@example.org",
            "password": "correct horse battery",
            "name": name,
        }
        return self._enter(self.post("auth/signup", body, expect=201))

    def log_in(self, account):
        return self._enter(
            self.post("auth/login", {"email": account["email"], "password": account["password"]})
        )

    def _enter(self, tokens):
        user = Api(self.base, tokens["access_token"])
        user.user = tokens["user"]
        return user

    def get(self, path, expect=200):
        return self.call("GET", path, expect=expect)

    def post(self, path, body=None, expect=200, **headers):
        return self.call("POST", path, {} if body is None else body, expect, **headers)

    def call(self, method, path, body=None, expect=200, **headers):
        """The JSON of the answer. `path` is relative to `/api/v1`; header names have underscores
        for hyphens.
        """
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        data = None
        if body is not None:
            headers["content-type"], data = "application/json", json.dumps(body).encode()
        request = urllib.request.Request(f"{self.base}/api/v1/{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                status, text = response.status, response.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        if status != expect:
            raise SystemExit(
                f"{method} {path} answered {status}, not {expect}: {text.decode(errors='replace')}"
            )
        return json.loads(text) if text else None

    def sell(self, title="A concert", publish=True):
        """A new organizer's event in a small hall, on sale unless told otherwise; the event."""
        slug = f"o-{secrets.token_hex(6)}"
        organizer = self.post("organizers", {"name": "Checkers", "slug": slug}, expect=201)["id"]
        address = {"line1": "Street 1", "city": "Berlin", "postal_code": "10115", "country": "DE"}
        venue = {
            "organizer_id": organizer,
            "name": "Hall",
            "time_zone": "Europe/Berlin",
            "address": address,
        }
        venue = self.post("venues", venue, expect=201)["id"]
        seats = [{"id": str(seat), "x": seat * 60, "y": 0} for seat in range(1, 21)]
        section = {
            "id": "A",
            "name": "Stalls",
            "category": "stalls",
            "rows": [{"id": "1", "seats": seats}],
        }
        floor = {
            "id": "floor",
            "name": "Standing",
            "category": "standing",
            "capacity": 1000,
            "polygon": [[0, 99], [99, 99], [99, 198]],
        }
        layout = {
            "venue_id": venue,
            "name": "Hall",
            "layout": {"sections": [section], "areas": [floor]},
        }
        layout = self.post("layouts", layout, expect=201)["id"]
        event = {
            "organizer_id": organizer,
            "venue_id": venue,
            "layout_id": layout,
            "title": title,
            "currency": "EUR",
            "categories": [
                {"id": "stalls", "name": "Stalls", "price": 4500},
                {"id": "standing", "name": "Standing", "price": 2000},
            ],
            "sessions": [{"starts_at": "2031-05-01T18:00:00Z", "ends_at": "2031-05-01T21:00:00Z"}],
        }
        event = self.post("events", event, expect=201)
        return self.post(f"events/{event['id']}/publish") if publish else event

    def hold(self, event, *seats):
        """A hold on seats of the event's first session."""
        return self.post(
            f"sessions/{event['sessions'][0]['id']}/holds", {"seats": seats}, expect=201
        )

    def book(self, hold, **more):
        """A booking of that hold, waiting for its payment."""
        body = {"hold_id": hold["id"], "payment": {"provider": "stripe"}, **more}
        booking = self.post("bookings", body, expect=202, idempotency_key=secrets.token_hex(16))
        return self.booking_in(booking["id"], "awaiting_payment")

    def booking_in(self, id, status, seconds=60):
        """The booking, as soon as it has that status."""
        seen = {}

        def arrived():
            seen.update(self.get(f"bookings/{id}"))
            return seen["status"] == status

        try:
            wait_until(f"booking {id} is {status}", arrived, seconds)
        except SystemExit as error:
            raise SystemExit(f"{error}: {json.dumps(seen)}") from None
        return seen
