"""Bookings paid, declined, given up and refunded at localstripe, a stateful stand-in for Stripe
that others wrote.

localstripe knows older requests: it refuses parameters that it has not heard of. A gateway leaves
those out on the way there and nothing else; that Stripe has them is shown by the check with
Stripe's own stripe-mock, which gets every request whole.
"""

import json
import sys
import urllib.parse
from dataclasses import replace

from api import Api
from environment import Environment, free_port, listens, say, wait_until
from gateway import Gateway, Request, form

SECRET_KEY, WEBHOOK_SECRET = "sk_test_check", "whsec_check"

# Of `POST /v1/payment_intents`: https://docs.stripe.com/api/payment_intents/create
UNKNOWN_TO_LOCALSTRIPE = {"automatic_payment_methods[enabled]", "receipt_email"}

# It would otherwise keep its state in a file of that name in /tmp, and so would every other that
# runs.
PROGRAM = (
    "from localstripe import resources, server; "
    "resources.Store.dump_to_disk = lambda store: None; "
    "server.start()"
)


class LocalStripe:
    """A running localstripe, and what a buyer's browser and Stripe's dashboard do there."""

    def __init__(self, environment):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        environment.start(
            "localstripe",
            [sys.executable, "-c", PROGRAM, "--port", port, "--from-scratch"],
            lambda: listens(port),
        )

    def tell(self, url, name, secret):
        """Registers a webhook endpoint."""
        body = json.dumps({"url": url, "secret": secret}).encode()
        status, _, answer = Request(
            "POST", f"/_config/webhooks/{name}", {"content-type": "application/json"}, body
        ).send(self.url)
        assert status == 200, answer

    def ask(self, path):
        status, _, answer = Request(
            "GET", path, {"authorization": f"Bearer {SECRET_KEY}"}, b""
        ).send(self.url)
        assert status == 200, answer
        return json.loads(answer)

    def post(self, path, expect=200, **members):
        status, _, answer = form(path, SECRET_KEY, **members).send(self.url)
        assert status == expect, f"POST {path} answered {status}, not {expect}: {answer}"
        return json.loads(answer)

    def pay(self, booking, number, expect=200):
        """What Stripe.js does with a card; localstripe wants it in three steps. The intent's id."""
        intent = booking["payment"]["client_secret"].split("_secret")[0]
        card = {
            "card[number]": number,
            "card[exp_month]": 12,
            "card[exp_year]": 2035,
            "card[cvc]": "123",
        }
        method = self.post("/v1/payment_methods", type="card", **card)
        self.post(f"/v1/payment_intents/{intent}", payment_method=method["id"])
        self.post(f"/v1/payment_intents/{intent}/confirm", expect)
        return intent


def forwarding_to(stripe, calls):
    """Passes EventHub's requests on, less what localstripe does not know, and counts them."""

    def forward(request):
        members = urllib.parse.parse_qsl(request.body.decode(), keep_blank_values=True)
        if request.path == "/v1/payment_intents":
            known = [(name, value) for name, value in members if name not in UNKNOWN_TO_LOCALSTRIPE]
            request = replace(request, body=urllib.parse.urlencode(known).encode())
            request.headers.pop("content-length", None)
        status, content_type, answer = request.send(stripe.url)
        calls.append((request.method, request.path, status))
        return status, content_type, answer

    return forward


def main():
    with Environment() as environment:
        state = environment.servers()
        stripe, calls, port = LocalStripe(environment), [], free_port()
        gateway = Gateway(forwarding_to(stripe, calls))
        url = environment.serve(state, port, **gateway.variables(SECRET_KEY, WEBHOOK_SECRET))
        stripe.tell(f"{url}/webhooks/stripe", "eventhub", WEBHOOK_SECRET)
        # Signs with another secret: EventHub must refuse all that it says.
        stripe.tell(f"{url}/webhooks/stripe", "stranger", "whsec_other")
        organizer, buyer = Api(url).sign_up("Otto Organizer"), Api(url).sign_up("Bea Buyer")
        event = organizer.sell()

        say("paying, with a card that pays and with one that asks the buyer first")
        contact = {"name": "Bea Buyer", "email": "bea@example.org"}
        paid = buyer.book(buyer.hold(event, "A-1-1", "A-1-2"), contact=contact)
        intents = [stripe.pay(paid, "4242424242424242")]
        buyer.booking_in(paid["id"], "confirmed")
        asked = buyer.book(buyer.hold(event, "A-1-4"))
        intents.append(stripe.pay(asked, "4000002760003184"))
        secret = asked["payment"]["client_secret"]
        stripe.post(
            f"/v1/payment_intents/{intents[1]}/_authenticate", client_secret=secret, success="true"
        )
        buyer.booking_in(asked["id"], "confirmed")
        tickets = [
            buyer.get(f"bookings/{booking['id']}/tickets")["items"] for booking in (paid, asked)
        ]
        assert [[ticket["seat"] for ticket in each] for each in tickets] == [
            ["A-1-1", "A-1-2"],
            ["A-1-4"],
        ], tickets

        say("a card that is declined, and giving that booking up")
        declined = buyer.book(buyer.hold(event, "A-1-6"))
        # localstripe declines other cards when they are saved, this one when it is charged.
        intent = stripe.pay(declined, "4000000000000341", expect=402)
        wait_until(
            "the buyer learns of the decline",
            lambda: buyer.get(f"bookings/{declined['id']}")["failure"],
        )
        failure = buyer.get(f"bookings/{declined['id']}")["failure"]
        assert failure["code"] == "payment_declined" and "declined" in failure["detail"], failure
        buyer.post(f"bookings/{declined['id']}/cancel")
        assert stripe.ask(f"/v1/payment_intents/{intent}")["status"] == "canceled"

        say("cancelling the event, which gives the money back")
        organizer.post(f"events/{event['id']}/cancel", {"reason": "The singer is ill."})
        for booking, intent in zip((paid, asked), intents, strict=True):
            buyer.booking_in(booking["id"], "refunded")
            refunds = stripe.ask(f"/v1/refunds?payment_intent={intent}")["data"]
            assert [(refund["amount"], refund["status"]) for refund in refunds] == [
                (booking["total"]["amount"], "succeeded")
            ], refunds

        log = (environment.home / "localstripe.log").read_text()
        delivered = log.count('payment_intent.succeeded" successfully delivered')
        refused = log.count('payment_intent.succeeded" failed with response code 400')
        assert (delivered, refused) == (2, 2), (
            f"{delivered} webhooks delivered, {refused} of the stranger's refused:\n{log}"
        )
    assert all(status == 200 for *_, status in calls), calls
    print(
        f"localstripe took all {len(calls)} requests; 2 bookings paid and refunded, "
        "1 declined and given up, 2 forged webhooks refused"
    )


main()
